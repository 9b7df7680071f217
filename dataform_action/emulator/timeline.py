"""Which actions an invocation runs, and at which steps; steps are counted from 0."""

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataform_action.emulator.definitions import Course
from dataform_action.emulator.google.errors import ApiError
from dataform_action.emulator.graph.compiled_graph import Action, CompiledGraph
from dataform_action.emulator.graph.targets import Target, parse_target


@dataclass(slots=True)
class Span:
    """The steps of one action; None is a step that the action never reaches.

    From step ``ready`` on, it waits only for a free slot.
    """

    state: str
    reason: str = ""
    ready: int | None = None
    start: int | None = None
    end: int | None = None

    def state_at(self, step: int, waiting: str) -> str:
        """Return the state at a step; ``waiting`` is the state of a ready action without a slot."""
        if self.end is not None and step >= self.end:
            return self.state
        if self.start is not None and step >= self.start:
            return "RUNNING"
        return waiting if self.ready is not None and step >= self.ready else "PENDING"


def select_actions(graph: CompiledGraph, config: Mapping[str, Any]) -> list[Action]:
    """Return the actions that an InvocationConfig selects; raise ApiError for unknown targets."""
    known = {action.target: action for action in graph.actions}
    targets = [parse_target(target) for target in config.get("includedTargets", ())]
    tags = set(config.get("includedTags", ()))
    for target in targets:
        if target not in known:
            message = f"Requested target does not exist in compilation result: '{target}'"
            raise ApiError("INVALID_ARGUMENT", message)
    if not targets and not tags:
        chosen = set(known)
    else:
        named = {target for target, action in known.items() if tags & set(action.tags)}
        named |= set(targets)
        above = {target: known[target].dependencies for target in known}
        below: dict[Target, list[Target]] = {}
        for action in graph.actions:
            for dependency in action.dependencies:
                below.setdefault(dependency, []).append(action.target)
        chosen = set(named)
        if config.get("transitiveDependenciesIncluded"):
            chosen |= _reach(named, above)
        if config.get("transitiveDependentsIncluded"):
            chosen |= _reach(named, below)
    tests_only = config.get("executionMode") == "UNIT_TESTS_ONLY"
    return [
        action
        for action in graph.actions
        if action.target in chosen
        and action.kind != "declaration"
        and (action.kind == "bigqueryUnitTest") == tests_only
    ]


def _reach(start: Iterable[Target], edges: Mapping[Target, Collection[Target]]) -> set[Target]:
    """Return all targets that can be reached along the edges."""
    found: set[Target] = set()
    waiting = list(start)
    while waiting:
        for target in edges.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def make_timeline(actions: Sequence[Action], course: Course, limit: int) -> dict[Target, Span]:
    """Plan the steps of all actions: the first start at step 1, and ``limit`` run at once."""
    return _Schedule(actions, course).make(limit)


class _Schedule:
    """Simulates the steps; it follows each dependency once."""

    def __init__(self, actions: Sequence[Action], course: Course) -> None:
        self._course = course
        self._actions = {action.target: action for action in actions}
        self._spans = {action.target: self._plan(action) for action in actions}
        self._ready: deque[Target] = deque()
        #: The last step, the number and the target of each; the number keeps the order of starts.
        self._running: list[tuple[int, int, Target]] = []
        self._number = 0
        self._below: dict[Target, list[Target]] = {}
        self._missing: dict[Target, int] = {}
        for action in actions:
            # Unselected actions block nothing, and disabled actions wait for nothing.
            waits = set() if action.disabled else set(action.dependencies)
            above = [target for target in waits if target in self._spans]
            self._missing[action.target] = len(above)
            for target in above:
                self._below.setdefault(target, []).append(action.target)

    def make(self, slots: int) -> dict[Target, Span]:
        """Plan until no action is left that can end; ``slots`` is how many run at once."""
        for target, count in list(self._missing.items()):
            if self._spans[target].state == "DISABLED":
                self._release(target)
            elif count == 0:
                self._ready.append(target)
        step = 1
        while True:
            while self._running and self._running[0][0] <= step:
                slots += 1
                self._finish(heapq.heappop(self._running)[2], step)
            slots -= self._start(step, slots)
            if not self._running:
                break
            step += 1
        if not any(span.start is not None and span.end is None for span in self._spans.values()):
            self._skip_cycles(step)
        return self._spans

    def _plan(self, action: Action) -> Span:
        if action.disabled:
            return Span("DISABLED", end=0)
        for name, reason in self._course.failures.items():
            if action.is_called(name):
                return Span("FAILED", reason)
        return Span("SUCCEEDED")

    def _start(self, step: int, slots: int) -> int:
        """Start ready actions while slots are free; return how many were started."""
        for target in self._ready:
            span = self._spans[target]
            span.ready = step if span.ready is None else span.ready
        taken = min(slots, len(self._ready))
        for _ in range(taken):
            target = self._ready.popleft()
            span, action = self._spans[target], self._actions[target]
            span.start = step
            if not any(action.is_called(name) for name in self._course.endless):
                span.end = step + self._length(action)
                heapq.heappush(self._running, (span.end, self._number, target))
                self._number += 1
        return taken

    def _length(self, action: Action) -> int:
        lengths = self._course.lengths.items()
        return next((n for name, n in lengths if action.is_called(name)), self._course.steps)

    def _finish(self, target: Target, step: int) -> None:
        if self._spans[target].state == "FAILED":
            for skipped in _reach([target], self._below):
                span = self._spans[skipped]
                span.state, span.reason, span.end = "SKIPPED", "", step
        else:
            self._release(target)

    def _release(self, target: Target) -> None:
        """Make the actions ready that waited only for this one."""
        for other in self._below.get(target, ()):
            self._missing[other] -= 1
            if self._missing[other] == 0:
                self._ready.append(other)

    def _skip_cycles(self, step: int) -> None:
        """Skip the remaining actions: they wait for each other."""
        for span in self._spans.values():
            if span.end is None:
                span.state, span.reason, span.end = "SKIPPED", "", step
