"""Which actions are affected by changes upstream. Pure.

Data flows along a dependency if the SQL of the downstream action names the upstream one. Other
dependencies only order actions, for example after an assertion. There are two exceptions. What an
operation, a notebook or a data preparation reads is not always in its text, so these follow each
dependency but those on assertions. What an operation without output writes has no name to look for,
so each dependency on it is followed.

A full name that is quoted as ``ref`` writes it counts as a dependency: it is one without ``ref``.
So does the full name of a wildcard table, for each table that it covers.

A disabled action is not built. So it changes nothing, unless it was enabled before, and it is not
affected, unless it is a view: a view is computed when it is read.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import NamedTuple

from dataform_action.graph import GraphAction
from dataform_action.plans.sql import Text

#: The kinds whose texts do not tell all that they read.
_OPAQUE = frozenset({"operation", "notebook", "data preparation"})
_QUOTED = re.compile(r"`([^`\s]++)`")


class Impact(NamedTuple):
    """The effect of changes.

    ``through`` has the names of the affected actions, each with the names of the upstream actions
    by which it is affected. ``edges`` are the dependencies by which data flows between changed and
    affected actions: pairs of names, the upstream first.
    """

    through: Mapping[str, tuple[str, ...]]
    edges: tuple[tuple[str, str], ...]


def find_impact(
    changed: Iterable[tuple[GraphAction | None, GraphAction | None]],
    actions: Iterable[tuple[GraphAction | None, GraphAction]],
) -> Impact:
    """Return the impact of changes.

    ``changed`` are the added, changed and removed actions, and ``actions`` all actions of the head:
    pairs of the action in the base and in the head. None is missing.
    """
    causes = _causes(changed)
    dependents = _Dependents(actions)
    known = {action.name: action for _, action in actions}
    texts = _Texts()
    through: dict[str, list[str]] = {}
    edges: list[tuple[str, str]] = []
    waiting = deque(causes.values())
    reached = set(causes)
    while waiting:
        upstream = waiting.popleft()
        for name in dependents.of(upstream.name):
            action = known[name]
            if name == upstream.name or not _is_live(action):
                continue
            if not _flows(upstream, action, texts):
                continue
            edges.append((upstream.name, name))
            through.setdefault(name, []).append(upstream.name)
            if name not in reached:
                reached.add(name)
                waiting.append(action)
    affected = {name: tuple(names_) for name, names_ in through.items() if name not in causes}
    return Impact(affected, tuple(edges))


def _causes(
    changed: Iterable[tuple[GraphAction | None, GraphAction | None]],
) -> dict[str, GraphAction]:
    """Return the changed actions by name, without those that were not built and will not be."""
    causes: dict[str, GraphAction] = {}
    for base, head in changed:
        versions = [version for version in (base, head) if version is not None]
        if not all(version.disabled for version in versions):
            # A renamed table is missing under its old name.
            causes.update((version.name, version) for version in versions)
    return causes


class _Dependents:
    """The names of the downstream actions of each name, by head, base and full names."""

    def __init__(self, actions: Iterable[tuple[GraphAction | None, GraphAction]]) -> None:
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        #: By the start of the names of a wildcard table.
        self._wildcards: defaultdict[str, list[str]] = defaultdict(list)
        for base, head in actions:
            # An unchanged text may still name an action that is no longer a dependency.
            old = () if base is None else base.dependencies
            quoted = (name for text in _texts(head) for name in _QUOTED.findall(text))
            # A name without its project may be of another table.
            named = (name for name in quoted if name.count(".") > 1)
            for name in dict.fromkeys((*head.dependencies, *old, *named)):
                self._names[name].append(head.name)
                if name.endswith("*"):
                    self._wildcards[name[:-1]].append(head.name)

    def of(self, name: str) -> Iterable[str]:
        """Return the names of the actions downstream of an action, each once."""
        covering = (names for start, names in self._wildcards.items() if name.startswith(start))
        return dict.fromkeys(chain(self._names.get(name, ()), *covering))


def _is_live(action: GraphAction) -> bool:
    return not action.disabled or action.kind == "view"


class _Texts:
    """The texts of actions."""

    def __init__(self) -> None:
        self._known: dict[str, Text] = {}

    def names(self, downstream: GraphAction, upstream: GraphAction) -> bool:
        """Return whether one of the texts of an action names another action."""
        text = self._known.get(downstream.name)
        if text is None:
            text = self._known[downstream.name] = Text("\n".join(_texts(downstream)))
        return text.names(upstream.name)


def _texts(action: GraphAction) -> tuple[str, ...]:
    return (
        action.query,
        action.incremental_query,
        *action.queries,
        *action.pre_operations,
        *action.post_operations,
        *action.incremental_pre_operations,
        *action.incremental_post_operations,
    )


def _flows(upstream: GraphAction, downstream: GraphAction, texts: _Texts) -> bool:
    """Return whether data flows along a dependency."""
    if upstream.kind != "assertion":
        if downstream.kind in _OPAQUE:
            return True
        if upstream.kind == "operation" and not upstream.has_output:
            return True
    return texts.names(downstream, upstream)
