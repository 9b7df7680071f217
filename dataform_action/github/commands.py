"""The runner's protocol: workflow commands, file commands, escaping, masks, budgets.

See https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands. For what that
page omits, see the runner's source (``ActionCommand.cs``, ``FileCommandManager.cs``).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TextIO

from dataform_action.redaction import Redactor
from dataform_action.text import cut, printable

#: The runner cuts an annotation's message after this many characters.
MESSAGE_LIMIT = 4096
#: The runner keeps at most so many errors and so many warnings per step.
ANNOTATION_LIMIT = 10

_ZERO_WIDTH_SPACE = "\u200b"


def plain(text: str) -> str:
    """Return a text as one line that the runner does not interpret as a command.

    ``::name::`` is a command at the start of a line, and ``##[name]`` anywhere in it. An invisible
    character breaks both.
    """
    line = printable(text)
    while "::" in line:
        line = line.replace("::", f":{_ZERO_WIDTH_SPACE}:")
    return line.replace("##[", f"##{_ZERO_WIDTH_SPACE}[")


def open_log(stream: TextIO | None) -> TextIO:
    """Return a stream for the log that writes UTF-8, whatever the container's locale is.

    ``stream`` is None if the process was started with its output closed.
    """
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="replace")
    return stream


class Console:
    """The step's log: one stream of whole lines, without unintended commands.

    A masked secret is replaced in everything that is written afterwards. A closed stream raises no
    error, because the run matters more than its log.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: Replaces the secrets in a text, in any encoding.
        self.redact = Redactor()
        self._warnings = 0

    def mask(self, secret: str) -> None:
        """Hide a secret in all that follows, here and by the runner."""
        if not secret.strip():
            return
        self._write(f"::add-mask::{_escape_data(secret)}")
        self.redact.add(secret)

    def line(self, text: str = "") -> None:
        """Print one line."""
        self._write(self._clean(text))

    def debug(self, text: str) -> None:
        """Print one line that the runner shows only in debug mode."""
        self._write(f"::debug::{_escape_data(self._clean(text))}")

    def error(
        self,
        message: str,
        title: str,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        """Print an error annotation, on a file of the repository if there is one.

        The runner does not mask the title and the file: the title must be a fixed text.
        """
        place = {"file": self._clean(file), "line": line, "col": column}
        self._annotate("error", message, title, place if file else {})

    def warning(self, message: str, title: str) -> None:
        """Print a warning annotation, or a line if the runner would drop the annotation.

        The runner does not mask the title: it must be a fixed text.
        """
        self._warnings += 1
        if self._warnings > ANNOTATION_LIMIT:
            self.line(f"Warning: {message}")
            return
        if self._warnings == ANNOTATION_LIMIT:
            message += "\nFurther warnings, if any, are in the log only."
        self._annotate("warning", message, title, {})

    def group(self, title: str, lines: list[str]) -> None:
        """Print lines in a folded group with a title."""
        self._write(f"::group::{_escape_data(self._clean(title))}")
        for text in lines:
            self.line(text)
        self._write("::endgroup::")

    def _annotate(
        self, command: str, message: str, title: str, place: Mapping[str, str | int | None]
    ) -> None:
        lines = [plain(line) for line in self.redact(message).splitlines()]
        text = self.redact(cut("\n".join(lines), MESSAGE_LIMIT))
        properties = ",".join(
            f"{name}={_escape_property(str(value))}"
            for name, value in {**place, "title": title}.items()
            if value is not None
        )
        self._write(f"::{command} {properties}::{_escape_data(text)}")

    def _clean(self, text: str) -> str:
        # Redacted again: a character that became a space may have completed a secret.
        return self.redact(plain(self.redact(text)))

    def _write(self, line: str) -> None:
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            # The reader is gone, or the stream is closed. Nothing can be done.
            pass


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
