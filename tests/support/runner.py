"""Parses a step's log and files as GitHub's runner does.

It follows ``ActionCommand.cs``, ``OutputManager.cs`` and ``FileCommandManager.cs`` of
https://github.com/actions/runner, and uses none of our code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hypothesis import settings, strategies as st

#: All commands of the runner, in both notations.
COMMANDS = frozenset(
    (
        *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group"),
        *("notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands"),
        "warning",
    )
)

#: The same examples in every run, and no deadline for slow machines.
BOUNDED = settings(max_examples=150, deadline=None, derandomize=True, database=None)

_FRAGMENTS = (
    *("::", ":", "::error::", "::add-mask::", "::stop-commands::x", "::set-env name=a::b"),
    *("##[", "##", "#", "[", "]", "##[error]", "##[set-env name=a]b", "##[group]"),
    *("\r", "\n", "\r\n", "\x00", "\x0b", "\x0c", "\x1b[31m", "\x1c", "\x85", "\u2028", "\u2029"),
    *(
        "%",
        "%0A",
        "%25",
        "%3A",
        " ",
        "\t",
        "\xa0",
        "\u200b",
        "\u202e",
        "\ufeff",
        "\ud800",
        "\udcff",
    ),
    *("<<", "=", "a<<b", "|", "`", "<script>", "&", "@octocat", "#1", "](http://x)", "~~~", "é"),
)


def hostile_texts() -> st.SearchStrategy[str]:
    """Return a strategy of texts with characters that are special for a reader of a log."""
    piece = st.sampled_from(_FRAGMENTS) | st.text(max_size=5)
    return st.lists(piece, max_size=12).map("".join)


@dataclass(frozen=True)
class Command:
    """A workflow command, unescaped."""

    name: str
    message: str = ""
    properties: dict[str, str] = field(default_factory=dict)


def read_lines(log: str) -> list[str]:
    """Split a stream as .NET's ``ReadLine`` does."""
    lines = re.split(r"\r\n|\r|\n", log)
    return lines[:-1] if lines[-1] == "" else lines


def parse_log(log: str) -> list[Command | str]:
    """Return the lines of a log: the runner's commands as ``Command``, and the others as text."""
    return [_parse_v2(line) or _parse_v1(line) or line for line in read_lines(log)]


def _parse_v2(line: str) -> Command | None:
    """Parse ``::name key=value,key=value::message`` at the start of a line."""
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    escapes = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
    in_property = (*escapes[:2], ("%3A", ":"), ("%2C", ","), escapes[2])
    return _command(line[2:end], ",", in_property, _unescape(line[end + 2 :], escapes))


def _parse_v1(line: str) -> Command | None:
    """Parse ``##[name key=value;key=value]message`` anywhere in a line."""
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    escapes = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))
    return _command(line[start + 3 : end], ";", escapes, _unescape(line[end + 1 :], escapes))


def _command(
    header: str, separator: str, escapes: tuple[tuple[str, str], ...], message: str
) -> Command | None:
    name, _, rest = header.partition(" ")
    if name.lower() not in COMMANDS:
        return None
    pairs = (pair.partition("=") for pair in rest.split(separator))
    properties = {key: _unescape(value, escapes) for key, equals, value in pairs if equals}
    return Command(name.lower(), message, properties)


def _unescape(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escaped, character in escapes:
        text = text.replace(escaped, character)
    return text


class BadFileCommand(ValueError):
    """The runner would fail the step because of this file."""


def parse_file_commands(text: str) -> list[tuple[str, str]]:
    """Return the pairs in a GITHUB_OUTPUT or GITHUB_STATE file.

    Raises:
        BadFileCommand: the runner cannot read the file.
    """
    pairs = []
    text = text.removeprefix("\ufeff")
    while text:
        line, _, text = text.partition("\n")
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and not 0 <= heredoc < equals:
            name, value = line[:equals], line[equals + 1 :]
        elif heredoc >= 0:
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            if not delimiter:
                raise BadFileCommand(f"Invalid format {line!r}")
            value, text = _read_heredoc(text, delimiter)
        else:
            raise BadFileCommand(f"Invalid format {line!r}")
        if not name:
            raise BadFileCommand(f"No name in {line!r}")
        pairs.append((name, value))
    return pairs


def _read_heredoc(text: str, delimiter: str) -> tuple[str, str]:
    lines: list[str] = []
    while text:
        line, newline, text = text.partition("\n")
        if line == delimiter:
            return "\n".join(lines), text
        if not newline:
            raise BadFileCommand("EOF marker missing new line")
        lines.append(line)
    raise BadFileCommand(f"Matching delimiter not found {delimiter!r}")
