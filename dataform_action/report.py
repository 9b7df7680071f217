"""What a step leaves behind: outputs and the job summary. Pure: data in, text out."""

from __future__ import annotations

import re

from dataform_action.endings import Ending, ExitCode
from dataform_action.inputs import Inputs
from dataform_action.model import State, format_duration

#: Everything that may mean something in Markdown, HTML or to GitHub's own filters.
_SPECIAL = re.compile(r"[!-/:-@\[-`{-~]")
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")
_TEXT_LIMIT = 2000


def escape_markdown(text: str) -> str:
    """Return a text that shows as it is, on one line, wherever Markdown stands.

    As entities the characters mean nothing to Markdown; the word joiner after ``@``
    and ``#`` keeps GitHub from making mentions and references of them afterwards.
    """
    line = _BLANKS.sub(" ", text[:_TEXT_LIMIT]).strip()
    return _SPECIAL.sub(lambda match: _entity(match[0]), line)


def _entity(character: str) -> str:
    joiner = "&#8288;" if character in "@#" else ""
    return f"&#{ord(character)};{joiner}"


def render_outputs(ending: Ending) -> dict[str, str]:
    """Return the outputs that only the ending knows; the run's own are written before."""
    outputs = {"status": ending.status.value}
    if ending.duration is not None:
        outputs["duration"] = str(int(ending.duration))
    return outputs


def render_summary(ending: Ending, inputs: Inputs | None, service_name: str) -> str:
    """Return the job summary; without ``inputs`` (they were bad) it has no table."""
    icon = "✅" if ending.exit_code is ExitCode.SUCCESS else "❌"
    if ending.status is State.RUNNING and ending.exit_code is ExitCode.SUCCESS:
        icon = "▶️"
    lines = [f"## {icon} {ending.title}", ""]
    if inputs is not None:
        lines += ["| | |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in _facts(ending, inputs, service_name)]
        lines.append("")
    if ending.exit_code is not ExitCode.SUCCESS:
        for paragraph in (*ending.message.splitlines(), ending.hint):
            lines += [escape_markdown(paragraph), ""]
    return "\n".join(lines).rstrip() + "\n"


def _facts(ending: Ending, inputs: Inputs, service_name: str) -> list[tuple[str, str]]:
    """Return the rows of the table of facts, as Markdown; what is not known has no row."""
    run, request = ending.run, inputs.request
    facts = [
        ("Run", f"[{escape_markdown(run.id)}](<{run.log_url}>)" if run is not None else ""),
        ("Status", escape_markdown(run.status) if run is not None else ""),
        ("Duration", "" if ending.duration is None else format_duration(ending.duration)),
        ("Service", service_name),
        ("Project", escape_markdown(inputs.project_id)),
        ("Environment", escape_markdown(request.environment or "")),
        ("Schedule", escape_markdown(request.schedule or "")),
        ("Tags", escape_markdown(", ".join(request.tags))),
    ]
    return [(name, value) for name, value in facts if value]
