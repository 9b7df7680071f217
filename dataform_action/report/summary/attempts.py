"""The attempts of a run whose failed actions were run again: which runs, and what each did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from dataform_action.github.markdown import Page, code, link, row
from dataform_action.model import ActionState, Result, State
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.summary.failures import name_of
from dataform_action.report.summary.tables import STATE_ICONS
from dataform_action.report.words import took
from dataform_action.text import count_of
from dataform_action.validation import is_link

_MOST_ROWS = 300
#: How a run ended, for a table.
RUN_RESULTS = {
    State.SUCCESS: "✅ succeeded",
    State.FAILURE: "❌ failed",
    State.CANCELLED: "🚫 cancelled",
    State.TIMED_OUT: "❌ timed out",
}


def add_attempts(page: Page, outcome: StepOutcome, shorten: Callable[[str], str]) -> None:
    """Add a table of the attempts, and a folded one of the actions that were run again."""
    attempts = outcome.attempts
    if not has_attempts(outcome):
        return
    lines = [
        "### Attempts",
        "",
        "| Attempt | Run | Result | Duration | Actions |",
        "|---:|---|---|---:|---|",
        *(_attempt(number, result) for number, result in enumerate(attempts, 1)),
    ]
    page.add("the attempts", lines)
    repeated = _repeated(attempts)
    if len(attempts) > 1 and repeated:
        numbers = range(1, len(attempts) + 1)
        page.fold(
            f"{count_of(len(repeated), 'action')} in more than one attempt",
            "actions",
            (
                row("Action", *(f"Attempt {number}" for number in numbers)),
                row("---", *("---" for _ in numbers)),
            ),
            (row(name_of(shorten(name)), *states) for name, states in _rows(repeated, attempts)),
            most=_MOST_ROWS,
        )


def has_attempts(outcome: StepOutcome) -> bool:
    """Return whether the step started more than one run, or was about to."""
    attempts, run = outcome.attempts, outcome.run
    return len(attempts) > 1 or bool(attempts and (run is None or run.id != attempts[-1].run.id))


def _attempt(number: int, result: Result) -> str:
    run = result.run
    shown = link(code(run.id), run.log_url) if is_link(run.log_url) else code(run.id)
    counts = Counter(action.state for action in result.actions)
    states = (f"{counts[state]:,} {state.value}" for state in STATE_ICONS if counts[state])
    known = ", ".join(states) if result.actions_error is None else "not all could be read"
    return row(str(number), shown, RUN_RESULTS.get(run.state, ""), took(result.duration), known)


def _repeated(attempts: tuple[Result, ...]) -> list[str]:
    """Return the names of the actions that were run again: first those that failed."""
    first = attempts[0].unfinished_actions
    order = list(STATE_ICONS)
    return [
        action.name
        for action in sorted(first, key=lambda found: (order.index(found.state), found.name))
    ]


def _rows(names: list[str], attempts: tuple[Result, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield each name, and the state in each attempt; empty if it was not run again."""
    states: list[dict[str, ActionState]] = [
        {action.name: action.state for action in result.actions} for result in attempts
    ]
    for name in names:
        found = (by_name.get(name) for by_name in states)
        yield name, [f"{STATE_ICONS[state]} {state.value}" if state else "" for state in found]
