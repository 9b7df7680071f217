"""The outputs that are known at the end. ``action/observers`` sets the others earlier."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dataform_action.events import Subject
from dataform_action.report.analysis import Analysis
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.words import Note

#: Workflows pass outputs in environment variables. Linux does not start a program with a variable
#: of more than 128 KiB.
LIST_LIMIT = 50_000


def render_outputs(
    outcome: StepOutcome, analysis: Analysis | None, subject: Subject | None
) -> dict[str, str]:
    """Return the outputs by their names.

    If the service knows actions, ``failed-actions`` is always a list, so that a workflow can parse
    it. It is omitted if the analysis failed or the actions of the run could not be read, because
    an empty list would be wrong then. Costs are omitted unless they are complete.
    """
    outputs = {"status": outcome.status.value}
    if outcome.duration is not None:
        outputs["duration"] = str(int(outcome.duration))
    if outcome.attempts:
        outputs["attempts"] = str(len(outcome.attempts))
    if outcome.compilation_result:
        outputs["compilation-result"] = outcome.compilation_result
    if outcome.costs is not None and outcome.costs.is_complete:
        outputs["bytes-billed"] = str(outcome.costs.bytes_billed)
        outputs["slot-seconds"] = str(int(outcome.costs.slot_seconds))
    has_actions = subject is not None and subject.has_actions
    if analysis is None or outcome.has_unread_actions:
        return outputs
    if analysis.actions or has_actions:
        outputs["failed-actions"] = json.dumps(_names_that_fit(analysis))
        outputs["failed-actions-count"] = str(len(analysis.failed))
    return outputs


def notes_on_outputs(analysis: Analysis) -> tuple[Note, ...]:
    """Return a warning if the list of failed actions is not complete."""
    count, listed = len(analysis.failed), len(_names_that_fit(analysis))
    if count == listed:
        return ()
    text = (
        f"The output failed-actions has {listed:,} of {count:,} names, so that it fits into an "
        "environment variable. The output failed-actions-count has the number."
    )
    return (Note(title="Dataform: an output was shortened", text=text),)


def _names_that_fit(analysis: Analysis) -> list[str]:
    """Return the names of failed actions. If not all fit, those that blocked the most are kept."""
    return names_that_fit(action.name for action in analysis.failed)


def names_that_fit(names: Iterable[str]) -> list[str]:
    """Return names for a JSON list of limited length, sorted.

    If not all names fit, the first ones are kept. No name is cut.
    """
    kept = []
    left = LIST_LIMIT - len("[]")
    for name in names:
        length = len(json.dumps(name)) + len(", ")
        if length <= left:
            left -= length
            kept.append(name)
    return sorted(kept)
