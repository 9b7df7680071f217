"""The timeline of a run: which action ran when, as a Gantt diagram in Mermaid's language."""

from __future__ import annotations

from datetime import UTC, datetime

from dataform_action.github.markdown import Page, one_line
from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import Analysis
from dataform_action.report.summary_failures import name_of
from dataform_action.report.words import took
from dataform_action.text import cut

#: As many as can be read. The longest have their places whatever failed.
MOST_TASKS = 40
_LONGEST_TASKS = 10
_NAME_LIMIT = 40
_MOST_OF_PATH = 10
#: Beyond these years a diagram of the day is no use, and the conversion may overflow.
_YEARS = range(1980, 9000)
_SIGNS = {ActionState.SUCCEEDED: "✓", ActionState.FAILED: "✗"}
_KEPT = frozenset(" ._-/()")
#: How Mermaid itself keeps entities until it draws, and what reads the same but is none.
_OF_MERMAID = (("ﬂ", "fl"), ("¶ß", "¶ ß"))


def add_timeline(page: Page, analysis: Analysis, *, succeeded: bool) -> None:
    """Add the timeline with its legend, and what the run's length came from."""
    tasks = drawn(analysis)
    diagram = render_timeline(tasks, analysis.critical_path)
    if diagram:
        fenced = ["```mermaid", *diagram.splitlines(), "```"]
        legend = _legend(tasks, sum(map(_is_timed, analysis.actions)))
        page.add("the timeline", ["### Timeline", "", *fenced, "", legend])
    if analysis.critical_path:
        page.add("the critical path", [_critical_path(analysis.critical_path, succeeded)])


def _legend(tasks: list[Action], count: int) -> str:
    words = "Times are UTC."
    if any(task.state is ActionState.FAILED for task in tasks):
        words += " Red: failed."
    if count > len(tasks):
        words += f" Not shown: {count - len(tasks):,} of {count:,} actions that ran."
    return words


def _critical_path(path: tuple[Action, ...], succeeded: bool) -> str:
    """Return the sentence that says what the run's length came from."""
    steps = [f"{name_of(action.name)} ({took(_seconds(action))})" for action in path]
    if len(steps) > _MOST_OF_PATH:
        half = _MOST_OF_PATH // 2
        steps = [*steps[:half], f"{len(steps) - 2 * half:,} more", *steps[-half:]]
    words = "This run could not be shorter than" if succeeded else "What ran took at least"
    return f"{words} {took(sum(map(_seconds, path)))}, because of: {' → '.join(steps)}"


def drawn(analysis: Analysis) -> list[Action]:
    """Return the actions of the timeline, by their start; the others have no place in it.

    What takes them all: the longest, then those that failed, the critical path, the others.
    """
    timed = sorted(filter(_is_timed, analysis.actions), key=_seconds, reverse=True)
    critical = {action.name for action in analysis.critical_path}
    order = timed[:_LONGEST_TASKS] + sorted(
        timed[_LONGEST_TASKS:],
        key=lambda action: (action.state is not ActionState.FAILED, action.name not in critical),
    )
    return sorted(order[:MOST_TASKS], key=lambda action: (_utc(action.started), action.name))


def render_timeline(tasks: list[Action], critical_path: tuple[Action, ...]) -> str:
    """Return the diagram's text, which goes inside a fence; empty without two actions to draw.

    The critical path has a section of its own, and what failed is red: of Mermaid's looks
    this is the one whose names can be read on a dark page as well. Times are wall-clock times
    of UTC, which Mermaid shows as they are wherever the reader is.
    """
    if len(tasks) < 2:
        return ""
    critical = {action.name for action in critical_path}
    # Mermaid paints every third section in a loud colour: no place for the longest one.
    sections: dict[str, list[str]] = {"Failed": [], "Others": [], "Critical path": []}
    for number, action in enumerate(tasks, 1):
        failed = action.state is ActionState.FAILED
        others = "Failed" if failed else "Others"
        section = "Critical path" if action.name in critical else others
        sections[section].append(f"    {_task(action, f't{number}')}")
    lines = [
        "gantt",
        "    title Actions by start and end (UTC)",
        "    dateFormat YYYY-MM-DD HH:mm:ss.SSS",
        f"    axisFormat {_axis(tasks)}",
        "    todayMarker off",
    ]
    for section, drawings in sections.items():
        if drawings:
            lines += [f"    section {section}", *drawings]
    return "\n".join(lines)


def _task(action: Action, identity: str) -> str:
    sign = _SIGNS.get(action.state, "•")
    tags = ["crit"] if action.state is ActionState.FAILED else []
    start, end = _utc(action.started), max(_utc(action.started), _utc(action.finished))
    data = ", ".join((*tags, identity, _wall_clock(start), _wall_clock(end)))
    # The sign also keeps a name from starting with one of Mermaid's words.
    return f"{sign} {safe_name(action.name)} ({took(_seconds(action))}) :{data}"


def safe_name(name: str) -> str:
    """Return a name without what means something to Mermaid: its look-alikes instead.

    ``:`` ``;`` ``#`` ``%%`` and the like become full-width forms; the letters of all
    scripts stay. It is never empty.
    """
    line = one_line(name)
    for own, parted in _OF_MERMAID:
        line = line.replace(own, parted)
    shown = "".join(
        character
        if character in _KEPT or character.isalnum() or not character.isascii()
        else chr(ord(character) + 0xFEE0)
        for character in line
    )
    return cut(shown, _NAME_LIMIT) or "…"


def _axis(tasks: list[Action]) -> str:
    span = max(_utc(action.finished) for action in tasks) - _utc(tasks[0].started)
    if span.days:
        return "%m-%d %H:%M"
    return "%H:%M" if span.seconds >= 1800 else "%H:%M:%S"


def _is_timed(action: Action) -> bool:
    times = (action.started, action.finished)
    return all(time is not None and time.year in _YEARS for time in times)


def _seconds(action: Action) -> float:
    return action.seconds or 0.0


def _utc(time: datetime | None) -> datetime:
    assert time is not None  # noqa: S101
    return time.astimezone(UTC)


def _wall_clock(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")
