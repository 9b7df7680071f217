"""The last lines of the log."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.model import ActionState, CompileError, State
from dataform_action.report.analysis import analyse
from dataform_action.report.log import render_actions, render_failures
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.words import Words
from tests.support.fakes import make_action
from tests.support.golden import failing, outcomes

_OUTCOME = StepOutcome(
    exit_code=ExitCode.RUN_UNSUCCESSFUL, status=State.FAILURE, title="", words=Words(message=())
)
_NOTHING = analyse(())


def test_every_action_has_a_line() -> None:
    """First those that failed, then the slowest, then what did not run."""
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
    """A name takes no more of the log than any other line."""
    [line] = render_actions(analyse((make_action("d." + "a" * 9000),)))
    assert 500 < len(line) < 550


def test_what_failed_is_told_with_its_reasons() -> None:
    """Name, file, reason and what was blocked, the failure that blocked the most first."""
    assert render_failures(_OUTCOME, analyse(failing())) == [
        "What failed:",
        "  my-project.staging.customers in definitions/staging/customers.sqlx",
        "    Query error: Unrecognized name: custommer_id; Did you mean customer_id?",
        "    at [8:5] in the query:",
        "        SELECT custommer_id, ```name``` FROM raw",
        "    It held up 9 actions: my-project.marts.customers, my-project.marts.export_1, "
        "my-project.marts.export_2, my-project.marts.export_3, my-project.marts.export_4 "
        "and 4 more",
        "  my-project.staging.countries_unique in definitions/staging/countries_unique.sqlx",
        "    Assertion failed: query returned 3 rows.",
        "    It held up 1 action: my-project.marts.report",
        "  my-project.staging.no_reason in definitions/staging/no_reason.sqlx",
        "    The API gives no reason.",
    ]


def test_compile_errors_are_told_with_their_places() -> None:
    """Each names its action, if it has one, and its file with line and column."""
    outcome, _ = outcomes()["compile-errors"]
    assert render_failures(outcome, _NOTHING) == [
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


def test_many_and_long_failures_are_cut() -> None:
    """20 failures with 10 lines of 500 characters each are told, the others counted."""
    errors = tuple(
        CompileError(message=f"{'word ' * 200}\n" * 12, file="f" * 600) for _ in range(21)
    )
    lines = render_failures(replace(_OUTCOME, compile_errors=errors), _NOTHING)
    assert len(lines) == 1 + 20 * (1 + 10 + 1) + 1
    assert max(map(len, lines)) < 510
    assert lines[2].endswith("word…")
    assert lines[12] == "    …"
    assert lines[-1] == "  and 1 more"


def test_a_success_has_nothing_to_explain() -> None:
    """Without a failure there is no line."""
    assert render_failures(_OUTCOME, analyse((make_action("d.a"),))) == []
    assert render_actions(_NOTHING) == []
    running = analyse((make_action("d.a", ActionState.RUNNING),))
    assert render_actions(running) == ["running                 d.a"]
