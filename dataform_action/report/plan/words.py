"""The words about a plan that several places share: counts, sizes, columns, causes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from dataform_action.github.markdown import code, file_url, link, prose
from dataform_action.model import CompileError
from dataform_action.plan import Cause, Change, ColumnChange, Plan, PlannedAction, Scan, Verdict
from dataform_action.report.analysis import analyse
from dataform_action.report.causes import CompileErrors, find_causes
from dataform_action.report.summary.failures import name_of
from dataform_action.text import cut, format_bytes, join_names

UNKNOWN = "unknown"
CHECK_ICONS = {Verdict.ACCEPTED: "✅", Verdict.INVALID: "❌", Verdict.NOT_CHECKED: "⚪"}
CHECK_WORDS = {
    Verdict.ACCEPTED: "accepted",
    Verdict.INVALID: "invalid",
    Verdict.NOT_CHECKED: "not checked",
}
CHANGE_ICONS = {
    Change.CHANGED: "✏️",
    Change.ADDED: "➕",
    Change.REMOVED: "➖",
    Change.AFFECTED: "↪️",
}
_LONGEST_NAME = 300
_LONGEST_TYPE = 80
_DECIMAL_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Style(NamedTuple):
    """How a place shows the name of an action, the name of a column, and other text."""

    action: Callable[[str], str]
    column: Callable[[str], str]
    text: Callable[[str], str]


def shortener(plan: Plan) -> Callable[[str], str]:
    """Return the function that removes the project of most actions from the name of an action."""
    projects = Counter(action.name.rsplit(".", 2)[0] for action in plan.actions)
    project = f"{max(projects, key=projects.__getitem__, default=plan.project_id)}."

    def shorten(name: str) -> str:
        return name.removeprefix(project) if name.count(".") > project.count(".") else name

    return shorten


def markdown_style(plan: Plan) -> Style:
    """Return the style of the comment and the summary."""
    shorten = shortener(plan)
    return Style(lambda name: name_of(shorten(name)), code, prose)


def plain_style(plan: Plan) -> Style:
    """Return the style of the log and the annotations."""
    shorten = shortener(plan)
    return Style(lambda name: _bounded(shorten(name)), _bounded, _bounded)


def _bounded(text: str) -> str:
    return cut(" ".join(text.split()), _LONGEST_NAME)


def linked(action: PlannedAction, plan: Plan, style: Style) -> str:
    """Return the name of an action as Markdown, with a link to its file at the head."""
    name = style.action(action.name)
    if action.change is Change.REMOVED:
        return name
    return link(name, file_url(action.action.file, plan.files_url) if action.action.file else "")


def listed(names: Sequence[str], most: int, show: Callable[[str], str] = str) -> str:
    """Return the first names, and how many more there are: ``a, b and 3 more``."""
    shown = list(map(show, names[:most]))
    if len(names) <= most:
        return join_names(shown)
    return f"{', '.join(shown)} and {len(names) - most:,} more"


def count_changes(plan: Plan) -> list[tuple[Change, str]]:
    """Return how many actions there are of each change, such as ``2 changed``."""
    return [
        (change, f"{len(plan.by_change(change)):,} {change.value}")
        for change in (Change.CHANGED, Change.ADDED, Change.REMOVED, Change.AFFECTED)
    ]


def count_checks(actions: Iterable[PlannedAction]) -> list[tuple[Verdict, str]]:
    """Return how many actions have each result, such as ``1 not checked``; none has no text."""
    verdicts = [action.verdict for action in actions]
    return [
        (verdict, f"{verdicts.count(verdict):,} {word}")
        for verdict, word in CHECK_WORDS.items()
        if verdict in verdicts
    ]


def checked_counts(actions: Iterable[PlannedAction]) -> str:
    """Return the results in one text, such as ``10 accepted, 1 not checked``."""
    return ", ".join(text for _, text in count_checks(actions))


def size(scan: Scan | None) -> str:
    """Return what is scanned, such as ``52 GiB``, ``≥ 104 GiB`` or ``unknown``."""
    if scan is None or scan.bytes is None:
        return UNKNOWN
    return f"{'≥ ' if scan.at_least else ''}{format_bytes(scan.bytes)}"


def size_change(action: PlannedAction) -> str:
    """Return what base and head scan, with an arrow unless it is the same or there is no base."""
    before, after = size(action.before), size(action.after)
    is_one = action.change is Change.ADDED or before == after
    return after if is_one else f"{before} → {after}"


def difference(before: Scan, after: Scan) -> str:
    """Return how much more is scanned, such as ``+64 GiB``; empty if that is not known."""
    if before.bytes is None or after.bytes is None or before.at_least:
        return ""
    more = after.bytes - before.bytes
    if more == 0 or (more < 0 and after.at_least):
        return ""
    sign = "+" if more > 0 else "−"
    return f"{sign}{format_bytes(abs(more))}{' or more' if after.at_least else ''}"


def limit_size(count: int, limit: int) -> str:
    """Return a size in the unit in which the limit is a short number: GB or GiB."""
    if limit % 1000 or not limit % 1024**2:
        return format_bytes(count)
    value, units = float(count), list(_DECIMAL_UNITS)
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:,.1f}".removesuffix(".0") + f" {units[0]}"


def show_column(change: ColumnChange, style: Style) -> str:
    """Return a column that differs, such as ``− region STRING`` or ``amount INT64 → NUMERIC``."""
    name = style.column(change.name)
    before, after = _show_type(change.before, style), _show_type(change.after, style)
    if not change.after:
        return f"− {name} {before}"
    return f"{name} {before} → {after}" if change.before else f"+ {name} {after}"


def _show_type(kind: str, style: Style) -> str:
    shown = cut(kind, _LONGEST_TYPE)
    return style.text(shown) if shown.isalnum() else style.column(shown)


def show_cause(cause: Cause, style: Style) -> str:
    """Return a change that explains an error, such as ``a no longer has b``."""
    name, change = style.action(cause.name), cause.column
    if change is None:
        return f"{name} is removed"
    column = style.column(change.name)
    if not change.after:
        return f"{name} no longer has {column}"
    if not change.before:
        return f"{name} now has {column}"
    before, after = _show_type(change.before, style), _show_type(change.after, style)
    return f"{column} of {name} is now {after} instead of {before}"


def compile_errors(errors: tuple[CompileError, ...]) -> tuple[CompileErrors, ...]:
    """Return compile errors by cause."""
    return find_causes(errors, analyse(())).compile_errors


class Scans(NamedTuple):
    """What the parts of a plan scan. Those that have no action are None.

    ``before`` and ``after`` are of the changed and added tables. Views scan only when they are
    read.
    """

    before: Scan | None
    after: Scan | None
    affected: Scan | None
    assertions: Scan | None
    views: Scan | None


def scans_of(plan: Plan) -> Scans:
    """Return the sums of what is scanned."""
    edited = plan.by_change(Change.CHANGED, Change.ADDED)
    affected = plan.by_change(Change.AFFECTED)
    tables = [action for action in edited if _is_table(action)]
    known_before = [action for action in tables if action.change is Change.CHANGED]
    return Scans(
        before=_total(action.before for action in known_before),
        after=_total(action.after for action in tables),
        affected=_total(action.after for action in affected if _is_table(action)),
        assertions=_total(_after(plan, "assertion")),
        views=_total(_after(plan, "view")),
    )


def _is_table(action: PlannedAction) -> bool:
    return action.action.kind not in ("view", "assertion")


def _after(plan: Plan, kind: str) -> Iterable[Scan | None]:
    planned = plan.by_change(Change.CHANGED, Change.ADDED, Change.AFFECTED)
    return (action.after for action in planned if action.action.kind == kind)


def _total(scans: Iterable[Scan | None]) -> Scan | None:
    found = list(scans)
    return Scan.total(found) if found else None


def scan_of_edited(scans: Scans, emphasis: str = "") -> str:
    """Return what the changed and added tables scan; empty if there are none."""
    if scans.after is None:
        return ""
    after = f"{emphasis}{size(scans.after)}{emphasis}"
    if scans.before is None or size(scans.before) == size(scans.after):
        return after
    more = difference(scans.before, scans.after)
    return f"{size(scans.before)} → {after}" + (f" ({more})" if more else "")


def other_scans(scans: Scans) -> list[str]:
    """Return what the others scan, each with its label."""
    found = (
        ("affected tables", scans.affected),
        ("assertions", scans.assertions),
        ("views (when read)", scans.views),
    )
    return [f"{label} {size(scan)}" for label, scan in found if scan is not None]
