"""Write the outcome to the outputs, the job summary, and the end of the log."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.events import Subject
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.redaction import redacted
from dataform_action.report.analysis import Analysis, analyse
from dataform_action.report.annotations import render_annotations
from dataform_action.report.causes import Causes, find_causes
from dataform_action.report.comparison.words import render_for_log
from dataform_action.report.costs.words import render_costs
from dataform_action.report.guard import Guard
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
        for place in render_annotations(outcome, causes, repository_url, elsewhere):
            console.error(
                place.message, place.title, file=place.file, line=place.line, column=place.column
            )
        _print_actions(analysis, causes, console)
    with Guard(console, "costs"):
        for line in () if outcome.costs is None else render_costs(outcome.costs):
            console.line(line)
    for note in outcome.notes:
        console.warning(note.text, note.title)
    with Guard(console, "comparison with earlier runs"):
        for line in () if outcome.comparison is None else render_for_log(outcome.comparison):
            console.line(line)
    words = outcome.message + (f"\n{outcome.hint}" if outcome.hint else "")
    if outcome.exit_code is ExitCode.SUCCESS:
        console.line(words)
    else:
        console.error(words, outcome.title)


def _print_actions(analysis: Analysis, causes: Causes, console: Console) -> None:
    """Print all actions, and at the end of the log what failed and why."""
    if analysis.actions:
        console.group("All actions: failed first, then by duration", render_actions(analysis))
    for line in render_failures(causes):
        console.line(line)
