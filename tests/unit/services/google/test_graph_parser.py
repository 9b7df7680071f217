"""Google Cloud Dataform: all that a compilation result says of its actions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataform_action.errors import InvalidResponse
from dataform_action.graph import GraphAction
from dataform_action.services.google.graph_parser import parse_graph_actions
from dataform_action.services.google.parse import parse_compiled_actions
from tests.unit.services.google.support import target

ORDERS, RAW = target("orders"), target("raw", "shop")


def parse(entry: dict[str, Any], prefix: str = "") -> GraphAction:
    (action,) = parse_graph_actions({"compilationResultActions": [entry]}, prefix)
    return action


def make(**fields: Any) -> GraphAction:  # noqa: ANN401
    name = "my-project.sales.orders"
    return GraphAction(**({"name": name, "key": name} | fields))


def test_an_incremental_table() -> None:
    """Each field of a relation has its place; what is unknown is a setting."""
    entry = {
        "target": target("orders", "sales_7"),
        "canonicalTarget": ORDERS,
        "filePath": "definitions/orders.sqlx",
        "internalMetadata": {"x": 1},
        "relation": {
            "relationType": "INCREMENTAL_TABLE",
            "selectQuery": "select 1",
            "preOperations": ["a"],
            "postOperations": ["b"],
            "dependencyTargets": [RAW, RAW],
            "tags": ["daily"],
            "disabled": True,
            "partitionExpression": "date(at)",
            "clusterExpressions": ["id"],
            "partitionExpirationDays": 7,
            "requirePartitionFilter": False,
            "additionalOptions": {"b": "2", "a": "1"},
            "brandNew": "x",
            "incrementalTableConfig": {
                "incrementalSelectQuery": "select 2",
                "refreshDisabled": True,
                "uniqueKeyParts": ["id"],
                "incrementalPreOperations": ["c"],
                "incrementalPostOperations": ["d"],
                "updatePartitionFilter": "at > 1",
            },
            "relationDescriptor": {
                "description": "Orders",
                "columns": [{"path": ["id"], "description": "é"}],
                "bigqueryLabels": {},
            },
        },
    }
    assert parse(entry, "warehouse") == make(
        name="my-project.sales_7.orders",
        kind="incremental table",
        file="warehouse/definitions/orders.sqlx",
        dependencies=("my-project.shop.raw",),
        tags=("daily",),
        disabled=True,
        query="select 1",
        incremental_query="select 2",
        pre_operations=("a",),
        post_operations=("b",),
        incremental_pre_operations=("c",),
        incremental_post_operations=("d",),
        partition="date(at)",
        clusters=("id",),
        unique_key=("id",),
        settings=(
            ("additionalOptions", '{"a": "1", "b": "2"}'),
            ("brandNew", '"x"'),
            ("incrementalTableConfig.refreshDisabled", "true"),
            ("incrementalTableConfig.updatePartitionFilter", '"at > 1"'),
            ("partitionExpirationDays", "7"),
        ),
        metadata=(
            ("relationDescriptor.columns", '[{"description": "é", "path": ["id"]}]'),
            ("relationDescriptor.description", '"Orders"'),
        ),
    )


@pytest.mark.parametrize(
    ("kind", "compiled", "expected"),
    [
        ("relation", {"relationType": "VIEW", "selectQuery": "x"}, {"kind": "view", "query": "x"}),
        ("relation", {}, {"kind": "relation"}),
        (
            "operations",
            {"queries": ["a", "b"], "hasOutput": True},
            {"kind": "operation", "queries": ("a", "b"), "has_output": True},
        ),
        (
            "assertion",
            {"selectQuery": "x", "parentAction": RAW},
            {
                "kind": "assertion",
                "query": "x",
                "metadata": (("parentAction", json.dumps(RAW, sort_keys=True)),),
            },
        ),
        ("notebook", {"contents": "{}"}, {"kind": "notebook", "queries": ("{}",)}),
        (
            "dataPreparation",
            {"contentsYaml": "a: 1", "contentsSql": {"query": "x"}},
            {
                "kind": "data preparation",
                "queries": ("a: 1", "x"),
                "settings": (("contentsSql", '{"query": "x"}'),),
            },
        ),
        (
            "bigqueryUnitTest",
            {"displayName": "t", "testQuery": "a", "expectedOutputQuery": "b"},
            {
                "kind": "unit test",
                "queries": ("a", "b"),
                "metadata": (("displayName", '"t"'),),
            },
        ),
        (
            "declaration",
            {"relationDescriptor": {"description": "d"}, "new": 1},
            {"kind": "declaration", "metadata": (("relationDescriptor.description", '"d"'),)},
        ),
        (
            "pipeline",
            {"steps": [1]},
            {"kind": "action", "settings": (("pipeline", '{"steps": [1]}'),)},
        ),
    ],
)
def test_kinds(kind: str, compiled: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each kind of action is read; one that is not known keeps all as settings."""
    assert parse({"target": ORDERS, kind: compiled}) == make(**expected)


def test_texts_of_another_type() -> None:
    """A field that has another type than today is a setting, so that a change of it is seen."""
    config = {"uniqueKeyParts": {"new": "form"}}
    relation = {
        "selectQuery": {"new": "form"},
        "parentAction": "x",
        "incrementalTableConfig": config,
    }
    entry = {"target": ORDERS, "relation": {**relation, "incrementalTableConfig": config}}
    action = parse(entry)
    assert action.query == ""
    assert action.settings == (
        ("incrementalTableConfig.uniqueKeyParts", '{"new": "form"}'),
        ("parentAction", '"x"'),
        ("selectQuery", '{"new": "form"}'),
    )


def test_a_field_that_two_objects_have() -> None:
    """The same name inside and beside the object is read twice, not compared."""
    entry = {"target": ORDERS, "relation": {"new": {"a": 1}}, "new": {"a": 2}}
    assert parse(entry).settings == (("new", '{"a": 1}'), ("new", '{"a": 2}'))


def test_it_agrees_with_the_parser_of_the_report() -> None:
    """What both parsers read is the same."""
    entry: dict[str, Any] = {
        "target": target("check"),
        "canonicalTarget": target("check", "c"),
        "filePath": "definitions/check.sqlx",
        "assertion": {"dependencyTargets": [ORDERS], "tags": ["t"], "disabled": True},
    }
    (known,) = parse_compiled_actions({"compilationResultActions": [entry]}, "w")
    action = parse(entry, "w")
    for name in ("name", "kind", "file", "dependencies", "tags", "disabled"):
        assert getattr(action, name) == getattr(known, name)
    assert action.key == known.canonical_name


def test_an_empty_entry() -> None:
    """An entry without anything is an action without a name."""
    assert parse({}) == GraphAction(name="", key="", kind="action")


def test_policy_tags_are_a_setting() -> None:
    """They decide who can read a column, so a change of them is more than another description."""

    def columns(*tags: str) -> dict[str, Any]:
        column = {"path": ["a"], "description": "x", "bigqueryPolicyTags": list(tags)}
        return {"target": ORDERS, "relation": {"relationDescriptor": {"columns": [column]}}}

    name = "relationDescriptor.columns.bigqueryPolicyTags"
    assert parse(columns("t")).settings == ((name, '[[["a"], ["t"]]]'),)
    assert parse(columns()).settings == ()
    broken = {"target": ORDERS, "relation": {"relationDescriptor": {"columns": [1]}}}
    assert parse(broken).settings == ()


@pytest.mark.parametrize("actions", [{"a": 1}, "x", [{"target": {}}, None], [[]]])
def test_actions_that_cannot_be_read(actions: object) -> None:
    """They are an error: without them, they would seem to be removed, or not to differ."""
    with pytest.raises(InvalidResponse, match="not a list of objects"):
        parse_graph_actions({"compilationResultActions": actions}, "")
