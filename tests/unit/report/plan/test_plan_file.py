"""The plan as JSON: it follows its schema, and nothing is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from dataform_action.plan import Column, ColumnChange, Plan, PlannedAction
from dataform_action.report.plan.plan_file import VERSION, render_plan_file
from tests.support.plans import breaking, hostile, make_plan, planned, plans
from tests.support.runner import hostile_texts

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[4] / "docs" / "plan-file.schema.json").read_text("utf-8")
)


def read(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(render_plan_file(plan)))
    return found


def closed(schema: object) -> object:
    """Return the schema without room for fields that it does not describe."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts: dict[str, object] = {key: closed(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "required" in schema:
        parts["additionalProperties"] = False
    return parts


def test_the_schema_is_a_schema() -> None:
    """The schema is valid, requires all that it describes, and describes the version."""
    Draft7Validator.check_schema(SCHEMA)
    for part in (SCHEMA, *SCHEMA["definitions"].values()):
        if "required" in part:
            assert sorted(part["required"]) == sorted(part["properties"])
    assert SCHEMA["properties"]["version"]["const"] == VERSION


@pytest.mark.parametrize("name", sorted(plans()))
def test_plans_follow_the_schema(name: str) -> None:
    """Every plan follows the schema, without a field that the schema does not describe."""
    Draft7Validator(closed(SCHEMA)).validate(read(plans()[name]))


@pytest.mark.parametrize("name", sorted(plans()))
def test_the_parts_are_one_document(name: str) -> None:
    """No part has more than one action, and together they are JSON with one field in a line."""
    plan = plans()[name]
    found = list(render_plan_file(plan))
    assert "".join(found) == json.dumps(read(plan), indent=1) + "\n"
    assert max(part.count('"full_refresh"') for part in found) <= 1


@given(hostile_texts())
def test_any_text_is_kept(text: str) -> None:
    """A text of a service is in the file as it is."""
    # It comes from JSON, in which two halves of a character are the character.
    text = json.loads(json.dumps(text))
    found = read(hostile(text))
    assert found["actions"][0]["diff"] == hostile(text).actions[0].diff
    assert found["notes"] == [text]
    assert found["actions"][1]["check"]["causes"][1] == {"name": text, "column": None}


def test_every_field_of_an_action_is_in_the_file() -> None:
    """A field of the plan that is missing in the file would be lost."""
    fields = set(PlannedAction.__dataclass_fields__) - {"action", "base"}
    assert fields <= set(read(breaking())["actions"][0])


def test_values() -> None:
    """Names, counts and sizes are those of the plan; what is not known is null."""
    found = read(breaking())
    assert found["version"] == 1
    assert found["status"] == "invalid"
    assert found["counts"] == {
        "added": 1,
        "changed": 2,
        "removed": 1,
        "affected": 12,
        "metadata": 1,
        "accepted": 13,
        "invalid": 1,
        "not_checked": 1,
    }
    assert found["scan"] == {"bytes": 282930970624, "at_least": True}
    removed = next(action for action in found["actions"] if action["change"] == "removed")
    assert (removed["check"], removed["before"], removed["columns"]) == (None, None, None)


def test_values_of_an_action() -> None:
    """An action has all that the plan knows of it."""
    drift = (ColumnChange("region_code", "", "STRING"),)
    action = planned("a.b", before=1, after=2, at_least=True, columns=drift, drift=drift)
    [found] = read(make_plan(replace(action, schema=(Column("id", "INT64"),))))["actions"]
    column = {"name": "region_code", "before": "", "after": "STRING"}
    assert found == {
        "name": "my-project.a.b",
        "key": "my-project.a.b",
        "type": "table",
        "file": "definitions/a/b.sqlx",
        "tags": [],
        "disabled": False,
        "change": "changed",
        "aspects": ["SQL"],
        "through": [],
        "diff": "",
        "full_refresh": "",
        "check": {"verdict": "accepted", "message": "", "line": None, "column": None, "causes": []},
        "columns": [column],
        "schema": [{"name": "id", "type": "INT64"}],
        "before": {"bytes": 2**30, "at_least": False},
        "after": {"bytes": 2**31, "at_least": True},
        "drift": [column],
    }
