"""The outcome of a plan: when the step fails, and what it says."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from dataform_action.errors import InputError, Refused
from dataform_action.github.signals import Interrupted
from dataform_action.plan import Change, Check, Plan, PlanStatus, Verdict
from dataform_action.report.outcome import ExitCode
from dataform_action.report.plan.outcome import (
    heading,
    outcome_of_error,
    outcome_of_plan,
    warnings_of_plan,
)
from tests.support.plans import (
    breaking,
    compile_errors,
    include_change,
    make_plan,
    make_request,
    planned,
    small,
    typical,
    unchecked,
)

FAILURE, SUCCESS = ExitCode.RUN_UNSUCCESSFUL, ExitCode.SUCCESS


@pytest.mark.parametrize(
    ("plan", "status", "exit_code", "message"),
    [
        (
            typical(),
            PlanStatus.CHANGES,
            SUCCESS,
            "2 changed, 1 added, 1 removed, 11 affected. BigQuery's dry run: 13 accepted, "
            "1 not checked.",
        ),
        (
            unchecked(typical()),
            PlanStatus.CHANGES,
            SUCCESS,
            "2 changed, 1 added, 1 removed, 11 affected. BigQuery checked nothing.",
        ),
        (make_plan(), PlanStatus.NO_CHANGES, SUCCESS, "No changes in the compiled SQL."),
        (
            breaking(),
            PlanStatus.INVALID,
            FAILURE,
            "This change breaks 1 action downstream: marts.revenue_by_region.",
        ),
        (
            make_plan(planned("a.b", check=Check(verdict=Verdict.INVALID, message="Wrong."))),
            PlanStatus.INVALID,
            FAILURE,
            "This change makes 1 action invalid: a.b.",
        ),
        (
            replace(typical(), request=make_request(max_bytes=10**9)),
            PlanStatus.LIMIT_EXCEEDED,
            FAILURE,
            "This change scans at least 282.9 GB, more than the limit of 1 GB (max-bytes).",
        ),
        (
            make_plan(errors=compile_errors()),
            PlanStatus.COMPILE_ERRORS,
            FAILURE,
            "Commit 9f2c1e7d0b8e4f5a6b7c8d9e0f1a2b3c4d5e6f70 has 4 compile errors: "
            "day is not defined",
        ),
        (
            make_plan(base_errors=compile_errors()),
            PlanStatus.NOT_COMPARABLE,
            SUCCESS,
            "No comparison is possible: the base, commit "
            "41ab03d5c6d7e8f90a1b2c3d4e5f60718293a4b5, does not compile.",
        ),
    ],
)
def test_outcomes(plan: Plan, status: PlanStatus, exit_code: ExitCode, message: str) -> None:
    """Compile errors of the head, invalid SQL and an exceeded limit fail the step."""
    outcome = outcome_of_plan(plan)
    assert plan.status is status
    assert outcome.exit_code is exit_code
    assert outcome.message == message
    assert bool(outcome.hint) == (status not in (PlanStatus.CHANGES, PlanStatus.NO_CHANGES))


def test_what_nobody_edited_is_named_first() -> None:
    """The message names what breaks downstream first, and not everything."""
    message = outcome_of_plan(include_change()).message
    assert message.startswith(
        "This change breaks 1 action downstream, and 7 changed actions are invalid: "
        "reports.broken, "
    )
    assert message.endswith(" and 3 more.")


def test_full_refreshes_are_a_warning() -> None:
    """A warning names the tables that need a full refresh."""
    [note] = warnings_of_plan(typical())
    assert note.text == "marts.orders needs a full refresh."
    two = make_plan(*(planned(f"a.{n}", full_refresh="its type changed") for n in "bc"))
    assert warnings_of_plan(two)[0].text == "a.b and a.c need a full refresh."
    assert warnings_of_plan(small()) == ()


def test_only_declarations_change() -> None:
    """A new declaration is a change, and there is nothing to check."""
    plan = make_plan(declarations_added=("my-project.raw.a",))
    assert plan.status is PlanStatus.CHANGES
    assert outcome_of_plan(plan).message.endswith("There was nothing to check.")
    assert plan.by_change(Change.ADDED) == ()


@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (Refused("HTTP 403.", status=403, hint="Grant it."), ExitCode.REFUSED, "HTTP 403."),
        (InputError([("head", "is missing")]), ExitCode.BAD_INPUT, "head is missing"),
        (ZeroDivisionError("x"), ExitCode.INTERNAL_ERROR, "ZeroDivisionError: x"),
        (
            Interrupted(signal.SIGINT),
            ExitCode.INTERRUPTED,
            "The step was stopped by SIGINT. A plan creates nothing in Dataform.",
        ),
    ],
)
def test_errors(error: BaseException, exit_code: ExitCode, message: str) -> None:
    """A step without a plan has the exit code of its error, as a run has."""
    outcome = outcome_of_error(error)
    assert outcome.exit_code is exit_code
    assert message in outcome.message


def test_a_limit_with_unknown_sizes_is_a_warning() -> None:
    """What is not known may be more than the limit, so a plan below it is not silent."""
    plan = make_plan(
        planned("a.known", after=1),
        planned("a.least", after=1, at_least=True),
        planned("a.unknown"),
        planned("a.view", kind="view"),
        request=make_request(max_bytes=10**12),
    )
    assert plan.status is PlanStatus.CHANGES
    [note] = warnings_of_plan(plan)
    assert note.text.endswith("how much some actions scan: a.least and a.unknown.")
    assert warnings_of_plan(replace(plan, request=make_request())) == ()
    exceeded = replace(plan, request=make_request(max_bytes=1))
    assert warnings_of_plan(exceeded) == ()
    known = make_plan(planned("a.known", after=1), request=make_request(max_bytes=10**12))
    assert warnings_of_plan(known) == ()


def test_a_heading_never_says_that_0_actions_were_accepted() -> None:
    """If nothing could be checked, the heading says that instead."""
    script = Check(verdict=Verdict.NOT_CHECKED, message="Operations are not checked.")
    plan = make_plan(planned("a.b", check=script), planned("a.c", check=script))
    assert heading(plan) == "None of 2 actions could be checked"
