"""The lines about a plan in the step's log, which also fit a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dataform_action.model import CompileError
from dataform_action.plan import Change, Plan, PlannedAction
from dataform_action.report.places import describe_error
from dataform_action.report.plan.sections.breakage import Breakage, because, find_breakage
from dataform_action.report.plan.sections.details import declarations_of, reasons_of_unchecked
from dataform_action.report.plan.sections.tables import importance, show_columns
from dataform_action.report.plan.words import (
    CHECK_WORDS,
    Style,
    checked_counts,
    count_changes,
    listed,
    other_scans,
    plain_style,
    scan_of_edited,
    scans_of,
    size_change,
)
from dataform_action.text import cut

#: All changed actions have a line, up to this number.
_MOST_ACTIONS = 500
_MOST_CAUSES = 20
_MOST_ERRORS = 20
_MOST_NAMES = 5
_LONGEST_LINE = 500


def render_log(plan: Plan) -> list[str]:
    """Return the lines: what changes, what BigQuery says, what is scanned, and each action."""
    lines = [_compared(plan), *_errors("head", plan.errors), *_errors("base", plan.base_errors)]
    if plan.errors or (plan.base_errors and not plan.actions):
        return lines
    style = plain_style(plan)
    lines += [*_counts(plan), *_edited(plan, style), *_removed(plan, style)]
    lines += [f"Note: {cut(' '.join(note.split()), _LONGEST_LINE)}" for note in plan.notes]
    return [*lines, *_not_checked(plan, style), *_breakage(plan, style)]


def _compared(plan: Plan) -> str:
    environment = plan.request.environment
    settings = f", with the settings of {environment}" if environment else ""
    return f"Compared commit {plan.head} with {plan.base}{settings}."


def _errors(side: str, errors: tuple[CompileError, ...]) -> Iterator[str]:
    if errors:
        yield f"Compile errors of the {side}:"
    for error in errors[:_MOST_ERRORS]:
        place = describe_error(error)
        message = " ".join(error.message.split())
        yield cut(f"  {place}: {message}" if place else f"  {message}", _LONGEST_LINE)
    yield from _rest(len(errors) - _MOST_ERRORS)


def _rest(count: int, what: str = "") -> Iterator[str]:
    """Yield how many are not shown, if there are any."""
    if count > 0:
        yield f"  and {count:,} more{' ' if what else ''}{what}"


def _counts(plan: Plan) -> Iterator[str]:
    counts = ", ".join(text for _, text in count_changes(plan))
    yield f"Of {plan.action_count:,} actions: {counts}."
    for label, names in declarations_of(plan):
        yield f"{label}: {listed(names, _MOST_NAMES, plain_style(plan).action)}"
    checks = checked_counts(plan.actions)
    if not checks:
        return
    yield f"BigQuery's dry run: {checks}."
    scans = scans_of(plan)
    edited = scan_of_edited(scans)
    if edited:
        yield f"Scan of the changed and added tables: {edited}"
    others = other_scans(scans)
    if others:
        yield f"{'Other scans' if edited else 'Scan'}: {', '.join(others)}"


def _edited(plan: Plan, style: Style) -> Iterator[str]:
    edited = sorted(plan.by_change(Change.CHANGED, Change.ADDED), key=importance)
    for action in edited[:_MOST_ACTIONS]:
        yield f"  {action.change.value:8}{style.action(action.name)}  {_facts(action, style)}"
    yield from _rest(len(edited) - _MOST_ACTIONS)


def _facts(action: PlannedAction, style: Style) -> str:
    facts = [style.text(action.action.kind or "action"), *map(style.text, action.aspects)]
    if action.columns:
        facts += show_columns(action.columns, style)
    if action.check is not None:
        facts += [size_change(action), CHECK_WORDS[action.check.verdict]]
    if action.full_refresh:
        facts.append("needs a full refresh")
    return cut(", ".join(facts), _LONGEST_LINE)


def _removed(plan: Plan, style: Style) -> Iterator[str]:
    removed = plan.by_change(Change.REMOVED)
    for action in removed[:_MOST_ACTIONS]:
        yield f"  removed {style.action(action.name)}"
    yield from _rest(len(removed) - _MOST_ACTIONS)


def _not_checked(plan: Plan, style: Style) -> Iterator[str]:
    reasons = reasons_of_unchecked(plan)
    if reasons:
        yield "Not checked:"
    for reason, names in reasons[:_MOST_CAUSES]:
        yield f"  {style.text(reason)} ({listed(names, _MOST_NAMES, style.action)})"
    yield from _rest(len(reasons) - _MOST_CAUSES, "reasons")


def _breakage(plan: Plan, style: Style) -> Iterator[str]:
    found = find_breakage(plan)
    if found:
        yield "What breaks:"
    for it in found[:_MOST_CAUSES]:
        yield from _broken(it, style)
    yield from _rest(len(found) - _MOST_CAUSES, "causes")


def _broken(it: Breakage, style: Style) -> Iterator[str]:
    names = listed([action.name for action in it.actions], _MOST_NAMES, style.action)
    yield f"  {names}{'' if it.edited else ' (not edited)'}"
    yield f"    {cut(' '.join(it.check.message.split()), _LONGEST_LINE)}"
    why = because(it, style)
    if why:
        yield f"    Because {cut(why, _LONGEST_LINE)}"
