"""Where an outcome goes: the outputs, the job summary, and the last lines of the log."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from dataform_action.events import Subject
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.redaction import redacted
from dataform_action.report.annotations import render_annotations
from dataform_action.report.log import render_actions, render_failures
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.outputs import render_outputs
from dataform_action.report.summary import render_summary


def publish(
    outcome: StepOutcome, subject: Subject | None, console: Console, files: FileCommands
) -> None:
    """Leave the outcome in the outputs, the job summary and the log.

    The subject is ``None`` where the inputs were bad. A defect in one of these is a warning,
    and takes neither the others nor the exit code.
    """
    # Before anything is cut: half a secret is found by nobody.
    outcome = redacted(outcome, console.redact)
    subject = redacted(subject, console.redact)
    with _guarded(console, "outputs"):
        outputs = render_outputs(outcome)
        if subject is not None and subject.has_actions:
            # Always a list, so that a workflow can read it whatever happened.
            outputs.setdefault("failed-actions", "[]")
        files.output(outputs)
    summary = subject is None or subject.summary
    if summary:
        with _guarded(console, "job summary"):
            room = files.summary_room()
            files.summary(render_summary(outcome, subject, room))
    with _guarded(console, "log's list of what failed"):
        _tell_actions(outcome, console, "the job summary" if summary else "the log")
    words = outcome.message + (f"\n{outcome.hint}" if outcome.hint else "")
    if outcome.exit_code is ExitCode.SUCCESS:
        console.line(words)
    else:
        console.error(words, outcome.title)


@contextmanager
def _guarded(console: Console, part: str) -> Iterator[None]:
    """Make a defect in a part of the report a warning."""
    try:
        yield
    except Exception as error:
        lines = "".join(traceback.format_exception(error)).splitlines()
        console.group("Traceback", lines)
        console.warning(
            f"The {part} could not be made: {type(error).__name__}: {error}. The result of the "
            "step is not touched by that. Please report it with the lines above.",
            "Dataform: a defect of this action",
        )


def _tell_actions(outcome: StepOutcome, console: Console, elsewhere: str) -> None:
    """Print what failed and why, so that it stands at the end of the log."""
    for place in render_annotations(outcome, elsewhere):
        console.error(
            place.message, place.title, file=place.file, line=place.line, column=place.column
        )
    if outcome.actions:
        console.group(
            "All actions, first those that failed, then the slowest", render_actions(outcome)
        )
    for line in render_failures(outcome):
        console.line(line)
