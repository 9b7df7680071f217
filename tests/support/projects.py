"""Small compiled projects, and the plan that changes one into another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dataform_action.graph import CompiledGraph, GraphAction
from dataform_action.plan import Change, Plan, PlannedAction, PlanRequest

PROJECT = "my-project"


def full(name: str) -> str:
    """Return the full name of a table ``dataset.name``."""
    return f"{PROJECT}.{name}"


def ref(name: str) -> str:
    """Return a table as ``ref`` writes it into SQL."""
    return f"`{full(name)}`"


def node(name: str, query: str = "", *upstreams: str, **more: Any) -> GraphAction:  # noqa: ANN401
    """Return an action ``dataset.name``; ``{name}`` in its SQL is a reference to an upstream."""
    values: dict[str, Any] = {"kind": "table", **more}
    for field in ("query", "incremental_query"):
        text = query if field == "query" else values.get(field, "")
        for upstream in (*upstreams, name):
            text = text.replace(f"{{{upstream}}}", ref(upstream))
        values[field] = text
    return GraphAction(
        name=full(name), key=full(name), dependencies=tuple(map(full, upstreams)), **values
    )


def graph(*actions: GraphAction) -> CompiledGraph:
    """Return a compilation."""
    return CompiledGraph(location="EU", actions=actions)


def plan_of(
    base: CompiledGraph, head: CompiledGraph, changes: Mapping[str, Any] | None = None
) -> Plan:
    """Return the plan that changes ``base`` into ``head``. It compares actions as a whole.

    ``changes`` are fields of planned actions by their names ``dataset.name``.
    """
    before = {action.name: action for action in base.actions}
    after = {action.name: action for action in head.actions}
    found: dict[str, PlannedAction] = {}
    for name, action in after.items():
        if name not in before:
            found[name] = PlannedAction(action=action, change=Change.ADDED)
        elif action != before[name]:
            found[name] = PlannedAction(action=action, base=before[name], change=Change.CHANGED)
    removed = [
        PlannedAction(action=action, base=action, change=Change.REMOVED)
        for name, action in before.items()
        if name not in after
    ]
    for action in _downstream(head.actions, found):
        if action.name not in found:
            found[action.name] = PlannedAction(
                action=action, base=before[action.name], change=Change.AFFECTED
            )
    for name, more in (changes or {}).items():
        found[full(name)] = replace(found[full(name)], **more)
    return Plan(
        project_id=PROJECT,
        location="europe-west1",
        repository="warehouse",
        request=PlanRequest(head="head", base="base"),
        head="head",
        base="base",
        actions=(*found.values(), *removed),
    )


def _downstream(actions: Iterable[GraphAction], names: Iterable[str]) -> list[GraphAction]:
    reached, count = set(names), -1
    found: dict[str, GraphAction] = {}
    while count != len(reached):
        count = len(reached)
        for action in actions:
            if reached.intersection(action.dependencies):
                reached.add(action.name)
                found[action.name] = action
    return list(found.values())
