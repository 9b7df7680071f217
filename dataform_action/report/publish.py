"""Write the outcome to the outputs, the job summary, and the end of the log."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType

from dataform_action.events import Subject
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.redaction import redacted
from dataform_action.report.analysis import Analysis, analyse
from dataform_action.report.annotations import Annotation, render_annotations
from dataform_action.report.causes import Causes, find_causes
from dataform_action.report.comparison.words import render_for_log
from dataform_action.report.costs.words import render_costs
from dataform_action.report.log import render_actions, render_failures
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.outputs import notes_on_outputs, render_outputs
from dataform_action.report.summary.document import render_summary


def publish(
    outcome: StepOutcome, subject: Subject | None, console: Console, files: FileCommands
) -> None:
    """Write the outcome to the outputs, the job summary and the log.

    The subject is ``None`` if the inputs were bad. An error in one part of the report becomes a
    warning. It changes neither the other parts nor the exit code.
    """
    # Redact before anything is cut: no search finds half a secret.
    outcome = redacted(outcome, console.redact)
    subject = redacted(subject, console.redact)
    analysis = None
    with Guard(console, "analysis of the actions"):
        analysis = analyse(outcome.actions)
    with Guard(console, "outputs"):
        files.output(render_outputs(outcome, analysis, subject))
    analysis = analyse(()) if analysis is None else analysis
    causes = Causes(compile_errors=(), failures=())
    with Guard(console, "list of what failed"):
        causes = find_causes(outcome.compile_errors, analysis)
    if files.has_outputs:
        outcome = replace(outcome, notes=(*outcome.notes, *notes_on_outputs(analysis)))
    summary = subject is None or subject.summary
    if summary:
        with Guard(console, "job summary"):
            files.summary(render_summary(outcome, analysis, causes, subject, files.summary_room()))
    with Guard(console, "end of the log"):
        repository_url = "" if subject is None else subject.repository_url
        elsewhere = "the job summary" if summary else "the log"
        annotate(render_annotations(outcome, causes, repository_url, elsewhere), console)
        _print_actions(analysis, causes, console)
    with Guard(console, "costs"):
        for line in () if outcome.costs is None else render_costs(outcome.costs):
            console.line(line)
    for note in outcome.notes:
        console.warning(note.text, note.title)
    with Guard(console, "comparison with earlier runs"):
        for line in () if outcome.comparison is None else render_for_log(outcome.comparison):
            console.line(line)
    end_log(outcome.exit_code, outcome.title, outcome.message, outcome.hint, console)


def annotate(annotations: Iterable[Annotation], console: Console) -> None:
    """Write annotations, each an error at its place."""
    for place in annotations:
        console.error(
            place.message, place.title, file=place.file, line=place.line, column=place.column
        )


def end_log(exit_code: ExitCode, title: str, message: str, hint: str, console: Console) -> None:
    """Write the outcome as the last lines of the log; a failure is an error."""
    words = message + (f"\n{hint}" if hint else "")
    if exit_code is ExitCode.SUCCESS:
        console.line(words)
    else:
        console.error(words, title)


class Guard:
    """A block that renders one part of the report. An error in it becomes a warning."""

    def __init__(self, console: Console, part: str) -> None:
        self._console = console
        self._part = part

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _type: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        lines = "".join(traceback.format_exception(error)).splitlines()
        self._console.group("Traceback", lines)
        self._console.warning(
            f"The {self._part} could not be written: {type(error).__name__}: {error}. The result "
            "of the step does not change. Please report this error with the lines above.",
            "Dataform: internal error",
        )
        return True


def _print_actions(analysis: Analysis, causes: Causes, console: Console) -> None:
    """Print all actions, and at the end of the log what failed and why."""
    if analysis.actions:
        console.group("All actions: failed first, then by duration", render_actions(analysis))
    for line in render_failures(causes):
        console.line(line)
