"""The job summary: how the step ended, what failed and why, what was slow, where to look."""

from __future__ import annotations

import re
from dataclasses import replace

from dataform_action.events import Subject
from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.model import Fact, State
from dataform_action.report.analysis import count_words, held_up
from dataform_action.report.markdown import Page, code, link, prose
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.summary_failures import add_compile_errors, add_failed_actions
from dataform_action.report.summary_tables import add_actions, add_compiled, render_counts
from dataform_action.report.timeline import add_timeline
from dataform_action.text import format_duration
from dataform_action.validation import is_link


def render_summary(
    outcome: StepOutcome, subject: Subject | None, limit: int = SUMMARY_LIMIT
) -> str:
    """Return the job summary in at most ``limit`` bytes; without a subject it has no facts.

    No secret may be left in what it is given: escapes and cuts would break it up.
    """
    page = Page(limit)
    page.add("how the step ended", [f"## {_icon(outcome)} {outcome.title}", "", *_words(outcome)])
    if subject is not None:
        outcome = _shortened(outcome, f"{subject.project_id}.")
        page.add("what was run", [_facts(outcome, subject)])
    held = held_up(outcome.actions)
    add_compile_errors(page, outcome)
    add_failed_actions(page, outcome, held)
    add_timeline(page, outcome)
    add_compiled(page, outcome)
    add_actions(page, outcome, held)
    return page.render()


def _shortened(outcome: StepOutcome, project: str) -> StepOutcome:
    """Return an outcome whose actions are named without the project, which stands above them."""

    def short(name: str) -> str:
        return name.removeprefix(project) if name.count(".") > project.count(".") else name

    return replace(
        outcome,
        actions=tuple(
            replace(a, name=short(a.name), dependencies=tuple(map(short, a.dependencies)))
            for a in outcome.actions
        ),
        compile_errors=tuple(replace(e, action=short(e.action)) for e in outcome.compile_errors),
        compiled=tuple(replace(c, name=short(c.name)) for c in outcome.compiled),
    )


def _icon(outcome: StepOutcome) -> str:
    if outcome.exit_code is not ExitCode.SUCCESS:
        return "❌"
    return "▶️" if outcome.status is State.RUNNING else "✅"


def _words(outcome: StepOutcome) -> list[str]:
    """Return what happened and what to do, with the way to the run's log."""
    log_url = "" if outcome.run is None else outcome.run.log_url
    opening = link("Open the run's log", log_url) if is_link(log_url) else ""
    # Where compile errors are shown is for the log to say.
    hint = "" if outcome.compile_errors else outcome.hint
    paragraphs = [*outcome.message.splitlines(), *hint.splitlines()]
    lines: list[str] = []
    for paragraph in filter(str.strip, paragraphs):
        lines += [_linked(paragraph, {log_url: opening, outcome.other_url: ""}), ""]
    if opening and not any(opening in line for line in lines):
        if len(lines) == 2:
            lines = [f"{lines[0]} {opening}", ""]
        else:
            lines += [opening, ""]
    return lines[:-1]


def _linked(text: str, links: dict[str, str]) -> str:
    """Return a text in which known addresses are links: these ones, or links of their own."""
    known = {url: shown or link(code(url), url) for url, shown in links.items() if is_link(url)}
    if not known:
        return prose(text)
    longest_first = sorted(known, key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, longest_first))})", text)
    return " ".join(filter(None, (known.get(part) or prose(part) for part in parts)))


def _facts(outcome: StepOutcome, subject: Subject) -> str:
    """Return what was run, in a few lines; what is not known, or said above, is left out."""
    run, request = outcome.run, subject.request
    duration = "" if outcome.duration is None else format_duration(outcome.duration)
    counts = "" if _counted(outcome) else render_counts(outcome.actions)
    facts = (
        ("Service", prose(subject.service_name)),
        *((fact.label, _place(fact)) for fact in subject.place),
        ("Environment", code(request.environment or "")),
        ("Schedule", code(request.schedule or "")),
        ("Git ref", code(request.git_ref or "")),
        ("Tags", ", ".join(filter(None, map(code, request.tags)))),
        ("Commit", _commit(outcome)),
        ("Duration", "" if f" {duration}." in outcome.message else duration),
        ("Actions", counts),
        ("Run", "" if run is None or run.id in outcome.message else code(run.id)),
        ("Status", "" if run is None else code(run.status)),
        ("Compilation", code(outcome.compilation_result.rpartition("/")[2])),
    )
    return " · ".join(f"**{name}** {text}" for name, text in facts if text)


def _place(fact: Fact) -> str:
    return code(fact.value) + (f" in {code(fact.within)}" if fact.within else "")


def _counted(outcome: StepOutcome) -> bool:
    """Tell whether the message counts the actions already."""
    words = count_words(outcome.actions)
    return bool(words) and words in outcome.message


def _commit(outcome: StepOutcome) -> str:
    """Return the commit in short, linked to its page where its files have one."""
    base = outcome.files_url.removesuffix(f"/blob/{outcome.commit}")
    known = re.fullmatch("[0-9a-f]{40}", outcome.commit)
    shown = code(outcome.commit[:7] if known else outcome.commit)
    return link(shown, f"{base}/commit/{outcome.commit}") if base != outcome.files_url else shown
