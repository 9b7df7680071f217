"""What became of a run's actions, and why: analysed once, for all renderers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter

from dataform_action.model import Action, ActionState

#: Without a cycle two rounds are enough; the limit bounds the time for responses that hold one.
_MOST_ROUNDS = 20
#: In this order: what went wrong first.
_STATES = (
    ActionState.FAILED,
    ActionState.CANCELLED,
    ActionState.SKIPPED,
    ActionState.RUNNING,
    ActionState.PENDING,
    ActionState.SUCCEEDED,
    ActionState.DISABLED,
)

#: Names of actions by the name of another.
Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What became of the actions of a run.

    ``actions`` are all of them, in the service's order. ``slowest_first`` has those that failed,
    then the slowest, then those that did not run; ``failed`` has those that blocked the most,
    then the others, by name. ``blocked`` maps each failed action to the skipped ones that depend
    on it at any remove, and ``blockers`` is the inverse; all names are sorted. ``counts`` has the
    states that there are, what went wrong first. ``critical_path`` is the chain of dependent
    actions that the run's length came from, first to last; it is empty where no dependency is
    known.
    """

    actions: tuple[Action, ...]
    slowest_first: tuple[Action, ...]
    failed: tuple[Action, ...]
    blocked: Names
    blockers: Names
    counts: Mapping[ActionState, int]
    critical_path: tuple[Action, ...]


def analyse(actions: tuple[Action, ...]) -> Analysis:
    """Return what became of the actions of a run."""
    known = any(action.dependencies for action in actions)
    path = find_critical_path(actions) if known else ()
    return _arrange(actions, find_blocked(actions), path)


def renamed(analysis: Analysis, rename: Callable[[str], str]) -> Analysis:
    """Return an analysis in which the actions have other names, sorted by these."""

    def new(action: Action) -> Action:
        return replace(action, name=rename(action.name))

    blocked = {
        rename(name): tuple(sorted(map(rename, names))) for name, names in analysis.blocked.items()
    }
    actions, path = map(new, analysis.actions), map(new, analysis.critical_path)
    return _arrange(tuple(actions), dict(sorted(blocked.items())), tuple(path))


def _arrange(actions: tuple[Action, ...], blocked: Names, path: tuple[Action, ...]) -> Analysis:
    blockers: dict[str, list[str]] = {}
    for failed, names in blocked.items():
        for name in names:
            blockers.setdefault(name, []).append(failed)
    counts = Counter(action.state for action in actions)
    return Analysis(
        actions=actions,
        slowest_first=tuple(sorted(actions, key=_slowness)),
        failed=tuple(
            sorted(_failed(actions), key=lambda action: (-len(blocked[action.name]), action.name))
        ),
        blocked=blocked,
        blockers={name: tuple(names) for name, names in blockers.items()},
        counts={state: counts[state] for state in _STATES if counts[state]},
        critical_path=path,
    )


def _failed(actions: tuple[Action, ...]) -> list[Action]:
    return [action for action in actions if action.state is ActionState.FAILED]


def _slowness(action: Action) -> tuple[bool, float, int, str]:
    seconds = -1.0 if action.seconds is None else action.seconds
    failed = action.state is ActionState.FAILED
    return not failed, -seconds, _STATES.index(action.state), action.name


def find_blocked(actions: tuple[Action, ...]) -> dict[str, tuple[str, ...]]:
    """Return, for each failed action, the skipped ones that depend on it at any remove.

    Failed actions that block nothing have an empty tuple; all names are sorted.
    """
    failed = sorted(action.name for action in _failed(actions))
    skipped = {
        action.name: action.dependencies
        for action in actions
        if action.state is ActionState.SKIPPED
    }
    #: A bit for each failed action that an action depends on.
    causes = {name: 1 << place for place, name in enumerate(failed)}
    order, known = _in_order(skipped), -1
    for _ in range(_MOST_ROUNDS):
        if known == (known := sum(map(int.bit_count, causes.values()))):
            break
        for name in order:
            for dependency in skipped[name]:
                causes[name] = causes.get(name, 0) | causes.get(dependency, 0)
    blocked: dict[str, list[str]] = {name: [] for name in failed}
    for name in sorted(skipped):
        bits = causes.get(name, 0)
        while bits:
            place = bits.bit_length() - 1
            blocked[failed[place]].append(name)
            bits ^= 1 << place
    return {name: tuple(names) for name, names in blocked.items()}


def _in_order(dependencies: Names) -> list[str]:
    """Return the names, each after those that it depends on."""
    try:
        order = list(TopologicalSorter(dependencies).static_order())
    except CycleError:
        # Only a response that makes no sense has a circle.
        order = list(dependencies)
    return [name for name in order if name in dependencies]


def find_critical_path(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Return the chain of dependent actions that the run's length came from, first to last.

    It ends with the action that finished last. Before each action stands the one that
    finished last of those it depends on, be it through actions that did not run.
    """
    ran = {action.name: action for action in actions if _ran(action)}
    order = sorted(ran.values(), key=_moment, reverse=True)
    if not order:
        return ()
    latest = _latest_dependencies(order, actions)
    chain = [order[0]]
    seen = {order[0].name}
    # Only a response that makes no sense has a circle.
    while (name := latest.get(chain[-1].name)) is not None and name not in seen:
        seen.add(name)
        chain.append(ran[name])
    return tuple(reversed(chain))


def _latest_dependencies(order: list[Action], actions: tuple[Action, ...]) -> dict[str, str]:
    """Return, for each action, what finished last of what ran and it depends on.

    ``order`` is what ran, the last first. The first name to arrive at an action is its
    latest; through an action that ran itself, no name goes on.
    """
    dependents: dict[str, list[str]] = {}
    for action in actions:
        for dependency in action.dependencies:
            dependents.setdefault(dependency, []).append(action.name)
    ran = {action.name for action in order}
    latest: dict[str, str] = {}
    for action in order:
        waiting = [action.name]
        while waiting:
            for name in dependents.get(waiting.pop(), ()):
                if name not in latest:
                    latest[name] = action.name
                    if name not in ran:
                        waiting.append(name)
    return latest


def _ran(action: Action) -> bool:
    idle = (ActionState.SKIPPED, ActionState.DISABLED)
    return action.seconds is not None and action.state not in idle


def _moment(action: Action) -> tuple[datetime, str]:
    """Return when an action that ran was over; its name settles a tie."""
    assert action.finished is not None  # noqa: S101
    return action.finished, action.name
