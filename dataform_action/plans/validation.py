"""Check the actions of a plan by dry runs, in the order of their dependencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

from dataform_action.clock import Clock, MonotonicClock, Retry
from dataform_action.events import (
    Noted,
    Observer,
    OutageEnded,
    OutageStarted,
    Update,
    Waiting,
)
from dataform_action.graph import CompiledGraph
from dataform_action.plan import Change, Plan, PlannedAction
from dataform_action.plans.checks.action import check_action
from dataform_action.plans.checks.baseline import Baseline, Behind, read_baseline
from dataform_action.plans.checks.finding import Finding, Project, unchecked
from dataform_action.plans.checks.gaps import unchecked_names
from dataform_action.plans.checks.queries import is_relation, queries_of
from dataform_action.plans.checks.references import spellings
from dataform_action.plans.checks.requests import Requests
from dataform_action.plans.order import work_in_order
from dataform_action.plans.ports import Warehouse
from dataform_action.text import count_of

#: How many dry runs are made at the same time.
MOST_REQUESTS = 8
#: The changes that are checked.
_CHECKED = (Change.ADDED, Change.CHANGED, Change.AFFECTED)
#: At most so many circles of tables are opened that read each other without ``ref``.
_MOST_CIRCLES = 100
#: The longest time without a line in the log, in seconds, while actions are checked.
_HEARTBEAT = 10.0


class _Task(NamedTuple):
    """A step of the check of an action: its baseline first, which needs no other action."""

    name: str
    is_baseline: bool


def validate(
    plan: Plan,
    head: CompiledGraph,
    base: CompiledGraph,
    warehouse: Warehouse,
    retry: Callable[[Observer], Retry],
    on_update: Observer,
    clock: Clock | None = None,
    on_wait: Callable[[], object] = lambda: None,
) -> Plan:
    """Return a plan with the checks of its added, changed and affected actions.

    The dry runs are made on several threads. ``retry`` makes a ``Retry`` for each of them, which
    sends its updates to the argument of ``retry``. ``on_update`` is called on this thread, and so
    is ``on_wait``, each second without a response. The result does not depend on the order of
    responses.

    Raises:
        Refused: no query can be checked.
        GaveUp, WaitTimeout, Unusable: raised by a ``Retry``. The plan has no checks then.
    """
    planned = {one.name: one for one in plan.actions if one.change in _CHECKED}
    if not planned:
        return plan
    validation = _Validation(plan, planned, head, base, warehouse)
    log = _Log(on_update, clock or MonotonicClock(), len(planned))
    work_in_order(
        validation.dependencies(),
        validation.work,
        make_context=retry,
        on_done=lambda task, found: log.done(validation.store(task, found)),
        on_update=log.forward,
        threads=MOST_REQUESTS,
        on_wait=on_wait,
    )
    log.end(validation.requests.dry_runs)
    checked = (validation.planned(one) for one in plan.actions)
    return replace(plan, actions=tuple(checked))


class _Log:
    """Sends a line now and then, and what several threads report only once."""

    def __init__(self, on_update: Observer, clock: Clock, total: int) -> None:
        self._on_update = on_update
        self._clock = clock
        self._total = total
        self._done = 0
        self._outages = 0
        self._next = clock.now() + _HEARTBEAT

    def done(self, is_checked: bool) -> None:
        self._done += is_checked
        if self._is_time():
            self._on_update(Noted(f"{self._done} of {self._total} actions checked"))

    def forward(self, update: Update) -> None:
        """Send an update of one thread. An outage ends when it has ended for all threads."""
        match update:
            case OutageStarted():
                self._outages += 1
                is_news = self._outages == 1
            case OutageEnded():
                self._outages -= 1
                is_news = self._outages == 0
            case Waiting():
                is_news = self._is_time()
            case _:
                is_news = True
        if is_news:
            self._on_update(update)

    def _is_time(self) -> bool:
        """Return whether there was no line for a while."""
        if self._clock.now() < self._next:
            return False
        self._next = self._clock.now() + _HEARTBEAT
        return True

    def end(self, dry_runs: int) -> None:
        checked = f"{count_of(self._total, 'action')} checked"
        self._on_update(Noted(f"{checked} with {count_of(dry_runs, 'dry run')}"))


class _Validation:
    """The work on one plan, and its results. Only one thread stores results."""

    def __init__(
        self,
        plan: Plan,
        planned: Mapping[str, PlannedAction],
        head: CompiledGraph,
        base: CompiledGraph,
        warehouse: Warehouse,
    ) -> None:
        self.requests = Requests(warehouse)
        self._planned = planned
        self._location = head.location or base.location
        actions = {action.name: action for action in head.actions}
        makers = (one for one in head.actions if is_relation(one) or one.has_output)
        self._project = Project(
            requests=self.requests,
            location=self._location,
            behind=Behind(actions, planned, self.requests, self._location),
            removed=tuple(
                sorted({one.name for one in plan.by_change(Change.REMOVED)} - actions.keys())
            ),
            tables=frozenset(name for name, one in planned.items() if is_relation(one.action)),
            built=frozenset(one for maker in makers for one in spellings(maker.name)),
        )
        self._upstreams = _upstreams_of(planned)
        self._baselines: dict[str, Baseline] = {}
        self._findings: dict[str, Finding] = {}

    def dependencies(self) -> dict[_Task, tuple[_Task, ...]]:
        """Return all tasks in their order, with the tasks that each of them needs."""
        tasks: dict[_Task, tuple[_Task, ...]] = {}
        for name, upstreams in self._upstreams.items():
            baseline = _Task(name, is_baseline=True)
            tasks[baseline] = ()
            needed = (_Task(upstream, is_baseline=False) for upstream in upstreams)
            tasks[_Task(name, is_baseline=False)] = (baseline, *needed)
        return tasks

    def work(self, task: _Task, retry: Retry) -> Baseline | Finding:
        """Do a task. Threads may call it."""
        planned = self._planned[task.name]
        if task.is_baseline:
            return read_baseline(planned, self.requests, self._location, retry)
        upstreams = {name: self._findings[name] for name in self._upstreams[task.name]}
        baseline = self._baselines[task.name]
        found = check_action(self._project, planned, baseline, upstreams, retry)
        # These names are read once, and not again for each action downstream.
        return found._replace(writes=unchecked_names(planned.action))

    def store(self, task: _Task, found: Baseline | Finding) -> bool:
        """Store the result of a task, and return whether its action is now checked."""
        if isinstance(found, Finding):
            self._findings[task.name] = found
            return True
        self._baselines[task.name] = found
        return False

    def planned(self, one: PlannedAction) -> PlannedAction:
        """Return an action of the plan with its check."""
        if one.name not in self._planned or one.change not in _CHECKED:
            return one
        if self._planned[one.name] is not one:
            return unchecked(one, "Another action has the same name.").planned
        finding = self._findings.get(one.name)
        return (finding or unchecked(one, "It depends on itself.")).planned


def _upstreams_of(planned: Mapping[str, PlannedAction]) -> dict[str, tuple[str, ...]]:
    """Return the planned actions that each one needs, in an order in which they can be checked.

    These are its dependencies, and what its SQL names without ``ref``, unless that is a cycle.
    """
    known = {spelling: name for name in sorted(planned) for spelling in spellings(name)}
    declared, named = {}, {}
    for name, one in sorted(planned.items()):
        queries = queries_of(one.action, exists=True)
        found = {other for query in queries for other in query.references.names(known)} - {name}
        declared[name] = planned.keys() & one.action.dependencies
        named[name] = found - declared[name]
    return _in_order(declared, named)


def _in_order(
    declared: Mapping[str, set[str]], named: Mapping[str, set[str]]
) -> dict[str, tuple[str, ...]]:
    """Return both kinds of edges without circles, in order: those in ``named`` may be left out."""
    edges = {name: upstreams | named[name] for name, upstreams in declared.items()}
    for _ in range(_MOST_CIRCLES):
        try:
            order = list(TopologicalSorter(edges).static_order())
            return {name: tuple(sorted(edges[name])) for name in order}
        except CycleError as error:
            # Each name in a circle is needed by the next one.
            for upstream, name in pairwise(error.args[1]):
                if upstream in named[name]:
                    edges[name].discard(upstream)
    return {name: tuple(sorted(upstreams)) for name, upstreams in declared.items()}
