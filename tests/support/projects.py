"""Small compiled projects, and the plan that changes one into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dataform_action.graph import CompiledGraph, GraphAction
from dataform_action.plan import Plan, PlanRequest
from dataform_action.plans.comparison import compare

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
    """Return the plan that changes ``base`` into ``head``, without checks.

    ``changes`` are fields of planned actions by their names ``dataset.name``.
    """
    fields = {full(name): more for name, more in (changes or {}).items()}
    actions = compare(base.actions, head.actions).actions
    return Plan(
        project_id=PROJECT,
        location="europe-west1",
        repository="warehouse",
        request=PlanRequest(head="head", base="base"),
        head="head",
        base="base",
        actions=tuple(replace(action, **fields.get(action.name, {})) for action in actions),
    )
