"""What went wrong, one by one: the failed actions and compile errors of the job summary."""

from __future__ import annotations

from dataform_action.github.markdown import Page, code, code_block, file_link, link, prose, row
from dataform_action.model import Action, CompileError
from dataform_action.report.analysis import Analysis
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.words import NO_REASON, count_of, took

#: So many are told in full, the others as rows of a folded table.
_MOST_IN_FULL = 20
_MOST_ROWS = 1000
_MOST_NAMES = 5
_MOST_FOLDED_NAMES = 200


def add_failed_actions(page: Page, analysis: Analysis, files_url: str) -> None:
    """Add the failed actions, each with its file, job, reason and what it blocked."""
    failed = analysis.failed
    if not failed:
        return
    page.add("failed actions", [f"### {count_of(len(failed), 'failed action')}"])
    for action in failed[:_MOST_IN_FULL]:
        page.add("failed actions", _failed(action, files_url, analysis.blocked[action.name]))
    rest = failed[_MOST_IN_FULL:]
    if rest:
        page.fold(
            f"{count_of(len(rest), 'more failed action')}",
            "failed actions",
            ("| Action | File | Reason | Held up |", "|---|---|---|---:|"),
            (
                row(
                    name_of(action.name),
                    file_link(action.file, files_url),
                    code(action.reason) or NO_REASON,
                    str(len(analysis.blocked[action.name]) or ""),
                )
                for action in rest
            ),
            most=_MOST_ROWS,
        )


def _failed(action: Action, files_url: str, blocked: tuple[str, ...]) -> list[str]:
    after = "" if action.seconds is None else f" after {took(action.seconds)}"
    facts = (
        file_link(action.file, files_url),
        f"{prose(action.kind) or 'action'} failed{after}",
        job_of(action, "Open the BigQuery job"),
    )
    reason = code_block(action.reason) if action.reason.strip() else [NO_REASON]
    lines = [f"#### {name_of(action.name)}", "", " · ".join(filter(None, facts)), "", *reason]
    return lines + (["", *_blocked(blocked)] if blocked else [])


def _blocked(names: tuple[str, ...]) -> list[str]:
    """Return what an action blocked: a line, or a fold with the names that the line left out."""
    first = ", ".join(map(name_of, names[:_MOST_NAMES]))
    line = f"Held up {count_of(len(names), 'action')}: {first}"
    if len(names) <= _MOST_NAMES:
        return [line]
    line += f" and {len(names) - _MOST_NAMES:,} more"
    others = ", ".join(map(name_of, names[_MOST_NAMES:_MOST_FOLDED_NAMES]))
    if len(names) > _MOST_FOLDED_NAMES:
        others += f" and {len(names) - _MOST_FOLDED_NAMES:,} more"
    return ["<details>", f"<summary>{line}</summary>", "", others, "", "</details>"]


def add_compile_errors(page: Page, outcome: StepOutcome) -> None:
    """Add the compile errors, each with its place and action."""
    errors = outcome.compile_errors
    if not errors:
        return
    page.add("compile errors", [f"### {count_of(len(errors), 'compile error')}"])
    for error in errors[:_MOST_IN_FULL]:
        page.add("compile errors", _compile_error(error, outcome.files_url))
    rest = errors[_MOST_IN_FULL:]
    if rest:
        page.fold(
            f"{count_of(len(rest), 'more compile error')}",
            "compile errors",
            ("| File | Error | Action |", "|---|---|---|"),
            (
                row(
                    file_link(error.file, outcome.files_url, error.line, error.column),
                    code(error.message),
                    code(error.action),
                )
                for error in rest
            ),
            most=_MOST_ROWS,
        )


def _compile_error(error: CompileError, files_url: str) -> list[str]:
    place = file_link(error.file, files_url, error.line, error.column)
    action = code(error.action)
    words = " in ".join(filter(None, (action, place))) or "Of the project as a whole"
    return [f"#### {words}", "", *code_block(error.message)]


def name_of(name: str) -> str:
    """Return an action's name as code, or words if there is none."""
    return code(name) or "(an action without a name)"


def job_of(action: Action, words: str) -> str:
    """Return the link to an action's job, or the job's id."""
    linked = link(words, action.job_url)
    return linked if linked != words else code(action.job_id)
