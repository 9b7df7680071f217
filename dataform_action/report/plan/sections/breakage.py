"""What is invalid, and why: for the comment, the log and the annotations. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dataform_action.github.markdown import Page, code, row
from dataform_action.plan import Cause, Change, Check, Plan, PlannedAction, Verdict
from dataform_action.report.plan.words import Style, linked, listed, show_cause
from dataform_action.text import count_of, join_names

_MOST_OPEN = 10
_MOST_NAMES = 3
_MOST_CAUSES = 3
_MESSAGE_LIMIT = 300
_HEAD = ("| Action | Error | Because |", "|---|---|---|")


class Breakage(NamedTuple):
    """Invalid actions with the same message and causes. ``edited`` says that the commit edits them.

    ``check`` is that of the first action.
    """

    actions: tuple[PlannedAction, ...]
    check: Check
    edited: bool


def find_breakage(plan: Plan) -> list[Breakage]:
    """Return what is invalid: first what nobody edited, of this first what most actions share."""
    groups: dict[tuple[bool, str, tuple[Cause, ...]], list[PlannedAction]] = {}
    for action in plan.by_verdict(Verdict.INVALID):
        if action.check is not None:
            edited = action.change is not Change.AFFECTED
            key = (edited, action.check.message, action.check.causes)
            groups.setdefault(key, []).append(action)
    found = [
        Breakage(tuple(actions), actions[0].check or Check(verdict=Verdict.INVALID), edited)
        for (edited, _, _), actions in groups.items()
    ]
    return sorted(found, key=lambda it: (it.edited, -len(it.actions), it.actions[0].name))


def add_breakage(page: Page, plan: Plan, style: Style, most: int) -> None:
    """Add the table of what is invalid. At most ``most`` rows are in its fold."""
    found = find_breakage(plan)
    if not found:
        return
    rows = [_row(it, it.actions, plan, style) for it in found[:_MOST_OPEN]]
    page.add("what breaks", ["#### What breaks", "", *_HEAD, *rows])
    if len(found) <= _MOST_OPEN and all(len(it.actions) <= _MOST_NAMES for it in found):
        return
    count = sum(len(it.actions) for it in found)
    every = (_row(it, (action,), plan, style) for it in found for action in it.actions)
    page.fold(
        f"All {count_of(count, 'invalid action')}",
        "invalid actions",
        _HEAD,
        every,
        most=most,
        total=count,
    )


def _row(it: Breakage, actions: tuple[PlannedAction, ...], plan: Plan, style: Style) -> str:
    shown = [linked(action, plan, style) for action in actions[:_MOST_NAMES]]
    more = len(actions) - len(shown)
    names = f"{', '.join(shown)} and {more:,} more" if more else join_names(shown)
    changes = list(dict.fromkeys(action.change.value for action in actions))
    by_whom = join_names(changes) if it.edited else "**not edited**"
    check = actions[0].check or it.check
    message = code(check.message, _MESSAGE_LIMIT) or "No reason is given."
    return row(f"{names}<br>{by_whom}", message + _position(check), because(it, style))


def _position(check: Check) -> str:
    """Return where the error is. The position is that in the compiled query, not in the file."""
    return "" if check.line is None else f"<br>line {check.line:,} of the compiled query"


def because(it: Breakage, style: Style) -> str:
    """Return what explains an error: the changed columns, or the changed upstream actions."""
    causes = [show_cause(cause, style) for cause in it.check.causes]
    if causes:
        more = len(causes) - _MOST_CAUSES
        shown = "; ".join(causes[:_MOST_CAUSES])
        return f"{shown}; and {more:,} more" if more > 0 else shown
    first = it.actions[0]
    if first.change is Change.ADDED:
        return "it is new"
    if it.edited:
        return f"its {' and '.join(map(style.text, first.aspects[:_MOST_NAMES])) or 'SQL'} changed"
    through = listed(first.through, _MOST_NAMES, style.action)
    return f"it reads {through}" if through else ""
