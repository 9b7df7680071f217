"""The end of the log: all actions in a group, and what failed, by cause."""

from __future__ import annotations

from collections.abc import Iterable

from dataform_action.report.analysis import Analysis
from dataform_action.report.causes import Causes, CompileErrors, FailedActions, rows_query
from dataform_action.report.places import describe_action, describe_error
from dataform_action.report.words import NO_REASON, took
from dataform_action.text import count_of, cut

_MOST_CAUSES = 20
_MOST_LINES = 10
_MOST_PLACES = 10
_MOST_NAMES = 5
_LONGEST_LINE = 500


def render_actions(analysis: Analysis) -> list[str]:
    """Return a line for each action: failed actions first, then by duration."""
    return [
        f"{action.state.value:9}  "
        f"{'' if action.seconds is None else took(action.seconds):>11}  "
        f"{cut(action.name, _LONGEST_LINE)}"
        for action in analysis.slowest_first
    ]


def render_failures(causes: Causes) -> list[str]:
    """Return the lines that say what failed and why, where it is, and what it blocked."""
    blocks = [
        *map(_compile_errors, causes.compile_errors),
        *map(_failed_actions, causes.failures),
    ]
    if not blocks:
        return []
    lines = ["What failed:", *(line for block in blocks[:_MOST_CAUSES] for line in block)]
    if len(blocks) > _MOST_CAUSES:
        lines.append(f"  and {count_of(len(blocks) - _MOST_CAUSES, 'more cause')}")
    return lines


def _compile_errors(cause: CompileErrors) -> list[str]:
    message = _indented(cause.message)
    if len(cause.errors) == 1:
        error = cause.errors[0]
        place = describe_error(error)
        name = place if error.action else " in ".join(filter(None, ("Compile error", place)))
        return [f"  {cut(name, _LONGEST_LINE)}", *message]
    title = f"  {len(cause.errors):,} compile errors with the same message:"
    return [title, *message, *_listed(map(describe_error, cause.places))]


def _failed_actions(cause: FailedActions) -> list[str]:
    reason = _indented(cause.reason.strip() or NO_REASON)
    names = map(describe_action, cause.actions)
    if len(cause.actions) == 1:
        block = [f"  {cut(next(names), _LONGEST_LINE)}", *reason]
    else:
        block = [f"  {len(cause.actions):,} actions with the same reason:", *reason]
        block += _listed(names)
    queries = [query for query in map(rows_query, cause.actions) if query]
    block += [
        f"    Query for the rows: {cut(query, _LONGEST_LINE)}" for query in queries[:_MOST_NAMES]
    ]
    if cause.blocked:
        block.append(_blocked(cause.blocked))
    return block


def _blocked(names: tuple[str, ...]) -> str:
    words = f"Blocked {count_of(len(names), 'action')}: {', '.join(names[:_MOST_NAMES])}"
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"    {cut(words, _LONGEST_LINE)}{more}"


def _indented(text: str) -> list[str]:
    lines = text.strip().splitlines()
    shown = [f"    {cut(line.rstrip(), _LONGEST_LINE)}" for line in lines[:_MOST_LINES]]
    return [*shown, "    …"] if len(lines) > _MOST_LINES else shown


def _listed(names: Iterable[str]) -> list[str]:
    every = list(names)
    lines = [f"    - {cut(name, _LONGEST_LINE)}" for name in every[:_MOST_PLACES]]
    left = len(every) - _MOST_PLACES
    return [*lines, f"    - and {left:,} more"] if left > 0 else lines
