"""The outcome of a plan: exit code, title, what happened and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dataform_action.events import RunOutcome
from dataform_action.github.signals import Interrupted
from dataform_action.plan import Change, Plan, PlanStatus, Verdict
from dataform_action.report.outcome import ExitCode, outcome_of
from dataform_action.report.plan.words import (
    checked_counts,
    count_changes,
    limit_size,
    listed,
    plain_style,
)
from dataform_action.report.words import Note
from dataform_action.text import count_of, cut

_SUCCESSES = frozenset((PlanStatus.CHANGES, PlanStatus.NO_CHANGES, PlanStatus.NOT_COMPARABLE))
_UNDER_THE_LIMIT = frozenset((PlanStatus.CHANGES, PlanStatus.NO_CHANGES))
_TITLES = {
    PlanStatus.CHANGES: "Dataform plan: changes",
    PlanStatus.NO_CHANGES: "Dataform plan: no changes",
    PlanStatus.INVALID: "Dataform plan: invalid SQL",
    PlanStatus.LIMIT_EXCEEDED: "Dataform plan: limit exceeded",
    PlanStatus.COMPILE_ERRORS: "Dataform plan: compile errors",
    PlanStatus.NOT_COMPARABLE: "Dataform plan: not comparable",
}
HINTS = {
    PlanStatus.INVALID: "Correct the SQL of these actions, or keep the columns that they read.",
    PlanStatus.LIMIT_EXCEEDED: "Reduce what the actions scan, or raise max-bytes.",
    PlanStatus.COMPILE_ERRORS: "Correct the errors, and push again.",
    PlanStatus.NOT_COMPARABLE: "Correct the base branch, and merge it into this branch.",
}
_MOST_NAMES = 5
_LONGEST_ERROR = 500


class PlanOutcome(NamedTuple):
    """How the step of a plan ends. ``title`` is a fixed text. ``hint`` may be empty."""

    exit_code: ExitCode
    title: str
    message: str
    hint: str = ""


def outcome_of_plan(plan: Plan) -> PlanOutcome:
    """Return the outcome of a plan. It fails for compile errors, invalid SQL, and the limit."""
    status = plan.status
    return PlanOutcome(
        ExitCode.SUCCESS if status in _SUCCESSES else ExitCode.RUN_UNSUCCESSFUL,
        _TITLES[status],
        _message(plan),
        HINTS.get(status, ""),
    )


def outcome_of_error(error: BaseException) -> PlanOutcome:
    """Return the outcome of a step that has no plan because of an error."""
    if isinstance(error, Interrupted):
        message = f"The step was stopped by {error.name}. A plan creates nothing in Dataform."
        return PlanOutcome(ExitCode(error.exit_code), "Dataform plan: stopped", message)
    outcome = outcome_of(RunOutcome(error=error))
    return PlanOutcome(outcome.exit_code, outcome.title, outcome.message, outcome.hint)


def _message(plan: Plan) -> str:
    match plan.status:
        case PlanStatus.INVALID:
            return f"{heading(plan)}: {_names(plan)}."
        case PlanStatus.LIMIT_EXCEEDED:
            return f"{heading(plan)} (max-bytes)."
        case PlanStatus.COMPILE_ERRORS:
            first = cut(" ".join(plan.errors[0].message.split()), _LONGEST_ERROR)
            return f"Commit {plan.head} has {count_of(len(plan.errors), 'compile error')}: {first}"
        case PlanStatus.NOT_COMPARABLE:
            return f"No comparison is possible: the base, commit {plan.base}, does not compile."
        case PlanStatus.NO_CHANGES:
            return f"{heading(plan)}."
    counts = ", ".join(text for _, text in count_changes(plan))
    checks = checked_counts(plan.actions)
    if checks:
        return f"{counts}. BigQuery's dry run: {checks}."
    if plan.request.validate:
        return f"{counts}. There was nothing to check."
    return f"{counts}. BigQuery checked nothing."


def _names(plan: Plan) -> str:
    style = plain_style(plan)
    invalid = plan.by_verdict(Verdict.INVALID)
    # What nobody edited comes first.
    ranked = sorted(invalid, key=lambda action: action.change is not Change.AFFECTED)
    return listed([action.name for action in ranked], _MOST_NAMES, style.action)


def heading(plan: Plan) -> str:
    """Return the outcome in a few words, without an icon."""
    match plan.status:
        case PlanStatus.INVALID:
            return _broken(plan)
        case PlanStatus.LIMIT_EXCEEDED:
            return _exceeded(plan)
        case PlanStatus.COMPILE_ERRORS:
            return count_of(len(plan.errors), "compile error")
        case PlanStatus.NOT_COMPARABLE:
            return "No comparison is possible, because the base does not compile"
        case PlanStatus.NO_CHANGES:
            return "No changes in the compiled SQL"
    return _changes(plan)


def _broken(plan: Plan) -> str:
    invalid = plan.by_verdict(Verdict.INVALID)
    downstream = sum(action.change is Change.AFFECTED for action in invalid)
    own = len(invalid) - downstream
    if not downstream:
        return f"This change makes {count_of(own, 'action')} invalid"
    breaks = f"This change breaks {count_of(downstream, 'action')} downstream"
    if not own:
        return breaks
    are = "is" if own == 1 else "are"
    return f"{breaks}, and {count_of(own, 'changed action')} {are} invalid"


def _exceeded(plan: Plan) -> str:
    limit = plan.request.max_bytes or 0
    scan = plan.scan
    least = "at least " if scan.at_least else ""
    scanned = limit_size(scan.bytes or 0, limit)
    return f"This change scans {least}{scanned}, more than the limit of {limit_size(limit, limit)}"


def _changes(plan: Plan) -> str:
    accepted, unchecked = (
        len(plan.by_verdict(verdict)) for verdict in (Verdict.ACCEPTED, Verdict.NOT_CHECKED)
    )
    if not plan.request.validate:
        return "Changes, not checked by BigQuery"
    if unchecked and not accepted:
        return f"None of {count_of(unchecked, 'action')} could be checked"
    text = f"{count_of(accepted, 'action')} accepted by BigQuery"
    if unchecked:
        return f"{text}, {unchecked:,} not checked"
    return text if accepted else "Nothing to check"


def warnings_of_plan(plan: Plan) -> tuple[Note, ...]:
    """Return the warnings of the log: what needs a full refresh, and what has no known size."""
    return (*_full_refreshes(plan), *_unknown_sizes(plan))


def _full_refreshes(plan: Plan) -> Iterator[Note]:
    names = [action.name for action in plan.actions if action.full_refresh]
    if names:
        need = "needs" if len(names) == 1 else "need"
        text = f"{listed(names, _MOST_NAMES, plain_style(plan).action)} {need} a full refresh."
        yield Note(title="Dataform plan: full refresh", text=text)


def _unknown_sizes(plan: Plan) -> Iterator[Note]:
    """Yield a warning if it is not known that the limit is kept."""
    if plan.request.max_bytes is None or plan.status not in _UNDER_THE_LIMIT:
        return
    names = [
        action.name
        for action in plan.scanned
        if action.after is None or action.after.bytes is None or action.after.at_least
    ]
    if names:
        text = (
            "It is not known whether max-bytes is exceeded, because it is not known how much some "
            f"actions scan: {listed(names, _MOST_NAMES, plain_style(plan).action)}."
        )
        yield Note(title="Dataform plan: unknown size", text=text)
