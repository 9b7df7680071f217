"""The folded tables of the job summary: all actions of a run, and what a compilation would run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from dataform_action.model import Action, ActionState, CompiledAction
from dataform_action.report.markdown import Page, code, file_link, file_url, link, prose, row
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.summary_failures import all_of, count_of, name_of, took
from dataform_action.validation import is_link

_MOST_ROWS = 1000
_MOST_TAGS = 50
#: In this order: what went wrong first.
ICONS = {
    ActionState.FAILED: "❌",
    ActionState.CANCELLED: "🚫",
    ActionState.SKIPPED: "⏭️",
    ActionState.RUNNING: "▶️",
    ActionState.PENDING: "⏳",
    ActionState.SUCCEEDED: "✅",
    ActionState.DISABLED: "⚪",
}


def slowest_first(actions: tuple[Action, ...]) -> list[Action]:
    """Return the actions: those that failed, then the slowest, then what did not run."""
    places = {state: place for place, state in enumerate(ICONS)}

    def rank(action: Action) -> tuple[bool, float, int, str]:
        seconds = -1.0 if action.seconds is None else action.seconds
        failed = action.state is ActionState.FAILED
        return not failed, -seconds, places[action.state], action.name

    return sorted(actions, key=rank)


def render_counts(actions: tuple[Action, ...]) -> str:
    """Return how many actions are in each state, such as ``❌ 1 failed · ✅ 3 succeeded``."""
    counts = Counter(action.state for action in actions)
    parts = (f"{ICONS[state]} {counts[state]:,} {state.value}" for state in ICONS if counts[state])
    return " · ".join(parts)


def add_actions(page: Page, outcome: StepOutcome, held_up: Mapping[str, list[str]]) -> None:
    """Add the table of all actions."""
    if not outcome.actions:
        return
    holders: dict[str, list[str]] = {}
    for failed, names in held_up.items():
        for name in names:
            holders.setdefault(name, []).append(failed)
    page.fold(
        f"{all_of(len(outcome.actions))}, first those that failed, then the slowest"
        if len(outcome.actions) > 1
        else all_of(1),
        "actions",
        ("| State | Action | Type | Duration | Details |", "|---|---|---|---:|---|"),
        (
            row(
                f"{ICONS[action.state]} {action.state.value}",
                name_of(action.name),
                prose(action.kind),
                "" if action.seconds is None else took(action.seconds),
                _details(action, outcome.files_url, holders.get(action.name, [])),
            )
            for action in slowest_first(outcome.actions)
        ),
        most=_MOST_ROWS,
    )


def _details(action: Action, files_url: str, holders: list[str]) -> str:
    file = file_url(action.file, files_url)
    parts = [link("File", file) if is_link(file) else code(action.file)]
    if is_link(action.job_url):
        parts.append(link("Job", action.job_url))
    if holders:
        more = f" and {len(holders) - 1:,} more" if len(holders) > 1 else ""
        parts.append(f"held up by {name_of(holders[0])}{more}")
    return " · ".join(filter(None, parts))


def add_compiled(page: Page, outcome: StepOutcome) -> None:
    """Add what a compilation would run: by type, by tag, and all of it folded."""
    if not outcome.compiled:
        return
    actions = [action for action in outcome.compiled if action.kind != "declaration"]
    would_run = [action for action in actions if not action.disabled]
    page.add("what would run", ["### What would run", "", *_counts(would_run, outcome.compiled)])
    tags = Counter(tag for action in would_run for tag in action.tags)
    if tags:
        rows = [row(code(tag), f"{count:,}") for tag, count in tags.most_common(_MOST_TAGS)]
        more = [f"And {len(tags) - _MOST_TAGS:,} more tags."] if len(tags) > _MOST_TAGS else []
        page.add(
            "the tags", ["| Tag | Actions |", "|---|---:|", *rows, *(["", *more] if more else [])]
        )
    if actions:
        page.fold(
            all_of(len(actions)),
            "actions",
            ("| Action | Type | File | Tags |", "|---|---|---|---|"),
            (_compiled(action, outcome.files_url) for action in actions),
            most=_MOST_ROWS,
        )


def _counts(would_run: list[CompiledAction], compiled: tuple[CompiledAction, ...]) -> list[str]:
    kinds = Counter(action.kind or "action" for action in would_run)
    lines = ["| Type | Actions |", "|---|---:|"]
    lines += [row(prose(kind) or "action", f"{count:,}") for kind, count in kinds.most_common()]
    lines.append(row("**In all**", f"**{len(would_run):,}**"))
    disabled = sum(action.disabled for action in compiled)
    declared = sum(action.kind == "declaration" for action in compiled)
    notes = ([f"{disabled:,} disabled"] if disabled else []) + (
        [count_of(declared, "declaration")] if declared else []
    )
    return [*lines, *(["", f"Not counted: {', '.join(notes)}."] if notes else [])]


def _compiled(action: CompiledAction, files_url: str) -> str:
    kind = prose(action.kind) + (" (disabled)" if action.disabled else "")
    tags = ", ".join(filter(None, map(code, action.tags)))
    return row(name_of(action.name), kind, file_link(action.file, files_url), tags)
