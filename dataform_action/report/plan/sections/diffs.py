"""The SQL changes of a plan: a unified diff for each, the same change only once."""

from __future__ import annotations

import re
from typing import NamedTuple

from dataform_action.github.markdown import Page, diff_block
from dataform_action.plan import Plan, PlannedAction
from dataform_action.report.plan.sections.tables import importance
from dataform_action.report.plan.words import Style, listed
from dataform_action.text import count_of

#: Shorter changes need no fold.
_MOST_OPEN_LINES = 10
_MOST_NAMES = 5
_CHANGED = re.compile("^[+-].*", re.M)


class SqlChange(NamedTuple):
    """Actions whose SQL changes in the same lines: how many are new, and how many are removed."""

    actions: tuple[PlannedAction, ...]
    added: int
    removed: int

    @property
    def lines(self) -> list[str]:
        """Return the lines of the diff of the first action."""
        return self.actions[0].diff.rstrip("\n").split("\n")


def find_sql_changes(plan: Plan) -> list[SqlChange]:
    """Return the SQL changes: first those that most actions share, then the most important."""
    groups: dict[tuple[str, ...], list[PlannedAction]] = {}
    for action in sorted((it for it in plan.actions if it.diff), key=importance):
        # The positions and the lines around a change may differ.
        changed = tuple(_CHANGED.findall(action.diff))
        groups.setdefault(changed, []).append(action)
    found = []
    for changed, actions in groups.items():
        added = sum(line.startswith("+") for line in changed)
        found.append(SqlChange(tuple(actions), added, len(changed) - added))
    return sorted(found, key=lambda change: -len(change.actions))


def add_diffs(page: Page, plan: Plan, style: Style, *, most: int, most_lines: int) -> None:
    """Add the changes of SQL and settings: at most ``most``, with ``most_lines`` lines each."""
    changes = find_sql_changes(plan)
    if not changes:
        return
    added = sum(change.added * len(change.actions) for change in changes)
    removed = sum(change.removed * len(change.actions) for change in changes)
    title = f"Changes in detail (+{added:,} −{removed:,})"
    is_short = len(changes) < _MOST_OPEN_LINES and (
        sum(len(change.lines) for change in changes) < _MOST_OPEN_LINES
    )
    if is_short:
        blocks = [line for change in changes for line in _block(change, style, most_lines)]
        page.add("changes", [f"#### {title}", "", *blocks])
        return
    page.fold(
        f"<b>{title}</b>",
        "changes",
        ("", ""),
        ("\n".join(_block(change, style, most_lines)) for change in changes),
        most=most,
        total=len(changes),
    )


def _block(change: SqlChange, style: Style, most_lines: int) -> list[str]:
    """Return the diff of one change, cut if it is too long."""
    names = listed([it.name for it in change.actions], _MOST_NAMES, style.action)
    count = count_of(len(change.actions), "action")
    # If the diffs of several actions are omitted, these are not the same change.
    what = f"The same change in {count}" if change.added or change.removed else count
    lines = change.lines
    left = len(lines) - most_lines
    more = [f"{count_of(left, 'more line')} of this change are not shown.", ""] if left > 0 else []
    shown = diff_block(lines[:most_lines])
    return [f"{what}: {names}" if len(change.actions) > 1 else names, "", *shown, "", *more]
