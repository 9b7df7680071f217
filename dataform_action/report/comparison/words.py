"""The comparison of a run with earlier ones: was it slow, and is its failure new? Pure.

An action is listed if it took longer than in a usual run, by at least a tenth of the run's extra
time. Actions run at the same time, so their extra times may be more than that of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from typing import NamedTuple

from dataform_action.history import History, PastRun
from dataform_action.model import Action, Result, State
from dataform_action.report.words import took
from dataform_action.text import count_of, cut, format_duration

_MOST_ACTIONS = 5
_MOST_NAMED = 3
_LEAST_PART = 0.1
_LONGEST_NAME = 200


class SlowAction(NamedTuple):
    """An action that took longer than usual. ``usual`` is None if the usual run did not have it."""

    name: str
    seconds: float
    usual: float | None

    @property
    def extra(self) -> float:
        """Return how much longer it took, in seconds."""
        return self.seconds - (self.usual or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the earlier runs of ``history`` say about a run.

    ``has_failed`` says that the run failed. ``is_slow`` says that it succeeded but was slower than
    usual, ``duration`` is its duration then, and ``slow_actions`` is why, the most important first.
    """

    history: History
    has_failed: bool = False
    is_slow: bool = False
    duration: float = 0.0
    slow_actions: tuple[SlowAction, ...] = ()


def compare(history: History | None, result: Result | None, *, is_whole: bool) -> Comparison | None:
    """Return the comparison of a run with its history; None if there is nothing to say.

    ``is_whole`` says that one run did all the work: only then are durations comparable.
    """
    if history is None or not history.runs:
        return None
    # Only this function reads the actions.
    plain = Comparison(history=history._replace(usual_actions=()))
    state = None if result is None else result.run.state
    if state is State.FAILURE:
        return replace(plain, has_failed=True)
    is_comparable = is_whole and state is State.SUCCESS
    if result is None or not is_comparable or not history.is_slow(result.duration):
        return plain
    extra = result.duration - (history.usual or 0.0)
    slow = tuple(_find_slow(history, result.actions, extra))
    return replace(plain, is_slow=True, duration=result.duration, slow_actions=slow)


def _find_slow(history: History, actions: tuple[Action, ...], extra: float) -> list[SlowAction]:
    usual = {it.name: it.seconds for it in history.usual_actions if it.seconds is not None}
    found = [
        SlowAction(action.name, action.seconds, usual.get(action.name))
        for action in actions
        if action.seconds is not None
        # An action that is missing in an incomplete list is not new.
        and (action.name in usual or history.has_all_actions)
    ]
    slow = [action for action in found if action.extra >= extra * _LEAST_PART]
    return sorted(slow, key=lambda action: (-action.extra, action.name))[:_MOST_ACTIONS]


def renamed(comparison: Comparison, rename: Callable[[str], str]) -> Comparison:
    """Return the comparison with other names of actions."""
    slow = tuple(action._replace(name=rename(action.name)) for action in comparison.slow_actions)
    return replace(comparison, slow_actions=slow)


class Style(NamedTuple):
    """How a renderer shows the source, the name of an action, the start of a run, and a commit."""

    text: Callable[[str], str]
    name: Callable[[str], str]
    start: Callable[[PastRun], str]
    commit: Callable[[str], str]


def render_comparison(comparison: Comparison, style: Style) -> list[str]:
    """Return the lines on a run that was slow or failed; none for other runs."""
    if comparison.is_slow:
        return [_slow_line(comparison, style)]
    return [" ".join(_failure_sentences(comparison, style))] if comparison.has_failed else []


def _slow_line(comparison: Comparison, style: Style) -> str:
    history = comparison.history
    runs = f"median of {len(history.durations)} runs of {style.text(history.source)}"
    duration, usual = map(format_duration, (comparison.duration, history.usual or 0.0))
    line = f"Slower than usual: {duration} instead of {usual} ({runs})."
    named = [
        f"{style.name(action.name)} (+{took(action.extra)})"
        for action in comparison.slow_actions[:_MOST_NAMED]
    ]
    return f"{line} What took longer: {', '.join(named)}." if named else line


def _failure_sentences(comparison: Comparison, style: Style) -> Iterator[str]:
    history = comparison.history
    source, success = style.text(history.source), history.last_success
    failures = history.last_failures
    if not failures:
        yield f"The failure is new: the last completed run of {source} succeeded."
    else:
        # Without a success, there may be earlier failures.
        least = "At least the last" if success is None else "The last"
        since = style.start(failures[-1])
        runs = f"{len(failures) + 1} completed runs of {source}"
        yield f"{least} {runs} failed, the first one at {since}."
    if success is not None:
        commit = f", commit {style.commit(success.commit)}" if success.commit else ""
        yield f"Last success: {style.start(success)}{commit}."


def start_of(past: PastRun) -> str:
    """Return when an earlier run started, such as ``2026-11-22 03:41 UTC``."""
    started = past.run.started
    return past.run.id if started is None else f"{started.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def render_for_log(comparison: Comparison) -> list[str]:
    """Return the lines for the log."""
    shorten = lambda name: cut(name, _LONGEST_NAME)  # noqa: E731
    return render_comparison(comparison, Style(shorten, shorten, start_of, str))


def describe_usual(comparison: Comparison) -> str:
    """Return the usual duration and the number of runs; empty if it is not known."""
    history = comparison.history
    if history.usual is None:
        return ""
    return f"{format_duration(history.usual)} ({count_of(len(history.durations), 'run')})"
