"""The changed, added and affected actions of a plan as tables."""

from __future__ import annotations

from collections.abc import Iterable

from dataform_action.github.markdown import Page, prose, row
from dataform_action.plan import Change, ColumnChange, Plan, PlannedAction, Verdict
from dataform_action.report.plan.words import (
    CHANGE_ICONS,
    CHECK_ICONS,
    CHECK_WORDS,
    UNKNOWN,
    Style,
    checked_counts,
    linked,
    listed,
    show_column,
    size_change,
)
from dataform_action.text import count_of

#: All rows are visible up to this number. If there are more, only the first ones are.
_MOST_OPEN = 15
_FIRST_OPEN = 10
_MOST_COLUMNS = 4


def add_edited(page: Page, plan: Plan, style: Style, most: int) -> None:
    """Add the changed and added actions: what matters most is visible, the others are folded."""
    edited = sorted(plan.by_change(Change.CHANGED, Change.ADDED), key=importance)
    if not edited:
        return
    head = _head(plan)
    visible = len(edited) if len(edited) <= _MOST_OPEN else _FIRST_OPEN
    shown, rest = edited[:visible], edited[visible:]
    rows = [_edited_row(action, linked(action, plan, style), plan, style) for action in shown]
    page.add("changed and added actions", ["#### Changed and added", "", *head, *rows])
    if rest:
        page.fold(
            f"{count_of(len(rest), 'more changed or added action')}{_results(rest)}",
            "changed or added actions",
            head,
            (_edited_row(it, style.action(it.name), plan, style) for it in rest),
            most=most,
            total=len(rest),
        )


def importance(action: PlannedAction) -> tuple[bool, bool, bool, int, str]:
    """Return the key that sorts the most important actions first.

    Invalid ones come first, then what needs a full refresh, what loses or retypes columns, and what
    scans much more or less than before.
    """
    lost = any(change.before for change in action.columns or ())
    after = None if action.after is None else action.after.bytes
    before = None if action.before is None else action.before.bytes
    more = 0 if after is None else after - (before or 0)
    valid = action.verdict is not Verdict.INVALID
    return valid, not action.full_refresh, not lost, -abs(more), action.name


def _head(plan: Plan) -> tuple[str, str]:
    names = ["", "Action", "What changes"]
    if plan.request.validate:
        names += ["Columns", "Scan"]
    lines = ["---:" if name == "Scan" else "---" for name in names]
    return row(*names), row(*lines)


def _edited_row(action: PlannedAction, name: str, plan: Plan, style: Style) -> str:
    kind = prose(action.action.kind) or "action"
    what = f"{kind}: {', '.join(map(prose, action.aspects)) or 'SQL'}"
    if action.change is Change.ADDED:
        what = f"new {kind}"
    if action.full_refresh:
        what += "<br>**full refresh**"
    cells = [_unbroken(_icon(action)), name, what]
    if plan.request.validate:
        cells += [_columns(action, style), _unbroken(size_change(action))]
    return row(*cells)


def _unbroken(text: str) -> str:
    """Return a short text that stays on one line of a cell."""
    return text.replace(" ", "&nbsp;")


def _icon(action: PlannedAction) -> str:
    # An accepted action needs no mark: the counts above say how many there are.
    checked = action.verdict in (None, Verdict.ACCEPTED)
    mark = "" if checked or action.verdict is None else f" {CHECK_ICONS[action.verdict]}"
    return f"{CHANGE_ICONS[action.change]}{mark}"


def _columns(action: PlannedAction, style: Style) -> str:
    if action.change is Change.ADDED:
        return UNKNOWN if action.schema is None else count_of(len(action.schema), "column")
    if action.columns is None:
        return UNKNOWN
    return "<br>".join(show_columns(action.columns, style)) or _unbroken("the same")


def show_columns(columns: tuple[ColumnChange, ...], style: Style) -> list[str]:
    """Return the columns that differ: first those that are removed or have another type."""
    ranked = sorted(columns, key=lambda change: (not change.before, bool(change.after)))
    texts = [show_column(change, style) for change in ranked[:_MOST_COLUMNS]]
    more = len(ranked) - _MOST_COLUMNS
    return [*texts, f"{more:,} more"] if more > 0 else texts


def add_affected(page: Page, plan: Plan, style: Style, most: int) -> None:
    """Add the folded table of what is affected: invalid, not checked, the others, assertions."""
    order = (Verdict.INVALID, Verdict.NOT_CHECKED, Verdict.ACCEPTED, None)
    affected = sorted(
        plan.by_change(Change.AFFECTED),
        key=lambda it: (order.index(it.verdict), it.action.kind == "assertion", it.name),
    )
    if not affected:
        return
    validated = plan.request.validate
    names = ["Action", "Type", "Through", *(["Scan", "Result"] if validated else [])]
    page.fold(
        f"<b>{len(affected):,} affected</b>{_results(affected)}",
        "affected actions",
        (row(*names), row(*("---:" if name == "Scan" else "---" for name in names))),
        (_affected_row(action, style, validated=validated) for action in affected),
        most=most,
        total=len(affected),
    )


def _affected_row(action: PlannedAction, style: Style, *, validated: bool) -> str:
    through = listed(action.through, 2, style.action)
    cells = [style.action(action.name), prose(action.action.kind), through]
    if validated:
        verdict = action.verdict
        result = "" if verdict is None else f"{CHECK_ICONS[verdict]} {CHECK_WORDS[verdict]}"
        cells += [_unbroken(size_change(action)), _unbroken(result)]
    return row(*cells)


def _results(actions: Iterable[PlannedAction]) -> str:
    counts = checked_counts(actions)
    return f": {counts}" if counts else ""
