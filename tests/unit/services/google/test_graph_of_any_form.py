"""Google Cloud Dataform: no change of a compiled action is lost, whatever form its fields have."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from dataform_action.plan import Change
from dataform_action.plans.comparison import compare
from dataform_action.services.google import fields
from dataform_action.services.google.graph_parser import parse_graph_actions
from tests.unit.services.google.support import target

_TABLE = target("t")
_EACH_RUN = {
    "incrementalSelectQuery": "SELECT 2 AS a",
    "refreshDisabled": True,
    "uniqueKeyParts": ["a"],
    "updatePartitionFilter": "x > 1",
    "incrementalPreOperations": ["SET x = 1"],
    "incrementalPostOperations": ["DELETE y"],
}
_KINDS: dict[str, dict[str, Any]] = {
    "relation": {
        "relationType": "INCREMENTAL_TABLE",
        "disabled": True,
        "selectQuery": "SELECT 1 AS a",
        "preOperations": ["DECLARE x INT64"],
        "postOperations": ["GRANT x"],
        "incrementalTableConfig": _EACH_RUN,
        "partitionExpression": "DATE(a)",
        "clusterExpressions": ["a", "b"],
        "partitionExpirationDays": 3,
        "requirePartitionFilter": True,
        "additionalOptions": {"k": "v"},
    },
    "operations": {"queries": ["SELECT 1", "SELECT 2"], "hasOutput": True},
    "assertion": {"selectQuery": "SELECT 1"},
    "notebook": {"contents": "{}"},
    "dataPreparation": {"contentsYaml": "a: b", "contentsSql": {"query": "SELECT 1"}},
    "bigqueryUnitTest": {"testQuery": "SELECT 1", "expectedOutputQuery": "SELECT 2"},
    "newKind": {"query": ["SELECT 1"]},
}
#: Two values of each form that JSON has.
_FORMS: dict[str, tuple[Any, Any]] = {
    "text": ("x", "y"),
    "number": (5, 6),
    "texts": (["x"], ["y"]),
    "numbers": ([5], [6]),
    "object": ({"q": "x"}, {"q": "y"}),
    "objects": ([{"q": "x"}], [{"q": "y"}]),
    "lists": ([["x"]], [["y"]]),
    "something": ("x", None),
}


def places(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401
    """Yield the path of each value in JSON."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], *path, key)


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:  # noqa: ANN401
    """Return JSON with another value at a path."""
    result = deepcopy(value)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return result


def differs(*compiled: dict[str, Any]) -> bool:
    """Return whether a plan says that an action changes between two compilations."""
    base, head = (
        parse_graph_actions(
            {"compilationResultActions": [{"target": _TABLE, "canonicalTarget": _TABLE, **it}]}, ""
        )
        for it in compiled
    )
    edits = (Change.CHANGED, Change.ADDED, Change.REMOVED)
    return any(it.change in edits for it in compare(base, head).actions)


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("kind", _KINDS)
def test_each_value_decides(kind: str, form: str) -> None:
    """Another value is a change at each place of what is built, in the form of today or another."""
    compiled = {kind: _KINDS[kind]}
    assert not differs(compiled, compiled)
    unseen = [
        path
        for path in places(compiled)
        if not differs(*(replaced(compiled, path, value) for value in _FORMS[form]))
    ]
    assert unseen == []


def test_actions_are_requested_whole() -> None:
    """A list of fields would hide a kind of action that is newer than this package."""
    assert fields.GRAPH_ACTIONS == "nextPageToken,compilationResultActions"
