"""The outputs that only the outcome of a step knows; ``action/observers`` sets the others."""

from __future__ import annotations

import json

from dataform_action.events import Subject
from dataform_action.report.analysis import Analysis
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.words import Note

#: Linux starts no program with a variable of more than 128 KiB, and workflows hand outputs to
#: programs in variables.
FAILED_ACTIONS_LIMIT = 50_000


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
        outputs["failed-actions"] = json.dumps(_names_that_fit(analysis))
        outputs["failed-actions-count"] = str(len(analysis.failed))
    return outputs


def notes_on_outputs(analysis: Analysis) -> tuple[Note, ...]:
    """Return that the list of failed actions is not whole, if it is not."""
    count, listed = len(analysis.failed), len(_names_that_fit(analysis))
    if count == listed:
        return ()
    text = (
        f"The output failed-actions has {listed:,} of {count:,} names, to fit into a variable of "
        "the environment. Use failed-actions-count for their number."
    )
    return (Note(title="Dataform: an output was shortened", text=text),)


def _names_that_fit(analysis: Analysis) -> list[str]:
    """Return the names of failed actions, whole, for a list of limited length.

    Those that blocked the most go first into the list, which is sorted by name.
    """
    names = []
    left = FAILED_ACTIONS_LIMIT - len("[]")
    for action in analysis.failed:
        length = len(json.dumps(action.name)) + len(", ")
        if length <= left:
            left -= length
            names.append(action.name)
    return sorted(names)
