"""Helpers for the tests of plans: actions and comparisons in few words."""

from __future__ import annotations

from typing import Any

from dataform_action.graph import GraphAction
from dataform_action.plan import Change, PlannedAction
from dataform_action.plans.comparison import Comparison, compare

PROJECT = "p"


def full(name: str) -> str:
    """Return the full name of an action; the default dataset is ``d``."""
    return f"{PROJECT}.{name}" if "." in name else f"{PROJECT}.d.{name}"


def action(short: str, /, *reads: str, kind: str = "table", **fields: Any) -> GraphAction:  # noqa: ANN401
    """Return an action that selects from some others."""
    sources = ", ".join(f"`{full(read)}`" for read in reads)
    query = f"select * from {sources}" if reads else "select 1"
    texts: dict[str, Any] = {"query": query}
    if kind == "operation":
        texts = {"queries": (f"call work({sources})",)}
    values: dict[str, Any] = {
        "name": full(short),
        "key": full(short),
        "kind": kind,
        "file": f"definitions/{short}.sqlx",
        "dependencies": tuple(map(full, reads)),
        **texts,
        **fields,
    }
    return GraphAction(**values)


def changes(comparison: Comparison) -> dict[str, str]:
    """Return the short names of the actions that differ, each with its change."""
    return {
        planned.name.removeprefix(f"{PROJECT}.d."): planned.change.value
        for planned in comparison.actions
    }


def only(comparison: Comparison, change: Change | None = None) -> PlannedAction:
    """Return the only action that differs."""
    (planned,) = comparison.actions
    assert change is None or planned.change is change
    return planned


def compare_one(base: GraphAction, head: GraphAction) -> PlannedAction | None:
    """Compare two versions of one action; None if they do not differ."""
    found = compare([base], [head]).actions
    return found[0] if found else None
