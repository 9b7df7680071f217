"""What went wrong, one by one: the failed actions and compile errors of the job summary."""

from __future__ import annotations

from collections.abc import Mapping

from dataform_action.model import Action, CompileError
from dataform_action.report.analysis import failed_actions
from dataform_action.report.markdown import Page, code, code_block, file_link, link, prose, row
from dataform_action.report.outcome import StepOutcome
from dataform_action.text import format_duration

#: So many are told in full, the others as rows of a folded table.
_MOST_IN_FULL = 20
_MOST_ROWS = 1000
_MOST_NAMES = 5
_MOST_FOLDED_NAMES = 200
NO_REASON = "The API gives no reason."


def by_weight(outcome: StepOutcome, held_up: Mapping[str, list[str]]) -> list[Action]:
    """Return the failed actions, first those that held up the most, then by name."""
    failed = failed_actions(outcome.actions)
    return sorted(failed, key=lambda action: -len(held_up.get(action.name, ())))


def add_failed_actions(page: Page, outcome: StepOutcome, held_up: Mapping[str, list[str]]) -> None:
    """Add the failed actions, each with its file, job, reason and what it held up."""
    failed = by_weight(outcome, held_up)
    if not failed:
        return
    page.add("failed actions", [f"### {count_of(len(failed), 'failed action')}"])
    for action in failed[:_MOST_IN_FULL]:
        page.add("failed actions", _failed(action, outcome.files_url, held_up.get(action.name, [])))
    rest = failed[_MOST_IN_FULL:]
    if rest:
        page.fold(
            f"{count_of(len(rest), 'more failed action')}",
            "failed actions",
            ("| Action | File | Reason | Held up |", "|---|---|---|---:|"),
            (
                row(
                    name_of(action.name),
                    file_link(action.file, outcome.files_url),
                    code(action.reason) or NO_REASON,
                    str(len(held_up.get(action.name, ())) or ""),
                )
                for action in rest
            ),
            most=_MOST_ROWS,
        )


def _failed(action: Action, files_url: str, held_up: list[str]) -> list[str]:
    after = "" if action.seconds is None else f" after {took(action.seconds)}"
    facts = (
        file_link(action.file, files_url),
        f"{prose(action.kind) or 'action'} failed{after}",
        job_of(action, "Open the BigQuery job"),
    )
    reason = code_block(action.reason) if action.reason.strip() else [NO_REASON]
    lines = [f"#### {name_of(action.name)}", "", " · ".join(filter(None, facts)), "", *reason]
    return lines + (["", *_held_up(held_up)] if held_up else [])


def _held_up(names: list[str]) -> list[str]:
    """Return what an action held up: a line, or a fold with the names that the line left out."""
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


def took(seconds: float) -> str:
    """Return a duration for people; what is under a second is not nothing."""
    return format_duration(seconds) if seconds >= 1 else "under 1s"


def all_of(count: int) -> str:
    """Return the words for all actions, such as ``All 7 actions``."""
    return "The one action" if count == 1 else f"All {count:,} actions"


def count_of(count: int, noun: str) -> str:
    """Return a number of things, such as ``1 action`` and ``2 actions``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
