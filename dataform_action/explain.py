"""What became of a run's actions, and why. Pure: data in, data out."""

from __future__ import annotations

from dataform_action.actions import Action, ActionState


def failed_actions(actions: tuple[Action, ...]) -> list[Action]:
    """Return the actions that failed, by name."""
    failed = (action for action in actions if action.state is ActionState.FAILED)
    return sorted(failed, key=lambda action: action.name)


def held_up_by(name: str, actions: tuple[Action, ...]) -> list[str]:
    """Return the skipped actions that depend on an action, directly or through others."""
    dependents: dict[str, list[str]] = {}
    skipped = {action.name for action in actions if action.state is ActionState.SKIPPED}
    for action in actions:
        for dependency in action.dependencies:
            dependents.setdefault(dependency, []).append(action.name)
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = skipped.intersection(dependents.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return sorted(found)


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
