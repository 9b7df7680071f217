"""The outputs of the step that only its ending knows. Pure: data in, texts out."""

from __future__ import annotations

import json

from dataform_action.report.analysis import failed_actions
from dataform_action.report.outcome import Ending


def render_outputs(ending: Ending) -> dict[str, str]:
    """Return the outputs that only the ending knows; the run's own are written before."""
    outputs = {"status": ending.status.value}
    if ending.duration is not None:
        outputs["duration"] = str(int(ending.duration))
    if ending.compilation_result:
        outputs["compilation-result"] = ending.compilation_result
    if ending.actions:
        outputs["failed-actions"] = json.dumps(
            [action.name for action in failed_actions(ending.actions)]
        )
    return outputs
