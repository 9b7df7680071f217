"""The last lines of the log: all actions in a fold, and what failed where people land."""

from __future__ import annotations

from dataform_action.model import CompileError
from dataform_action.report.analysis import Analysis
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.words import NO_REASON, count_of, took
from dataform_action.text import cut

_MOST_FAILURES = 20
_MOST_LINES = 10
_MOST_NAMES = 5
_LONGEST_LINE = 500


def render_actions(analysis: Analysis) -> list[str]:
    """Return a line for each action: those that failed, then the slowest."""
    return [
        f"{action.state.value:9}  "
        f"{'' if action.seconds is None else took(action.seconds):>11}  "
        f"{cut(action.name, _LONGEST_LINE)}"
        for action in analysis.slowest_first
    ]


def render_failures(outcome: StepOutcome, analysis: Analysis) -> list[str]:
    """Return the lines that say what failed, where and why, and what it blocked."""
    blocks = [
        _block(error.action or "Compile error", _place(error), error.message)
        for error in outcome.compile_errors
    ]
    for action in analysis.failed:
        block = _block(action.name, action.file, action.reason or NO_REASON)
        names = analysis.blocked[action.name]
        if names:
            more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
            words = f"It held up {count_of(len(names), 'action')}: {', '.join(names[:_MOST_NAMES])}"
            block.append(f"    {cut(words, _LONGEST_LINE)}{more}")
        blocks.append(block)
    if not blocks:
        return []
    lines = ["What failed:", *(line for block in blocks[:_MOST_FAILURES] for line in block)]
    if len(blocks) > _MOST_FAILURES:
        lines.append(f"  and {len(blocks) - _MOST_FAILURES:,} more")
    return lines


def _place(error: CompileError) -> str:
    return ":".join(str(part) for part in (error.file, error.line, error.column) if part)


def _block(name: str, place: str, reason: str) -> list[str]:
    where = f" in {place}" if place else ""
    lines = reason.strip().splitlines()
    shown = [f"    {cut(line.rstrip(), _LONGEST_LINE)}" for line in lines[:_MOST_LINES]]
    more = ["    …"] if len(lines) > _MOST_LINES else []
    return [f"  {cut(name + where, _LONGEST_LINE)}", *shown, *more]
