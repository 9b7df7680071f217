"""The job summary: how the step ended, what failed and why, what was slow, where to look."""

from __future__ import annotations

import re
from dataclasses import replace

from dataform_action.action.inputs import Inputs
from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.model import State
from dataform_action.report.analysis import count_words, held_up
from dataform_action.report.markdown import Page, code, link, prose
from dataform_action.report.outcome import Ending, ExitCode
from dataform_action.report.summary_failures import add_compile_errors, add_failed_actions
from dataform_action.report.summary_tables import add_actions, add_compiled, render_counts
from dataform_action.report.timeline import add_timeline
from dataform_action.text import format_duration
from dataform_action.validation import is_link


def render_summary(
    ending: Ending,
    inputs: Inputs | None,
    service_name: str,
    limit: int = SUMMARY_LIMIT,
) -> str:
    """Return the job summary in at most ``limit`` bytes; bad inputs (``None``) have no facts.

    No secret may be left in what it is given: escapes and cuts would break it up.
    """
    page = Page(limit)
    page.add("how the step ended", [f"## {_icon(ending)} {ending.title}", "", *_words(ending)])
    if inputs is not None:
        ending = _shortened(ending, f"{inputs.project_id}.")
        page.add("what was run", [_facts(ending, inputs, service_name)])
    held = held_up(ending.actions)
    add_compile_errors(page, ending)
    add_failed_actions(page, ending, held)
    add_timeline(page, ending)
    add_compiled(page, ending)
    add_actions(page, ending, held)
    return page.render()


def _shortened(ending: Ending, project: str) -> Ending:
    """Return an ending whose actions are named without the project, which stands above them."""

    def short(name: str) -> str:
        return name.removeprefix(project) if name.count(".") > project.count(".") else name

    return replace(
        ending,
        actions=tuple(
            replace(a, name=short(a.name), dependencies=tuple(map(short, a.dependencies)))
            for a in ending.actions
        ),
        compile_errors=tuple(replace(e, action=short(e.action)) for e in ending.compile_errors),
        compiled=tuple(replace(c, name=short(c.name)) for c in ending.compiled),
    )


def _icon(ending: Ending) -> str:
    if ending.exit_code is not ExitCode.SUCCESS:
        return "❌"
    return "▶️" if ending.status is State.RUNNING else "✅"


def _words(ending: Ending) -> list[str]:
    """Return what happened and what to do, with the way to the run's log."""
    log_url = "" if ending.run is None else ending.run.log_url
    opening = link("Open the run's log", log_url) if is_link(log_url) else ""
    # Where compile errors are shown is for the log to say.
    hint = "" if ending.compile_errors else ending.hint
    paragraphs = [*ending.message.splitlines(), *hint.splitlines()]
    lines: list[str] = []
    for paragraph in filter(str.strip, paragraphs):
        lines += [_linked(paragraph, {log_url: opening, ending.other_url: ""}), ""]
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


def _facts(ending: Ending, inputs: Inputs, service_name: str) -> str:
    """Return what was run, in a few lines; what is not known, or said above, is left out."""
    run, request = ending.run, inputs.request
    duration = "" if ending.duration is None else format_duration(ending.duration)
    place = f"{code(inputs.repository)} in {code(inputs.location)}" if inputs.repository else ""
    counts = "" if _counted(ending) else render_counts(ending.actions)
    facts = (
        ("Service", prose(service_name)),
        ("Project", code(inputs.project_id)),
        ("Repository", place),
        ("Environment", code(request.environment or "")),
        ("Schedule", code(request.schedule or "")),
        ("Git ref", code(request.git_ref or "")),
        ("Tags", ", ".join(filter(None, map(code, request.tags)))),
        ("Commit", _commit(ending)),
        ("Duration", "" if f" {duration}." in ending.message else duration),
        ("Actions", counts),
        ("Run", "" if run is None or run.id in ending.message else code(run.id)),
        ("Status", "" if run is None else code(run.status)),
        ("Compilation", code(ending.compilation_result.rpartition("/")[2])),
    )
    return " · ".join(f"**{name}** {text}" for name, text in facts if text)


def _counted(ending: Ending) -> bool:
    """Tell whether the message counts the actions already."""
    words = count_words(ending.actions)
    return bool(words) and words in ending.message


def _commit(ending: Ending) -> str:
    """Return the commit in short, linked to its page where its files have one."""
    base = ending.files_url.removesuffix(f"/blob/{ending.commit}")
    known = re.fullmatch("[0-9a-f]{40}", ending.commit)
    shown = code(ending.commit[:7] if known else ending.commit)
    return link(shown, f"{base}/commit/{ending.commit}") if base != ending.files_url else shown
