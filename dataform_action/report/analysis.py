"""The analysis of a run's actions: what failed, what that blocked, what took long. Pure.

The analysis is done once, and all renderers use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dataform_action.model import Action, ActionState
from dataform_action.report.critical_path import CriticalPath, find_critical_path, in_order

#: Without a cycle, two rounds are enough. With one, this limits the time.
_MOST_ROUNDS = 20
#: The states in the order of a report: problems first.
_STATES = (
    ActionState.FAILED,
    ActionState.CANCELLED,
    ActionState.SKIPPED,
    ActionState.RUNNING,
    ActionState.PENDING,
    ActionState.SUCCEEDED,
    ActionState.DISABLED,
)

#: For the name of each action, the names of others.
Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The outcome of a run's actions.

    ``actions`` has all actions, in the service's order. ``slowest_first`` has the failed ones
    first, then the others from the slowest to the fastest, then those that did not run.
    ``failed`` has the failed ones: those that blocked the most first, equal ones by name.

    ``blocked`` maps the name of each failed action to the names of the skipped actions that depend
    on it, directly or through other skipped actions. ``blockers`` is the inverse. All names are
    sorted. ``counts`` has the number of actions in each state that occurs, problems first.

    ``critical_path`` is None if no dependency is known, or if fewer than two actions ran.
    """

    actions: tuple[Action, ...]
    slowest_first: tuple[Action, ...]
    failed: tuple[Action, ...]
    blocked: Names
    blockers: Names
    counts: Mapping[ActionState, int]
    critical_path: CriticalPath | None


def analyse(actions: tuple[Action, ...]) -> Analysis:
    """Return the analysis of a run's actions."""
    blocked, blockers = find_blocked(actions)
    return _arrange(actions, blocked, blockers, find_critical_path(actions))


def renamed(analysis: Analysis, rename: Callable[[str], str]) -> Analysis:
    """Return the analysis with other names of actions, sorted by these names."""

    def new(actions: tuple[Action, ...]) -> tuple[Action, ...]:
        return tuple(replace(action, name=rename(action.name)) for action in actions)

    path = analysis.critical_path
    return _arrange(
        new(analysis.actions),
        _renamed_lists(analysis.blocked, rename),
        _renamed_lists(analysis.blockers, rename),
        None if path is None else replace(path, actions=new(path.actions)),
    )


def _renamed_lists(lists: Names, rename: Callable[[str], str]) -> Names:
    """Return lists with new names. Actions that share a list still share it."""
    known = {id(names): names for names in lists.values()}
    new = {key: tuple(sorted(map(rename, names))) for key, names in known.items()}
    return dict(sorted((rename(name), new[id(names)]) for name, names in lists.items()))


def _arrange(
    actions: tuple[Action, ...], blocked: Names, blockers: Names, path: CriticalPath | None
) -> Analysis:
    counts = Counter(action.state for action in actions)
    return Analysis(
        actions=actions,
        slowest_first=tuple(sorted(actions, key=_slowness)),
        failed=tuple(
            sorted(_failed(actions), key=lambda action: (-len(blocked[action.name]), action.name))
        ),
        blocked=blocked,
        blockers=blockers,
        counts={state: counts[state] for state in _STATES if counts[state]},
        critical_path=path,
    )


def _failed(actions: tuple[Action, ...]) -> list[Action]:
    return [action for action in actions if action.state is ActionState.FAILED]


def _slowness(action: Action) -> tuple[bool, float, int, str]:
    """Return the sort key of ``slowest_first``."""
    seconds = -1.0 if action.seconds is None else action.seconds
    failed = action.state is ActionState.FAILED
    return not failed, -seconds, _STATES.index(action.state), action.name


def find_blocked(actions: tuple[Action, ...]) -> tuple[Names, Names]:
    """Return the skipped actions that each failed action blocks, and the inverse.

    These depend on it, directly or through other skipped actions. A failed action that blocks
    nothing has an empty tuple. All names are sorted. Actions with equal lists share one tuple:
    half of a large project may block the other half.
    """
    failed = sorted(action.name for action in _failed(actions))
    skipped = {
        action.name: action.dependencies
        for action in actions
        if action.state is ActionState.SKIPPED
    }
    # The failed actions that an action depends on: one bit for each.
    causes = {name: 1 << place for place, name in enumerate(failed)}
    order, known = in_order(skipped), -1
    for _ in range(_MOST_ROUNDS):
        if known == (known := sum(map(int.bit_count, causes.values()))):
            break
        for name in order:
            for dependency in skipped[name]:
                causes[name] = causes.get(name, 0) | causes.get(dependency, 0)
    groups: dict[int, list[str]] = {}
    for name in sorted(skipped):
        if causes.get(name):
            groups.setdefault(causes[name], []).append(name)
    blockers = {}
    for bits, names in groups.items():
        shared = tuple(name for place, name in enumerate(failed) if bits >> place & 1)
        blockers.update(dict.fromkeys(names, shared))
    return _blocked_by(failed, groups), blockers


def _blocked_by(failed: list[str], groups: Mapping[int, list[str]]) -> Names:
    """Return the blocked actions of each failed one; ``groups`` has them by their causes."""
    known: dict[tuple[int, ...], tuple[str, ...]] = {}
    blocked = {}
    for place, name in enumerate(failed):
        key = tuple(bits for bits in groups if bits >> place & 1)
        if key not in known:
            known[key] = tuple(sorted(name for bits in key for name in groups[bits]))
        blocked[name] = known[key]
    return blocked
