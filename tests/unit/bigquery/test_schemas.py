"""Schemas of the API as types in GoogleSQL."""

from __future__ import annotations

from typing import Any

import pytest

from dataform_action.bigquery.schemas import parse_columns


def field(type_: str, mode: str = "NULLABLE", **more: object) -> dict[str, Any]:
    return {"name": "x", "type": type_, "mode": mode, **more}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (field("INTEGER"), "INT64"),
        (field("INT64"), "INT64"),
        (field("FLOAT"), "FLOAT64"),
        (field("BOOLEAN", "REQUIRED"), "BOOL"),
        (field("NUMERIC", precision="10", scale="2"), "NUMERIC"),
        (field("STRING", "REPEATED"), "ARRAY<STRING>"),
        (field("RANGE", rangeElementType={"type": "DATE"}), "RANGE<DATE>"),
        (field("RANGE"), "RANGE<UNKNOWN>"),
        (field("NEWTYPE"), "NEWTYPE"),
        (field("INT64>, x"), "UNKNOWN"),
        ({"name": "x"}, "UNKNOWN"),
        (
            field(
                "RECORD",
                "REPEATED",
                fields=[
                    {"name": "sku", "type": "STRING"},
                    {"name": "a`b\\\n", "type": "RECORD", "fields": [field("DATE", "REPEATED")]},
                ],
            ),
            "ARRAY<STRUCT<sku STRING, `a\\`b\\\\\\n` STRUCT<x ARRAY<DATE>>>>",
        ),
    ],
)
def test_types(fields: dict[str, Any], text: str) -> None:
    """A type is written as in GoogleSQL, without parameters."""
    assert parse_columns({"fields": [fields]}) == (("x", text),)


def test_schemas_that_are_no_schemas() -> None:
    """What is not a list of fields has no columns; a very deep one ends."""
    assert parse_columns(None) == ()
    assert parse_columns({"fields": "x"}) == ()
    assert parse_columns({"fields": ["x"]}) == ()
    deep: dict[str, Any] = field("STRING")
    for _ in range(50):
        deep = field("RECORD", fields=[deep])
    assert parse_columns({"fields": [deep]})[0].type.count("STRUCT") == 20 - 1 + 1
