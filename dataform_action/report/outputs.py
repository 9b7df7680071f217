"""The outputs that only the outcome of a step knows; ``action/observers`` sets the others."""

from __future__ import annotations

import json

from dataform_action.events import Subject
from dataform_action.report.analysis import Analysis
from dataform_action.report.outcome import StepOutcome


def render_outputs(
    outcome: StepOutcome, analysis: Analysis | None, subject: Subject | None
) -> dict[str, str]:
    """Return the outputs by their names.

    Where a service knows actions, the failed ones are a list whatever happened, so that a
    workflow can read it. Only without an analysis, or without the actions of a run that ended, is
    it left out: an empty list would be wrong.
    """
    outputs = {"status": outcome.status.value}
    if outcome.duration is not None:
        outputs["duration"] = str(int(outcome.duration))
    if outcome.compilation_result:
        outputs["compilation-result"] = outcome.compilation_result
    has_actions = subject is not None and subject.has_actions
    if analysis is None or outcome.has_unread_actions:
        return outputs
    if analysis.actions or has_actions:
        outputs["failed-actions"] = json.dumps(sorted(action.name for action in analysis.failed))
    return outputs
