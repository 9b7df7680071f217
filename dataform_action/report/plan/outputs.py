"""The outputs of a plan."""

from __future__ import annotations

import json

from dataform_action.plan import Change, Plan, PlannedAction, PlanStatus, Verdict
from dataform_action.report.outputs import names_that_fit
from dataform_action.report.words import Note


def render_outputs(plan: Plan) -> dict[str, str]:
    """Return the outputs by their names.

    What is not known is omitted: an empty list or a zero would be wrong. ``bytes-scanned`` is a
    lower bound.
    """
    outputs = {"status": plan.status.value}
    for name, actions in _lists(plan).items():
        outputs[f"{name}-actions"] = json.dumps(names_that_fit(it.name for it in actions))
        outputs[f"{name}-actions-count"] = str(len(actions))
    if _is_compared(plan):
        outputs["has-changes"] = str(plan.has_changes).lower()
    scanned = plan.scan.bytes
    if _is_checked(plan) and scanned is not None:
        outputs["bytes-scanned"] = str(scanned)
    return outputs


def notes_on_outputs(plan: Plan) -> tuple[Note, ...]:
    """Return a warning for each list that is not complete."""
    notes = []
    for name, actions in _lists(plan).items():
        listed = len(names_that_fit(it.name for it in actions))
        if listed < len(actions):
            text = (
                f"The output {name}-actions has {listed:,} of {len(actions):,} names, so that it "
                "fits into an environment variable. "
                f"The output {name}-actions-count has the number."
            )
            notes.append(Note(title="Dataform: an output was shortened", text=text))
    return tuple(notes)


def _lists(plan: Plan) -> dict[str, tuple[PlannedAction, ...]]:
    """Return the actions of each list. Removed actions cannot run, so they are in none."""
    lists = {}
    if _is_compared(plan):
        lists["changed"] = plan.by_change(Change.ADDED, Change.CHANGED)
        lists["affected"] = plan.by_change(Change.AFFECTED)
    if _is_checked(plan):
        lists["invalid"] = plan.by_verdict(Verdict.INVALID)
    return lists


def _is_compared(plan: Plan) -> bool:
    return plan.status not in (PlanStatus.COMPILE_ERRORS, PlanStatus.NOT_COMPARABLE)


def _is_checked(plan: Plan) -> bool:
    return plan.request.validate and _is_compared(plan)
