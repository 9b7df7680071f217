"""What differs between two versions of an action, and when a table needs a full refresh."""

from __future__ import annotations

from typing import Any

import pytest

from dataform_action.plan import Change
from tests.unit.plans.support import action, compare_one

INCREMENTAL = "incremental table"


@pytest.mark.parametrize(
    ("kind", "base", "head", "aspects"),
    [
        ("table", {"query": "select 1"}, {"query": "select 2"}, ("SQL",)),
        ("operation", {"queries": ("a", "b")}, {"queries": ("a b",)}, ("SQL",)),
        ("table", {}, {"pre_operations": ("set x = 1",)}, ("operations before",)),
        ("table", {"post_operations": ("a",)}, {"post_operations": ("b",)}, ("operations after",)),
        ("table", {}, {"partition": "date(at)"}, ("partitioning",)),
        ("table", {"clusters": ("a", "b")}, {"clusters": ("b", "a")}, ("clustering",)),
        (
            "table",
            {},
            {"settings": (("requirePartitionFilter", "true"),)},
            ("required partition filter",),
        ),
        ("table", {}, {"settings": (("partitionExpirationDays", "3"),)}, ("options",)),
        ("table", {}, {"disabled": True}, ("disabled",)),
        ("table", {"disabled": True}, {}, ("enabled",)),
        ("table", {}, {"name": "p.d2.x"}, ("name",)),
        ("operation", {}, {"has_output": True}, ("type",)),
        ("table", {}, {"kind": "view"}, ("type",)),
        (INCREMENTAL, {}, {"incremental_query": "select 2"}, ("incremental SQL",)),
        (INCREMENTAL, {}, {"unique_key": ("id",)}, ("unique key",)),
        (
            INCREMENTAL,
            {},
            {"incremental_pre_operations": ("a",)},
            ("incremental operations before",),
        ),
        (
            INCREMENTAL,
            {"incremental_post_operations": ("a",)},
            {"incremental_post_operations": ("b",)},
            ("incremental operations after",),
        ),
        (
            INCREMENTAL,
            {"pre_operations": ("a",)},
            {"incremental_pre_operations": ("a",)},
            ("operations before", "incremental operations before"),
        ),
        (
            INCREMENTAL,
            {"post_operations": ("a", "b"), "incremental_post_operations": ("c",)},
            {"post_operations": ("a",), "incremental_post_operations": ("b", "c")},
            ("operations after", "incremental operations after"),
        ),
        ("table", {}, {"query": "select 2", "partition": "a"}, ("SQL", "partitioning")),
        ("notebook", {"queries": ('{"a": "x  y"}',)}, {"queries": ('{"a": "x y"}',)}, ("SQL",)),
    ],
)
def test_what_is_changed(
    kind: str, base: dict[str, Any], head: dict[str, Any], aspects: tuple[str, ...]
) -> None:
    """Everything that decides what is built is a change, by its name."""
    planned = compare_one(action("x", kind=kind, **base), action("x", **({"kind": kind} | head)))
    assert planned is not None
    assert (planned.change, planned.aspects) == (Change.CHANGED, aspects)


@pytest.mark.parametrize(
    ("base", "head", "aspects"),
    [
        ({}, {"file": "other/x.sqlx"}, ("file",)),
        ({}, {"tags": ("daily",)}, ("tags",)),
        ({}, {"dependencies": ("p.d.gate",)}, ("dependencies",)),
        ({"metadata": (("relationDescriptor.description", '"a"'),)}, {}, ("description",)),
        ({"metadata": (("relationDescriptor.columns", "[]"),)}, {}, ("column metadata",)),
        ({"metadata": (("relationDescriptor.bigqueryLabels", "{}"),)}, {}, ("labels",)),
        ({"metadata": (("relationDescriptor.new", "1"),)}, {}, ("new",)),
        ({"query": "select 1"}, {"query": "select  1 -- one"}, ("comments or white space",)),
        ({"partition": "date(at)"}, {"partition": "date( at )"}, ("comments or white space",)),
        (
            {"pre_operations": ("-- none", "set x = 1")},
            {"pre_operations": ("set x = 1",)},
            ("comments or white space",),
        ),
    ],
)
def test_what_is_only_metadata(
    base: dict[str, Any], head: dict[str, Any], aspects: tuple[str, ...]
) -> None:
    """The file, tags, descriptions, the order, comments and white space are no change."""
    planned = compare_one(action("x", **base), action("x", **head))
    assert planned is not None
    assert (planned.change, planned.aspects, planned.diff) == (Change.METADATA, aspects, "")


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ({"tags": ("a", "b")}, {"tags": ("b", "a")}),
        ({"dependencies": ("a", "b")}, {"dependencies": ("b", "a")}),
        ({"query": "select 1\n, '''a\nb'''"}, {"query": "select 1\r\n, '''a\r\nb'''"}),
        ({"kind": "notebook", "queries": ("a\nb",)}, {"kind": "notebook", "queries": ("a\r\nb",)}),
    ],
)
def test_what_is_not_reported(base: dict[str, Any], head: dict[str, Any]) -> None:
    """The order of tags and dependencies, and the line ends of a checkout, are no difference."""
    assert compare_one(action("x", **base), action("x", **head)) is None


def test_a_new_type_is_one_aspect() -> None:
    """What only incremental tables have is not reported as well if the type changed."""
    base = action(
        "x", kind=INCREMENTAL, incremental_query="select 2", incremental_pre_operations=("a",)
    )
    planned = compare_one(base, action("x"))
    assert planned is not None
    assert planned.aspects == ("type",)


@pytest.mark.parametrize(
    ("base", "head", "reason"),
    [
        ({}, {"partition": "date(at)"}, "its partitioning changed"),
        ({}, {"clusters": ("a",)}, "its clustering changed"),
        ({}, {"unique_key": ("id",)}, "its unique key changed"),
        (
            {},
            {"partition": "a", "clusters": ("a",), "unique_key": ("id",)},
            "its partitioning, clustering and unique key changed",
        ),
        ({"kind": "table"}, {}, "its type changed"),
        ({"kind": "table"}, {"partition": "a"}, "its type changed"),
        ({"kind": "view"}, {"partition": "a"}, ""),
        ({"kind": "materialized view"}, {}, ""),
        ({"disabled": True}, {}, ""),
        ({}, {"query": "select 2"}, ""),
        ({}, {"kind": "table", "partition": "a"}, ""),
        ({}, {"name": "p.d2.x", "partition": "a"}, ""),
        (
            {"settings": (("incrementalTableConfig.refreshDisabled", "true"),)},
            {"settings": (("incrementalTableConfig.refreshDisabled", "true"),), "partition": "a"},
            "its partitioning changed, but it is protected from full refreshes",
        ),
    ],
)
def test_full_refresh(base: dict[str, Any], head: dict[str, Any], reason: str) -> None:
    """An incremental table needs one if the table that exists stays as it is, and is wrong."""
    old = action("x", **({"kind": INCREMENTAL} | base))
    planned = compare_one(old, action("x", **({"kind": INCREMENTAL} | head)))
    assert planned is not None
    assert planned.full_refresh == reason
