"""The runner's protocol: workflow commands, file commands, escaping, masks, budgets.

What the runner does with a line is described at
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
and, where that is silent, in its source (``ActionCommand.cs``, ``FileCommandManager.cs``).
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

#: The runner cuts an annotation's message after this many characters.
MESSAGE_LIMIT = 4096
#: The runner keeps so many errors of a step, and so many warnings.
ANNOTATION_LIMIT = 10
#: The runner drops a summary that is larger than 1 MiB altogether.
SUMMARY_LIMIT = 1_000_000
#: A shorter text is no secret, and replacing it would only garble the log.
_SHORTEST_SECRET = 4

#: Characters that end a line, move the cursor, colour the log or turn its direction.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_ZERO_WIDTH_SPACE = "\u200b"


def printable(text: str) -> str:
    """Return a text as one line that neither moves the cursor nor changes colours."""
    return _UNPRINTABLE.sub(" ", text)


def plain(text: str) -> str:
    """Return a text as one line that the runner takes for nothing but text.

    ``::name::`` starts a command at the start of a line and ``##[name]`` anywhere in
    it; both are broken by a character that is not seen.
    """
    line = printable(text)
    while "::" in line:
        line = line.replace("::", f":{_ZERO_WIDTH_SPACE}:")
    return line.replace("##[", f"##{_ZERO_WIDTH_SPACE}[")


def cut(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters, cut between words if it is longer."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    space = head.rfind(" ")
    return (head[:space] if space > limit // 2 else head) + "…"


class Console:
    """The step's log: one stream, whole lines, nothing in it but what is meant.

    A secret that was masked is replaced in everything that is written afterwards.
    Nothing raises when the stream is gone: the run matters more than its log.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: What is replaced: the secrets, plain and as they stand in an address.
        self._secrets: list[str] = []
        self._warnings = 0

    def mask(self, secret: str) -> None:
        """Have the runner hide a secret in all that follows, and hide it here as well."""
        if not secret.strip():
            return
        self._write(f"::add-mask::{_escape_data(secret)}")
        self._learn(secret)

    def _learn(self, secret: str) -> None:
        # The runner also masks the lines of a secret one by one.
        for part in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
            if len(part) >= _SHORTEST_SECRET:
                self._secrets += (part, quote(part, safe="", errors="replace"))
        self._secrets.sort(key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return a text without the masked secrets, plain or as they stand in an address."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def line(self, text: str = "") -> None:
        """Print one line."""
        self._write(self._clean(text))

    def debug(self, text: str) -> None:
        """Print one line that the runner shows only in its debug mode."""
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
        """Print an error annotation, on a file of the repository if one is given.

        The title and the file are shown unmasked: use fixed words for the title.
        """
        place = {"file": self._clean(file), "line": line, "col": column}
        self._annotate("error", message, title, place if file else {})

    def warning(self, message: str, title: str) -> None:
        """Print a warning annotation, or a line when the runner would keep no more of them.

        The title is shown unmasked: use fixed words.
        """
        self._warnings += 1
        if self._warnings > ANNOTATION_LIMIT:
            self.line(f"Warning: {message}")
            return
        if self._warnings == ANNOTATION_LIMIT:
            message += "\nFurther warnings, if any, are lines of the log."
        self._annotate("warning", message, title, {})

    def group(self, title: str, lines: list[str]) -> None:
        """Print lines folded under a title."""
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
        # Again at the end: a character that became a blank may have completed a secret.
        return self.redact(plain(self.redact(text)))

    def _write(self, line: str) -> None:
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            # The reader is gone, or the stream is closed: there is nobody to tell.
            pass


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


class FileCommands:
    """The files by which a step hands outputs, state and its summary to the runner.

    A file that the environment does not name is skipped, as on a developer's machine.
    Each call is one write, so that a kill leaves nothing half written. One that cannot be
    written is a warning, once for each file.
    """

    def __init__(self, environ: Mapping[str, str], console: Console) -> None:
        self._environ = environ
        self._console = console
        #: The variables whose files could not be written, as the log has said.
        self._lost: set[str] = set()
        self._outputs: dict[str, str] = {}

    def output(self, values: Mapping[str, str]) -> None:
        """Set outputs of the step; the last value of a name counts, and none is written twice."""
        values = self._clean(values)
        new = {name: text for name, text in values.items() if self._outputs.get(name) != text}
        if new and self._append("GITHUB_OUTPUT", _pairs(new)):
            self._outputs |= new

    def state(self, values: Mapping[str, str]) -> None:
        """Keep values for the post step, which finds each as ``STATE_<name>``."""
        self._append("GITHUB_STATE", _pairs(self._clean(values)))

    def summary_room(self) -> int:
        """Return how many bytes the job summary has room for, beside what it holds already."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        try:
            size = Path(path).stat().st_size if path else 0
        except OSError:
            size = 0
        return max(0, SUMMARY_LIMIT - size)

    def summary(self, markdown: str) -> None:
        """Add Markdown to the job summary, if there is room: GitHub drops one that is too large."""
        text = self._console.redact(markdown)
        if len(text.encode("utf-8", "replace")) > self.summary_room():
            self._console.warning(
                "The job summary has no room for what this step would add.",
                "Dataform: a result is lost",
            )
            return
        self._append("GITHUB_STEP_SUMMARY", text)

    def _clean(self, values: Mapping[str, str]) -> dict[str, str]:
        return {name: self._console.redact(text) for name, text in values.items()}

    def _append(self, variable: str, text: str) -> bool:
        """Append to the file that a variable names, and tell whether the file was written."""
        path = self._environ.get(variable)
        if not path:
            return False
        try:
            _append_whole(path, text.encode("utf-8", "replace"))
        except OSError as error:
            if variable not in self._lost:
                self._lost.add(variable)
                self._console.warning(
                    f"The file that {variable} names cannot be written: {error.strerror}.",
                    "Dataform: a result is lost",
                )
            return False
        return True


def _append_whole(path: str, data: bytes) -> None:
    """Append to a file in one write, or not at all.

    Raises:
        OSError: the file cannot be written, is no plain file, or has no room left.
    """
    # Without O_NONBLOCK, a pipe that nobody reads would hold the step for ever.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o644)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        if os.write(descriptor, data) < len(data):
            os.ftruncate(descriptor, status.st_size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _pairs(values: Mapping[str, str]) -> str:
    """Return names and values in heredoc form, which no value can break out of."""
    text = ""
    for name, value in values.items():
        delimiter = f"end-{secrets.token_hex(16)}"
        text += f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
    return text
