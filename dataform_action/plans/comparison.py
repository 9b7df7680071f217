"""The comparison of two compilations: what differs, and what that affects. Pure.

Actions are the same if their names without suffixes and prefixes are (``GraphAction.key``). So an
action that is renamed is removed and added, and one that moves to another file is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dataform_action.graph import INCREMENTAL, GraphAction
from dataform_action.plan import Change, PlannedAction
from dataform_action.plans.aspects import (
    Part,
    changed_parts,
    full_refresh_reason,
    metadata_aspects,
    parts_of_new,
)
from dataform_action.plans.diffs import Differ
from dataform_action.plans.impact import find_impact

Key = tuple[str, int]


class Comparison(NamedTuple):
    """What differs between two compilations. For the fields, see ``Plan``."""

    actions: tuple[PlannedAction, ...]
    edges: tuple[tuple[str, str], ...]
    declarations_added: tuple[str, ...]
    declarations_removed: tuple[str, ...]


class _Pair(NamedTuple):
    """An action in both compilations; None is missing. ``parts`` are those that differ."""

    base: GraphAction | None
    head: GraphAction | None
    parts: tuple[tuple[Part, Part], ...] = ()

    @property
    def is_changed(self) -> bool:
        return self.base is None or self.head is None or bool(self.parts)


def compare(base: Iterable[GraphAction], head: Iterable[GraphAction]) -> Comparison:
    """Compare all actions of two compilations."""
    old, old_declarations = _split(base)
    new, new_declarations = _split(head)
    pairs = [_pair(old.get(key), action) for key, action in new.items()]
    pairs += [_Pair(action, None) for key, action in old.items() if key not in new]
    impact = find_impact(
        [pair[:2] for pair in pairs if pair.is_changed],
        [(pair.base, pair.head) for pair in pairs if pair.head is not None],
    )
    differ = Differ()
    planned = [_planned(pair, impact.through, differ) for pair in _in_order_of_diffs(pairs)]
    actions = sorted(filter(None, planned), key=lambda action: action.name)
    names = {action.name for action in actions}
    return Comparison(
        actions=tuple(actions),
        edges=tuple(edge for edge in impact.edges if names.issuperset(edge)),
        declarations_added=tuple(sorted(new_declarations - old_declarations)),
        declarations_removed=tuple(sorted(old_declarations - new_declarations)),
    )


def _split(actions: Iterable[GraphAction]) -> tuple[dict[Key, GraphAction], set[str]]:
    """Return the actions by key, and the names of the declarations.

    Keys are unique in a project. If they are not, none may get lost.
    """
    found: dict[Key, GraphAction] = {}
    declarations: set[str] = set()
    counts: Counter[str] = Counter()
    for action in actions:
        if action.is_declaration:
            declarations.add(action.name)
        else:
            found[action.key, counts[action.key]] = action
            counts[action.key] += 1
    return found, declarations


def _pair(base: GraphAction | None, head: GraphAction) -> _Pair:
    if base is None or base == head:
        return _Pair(base, head)
    return _Pair(base, head, changed_parts(base, head))


def _in_order_of_diffs(pairs: list[_Pair]) -> list[_Pair]:
    """Return changed actions first: if there are too many diffs, theirs are the useful ones."""
    return sorted(pairs, key=lambda pair: pair.base is None or pair.head is None)


def _planned(
    pair: _Pair, through: Mapping[str, tuple[str, ...]], differ: Differ
) -> PlannedAction | None:
    base, head, parts = pair
    if head is None:
        return None if base is None else PlannedAction(action=base, change=Change.REMOVED)
    if base is None:
        diff = differ.diff(parts_of_new(head))
        return PlannedAction(action=head, change=Change.ADDED, diff=diff)
    if parts:
        aspects = tuple(part.aspect for _, part in parts)
        is_incremental = head.kind == INCREMENTAL
        return PlannedAction(
            action=head,
            base=base,
            change=Change.CHANGED,
            aspects=aspects,
            diff=differ.diff(parts),
            full_refresh=full_refresh_reason(base, aspects) if is_incremental else "",
        )
    aspects = () if base == head else metadata_aspects(base, head)
    upstream = through.get(head.name, ())
    if not (upstream or aspects):
        return None
    change = Change.AFFECTED if upstream else Change.METADATA
    return PlannedAction(action=head, base=base, change=change, aspects=aspects, through=upstream)
