"""The outputs of the step that only its outcome knows. Pure: data in, texts out."""

from __future__ import annotations

import json

from dataform_action.report.analysis import failed_actions
from dataform_action.report.outcome import StepOutcome


def render_outputs(outcome: StepOutcome) -> dict[str, str]:
    """Return the outputs that only the outcome knows; the run's own are written before."""
    outputs = {"status": outcome.status.value}
    if outcome.duration is not None:
        outputs["duration"] = str(int(outcome.duration))
    if outcome.compilation_result:
        outputs["compilation-result"] = outcome.compilation_result
    if outcome.actions:
        outputs["failed-actions"] = json.dumps(
            [action.name for action in failed_actions(outcome.actions)]
        )
    return outputs
