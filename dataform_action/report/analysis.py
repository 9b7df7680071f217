"""What became of a run's actions, and why. Pure: data in, data out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from graphlib import CycleError, TopologicalSorter

from dataform_action.model import Action, ActionState

#: One round finds all that is held up, and another finds no more. Only an answer that makes
#: no sense has a circle, which takes more, and which gets no more time than this.
_MOST_ROUNDS = 20


def failed_actions(actions: tuple[Action, ...]) -> list[Action]:
    """Return the actions that failed, by name."""
    failed = (action for action in actions if action.state is ActionState.FAILED)
    return sorted(failed, key=lambda action: action.name)


def held_up(actions: tuple[Action, ...]) -> dict[str, list[str]]:
    """Return, for each failed action, the skipped ones that depend on it at any remove.

    Failed actions that hold nothing up have an empty list; all names are sorted.
    """
    failed = [action.name for action in failed_actions(actions)]
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
    held: dict[str, list[str]] = {name: [] for name in failed}
    for name in sorted(skipped):
        bits = causes.get(name, 0)
        while bits:
            place = bits.bit_length() - 1
            held[failed[place]].append(name)
            bits ^= 1 << place
    return held


def _in_order(dependencies: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the names, each after those that it depends on."""
    try:
        order = list(TopologicalSorter(dependencies).static_order())
    except CycleError:
        # Only an answer that makes no sense has a circle.
        order = list(dependencies)
    return [name for name in order if name in dependencies]


def critical_path(actions: tuple[Action, ...]) -> tuple[Action, ...]:
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
    # Only an answer that makes no sense has a circle.
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


def count_words(actions: tuple[Action, ...]) -> str:
    """Return the counts of the states, such as: Of 40 actions, 3 failed, 37 succeeded."""
    verbs = (
        (ActionState.FAILED, "failed", "failed"),
        (ActionState.SKIPPED, "was skipped", "were skipped"),
        (ActionState.CANCELLED, "was cancelled", "were cancelled"),
        (ActionState.SUCCEEDED, "succeeded", "succeeded"),
        (ActionState.DISABLED, "was disabled", "were disabled"),
    )
    counts = [
        (sum(action.state is state for action in actions), one, many) for state, one, many in verbs
    ]
    parts = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    total = "1 action" if len(actions) == 1 else f"{len(actions)} actions"
    return f"Of {total}, {', '.join(parts)}." if parts else ""
