"""Run programs with limits, each in a process group of its own, and leave none of them running."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

OUTPUT_LIMIT = 100_000_000
"""The longest output of a program that is read, in bytes."""

_CHECK_SECONDS = 0.02


class ProgramError(Exception):
    """A program that could not be run to its end."""


class MissingProgramError(ProgramError):
    """A program that is not installed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The exit code and the output of a program that has ended."""

    code: int
    output: bytes
    errors: bytes

    @property
    def error_text(self) -> str:
        """The output on the stream for errors."""
        return self.errors.decode("utf-8", "replace").strip()


class Processes:
    """Runs programs until ``close``, which kills those that still run."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without programs; ``monotonic`` is the clock for their time limits."""
        self._closing = threading.Event()
        self._monotonic = monotonic

    def close(self) -> None:
        """Kill the programs that still run; others cannot be started any more."""
        self._closing.set()

    def run(
        self,
        command: Sequence[str],
        folder: Path,
        seconds: float,
        environment: Mapping[str, str | None] | None = None,
    ) -> Finished:
        """Run a program to its end; ``environment`` sets variables, and None removes one.

        When it ends, and also after ``seconds`` or at ``close``, its whole process group is killed.
        Raise ProgramError if it cannot be started, takes too long or writes too much.
        """
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(  # noqa: S603
                    command,
                    cwd=folder,
                    env=_merge(environment or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise MissingProgramError(f"{command[0]} is not installed") from error
            except OSError as error:
                raise ProgramError(f"{command[0]} cannot be started: {error.strerror}") from error
            try:
                self._wait(process.pid, command[0], seconds, (output, errors))
            finally:
                # The group exists until its first process is waited for.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            return Finished(process.returncode, _read(output), _read(errors))

    def _wait(self, identifier: int, name: str, seconds: float, files: Sequence[IO[bytes]]) -> None:
        """Return when a process has ended, and leave its exit code for later."""
        deadline = self._monotonic() + seconds
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, identifier, options) is None:
            if self._closing.wait(_CHECK_SECONDS):
                raise ProgramError(f"{name} was stopped, because the emulator stops")
            if self._monotonic() >= deadline:
                raise ProgramError(f"{name} did not end within {seconds:g} s")
            if any(os.fstat(file.fileno()).st_size > OUTPUT_LIMIT for file in files):
                raise ProgramError(f"{name} wrote more than {OUTPUT_LIMIT:,} bytes")


def _merge(changes: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(OUTPUT_LIMIT)
