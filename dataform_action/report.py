"""What a step leaves behind: outputs and the job summary. Pure: data in, text out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from dataform_action.endings import Ending, ExitCode
from dataform_action.explain import failed_actions, held_up_by
from dataform_action.github import cut
from dataform_action.inputs import Inputs
from dataform_action.model import State, format_duration

#: What may mean something in Markdown, HTML or to GitHub's own filters: most punctuation
#: anywhere, the rest where it could start a list or an address.
_SPECIAL = re.compile(r"[!\"#$&()*+:<=>@\[\\\]^_`{|}~]|^[%',./;?-]|(?<=w)\.|(?<=[0-9])\.(?= |\Z)")
#: What GitHub would make a mention or a reference of.
_MENTION = re.compile(r"([@#])(?=\w)")
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")
_TEXT_LIMIT = 2000
_MOST_ROWS = 100
_MOST_HELD_UP = 5
#: One of the runner's 10 is kept for the ending.
_MOST_ANNOTATIONS = 9


def escape_markdown(text: str) -> str:
    """Return a text that shows as it is, on one line, wherever Markdown stands.

    As entities the characters mean nothing to Markdown; the word joiner after ``@``
    and ``#`` keeps GitHub from making mentions and references of them afterwards.
    """
    line = cut(_BLANKS.sub(" ", text).strip(), _TEXT_LIMIT)
    line = _MENTION.sub("\\1\u2060", line)
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", line)


def render_outputs(ending: Ending) -> dict[str, str]:
    """Return the outputs that only the ending knows; the run's own are written before."""
    outputs = {"status": ending.status.value}
    if ending.duration is not None:
        outputs["duration"] = str(int(ending.duration))
    if ending.compilation_result:
        outputs["compilation-result"] = ending.compilation_result
    if ending.actions:
        outputs["failed-actions"] = json.dumps(
            [action.name for action in failed_actions(ending.actions)]
        )
    return outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An error on a file of the repository; the title is made of fixed words."""

    title: str
    message: str
    file: str
    line: int | None = None
    column: int | None = None


def render_annotations(ending: Ending) -> list[Annotation]:
    """Return the errors that belong to files: those that fit beside the ending's own.

    The runner keeps 10 errors of a step, and the last is the ending's.
    """
    compiled = [
        Annotation(
            title="Dataform: compile error",
            message=f"{error.action}: {error.message}" if error.action else error.message,
            file=error.file,
            line=error.line,
            column=error.column,
        )
        for error in ending.compile_errors
    ]
    failed = [
        Annotation(
            title="Dataform: action failed",
            message=f"{action.name}: {action.reason or 'the API gives no reason'}",
            file=action.file,
        )
        for action in failed_actions(ending.actions)
    ]
    # Those without a file last: they are in the summary as well, and point nowhere.
    return sorted(compiled + failed, key=lambda place: not place.file)[:_MOST_ANNOTATIONS]


def render_summary(
    ending: Ending, inputs: Inputs | None, service_name: str, redact: Callable[[str], str]
) -> str:
    """Return the job summary; without ``inputs`` (they were bad) it has no table.

    ``redact`` hides secrets. It must see the text before Markdown's escapes break it up.
    """

    def show(text: str) -> str:
        return escape_markdown(redact(text))

    icon = "✅" if ending.exit_code is ExitCode.SUCCESS else "❌"
    if ending.status is State.RUNNING and ending.exit_code is ExitCode.SUCCESS:
        icon = "▶️"
    lines = [f"## {icon} {ending.title}", ""]
    if inputs is not None:
        facts = _facts(ending, inputs, service_name)
        lines += ["| | |", "|---|---|"]
        lines += [f"| {name} | {_linked(text, ending, show)} |" for name, text in facts if text]
        lines.append("")
    if ending.exit_code is not ExitCode.SUCCESS:
        for paragraph in (*ending.message.splitlines(), ending.hint):
            lines += [_linked(paragraph, ending, show), ""]
    lines += _compile_errors(ending, show) + _failures(ending, show)
    return "\n".join(lines).rstrip() + "\n"


def _linked(text: str, ending: Ending, show: Callable[[str], str]) -> str:
    """Return an escaped text in which the ending's own addresses are links, and nothing else."""
    if not ending.links:
        return show(text)
    parts = re.split(f"({'|'.join(map(re.escape, ending.links))})", text)
    shown = (f"[{show(part)}](<{part}>)" if part in ending.links else show(part) for part in parts)
    return " ".join(filter(None, shown))


def _compile_errors(ending: Ending, show: Callable[[str], str]) -> list[str]:
    """Return the compile errors as a table; no lines if there are none."""
    if not ending.compile_errors:
        return []
    lines = ["### Compile errors", "", "| File | Error | Action |", "|---|---|---|"]
    for error in ending.compile_errors[:_MOST_ROWS]:
        place = ":".join(str(part) for part in (error.file, error.line, error.column) if part)
        lines.append(f"| {show(place)} | {show(error.message)} | {show(error.action)} |")
    return [*lines, _more(len(ending.compile_errors)), ""]


def _failures(ending: Ending, show: Callable[[str], str]) -> list[str]:
    """Return the failed actions as a table; no lines if there are none."""
    failed = failed_actions(ending.actions)
    if not failed:
        return []
    lines = [
        *("### Failed actions", "", "| Action | File | Reason | Held up | Job |"),
        "|---|---|---|---|---|",
    ]
    for action in failed[:_MOST_ROWS]:
        held_up = held_up_by(action.name, ending.actions)
        more = f" and {len(held_up) - _MOST_HELD_UP} more" if len(held_up) > _MOST_HELD_UP else ""
        cells = (
            show(action.name),
            show(action.file),
            show(action.reason or "The API gives no reason."),
            show(", ".join(held_up[:_MOST_HELD_UP]) + more),
            _linked(action.job_url, ending, show) if action.job_url else show(action.job_id),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, _more(len(failed)), ""]


def _more(count: int) -> str:
    return f"\nAnd {count - _MOST_ROWS} more." if count > _MOST_ROWS else ""


def _facts(ending: Ending, inputs: Inputs, service_name: str) -> list[tuple[str, str]]:
    """Return the rows of the table of facts, as plain text; what is not known is empty."""
    run, request = ending.run, inputs.request
    return [
        ("Run", run.id if run is not None else ""),
        ("Log", run.log_url if run is not None else ""),
        ("Status", run.status if run is not None else ""),
        ("Duration", "" if ending.duration is None else format_duration(ending.duration)),
        ("Service", service_name),
        ("Project", inputs.project_id),
        ("Repository", f"{inputs.repository} ({inputs.location})" if inputs.repository else ""),
        ("Git ref", request.git_ref or ""),
        ("Compilation", ending.compilation_result),
        ("Environment", request.environment or ""),
        ("Schedule", request.schedule or ""),
        ("Tags", ", ".join(request.tags)),
    ]
