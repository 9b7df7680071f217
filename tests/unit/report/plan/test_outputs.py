"""The outputs of a plan: what is known, and nothing else."""

from __future__ import annotations

import json

from dataform_action.report.outputs import LIST_LIMIT
from dataform_action.report.plan.outputs import notes_on_outputs, render_outputs
from tests.support.plans import (
    breaking,
    compile_errors,
    huge,
    make_plan,
    planned,
    typical,
    unchecked,
)


def test_outputs_of_a_plan() -> None:
    """Lists have the names in the warehouse, with their numbers."""
    outputs = render_outputs(breaking())
    assert json.loads(outputs["changed-actions"]) == [
        "my-project.marts.customer_ltv",
        "my-project.marts.orders",
        "my-project.staging.customers",
    ]
    assert json.loads(outputs["invalid-actions"]) == ["my-project.marts.revenue_by_region"]
    assert len(json.loads(outputs["affected-actions"])) == 12
    assert {name: text for name, text in outputs.items() if not text.startswith("[")} == {
        "status": "invalid",
        "has-changes": "true",
        "changed-actions-count": "3",
        "affected-actions-count": "12",
        "invalid-actions-count": "1",
        "bytes-scanned": "282930970624",
    }


def test_no_changes() -> None:
    """A plan without changes has empty lists, and scans nothing."""
    assert render_outputs(make_plan()) == {
        "status": "no_changes",
        "changed-actions": "[]",
        "changed-actions-count": "0",
        "affected-actions": "[]",
        "affected-actions-count": "0",
        "invalid-actions": "[]",
        "invalid-actions-count": "0",
        "has-changes": "false",
        "bytes-scanned": "0",
    }


def test_what_is_not_known_is_omitted() -> None:
    """Without a comparison, a check or a size, the output is absent rather than empty or zero."""
    assert render_outputs(make_plan(errors=compile_errors())) == {"status": "compile_errors"}
    not_comparable = render_outputs(make_plan(base_errors=compile_errors()))
    assert not_comparable == {"status": "not_comparable"}
    not_validated = render_outputs(unchecked(typical()))
    assert "changed-actions" in not_validated
    assert not {"invalid-actions", "invalid-actions-count", "bytes-scanned"} & set(not_validated)
    assert "bytes-scanned" not in render_outputs(make_plan(planned("a.b")))


def test_lists_are_bounded() -> None:
    """A list fits into an environment variable, its number is whole, and a warning says so."""
    plan = huge(3000)
    outputs = render_outputs(plan)
    assert LIST_LIMIT - 100 < len(outputs["changed-actions"]) <= LIST_LIMIT
    assert outputs["changed-actions-count"] == "3000"
    [note] = notes_on_outputs(plan)
    assert "of 3,000 names" in note.text
    assert notes_on_outputs(breaking()) == ()
