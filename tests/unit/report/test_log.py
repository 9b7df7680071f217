"""The end of the log."""

from __future__ import annotations

from dataform_action.model import Action, ActionState, CompileError
from dataform_action.report.analysis import analyse
from dataform_action.report.causes import find_causes
from dataform_action.report.log import render_actions, render_failures
from tests.support.fakes import make_action
from tests.support.golden import compile_errors, compile_errors_of_few_causes, failing


def _failures(*actions: Action, errors: tuple[CompileError, ...] = ()) -> list[str]:
    return render_failures(find_causes(errors, analyse(actions)))


def _query(name: str) -> str:
    return f"SELECT * FROM `{name}`"  # noqa: S608


def test_every_action_has_a_line() -> None:
    """Failed actions come first, then the others by duration, then those that did not run."""
    lines = render_actions(analyse(failing()))
    assert len(lines) == len(failing())
    assert lines[:4] == [
        "failed             12s  my-project.staging.customers",
        "failed              2s  my-project.staging.countries_unique",
        "failed              2s  my-project.staging.no_reason",
        "succeeded        3m 8s  my-project.marts.revenue",
    ]
    assert lines[-1] == "disabled                my-project.marts.legacy_report"


def test_a_long_name_is_cut() -> None:
    """A line has about 500 characters at most."""
    [line] = render_actions(analyse((make_action("d." + "a" * 9000),)))
    assert 500 < len(line) < 550


def test_a_failure_has_name_file_reason_and_blocked_actions() -> None:
    """The failure that blocked the most comes first. An assertion has a query for its rows."""
    assert _failures(*failing()) == [
        "What failed:",
        "  my-project.staging.customers in definitions/staging/customers.sqlx",
        "    Query error: Unrecognized name: custommer_id; Did you mean customer_id?",
        "    at [8:5] in the query:",
        "        SELECT custommer_id, ```name``` FROM raw",
        "    Blocked 9 actions: my-project.marts.customers, my-project.marts.export_1, "
        "my-project.marts.export_2, my-project.marts.export_3, my-project.marts.export_4 "
        "and 4 more",
        "  my-project.staging.countries_unique (assertion on my-project.staging.countries) "
        "in definitions/staging/countries_unique.sqlx",
        "    Assertion failed: query returned 3 rows.",
        "    Query for the rows: SELECT * FROM `my-project.staging.countries_unique`",
        "    Blocked 1 action: my-project.marts.report",
        "  my-project.staging.no_reason in definitions/staging/no_reason.sqlx",
        "    The API gives no reason.",
    ]


def test_equal_reasons_are_shown_once() -> None:
    """The log lists ten actions, and the queries of five assertions."""
    actions = [
        make_action(f"p.a.f{n:02}", ActionState.FAILED, reason="boom", kind="assertion", file="f")
        for n in range(12)
    ]
    blocked = make_action("p.d.s", ActionState.SKIPPED, dependencies=("p.a.f00", "p.a.f11"))
    assert _failures(*actions, blocked) == [
        "What failed:",
        "  12 actions with the same reason:",
        "    boom",
        "    - p.a.f00 in f",
        "    - p.a.f11 in f",
        *(f"    - p.a.f{n:02} in f" for n in range(1, 9)),
        "    - and 2 more",
        *(f"    Query for the rows: {_query(f'p.a.f{n:02}')}" for n in (0, 11, 1, 2, 3)),
        "    Blocked 1 action: p.d.s",
    ]


def test_compile_errors_are_shown_with_their_places() -> None:
    """The first line has the action, if it is known, and the file with line and column."""
    assert _failures(errors=compile_errors()) == [
        "What failed:",
        "  my-project.marts.margin in definitions/marts/margin.js:12:37",
        "    Error: Unexpected token '}' in definitions/marts/margin.js:12:37",
        "  Compile error in definitions/a b#c.sqlx",
        "    Missing dependency: staging.nothing",
        "  Compile error",
        "    Circular dependency:",
        "      a -> b",
        "      b -> a",
    ]


def test_equal_messages_are_shown_once() -> None:
    """The places follow the message."""
    assert _failures(errors=compile_errors_of_few_causes()) == [
        "What failed:",
        "  Compile error in includes/constants.js:3",
        "    nothing is not defined",
        "  7 compile errors with the same message:",
        "    constants is not defined",
        *(
            f"    - definitions/output/reports/country_performance_{number:02}.js"
            for number in range(7)
        ),
        "  2 compile errors with the same message:",
        '    Could not resolve "stg_orders"',
        "  2 compile errors with the same message:",
        '    Missing dependency detected: Action "my-project.marts.orders" depends on '
        '"{"name":"stg_orders"}" which does not exist',
        "    - my-project.marts.orders in definitions/marts/orders.sqlx",
        "    - my-project.marts.revenue in definitions/marts/revenue.sqlx",
    ]


def test_many_and_long_failures_are_cut() -> None:
    """The log shows 20 causes with 10 lines of 500 characters each, and the number of others."""
    errors = tuple(
        CompileError(message=f"{n} {'word ' * 200}\n" * 12, file="f" * 600) for n in range(21)
    )
    lines = _failures(errors=errors)
    assert len(lines) == 1 + 20 * (1 + 10 + 1) + 1
    assert max(map(len, lines)) < 510
    assert lines[2].endswith("word…")
    assert lines[12] == "    …"
    assert lines[-1] == "  and 1 more cause"


def test_a_success_has_no_failures() -> None:
    """Without a failure the log has no such lines."""
    assert _failures(make_action("d.a")) == []
    assert render_actions(analyse(())) == []
    running = analyse((make_action("d.a", ActionState.RUNNING),))
    assert render_actions(running) == ["running                 d.a"]
