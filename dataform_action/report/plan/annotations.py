"""The annotations of a plan: an error on the file of each invalid action and compile error."""

from __future__ import annotations

from dataform_action.plan import Plan, PlannedAction
from dataform_action.report.annotations import (
    Annotation,
    annotate_compile_errors,
    as_many_as_fit,
)
from dataform_action.report.plan.sections.breakage import Breakage, because, find_breakage
from dataform_action.report.plan.words import Style, compile_errors, plain_style
from dataform_action.text import cut

_REASON_LIMIT = 2000


def render_annotations(plan: Plan, *, is_own: bool, elsewhere: str) -> list[Annotation]:
    """Return an error for each cause of compile errors, and for each invalid action.

    There are as many as the runner keeps. ``is_own`` says that the files are in the workflow's
    repository: GitHub shows annotations only on these. If some are left out, the last message
    points to ``elsewhere``. The files of the base are not those of the workflow, so its compile
    errors have no annotations.
    """
    style = plain_style(plan)
    errors = [annotate_compile_errors(it, is_own=is_own) for it in compile_errors(plan.errors)]
    invalid = [
        _of_action(it, action, style, is_own=is_own)
        for it in find_breakage(plan)
        for action in it.actions
    ]
    return as_many_as_fit([*errors, *invalid], "more error", elsewhere)


def _of_action(it: Breakage, action: PlannedAction, style: Style, *, is_own: bool) -> Annotation:
    """Return the annotation of an action. It has no line, because BigQuery checks compiled SQL."""
    check = action.check or it.check
    file = action.action.file if is_own else ""
    edited = "" if it.edited else " (not edited)"
    why = because(it, style)
    lines = [
        f"{style.action(action.name)}{edited}: {cut(check.message.strip(), _REASON_LIMIT)}",
        *([f"Because {why}."] if why else []),
    ]
    if check.line is not None:
        lines.append(f"Position in the compiled query: line {check.line}.")
    if action.action.file and not file:
        lines.append(f"File: {cut(action.action.file, _REASON_LIMIT)}")
    return Annotation(title="Dataform plan: invalid SQL", message="\n".join(lines), file=file)
