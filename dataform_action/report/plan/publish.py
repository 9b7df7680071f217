"""Write a plan to the log, the outputs, the job summary and the plan file."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from dataform_action.errors import DataformError
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.github.markdown import prose
from dataform_action.github.workspace import write_in_workspace
from dataform_action.plan import Plan
from dataform_action.report.outcome import ExitCode
from dataform_action.report.plan.annotations import render_annotations
from dataform_action.report.plan.comment import render_summary
from dataform_action.report.plan.log import render_log
from dataform_action.report.plan.outcome import (
    PlanOutcome,
    outcome_of_error,
    outcome_of_plan,
    warnings_of_plan,
)
from dataform_action.report.plan.outputs import notes_on_outputs, render_outputs
from dataform_action.report.plan.plan_file import render_plan_file
from dataform_action.report.publish import Guard, annotate, end_log


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """What the step of a plan has to report.

    ``plan`` is free of secrets, and None if there is none, because of ``error``. ``comment_url`` is
    the comment; empty if there is none. ``no_comment`` says why the comment does not show the plan.
    ``is_here`` says that the files are in the repository of the workflow. ``summary`` says whether
    to write a job summary. ``plan_file`` is a path in the workspace, or empty. ``run_url`` is the
    page of the workflow run.
    """

    plan: Plan | None
    error: BaseException | None = None
    comment_url: str = ""
    no_comment: str = ""
    is_here: bool = False
    summary: bool = True
    plan_file: str = ""
    run_url: str = ""


def publish_plan(
    report: PlanReport, console: Console, files: FileCommands, runner: Mapping[str, str]
) -> ExitCode:
    """Write the report to all places, and return the exit code.

    ``runner`` names the workspace. An error in one part of the report becomes a warning. It changes
    neither the other parts nor the exit code.
    """
    plan, error = report.plan, report.error
    if plan is not None and (error is None or not isinstance(error, Exception)):
        return _publish_plan(plan, report, console, files, runner)
    outcome = outcome_of_error(error or ValueError("the step did nothing"))
    if isinstance(error, Exception) and not isinstance(error, DataformError):
        console.group("Traceback", "".join(traceback.format_exception(error)).splitlines())
    if report.summary:
        with Guard(console, "job summary"):
            files.summary(_render_error(outcome))
    _end(outcome, console)
    return outcome.exit_code


def _publish_plan(
    plan: Plan,
    report: PlanReport,
    console: Console,
    files: FileCommands,
    runner: Mapping[str, str],
) -> ExitCode:
    outcome = outcome_of_plan(plan)
    with Guard(console, "outputs"):
        comment = {"comment-url": report.comment_url} if report.comment_url else {}
        files.output(render_outputs(plan) | comment)
    if report.plan_file:
        with Guard(console, "plan file"):
            _write_file(plan, report.plan_file, console, runner)
    if report.summary:
        with Guard(console, "job summary"):
            room = files.summary_room()
            files.summary(render_summary(plan, run_url=report.run_url, limit=room))
    with Guard(console, "log"):
        for line in render_log(plan):
            console.line(line)
    with Guard(console, "annotations"):
        elsewhere = "the job summary" if report.summary else "the log"
        annotate(render_annotations(plan, is_own=report.is_here, elsewhere=elsewhere), console)
    notes = warnings_of_plan(plan) + (notes_on_outputs(plan) if files.has_outputs else ())
    for note in notes:
        console.warning(note.text, note.title)
    if report.comment_url:
        console.line(f"Comment: {report.comment_url}")
    if report.no_comment:
        console.line(f"No comment on the pull request: {report.no_comment}")
    _end(outcome, console)
    return outcome.exit_code


def _end(outcome: PlanOutcome, console: Console) -> None:
    end_log(outcome.exit_code, outcome.title, outcome.message, outcome.hint, console)


def _write_file(plan: Plan, path: str, console: Console, runner: Mapping[str, str]) -> None:
    try:
        write_in_workspace(runner, path, render_plan_file(plan))
    except OSError as error:
        console.warning(
            f"Cannot write plan-file {path}: {error.strerror or error}.",
            "Dataform: a result was not written",
        )


def _render_error(outcome: PlanOutcome) -> str:
    """Return the job summary of a step without a plan."""
    paragraphs = [f"## ❌ {outcome.title}", prose(outcome.message)]
    paragraphs += [prose(outcome.hint)] if outcome.hint else []
    return "\n\n".join(paragraphs) + "\n"
