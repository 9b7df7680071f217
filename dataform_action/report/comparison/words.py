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
from dataform_action.report.words import count_of, took
from dataform_action.text import cut, format_duration

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
    """What the earlier runs say about a run. ``source`` is what they have in common.

    ``duration`` is that of the run, and ``usual`` the median of ``count`` runs. ``is_slow`` says
    that the run was slower than usual, and ``slow_actions`` why, the most important first.

    ``failures`` is how many runs failed one after the other, with this one. It is 0 if this run did
    not fail. ``first_failure`` is the first of the others, and ``last_success`` the run before
    them. If that is not known, there may be more failures. ``runs`` are the earlier runs.
    """

    source: str
    usual: float | None
    count: int
    duration: float = 0.0
    is_slow: bool = False
    slow_actions: tuple[SlowAction, ...] = ()
    failures: int = 0
    first_failure: PastRun | None = None
    last_success: PastRun | None = None
    runs: tuple[PastRun, ...] = ()


def compare(history: History | None, result: Result | None, *, is_whole: bool) -> Comparison | None:
    """Return the comparison of a run with its history; None if there is nothing to say.

    ``is_whole`` says that one run did all the work: only then are durations comparable.
    """
    if history is None or not history.runs:
        return None
    plain = Comparison(
        source=history.source,
        usual=history.usual,
        count=len(history.durations),
        runs=history.runs,
    )
    if result is not None and result.run.state is State.FAILURE:
        failures = history.last_failures
        return replace(
            plain,
            failures=len(failures) + 1,
            first_failure=failures[-1] if failures else None,
            last_success=history.last_success,
        )
    succeeded = result is not None and result.run.state is State.SUCCESS
    if result is None or not (succeeded and is_whole and history.is_slow(result.duration)):
        return plain
    extra = result.duration - (history.usual or 0.0)
    return replace(
        plain,
        duration=result.duration,
        is_slow=True,
        slow_actions=tuple(_find_slow(history, result.actions, extra)),
    )


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
    return [" ".join(_failure_sentences(comparison, style))] if comparison.failures else []


def _slow_line(comparison: Comparison, style: Style) -> str:
    runs = f"median of {comparison.count} runs of {style.text(comparison.source)}"
    duration, usual = map(format_duration, (comparison.duration, comparison.usual or 0.0))
    line = f"Slower than usual: {duration} instead of {usual} ({runs})."
    named = [
        f"{style.name(action.name)} (+{took(action.extra)})"
        for action in comparison.slow_actions[:_MOST_NAMED]
    ]
    return f"{line} What took longer: {', '.join(named)}." if named else line


def _failure_sentences(comparison: Comparison, style: Style) -> Iterator[str]:
    source, success = style.text(comparison.source), comparison.last_success
    if comparison.first_failure is None:
        yield f"The failure is new: the last completed run of {source} succeeded."
    else:
        least = "At least the last" if success is None else "The last"
        since = style.start(comparison.first_failure)
        runs = f"{comparison.failures} completed runs of {source}"
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
    if comparison.usual is None:
        return ""
    return f"{format_duration(comparison.usual)} ({count_of(comparison.count, 'run')})"
