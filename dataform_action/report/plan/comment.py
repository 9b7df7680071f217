"""The comment on the pull request, and the job summary of a plan, as Markdown."""

from __future__ import annotations

from typing import NamedTuple

from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.github.markdown import Page, code, link, prose
from dataform_action.github.marker import COMMENT_LIMIT
from dataform_action.plan import Plan, PlanStatus, Verdict
from dataform_action.report.comparison.section import show_commit
from dataform_action.report.plan.outcome import HINTS, heading
from dataform_action.report.plan.sections.breakage import add_breakage
from dataform_action.report.plan.sections.details import (
    add_drift,
    add_full_refreshes,
    add_metadata,
    add_not_checked,
    add_removed,
)
from dataform_action.report.plan.sections.diffs import add_diffs
from dataform_action.report.plan.sections.graph import add_graph
from dataform_action.report.plan.sections.tables import add_affected, add_edited
from dataform_action.report.plan.words import (
    CHANGE_ICONS,
    CHECK_ICONS,
    UNKNOWN,
    compile_errors,
    count_changes,
    count_checks,
    limit_size,
    markdown_style,
    other_scans,
    scan_of_edited,
    scans_of,
    shortener,
)
from dataform_action.report.summary.failures import add_compile_errors

_MOST_NOTES = 10


class _Room(NamedTuple):
    """What fits: the level of the heading, the rows of a fold, the SQL changes and their lines."""

    heading: str
    rows: int
    diffs: int
    diff_lines: int


_COMMENT = _Room("###", 60, 30, 60)
_SUMMARY = _Room("##", 1000, 300, 300)


def render_comment(plan: Plan, *, run_url: str, limit: int = COMMENT_LIMIT) -> str:
    """Return the comment in at most ``limit`` bytes; ``run_url`` is the page of the workflow run.

    The plan must be free of secrets, because escapes and cuts would hide a secret from the
    redaction.
    """
    return _render(plan, run_url, limit, _COMMENT)


def render_summary(plan: Plan, *, run_url: str, limit: int = SUMMARY_LIMIT) -> str:
    """Return the job summary in at most ``limit`` bytes, as ``render_comment`` does."""
    return _render(plan, run_url, limit, _SUMMARY)


def _render(plan: Plan, run_url: str, limit: int, room: _Room) -> str:
    style, footer = markdown_style(plan), _footer(plan, run_url)
    page = Page(limit - len(footer.encode("utf-8", "replace")) - 2)
    title = f"{room.heading} {_icon(plan)} Dataform plan: {_lowered(heading(plan))}"
    page.add("the outcome", [title, "", *_counts(plan)])
    add_breakage(page, plan, style, room.rows)
    _add_errors(page, plan)
    add_full_refreshes(page, plan, style)
    _add_notes(page, plan)
    add_edited(page, plan, style, room.rows)
    add_removed(page, plan, style)
    add_graph(page, plan)
    add_affected(page, plan, style, room.rows)
    add_not_checked(page, plan, style)
    add_drift(page, plan, style, room.rows)
    add_metadata(page, plan, style, room.rows)
    add_diffs(page, plan, style, most=room.diffs, most_lines=room.diff_lines)
    return f"{page.render()}\n{footer}\n"


def _lowered(text: str) -> str:
    return text if text.startswith("BigQuery") else text[:1].lower() + text[1:]


def _icon(plan: Plan) -> str:
    match plan.status:
        case PlanStatus.INVALID | PlanStatus.LIMIT_EXCEEDED | PlanStatus.COMPILE_ERRORS:
            return "❌"
        case PlanStatus.NOT_COMPARABLE:
            return "⚠️"
        case PlanStatus.NO_CHANGES:
            return "✅"
    # A check mark says that BigQuery accepted everything.
    return "✅" if plan.request.validate and not plan.by_verdict(Verdict.NOT_CHECKED) else "📋"


def _counts(plan: Plan) -> list[str]:
    """Return the counts and sizes, each in its line, or a sentence if there are none."""
    match plan.status:
        case PlanStatus.NO_CHANGES:
            return [f"All {plan.action_count:,} actions build the same as before."]
        case PlanStatus.COMPILE_ERRORS:
            return ["This commit does not compile, so nothing was compared or checked."]
        case PlanStatus.NOT_COMPARABLE if not plan.actions:
            return [HINTS[plan.status]]
    changes = [
        f"{CHANGE_ICONS[change]} {text}"
        for change, text in count_changes(plan)
        if plan.by_change(change)
    ]
    counts = f"**{' · '.join(changes)}** of" if changes else "No change in"
    lines = [f"{counts} {plan.action_count:,} actions"]
    checks = [f"{CHECK_ICONS[verdict]} {text}" for verdict, text in count_checks(plan.actions)]
    if checks:
        lines.append(f"**BigQuery's dry run:** {' · '.join(checks)}")
    elif not plan.request.validate:
        lines.append("BigQuery did not check the SQL (`validate: false`).")
    lines += _scans(plan) if checks else []
    # In a comment, the end of a line in the source would be another line break.
    return ["<br>".join(lines)]


def _scans(plan: Plan) -> list[str]:
    scans = scans_of(plan)
    edited, others = scan_of_edited(scans, "**"), " · ".join(other_scans(scans))
    limit = plan.request.max_bytes
    lines = [f"**Scan of the changed and added tables:** {edited}"] if edited else []
    if others:
        lines.append(f"{'Other scans' if edited else '**Scan**'}: {others}")
    scan = plan.scan
    if limit is not None:
        known = UNKNOWN if scan.bytes is None else limit_size(scan.bytes, limit)
        scanned = f"{'≥ ' if scan.at_least and scan.bytes is not None else ''}{known}"
        most = limit_size(limit, limit)
        lines.append(f"**All scans except views:** {scanned}, with a limit of {most} (`max-bytes`)")
    return lines


def _add_errors(page: Page, plan: Plan) -> None:
    """Add the compile errors. The links are those of the head, so the base has none."""
    for errors, files_url in ((plan.errors, plan.files_url), (plan.base_errors, "")):
        causes = compile_errors(errors)
        add_compile_errors(page, causes, files_url, shortener(plan), heading="####")


def _add_notes(page: Page, plan: Plan) -> None:
    for note in plan.notes[:_MOST_NOTES]:
        page.add("notes", [f"ℹ️ {prose(note)}"])


def _footer(plan: Plan, run_url: str) -> str:
    """Return what was compared, and how."""
    repository_url = plan.files_url.removesuffix(f"/blob/{plan.head}")
    commits_url = f"{repository_url}/commit" if repository_url != plan.files_url else ""
    head, base = (show_commit(commit, commits_url) for commit in (plan.head, plan.base))
    environment = plan.request.environment
    compared = f"{head} compared with {base}"
    if environment:
        compared += f", environment {code(environment)}"
    sentences = [f"{compared}.", _method(plan), link("Run", run_url) if run_url else ""]
    return f"<sub>{' '.join(filter(None, sentences))}</sub>"


def _method(plan: Plan) -> str:
    if any(action.check is not None for action in plan.actions):
        return "Dry runs only: no data was read, nothing was built."
    return "Only compiled: no data was read, nothing was built."
