"""The tables of the job summary: all actions of a run, and what a compilation would run."""

from __future__ import annotations

from collections import Counter

from dataform_action.github.markdown import Page, code, file_link, file_url, link, prose, row
from dataform_action.model import Action, ActionState, CompiledAction
from dataform_action.report.analysis import Analysis
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.summary.failures import name_of
from dataform_action.report.words import all_of, took
from dataform_action.text import count_of
from dataform_action.validation import is_link

_MOST_ROWS = 1000
_MOST_TAGS = 50
#: The icon of each state, the most important state first.
STATE_ICONS = {
    ActionState.FAILED: "❌",
    ActionState.CANCELLED: "🚫",
    ActionState.SKIPPED: "⏭️",
    ActionState.RUNNING: "▶️",
    ActionState.PENDING: "⏳",
    ActionState.SUCCEEDED: "✅",
    ActionState.DISABLED: "⚪",
}


def render_counts(analysis: Analysis) -> str:
    """Return how many actions are in each state, such as ``❌ 1 failed · ✅ 3 succeeded``."""
    counts = analysis.counts.items()
    return " · ".join(f"{STATE_ICONS[state]} {count:,} {state.value}" for state, count in counts)


def add_actions(page: Page, analysis: Analysis, files_url: str) -> None:
    """Add the folded table of all actions."""
    count = len(analysis.actions)
    if not count:
        return
    page.fold(
        f"{all_of(count)}: failed first, then by duration" if count > 1 else all_of(1),
        "actions",
        ("| State | Action | Type | Duration | Details |", "|---|---|---|---:|---|"),
        (
            row(
                f"{STATE_ICONS[action.state]} {action.state.value}",
                name_of(action.name),
                prose(action.kind),
                "" if action.seconds is None else took(action.seconds),
                _details(action, files_url, analysis.blockers.get(action.name, ())),
            )
            for action in analysis.slowest_first
        ),
        most=_MOST_ROWS,
    )


def _details(action: Action, files_url: str, blockers: tuple[str, ...]) -> str:
    file = file_url(action.file, files_url)
    parts = [link("File", file) if is_link(file) else code(action.file)]
    jobs = [job for job in action.jobs if job.has_own_page and is_link(job.url)]
    parts += [link("Job" if len(jobs) == 1 else prose(job.kind), job.url) for job in jobs]
    if blockers:
        more = f" and {len(blockers) - 1:,} more" if len(blockers) > 1 else ""
        parts.append(f"blocked by {name_of(blockers[0])}{more}")
    return " · ".join(filter(None, parts))


def add_compiled(page: Page, outcome: StepOutcome) -> None:
    """Add what a compilation would run: counts by type and by tag, and a table of all actions."""
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
    lines.append(row("**Total**", f"**{len(would_run):,}**"))
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
