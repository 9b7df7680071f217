"""Which failures belong to the same cause."""

from __future__ import annotations

import pytest

from dataform_action.model import Action, ActionState, CompileError, Job
from dataform_action.report.analysis import analyse
from dataform_action.report.causes import CompileErrors, FailedActions, find_causes, rows_query
from tests.support.fakes import make_action


def _failed(name: str, reason: str = "boom", **more: object) -> Action:
    return make_action(name, ActionState.FAILED, reason=reason, **more)


def _skipped(name: str, *dependencies: str, kind: str = "table") -> Action:
    return make_action(name, ActionState.SKIPPED, dependencies=dependencies, kind=kind)


def _failures(*actions: Action) -> tuple[FailedActions, ...]:
    return find_causes((), analyse(actions)).failures


def _names(*actions: Action) -> list[list[str]]:
    return [[action.name for action in cause.actions] for cause in _failures(*actions)]


def _errors(*errors: CompileError) -> tuple[CompileErrors, ...]:
    return find_causes(errors, analyse(())).compile_errors


def test_equal_reasons_are_one_cause() -> None:
    """White space does not count. The reason is that of the first action."""
    [cause] = _failures(_failed("p.d.a", "x\n  y"), _failed("p.d.b", " x y "))
    assert cause.reason == "x\n  y"
    assert [action.name for action in cause.actions] == ["p.d.a", "p.d.b"]
    assert cause.is_exact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Unrecognized name: x at [3:12]", "Unrecognized name: x at [14:7]"),
        ("gone since 2026-01-01T02:00:00Z", "gone since 2026-11-30T23:59:59.123456Z"),
        ("at 2026-01-01 02:00:00 UTC it", "at 2026-01-02 03:04:05+01:00 it"),
        ("at 2026-01-01 02:00:00", "at 2026-01-01 02:00:00.5"),
        ("Job job_a failed", "Job job_b failed"),
        ("Job p:EU.job_a, failed", "Job p:EU.job_b, failed"),
        ("in script_job_0123456789abcdef_0.", "in script_job_fedcba9876543210_12."),
        ("Table p.d.a is there", "Table p.d.b is there"),
        ("Table `p.d.a`", "Table `p.d.b`"),
        ("Table p:d.a: denied", "Table p:d.b: denied"),
        ("Table d.a.", "Table d.b."),
        ('{"schema":"d","name":"a","database":"p"}', '{"schema":"d","name":"b","database":"p"}'),
    ],
)
def test_parts_that_depend_on_the_action_are_ignored(one: str, other: str) -> None:
    """Positions, times, job ids and the action's own name do not count."""
    [cause] = _failures(
        _failed("p.d.a", one, jobs=(Job("BigQuery job", "job_a"),)),
        _failed("p.d.b", other, jobs=(Job("BigQuery job", "job_b"),)),
    )
    assert (cause.reason, cause.is_exact) == (one, False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Unrecognized name: x", "Unrecognized name: y"),
        ("query returned 3 rows", "query returned 4 rows"),
        ("partition 2026-01-01", "partition 2026-01-02"),
        ("at 02:00:00", "at 02:00:01"),
        ("Table p.d.a", "Table p.d.c"),
        ("Table q.d.a", "Table q.d.b"),
        ("Table p.d.aa", "Table p.d.bb"),
        ("Table p.d.a-a", "Table p.d.b-a"),
        ("column a", "column b"),
        ("Job job_aa failed", "Job job_bb failed"),
        ("Job xjob_a failed", "Job xjob_b failed"),
        ("", "boom"),
    ],
)
def test_all_other_differences_count(one: str, other: str) -> None:
    """Similar texts are separate causes."""
    assert (
        len(
            _failures(
                _failed("p.d.a", one, jobs=(Job("BigQuery job", "job_a"),)),
                _failed("p.d.b", other, jobs=(Job("BigQuery job", "job_b"),)),
            )
        )
        == 2
    )


def test_a_name_without_a_dataset_is_not_ignored() -> None:
    """A name that is a single word may mean something else in a reason."""
    assert _names(_failed("a", "no a here"), _failed("b", "no b here")) == [["a"], ["b"]]


def test_equal_reasons_may_name_one_of_the_failed_actions() -> None:
    """Reasons stay together if they are equal as they are, or without the own name."""
    actions = (
        _failed("p.d.a", "Table p.d.a is locked"),
        _failed("p.d.b", "Table p.d.a is locked"),
        _failed("p.d.c", "Table p.d.c is locked"),
    )
    assert _names(*actions) == [["p.d.a", "p.d.b", "p.d.c"]]
    assert _names(*reversed(actions)) == [["p.d.a", "p.d.b", "p.d.c"]]


def test_actions_without_a_reason_are_together() -> None:
    """Empty reasons are equal."""
    [cause] = _failures(_failed("p.d.a", ""), _failed("p.d.b", " \n"))
    assert cause.reason.strip() == ""


def test_causes_that_blocked_the_most_come_first() -> None:
    """Then the causes of most actions. An action that two others blocked counts once."""
    actions = (
        _failed("p.d.a", "alone"),
        _failed("p.d.b", "twice"),
        _failed("p.d.c", "twice"),
        _failed("p.d.d", "blocks"),
        _failed("p.d.e", "blocks"),
        _failed("p.d.f", "blocks the most"),
        _skipped("p.d.s", "p.d.d", "p.d.e", "p.d.f"),
        _skipped("p.d.t", "p.d.e", "p.d.f"),
        _skipped("p.d.u", "p.d.f"),
    )
    assert _names(*actions) == [["p.d.f"], ["p.d.e", "p.d.d"], ["p.d.b", "p.d.c"], ["p.d.a"]]
    assert [cause.blocked for cause in _failures(*actions)] == [
        ("p.d.s", "p.d.t", "p.d.u"),
        ("p.d.s", "p.d.t"),
        (),
        (),
    ]


def test_blocked_assertions_come_after_tables() -> None:
    """Tables and other kinds come first, each group sorted by name."""
    [cause] = _failures(
        _failed("p.d.f"),
        _skipped("p.a.check", "p.d.f", kind="assertion"),
        _skipped("p.d.y", "p.d.f", kind=""),
        _skipped("p.b.check", "p.d.f", kind="assertion"),
        _skipped("p.d.x", "p.d.f"),
    )
    assert cause.blocked == ("p.d.x", "p.d.y", "p.a.check", "p.b.check")


def test_positions_are_kept_where_they_differ() -> None:
    """If all actions have the same position, the reason has it."""
    reasons = {"p.d.a": "x at [1:2]", "p.d.b": "x at [3:4], not [5:6]", "p.d.c": "x at [1:2]"}
    a, b, c = (_failed(*pair) for pair in reasons.items())
    [cause] = _failures(a, c)
    assert cause.positions == ("", "")
    [cause, other] = _failures(a, b, c)
    assert (cause.positions, other.positions) == (("", ""), ("",))
    [cause] = _failures(a, _failed("p.d.b", "x at [3:4]"))
    assert cause.positions == ("[1:2]", "[3:4]")


def test_compile_errors_stay_in_the_order_of_the_compiler() -> None:
    """The first error often causes the others."""
    root = CompileError(message="nothing is not defined", file="includes/a.js")
    others = [
        CompileError(message="constants is not defined", file=f"definitions/{n}.js")
        for n in range(3)
    ]
    first, second = _errors(root, *others)
    assert (first.message, first.errors, first.places) == (root.message, (root,), (root,))
    assert (second.errors, second.places) == (tuple(others), tuple(others))
    assert first.is_exact
    assert second.is_exact


def test_the_action_of_a_compile_error_does_not_count() -> None:
    """One missing dependency is one cause, and another one is another cause."""

    def missing(name: str, dependency: str) -> CompileError:
        message = f'Missing dependency detected: Action "{name}" depends on "{dependency}"'
        return CompileError(message=message, action=name)

    causes = _errors(
        missing("p.d.a", "orders"), missing("p.d.b", "orders"), missing("p.d.c", "customers")
    )
    assert [(len(cause.errors), cause.is_exact) for cause in causes] == [(2, False), (1, True)]


def test_each_place_of_a_compile_error_is_listed_once() -> None:
    """The compiler repeats some errors, and reports others without an action and a file."""
    nowhere = CompileError(message="m")
    here = CompileError(message="m", file="a.js", line=1)
    there = CompileError(message="m", file="a.js", line=2)
    [cause] = _errors(nowhere, here, nowhere, there, here)
    assert len(cause.errors) == 5
    assert cause.places == (here, there)
    [cause] = _errors(nowhere, nowhere)
    assert cause.places == ()


def test_thousands_of_failures_are_grouped() -> None:
    """All actions of a run of 5,000 may fail, and chains of equal keys stay fast."""
    own = [_failed(f"p.d.t{n}", f"Table p.d.t{n} is locked") for n in range(2500)]
    of_other = [_failed(f"p.e.t{n}", f"Table p.d.t{n} is locked") for n in range(2500)]
    [cause] = _failures(*own, *of_other)
    assert len(cause.actions) == 5000


@pytest.mark.parametrize(
    ("name", "kind", "query"),
    [
        ("my-project.d.a_1", "assertion", "SELECT * FROM `my-project.d.a_1`"),
        ("example.com:p.d.ä b", "assertion", "SELECT * FROM `example.com:p.d.ä b`"),
        ("p.d.a", "table", ""),
        ("p.d.a", "", ""),
        ("d.a", "assertion", ""),
        ("p.d.a`; DROP TABLE b", "assertion", ""),
        ("p.d.a\\", "assertion", ""),
        ("p.d.a\nb", "assertion", ""),
        ("p.d.a\u202eb", "assertion", ""),
        (f"p.d.{'a' * 2200}", "assertion", ""),
        ("", "assertion", ""),
    ],
)
def test_query_for_the_rows(name: str, kind: str, query: str) -> None:
    """Only an assertion with a full name has a query, if the name does not end the quotation."""
    assert rows_query(_failed(name, kind=kind)) == query
