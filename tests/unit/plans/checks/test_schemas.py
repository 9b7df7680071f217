"""Differences between columns, and the columns that settings name."""

from __future__ import annotations

from typing import Any

import pytest

from dataform_action.graph import GraphAction
from dataform_action.plan import ColumnChange
from dataform_action.plans.checks.schemas import differences, missing_key
from tests.support.warehouses import columns

S = "STRUCT<a INT64, b STRING>"


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("id INT64; name STRING", "name STRING; id INT64", []),
        ("id INT64", "ID INT64", []),
        ("id INT64", "id INT64; x DATE", [("x", "", "DATE")]),
        ("id INT64; x DATE", "id INT64", [("x", "DATE", "")]),
        ("x DATE", "X STRING", [("X", "DATE", "STRING")]),
        ("x STRING", "x ARRAY<STRING>", [("x", "STRING", "ARRAY<STRING>")]),
        ("id INT64", f"id INT64; s {S}", [("s", "", S)]),
        (f"s {S}", "s STRUCT<a INT64>", [("s.b", "STRING", "")]),
        (f"s ARRAY<{S}>", "s ARRAY<STRUCT<b DATE, a INT64>>", [("s.b", "STRING", "DATE")]),
        ("s STRUCT<>", "s STRUCT<a INT64>", [("s.a", "", "INT64")]),
        (f"s {S}", f"s ARRAY<{S}>", [("s", S, f"ARRAY<{S}>")]),
        (f"s {S}", "s STRING", [("s", S, "STRING")]),
        (
            "s STRUCT<a ARRAY<STRUCT<b INT64, `c, <d` DATE>>, e DATE>",
            "s STRUCT<a ARRAY<STRUCT<b INT64, `c, <d` TIME>>>",
            [("s.a.c, <d", "DATE", "TIME"), ("s.e", "DATE", "")],
        ),
        (
            "s STRUCT<a STRUCT<b INT64>>",
            "s STRUCT<x DATE>",
            [("s.a", "STRUCT<b INT64>", ""), ("s.x", "", "DATE")],
        ),
    ],
)
def test_differences(before: str, after: str, changes: list[tuple[str, str, str]]) -> None:
    """Columns and fields that were added, removed or retyped are found, each of them once."""
    assert differences(columns(before), columns(after)) == tuple(
        ColumnChange(*change) for change in changes
    )


def test_hostile_types() -> None:
    """A text that is not a type has no fields, and takes no time."""
    hostile = "STRUCT<" * 3000 + ">" * 10
    assert differences(columns(f"x {'STRUCT<,,<>>'}"), columns("x STRING"))[0].name == "x"
    assert differences(columns(f"x {hostile}"), columns(f"x {hostile}")) == ()


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"partition": "day"}, ("day", "partition expression day")),
        ({"partition": "`day`"}, ("day", "partition expression `day`")),
        ({"partition": "DATE(ts)"}, ("ts", "partition expression DATE(ts)")),
        ({"partition": "date ( ts , 'UTC')"}, ("ts", "partition expression date ( ts , 'UTC')")),
        (
            {"partition": "TIMESTAMP_TRUNC(ts, DAY)"},
            ("ts", "partition expression TIMESTAMP_TRUNC(ts, DAY)"),
        ),
        (
            {"partition": "DATETIME_TRUNC(ts, DAY)"},
            ("ts", "partition expression DATETIME_TRUNC(ts, DAY)"),
        ),
        (
            {"partition": "DATE_TRUNC(ts, MONTH)"},
            ("ts", "partition expression DATE_TRUNC(ts, MONTH)"),
        ),
        (
            {"partition": "RANGE_BUCKET(n, GENERATE_ARRAY(0, 9, 1))"},
            ("n", "partition expression RANGE_BUCKET(n, GENERATE_ARRAY(0, 9, 1))"),
        ),
        ({"partition": "DATE(Created_At)"}, ("", "")),
        ({"partition": "_PARTITIONDATE"}, ("", "")),
        ({"partition": "DATE(_PARTITIONTIME)"}, ("", "")),
        ({"partition": "some_function(day)"}, ("", "")),
        ({"partition": ""}, ("", "")),
        ({"clusters": ("id", "region")}, ("region", "clustering")),
        ({"unique_key": ("`key`",)}, ("key", "unique key")),
        ({"unique_key": ("ID", "CONCAT(a, b)")}, ("", "")),
    ],
)
def test_keys(settings: dict[str, Any], missing: tuple[str, str]) -> None:
    """A column in a known form of expression must be in the result; other forms are skipped."""
    action = GraphAction(name="p.d.t", key="p.d.t", kind="table", **settings)
    assert missing_key(action, columns("id INT64; created_at TIMESTAMP")) == missing
