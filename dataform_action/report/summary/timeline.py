"""The timeline of a run as a Mermaid Gantt diagram, and its critical path as text."""

from __future__ import annotations

from datetime import UTC, datetime

from dataform_action.github.markdown import Page, code, one_line
from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import Analysis
from dataform_action.report.critical_path import CriticalPath
from dataform_action.report.summary.failures import name_of
from dataform_action.report.summary.labels import make_labels, shared_place, without_place
from dataform_action.report.words import took

#: A diagram with more bars is hard to read. The longest actions always have a bar.
MOST_TASKS = 40
_LONGEST_TASKS = 10
_LABEL_LIMIT = 40
_MOST_OF_PATH = 10
_PATH_NAME_LIMIT = 80
#: Less waiting is not worth a sentence: in seconds, and as a part of the run's length.
_LEAST_WAITING = 5.0
_LEAST_PART_WAITING = 0.05
#: Times outside these years make no sense, and the conversion to UTC may overflow.
_YEARS = range(1980, 9000)
_SIGNS = {ActionState.SUCCEEDED: "✓", ActionState.FAILED: "✗"}
_KEPT = frozenset(" ._-/()")
#: Mermaid writes entities like this until it draws them. The others look the same to a reader.
_OF_MERMAID = (("ﬂ", "fl"), ("¶ß", "¶ ß"))


def add_timeline(
    page: Page, analysis: Analysis, *, duration: float | None, attempts: int = 1
) -> None:
    """Add the diagram with its legend, and the critical path.

    ``duration`` is how long the run took, in seconds, as far as is known. ``attempts`` is the
    number of runs that the actions are of.
    """
    tasks = drawn(analysis)
    place = shared_place([task.name for task in tasks])
    diagram = render_timeline(tasks, analysis.critical_path)
    if diagram:
        fenced = ["```mermaid", *diagram.splitlines(), "```"]
        legend = _legend(tasks, place, sum(map(_is_timed, analysis.actions)))
        page.add("the timeline", ["### Timeline", "", *fenced, "", legend])
    path = analysis.critical_path
    if path is not None:
        page.add("the critical path", [_critical_path(path, place, duration, attempts)])


def _legend(tasks: list[Action], place: str, count: int) -> str:
    sentences = ["Times are UTC."]
    if code(place):
        sentences.append(f"All bars are in {code(place)}.")
    if any(task.state is ActionState.FAILED for task in tasks):
        sentences.append("Red: failed.")
    if count > len(tasks):
        sentences.append(f"Not shown: {count - len(tasks):,} of {count:,} actions that ran.")
    return " ".join(sentences)


def _critical_path(path: CriticalPath, place: str, duration: float | None, attempts: int) -> str:
    """Return the critical path with its times, and how long actions waited for a slot."""
    names = [without_place(action.name, place) for action in path.actions]
    labels = make_labels(list(map(one_line, names)), _PATH_NAME_LIMIT)
    steps = [
        f"{name_of(label)} ({_outcome(action)})"
        for label, action in zip(labels, path.actions, strict=True)
    ]
    if len(steps) > _MOST_OF_PATH:
        half = _MOST_OF_PATH // 2
        steps = [*steps[:half], f"{len(steps) - 2 * half:,} more", *steps[-half:]]
    shown = " → ".join(steps)
    if not path.ended:
        return f"Critical path so far: {shown}."
    length = max(path.span, duration or 0.0)
    text = f"Critical path ({took(path.work)} of the run's {took(length)}): {shown}."
    # Between two runs, no action waits for a slot.
    if attempts <= 1 and path.waiting >= max(_LEAST_WAITING, _LEAST_PART_WAITING * length):
        text += f" {took(path.waiting)} were spent waiting for a free slot."
    return text


def _outcome(action: Action) -> str:
    """Return how long an action ran, with its state unless it succeeded."""
    if action.seconds is None:
        return "still running"
    known = "" if action.state is ActionState.SUCCEEDED else f", {action.state.value}"
    return took(action.seconds) + known


def drawn(analysis: Analysis) -> list[Action]:
    """Return the actions of the diagram, by their start. They have a start and an end.

    If there are too many, these come first: the longest, then the failed ones, then the critical
    path, then the others from the longest to the shortest.
    """
    path = analysis.critical_path
    timed = sorted(filter(_is_timed, analysis.actions), key=_seconds, reverse=True)
    critical = _names(path)
    order = timed[:_LONGEST_TASKS] + sorted(
        timed[_LONGEST_TASKS:],
        key=lambda action: (action.state is not ActionState.FAILED, action.name not in critical),
    )
    return sorted(order[:MOST_TASKS], key=lambda action: (_utc(action.started), action.name))


def _names(path: CriticalPath | None) -> set[str]:
    return set() if path is None else {action.name for action in path.actions}


def render_timeline(tasks: list[Action], path: CriticalPath | None) -> str:
    """Return the diagram's text, which goes inside a fence; empty if there are fewer than two bars.

    The critical path has its own section, and failed actions are red. Of all the styles of
    Mermaid's bars, only this red has text that is legible on a dark page too. Mermaid shows the
    times as they are written, in UTC, wherever the reader is.
    """
    if len(tasks) < 2:
        return ""
    critical = _names(path)
    # Mermaid gives every third section a loud colour. That one must not be the largest.
    sections: dict[str, list[str]] = {"Failed": [], "Others": [], "Critical path": []}
    for number, (action, label) in enumerate(zip(tasks, _labels(tasks), strict=True), 1):
        failed = action.state is ActionState.FAILED
        others = "Failed" if failed else "Others"
        section = "Critical path" if action.name in critical else others
        sections[section].append(f"    {_task(action, label, f't{number}')}")
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


def _labels(tasks: list[Action]) -> list[str]:
    """Return the labels of the bars: distinct, and without the place that all share."""
    names = [action.name for action in tasks]
    place = shared_place(names)
    return make_labels([safe_name(without_place(name, place)) for name in names], _LABEL_LIMIT)


def _task(action: Action, label: str, identity: str) -> str:
    sign = _SIGNS.get(action.state, "•")
    tags = ["crit"] if action.state is ActionState.FAILED else []
    start, end = _utc(action.started), max(_utc(action.started), _utc(action.finished))
    data = ", ".join((*tags, identity, _wall_clock(start), _wall_clock(end)))
    # Because of the sign, no label starts with a keyword of Mermaid.
    return f"{sign} {label} ({took(_seconds(action))}) :{data}"


def safe_name(name: str) -> str:
    """Return a name in which no character has a meaning to Mermaid.

    Characters such as ``:``, ``;``, ``#`` and ``%`` become their full-width forms, which look
    alike. The letters of all scripts stay. The name is never empty.
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
    return shown or "…"


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
