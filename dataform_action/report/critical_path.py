"""The critical path of a run: the longest path through its dependencies. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from dataform_action.model import Action, ActionState

#: Dataform needs some seconds to start an action. Only a longer wait is a wait for a slot.
START_UP = timedelta(seconds=5)
#: A dependency may end this much after the start of its dependent: two clocks can differ.
_CLOCK_SKEW = timedelta(seconds=2)
#: Actions in these states never ran, so they took no time.
_IDLE = frozenset((ActionState.SKIPPED, ActionState.DISABLED))


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPath:
    """The longest path through the dependencies of a run, and how long the run took.

    ``actions`` are the actions on the path, first to last. All of them ran, and some may have
    failed. Each depends on the one before it, directly or through actions that did not run. Of
    all such paths, this one has the largest sum of durations.

    All times are in seconds:

    * ``work`` is the sum of the durations on the path. With enough free slots, a run takes about
      this long.
    * ``span`` is the time from the first start of any action to the last end of any action.
    * ``waiting`` is the part of ``span - work`` that is known to be waiting for a free slot. An
      action waits from the end of its last dependency to its own start. Without dependencies, it
      waits from the first start in the run. The waits that count are those that delayed the end
      of the run: of the action that ended last, of its dependency that ended last, and so on.
      A wait does not count if it is as short as a normal start, if no action ran meanwhile, or
      if the end of a dependency is unknown.

    ``ended`` is false if an action was still running when the actions were read. The path is then
    the longest that leads to a running action, since the run cannot end before that action. A
    running action counts up to the last known start or end of any action. ``waiting`` is 0.
    """

    actions: tuple[Action, ...]
    work: float
    span: float
    waiting: float
    ended: bool = True


class _Span(NamedTuple):
    """A period of time, such as that in which an action ran."""

    start: datetime
    end: datetime


class _Path(NamedTuple):
    """A path: the sum of its durations, its end, and the name of its last action."""

    work: timedelta
    end: datetime
    last: str


class _Front(NamedTuple):
    """What is known of an action's dependencies, or what an action passes to its dependents.

    ``longest`` is the longest path that ends there. ``latest`` is the last end, with the name of
    the action. ``is_certain`` is false if the end of a dependency is unknown.
    """

    longest: _Path | None = None
    latest: tuple[datetime, str] | None = None
    is_certain: bool = True


_UNKNOWN = _Front(is_certain=False)


def find_critical_path(actions: tuple[Action, ...]) -> CriticalPath | None:
    """Return the critical path of a run.

    There is none if no dependency is known, or if fewer than two actions ran. In a cycle of
    dependencies, which no valid project has, some dependencies are ignored.
    """
    by_name = {action.name: action for action in actions}
    spans = _find_spans(by_name)
    if len(spans) < 2 or not any(action.dependencies for action in actions):
        return None
    fronts = _follow(by_name, spans)
    longest = max(
        (_path_to(name, span, fronts[name]) for name, span in spans.items()),
        key=lambda path: (by_name[path.last].state is ActionState.RUNNING, path),
    )
    first = min(span.start for span in spans.values())
    elapsed = max(span.end for span in spans.values()) - first
    ended = all(action.state is not ActionState.RUNNING for action in actions)
    waited = _measure(_find_waits(spans, fronts, first), spans.values()) if ended else timedelta()
    # If clocks differ, the path can seem to be longer than the run.
    rest = max(timedelta(), elapsed - longest.work)
    return CriticalPath(
        actions=tuple(by_name[name] for name in _walk(longest.last, fronts)),
        work=longest.work.total_seconds(),
        span=(longest.work + rest).total_seconds(),
        waiting=min(waited, rest).total_seconds(),
        ended=ended,
    )


def _find_spans(actions: Mapping[str, Action]) -> dict[str, _Span]:
    """Return when each action ran, without the actions whose start or end is unknown."""
    started = {
        name: (action, action.started)
        for name, action in actions.items()
        if action.started is not None and action.state not in _IDLE
    }
    last = max(
        (max(start, action.finished or start) for action, start in started.values()), default=None
    )
    spans = {}
    for name, (action, start) in started.items():
        end = action.finished
        if end is None and action.state is ActionState.RUNNING:
            end = last
        if end is not None:
            spans[name] = _Span(start, max(start, end))
    return spans


def _follow(actions: Mapping[str, Action], spans: Mapping[str, _Span]) -> dict[str, _Front]:
    """Return what is known of each action's dependencies."""
    # The order counts if there is a cycle: what did not run, then the others by their start.
    idle = [name for name in actions if name not in spans]
    names = idle + sorted(spans, key=lambda name: (*spans[name], name))
    fronts: dict[str, _Front] = {}
    passed: dict[str, _Front] = {}
    for name in in_order({name: actions[name].dependencies for name in names}):
        action, span = actions[name], spans.get(name)
        known = [passed.get(other, _UNKNOWN) for other in action.dependencies if other in actions]
        front = fronts[name] = _merge(known, span)
        if span is not None:
            passed[name] = _Front(_path_to(name, span, front), (span.end, name))
        else:
            passed[name] = front if action.state in _IDLE else front._replace(is_certain=False)
    return fronts


def in_order(dependencies: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the names, each after those that it depends on; as they are if there is a cycle."""
    try:
        order = list(TopologicalSorter(dependencies).static_order())
    except CycleError:
        # The service compiles no project with a cycle, so this response makes no sense.
        order = list(dependencies)
    return [name for name in order if name in dependencies]


def _merge(fronts: Iterable[_Front], span: _Span | None) -> _Front:
    """Return the fronts of all dependencies as one.

    A path leads to an action that ran only if it ends before the action starts. A disabled
    action, for example, may not wait for its own dependencies.
    """
    longest: _Path | None = None
    latest: tuple[datetime, str] | None = None
    is_certain = True
    for front in fronts:
        is_certain = is_certain and front.is_certain
        if front.latest is not None and (latest is None or front.latest > latest):
            latest = front.latest
        path = front.longest
        if path is None or (span is not None and path.end - span.start > _CLOCK_SKEW):
            continue
        if longest is None or path > longest:
            longest = path
    return _Front(longest, latest, is_certain)


def _path_to(name: str, span: _Span, front: _Front) -> _Path:
    """Return the longest path that ends with an action."""
    before = timedelta() if front.longest is None else front.longest.work
    return _Path(before + (span.end - span.start), span.end, name)


def _walk(last: str, fronts: Mapping[str, _Front]) -> list[str]:
    """Return the names on the longest path to an action, first to last."""
    names = [last]
    while (longest := fronts[names[-1]].longest) is not None:
        names.append(longest.last)
    return names[::-1]


def _find_waits(
    spans: Mapping[str, _Span], fronts: Mapping[str, _Front], first: datetime
) -> list[_Span]:
    """Return the waits that delayed the end of the run, without those of a normal start."""
    waits = []
    _, name = max((span.end, name) for name, span in spans.items())
    while True:
        start, front = spans[name].start, fronts[name]
        ready = first if front.latest is None else front.latest[0]
        if front.is_certain and start - ready > START_UP:
            waits.append(_Span(ready, start))
        # An action that starts before its dependency ends did not wait for it.
        if front.latest is None or ready - start > _CLOCK_SKEW:
            return waits
        name = front.latest[1]


def _measure(waits: Iterable[_Span], spans: Iterable[_Span]) -> timedelta:
    """Return how much of the waits passed while at least one action ran."""
    events = [event for span in spans for event in ((span.start, 1, 0), (span.end, -1, 0))]
    events += [event for wait in waits for event in ((wait.start, 0, 1), (wait.end, 0, -1))]
    total, running, waiting = timedelta(), 0, 0
    before: datetime | None = None
    for time, more_running, more_waiting in sorted(events):
        if running and waiting and before is not None:
            total += time - before
        running, waiting, before = running + more_running, waiting + more_waiting, time
    return total
