"""The comparison with earlier runs in the job summary: a line, and a folded table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataform_action.github.markdown import Page, code, link, prose, row
from dataform_action.history import PastRun
from dataform_action.report.comparison.words import (
    Comparison,
    SlowAction,
    Style,
    render_comparison,
    start_of,
)
from dataform_action.report.summary.attempts import RUN_RESULTS
from dataform_action.report.summary.failures import name_of
from dataform_action.report.words import took

_MOST_RUNS = 10


def add_comparison(page: Page, comparison: Comparison | None, commits_url: str) -> None:
    """Add a line and a table for a run that was slow or failed; nothing for other runs.

    ``commits_url`` is the address of the repository's commits; empty if it is not known.
    """
    if comparison is None:
        return
    style = Style(prose, name_of, _start, lambda commit: show_commit(commit, commits_url))
    lines = render_comparison(comparison, style)
    if not lines:
        return
    icon = "🐢" if comparison.is_slow else "🕘"
    page.add("the comparison with earlier runs", [f"{icon} {lines[0]}"])
    if comparison.slow_actions:
        page.fold(
            "What took longer than in a usual run",
            "actions",
            ("| Action | This run | Usual run | Longer by |", "|---|---:|---:|---:|"),
            map(_action, comparison.slow_actions),
            most=len(comparison.slow_actions),
        )
    elif comparison.has_failed:
        page.fold(
            "Earlier runs",
            "runs",
            ("| Start | Result | Duration | Commit |", "|---|---|---:|---|"),
            (
                row(*_run(past), show_commit(past.commit, commits_url))
                for past in comparison.history.runs[:_MOST_RUNS]
            ),
            most=_MOST_RUNS,
        )


def show_commit(commit: str, commits_url: str) -> str:
    """Return the short commit, as a link if the address of the repository's commits is known."""
    known = re.fullmatch("[0-9a-f]{40}", commit)
    shown = code(commit[:7] if known else commit)
    return link(shown, f"{commits_url}/{commit}") if commits_url else shown


def _start(past: PastRun) -> str:
    # A time needs no escapes.
    shown = code(past.run.id) if past.run.started is None else start_of(past)
    return link(shown, past.run.log_url)


def _action(action: SlowAction) -> str:
    usual = "not run" if action.usual is None else took(action.usual)
    return row(name_of(action.name), took(action.seconds), usual, took(action.extra))


def _run(past: PastRun) -> Iterator[str]:
    yield _start(past)
    yield RUN_RESULTS[past.run.state]
    yield "" if past.run.seconds is None else took(past.run.seconds)
