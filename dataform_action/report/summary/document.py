"""The job summary: the outcome, what failed and why, and what was slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from dataform_action.events import Fact, Subject
from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.github.markdown import Page, code, link, prose
from dataform_action.model import RunRequest, State
from dataform_action.report.analysis import Analysis, renamed
from dataform_action.report.causes import Causes
from dataform_action.report.comparison import words as comparison_words
from dataform_action.report.comparison.section import add_comparison, show_commit
from dataform_action.report.comparison.words import describe_usual
from dataform_action.report.costs.section import add_costs
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.progress import unused_inputs
from dataform_action.report.request import RequestFact, option_facts, source_facts
from dataform_action.report.summary.attempts import add_attempts
from dataform_action.report.summary.failures import add_compile_errors, add_failed_actions
from dataform_action.report.summary.tables import add_actions, add_compiled, render_counts
from dataform_action.report.summary.timeline import add_timeline
from dataform_action.report.words import Link, Mention, Note, Text
from dataform_action.text import format_duration
from dataform_action.validation import is_link

_LOG_WORDS = "Open the run's log"


def render_summary(
    outcome: StepOutcome,
    analysis: Analysis,
    causes: Causes,
    subject: Subject | None,
    limit: int = SUMMARY_LIMIT,
) -> str:
    """Return the job summary in at most ``limit`` bytes. Without a subject it has no facts.

    The arguments must be free of secrets, because escapes and cuts would hide a secret from the
    redaction.
    """
    page = Page(limit)
    page.add("the outcome", [f"## {_icon(outcome)} {outcome.title}", "", *_words(outcome)])
    # Without a subject there is no run, and so no name of an action.
    shorten = _shortener("" if subject is None else f"{subject.project_id}.")
    if subject is not None:
        outcome, analysis = _shortened(outcome, analysis, shorten)
    add_comparison(page, outcome.comparison, _commits_url(outcome))
    if subject is not None:
        page.add("what was run", [_facts(outcome, analysis, subject)])
        for remark in filter(None, (unused_inputs(subject), *outcome.remarks)):
            page.add("what was run", [prose(remark)])
    for note in outcome.notes:
        page.add("what is incomplete", _note(note))
    add_compile_errors(page, causes.compile_errors, outcome.files_url, shorten)
    add_failed_actions(page, causes.failures, outcome.files_url, shorten)
    add_attempts(page, outcome, shorten)
    add_timeline(page, analysis, duration=outcome.duration, attempts=len(outcome.attempts))
    add_costs(page, outcome.costs, shorten)
    add_compiled(page, outcome)
    add_actions(page, analysis, outcome.files_url)
    return page.render()


def _shortener(project: str) -> Callable[[str], str]:
    """Return the function that shortens names of actions. The facts name the project."""

    def shorten(name: str) -> str:
        return name.removeprefix(project) if name.count(".") > project.count(".") else name

    return shorten


def _shortened(
    outcome: StepOutcome, analysis: Analysis, shorten: Callable[[str], str]
) -> tuple[StepOutcome, Analysis]:
    """Return both with short names of actions."""
    compiled = (replace(action, name=shorten(action.name)) for action in outcome.compiled)
    compared = outcome.comparison
    if compared is not None:
        compared = comparison_words.renamed(compared, shorten)
    short = replace(outcome, compiled=tuple(compiled), comparison=compared)
    return short, renamed(analysis, shorten)


def _icon(outcome: StepOutcome) -> str:
    if outcome.exit_code is not ExitCode.SUCCESS:
        return "❌"
    return "▶️" if outcome.status is State.RUNNING else "✅"


def _words(outcome: StepOutcome) -> list[str]:
    """Return what happened and what to do, with a link to the run's log."""
    log = Link("" if outcome.run is None else outcome.run.log_url)
    # This page shows the compile errors. The hint is for the log.
    hint = () if outcome.compile_errors else outcome.words.hint
    paragraphs = [*_paragraphs(outcome.words.message), *_paragraphs(hint)]
    shown = [" ".join(filter(None, (_part(part, log) for part in parts))) for parts in paragraphs]
    shown = [paragraph for paragraph in shown if paragraph]
    if is_link(log.url) and not any(log in parts for parts in paragraphs):
        opening = _part(log, log)
        if len(shown) == 1:
            shown = [f"{shown[0]} {opening}"]
        else:
            shown.append(opening)
    return [line for paragraph in shown for line in (paragraph, "")][:-1]


def _note(note: Note) -> list[str]:
    first, *rest = note.text.splitlines()
    return [f"⚠️ {prose(first)}", *(line for text in rest for line in ("", prose(text)))]


def _paragraphs(text: Text) -> Iterator[list[str | Link]]:
    """Yield the lines of a text, each as a list of parts."""
    paragraph: list[str | Link] = []
    for part in text:
        for piece in [part] if isinstance(part, Link) else part.splitlines(keepends=True):
            paragraph.append(piece)
            if isinstance(piece, str) and piece.splitlines() != [piece]:
                yield paragraph
                paragraph = []
    yield paragraph


def _part(part: str | Link, log: Link) -> str:
    """Return a part of a text as Markdown. The link to the run's log has a fixed text."""
    if not isinstance(part, Link):
        return prose(part)
    if not is_link(part.url):
        return prose(part.url)
    return link(_LOG_WORDS if part == log else code(part.url), part.url)


def _facts(outcome: StepOutcome, analysis: Analysis, subject: Subject) -> str:
    """Return what was run, in a few lines. What is not known or said above is left out."""
    run, said = outcome.run, outcome.words.mentions
    # A run that is only watched was made by another request.
    request = subject.request if subject.run_id is None else RunRequest()
    duration = "" if outcome.duration is None else format_duration(outcome.duration)
    facts = (
        ("Service", prose(subject.service_name)),
        *((fact.label, _place(fact)) for fact in subject.place),
        *((fact.label, _values(fact)) for fact in source_facts(request)),
        *((fact.label, _values(fact)) for fact in option_facts(request)),
        ("Commit", _commit(outcome)),
        ("Duration", "" if Mention.DURATION in said else duration),
        ("Usual duration", _usual(outcome)),
        ("Actions", "" if Mention.COUNTS in said else render_counts(analysis)),
        ("Run", "" if run is None or Mention.RUN in said else code(run.id)),
        ("Status", "" if run is None else code(run.status)),
        ("Compilation", code(outcome.compilation_result.rpartition("/")[2])),
        ("Dataform core", code(outcome.core_version)),
    )
    return " · ".join(f"**{name}** {text}" for name, text in facts if text)


def _values(fact: RequestFact) -> str:
    values = ", ".join(filter(None, map(code, fact.values)))
    return f"{values} and {fact.more:,} more" if fact.more else values


def _place(fact: Fact) -> str:
    return code(fact.value) + (f" in {code(fact.within)}" if fact.within else "")


def _usual(outcome: StepOutcome) -> str:
    """Return the usual duration, unless the page says it above."""
    compared = outcome.comparison
    return "" if compared is None or compared.is_slow else describe_usual(compared)


def _commit(outcome: StepOutcome) -> str:
    """Return the short commit, as a link if the address of its files is known."""
    return show_commit(outcome.commit, _commits_url(outcome))


def _commits_url(outcome: StepOutcome) -> str:
    """Return the address of the commits on GitHub; empty if it is not known."""
    base = outcome.files_url.removesuffix(f"/blob/{outcome.commit}")
    return f"{base}/commit" if base != outcome.files_url else ""
