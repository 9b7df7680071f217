"""The files in which a step passes outputs, state and its job summary to the runner.

See https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands. For what that
page omits, see the runner's source (``FileCommandManager.cs``).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dataform_action.github.commands import Console

#: The runner drops a summary that is larger than 1 MiB.
SUMMARY_LIMIT = 1_000_000


class FileCommands:
    """The files in which a step passes outputs, state and its job summary to the runner.

    A file that the environment does not name is skipped. Each call is one write, so that a kill
    leaves no partial data. If a file cannot be written, there is one warning per file.
    """

    def __init__(self, environ: Mapping[str, str], console: Console) -> None:
        self._environ = environ
        self._console = console
        #: The variables whose files could not be written, with a warning in the log.
        self._failed: set[str] = set()
        self._outputs: dict[str, str] = {}
        #: The sizes of the files before this step wrote to them, by variable.
        self._sizes: dict[str, int] = {}

    @property
    def has_outputs(self) -> bool:
        """Return whether the runner reads outputs."""
        return bool(self._environ.get("GITHUB_OUTPUT"))

    def output(self, values: Mapping[str, str]) -> None:
        """Set outputs of the step; the last value of a name counts. Equal values are skipped."""
        values = self._clean(values)
        new = {name: text for name, text in values.items() if self._outputs.get(name) != text}
        if new and self._append("GITHUB_OUTPUT", _pairs(new)):
            self._outputs |= new

    def state(self, values: Mapping[str, str]) -> None:
        """Save values for the post step, which reads each as ``STATE_<name>``."""
        self._append("GITHUB_STATE", _pairs(self._clean(values)))

    def final_state(self, values: Mapping[str, str]) -> None:
        """Save the last values for the post step; if the disk is full, remove the earlier ones.

        The post step would act on the earlier values without the last ones. To remove them needs
        no room on the disk.
        """
        if self._append("GITHUB_STATE", _pairs(self._clean(values))):
            return
        size = self._sizes.get("GITHUB_STATE")
        if size is not None:
            with suppress(OSError):
                os.truncate(self._environ["GITHUB_STATE"], size)

    def summary_room(self) -> int:
        """Return how many bytes fit in the job summary, after what it already contains."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        try:
            size = Path(path).stat().st_size if path else 0
        except OSError:
            size = 0
        return max(0, SUMMARY_LIMIT - size)

    def summary(self, markdown: str) -> None:
        """Add Markdown to the job summary if it fits: GitHub drops a summary that is too large."""
        text = self._console.redact(markdown)
        if len(text.encode("utf-8", "replace")) > self.summary_room():
            self._console.warning(
                "The report of this step does not fit in the job summary.",
                "Dataform: a result was not written",
            )
            return
        self._append("GITHUB_STEP_SUMMARY", text)

    def _clean(self, values: Mapping[str, str]) -> dict[str, str]:
        return {name: self._console.redact(text) for name, text in values.items()}

    def _append(self, variable: str, text: str) -> bool:
        """Append to the file that a variable names; return whether it was written."""
        path = self._environ.get(variable)
        if not path:
            return False
        try:
            size = _append_whole(path, text.encode("utf-8", "replace"))
        except OSError as error:
            if variable not in self._failed:
                self._failed.add(variable)
                self._console.warning(
                    f"Cannot write the file in {variable}: {error.strerror}.",
                    "Dataform: a result was not written",
                )
            return False
        self._sizes.setdefault(variable, size)
        return True


def _append_whole(path: str, data: bytes) -> int:
    """Append to a file in one write, or not at all. Return the size of the file before.

    Raises:
        OSError: the file cannot be written, is not a regular file, or the disk is full.
    """
    # Without O_NONBLOCK, a pipe without a reader would block the step forever.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o644)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if os.write(descriptor, data) < len(data):
            os.ftruncate(descriptor, status.st_size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)
    return status.st_size


def _pairs(values: Mapping[str, str]) -> str:
    """Return names and values with random heredoc delimiters, which no value can contain."""
    text = ""
    for name, value in values.items():
        delimiter = f"end-{os.urandom(16).hex()}"
        text += f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
    return text
