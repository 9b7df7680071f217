"""The files by which a step hands outputs, state and its job summary to the runner.

They are described at
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
and, where that is silent, in the runner's source (``FileCommandManager.cs``).
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from dataform_action.github.commands import Console

#: The runner drops a summary that is larger than 1 MiB altogether.
SUMMARY_LIMIT = 1_000_000


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

    @property
    def has_outputs(self) -> bool:
        """Tell whether anybody reads outputs."""
        return bool(self._environ.get("GITHUB_OUTPUT"))

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
