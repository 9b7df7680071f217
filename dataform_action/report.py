"""What a step leaves behind: outputs and the job summary. Pure: data in, text out."""

from __future__ import annotations

import re
from collections.abc import Callable

from dataform_action.endings import Ending, ExitCode
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
    return outputs


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
    return "\n".join(lines).rstrip() + "\n"


def _linked(text: str, ending: Ending, show: Callable[[str], str]) -> str:
    """Return an escaped text in which the ending's own addresses are links, and nothing else."""
    if not ending.links:
        return show(text)
    parts = re.split(f"({'|'.join(map(re.escape, ending.links))})", text)
    shown = (f"[{show(part)}](<{part}>)" if part in ending.links else show(part) for part in parts)
    return " ".join(filter(None, shown))


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
        ("Environment", request.environment or ""),
        ("Schedule", request.schedule or ""),
        ("Tags", ", ".join(request.tags)),
    ]
