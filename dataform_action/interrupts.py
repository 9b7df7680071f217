"""SIGINT and SIGTERM as exceptions, and a shield around what must not be cut in two.

The runner cancels a step with SIGINT, sends SIGTERM 7.5 s later and kills 2.5 s
after that. Both are installed explicitly because this process is PID 1 of its
container, where SIGTERM has no default effect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """Carry a signal out of whatever was going on.

    It is no ``Exception``, so that no handler for errors swallows it. ``cut_short``
    tells that a second signal broke into what was shielded from the first. When what
    was shielded failed by itself, ``__cause__`` says how.
    """

    def __init__(self, signal_number: int, *, cut_short: bool = False) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number
        self.cut_short = cut_short

    @property
    def name(self) -> str:
        """Return the signal's name, such as SIGINT."""
        return signal.Signals(self.signal_number).name

    @property
    def exit_code(self) -> int:
        """Return the exit code that shells use for a process ended by this signal."""
        return 128 + self.signal_number


class Interrupts:
    """Turn the first signal into ``Interrupted`` and let a second one leave at once."""

    def __init__(self) -> None:
        self._shielded = False
        self._finishing = False
        self._pending: int | None = None
        self._raised = False

    def install(self) -> None:
        """Take over SIGINT and SIGTERM; only the main thread may call this."""
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Hold a first signal back until the block ends; a second one is not held."""
        self._shielded = True
        try:
            yield
        except Exception as error:
            self._release(error)
            raise
        finally:
            self._shielded = False
        self._release(None)

    def finish(self) -> None:
        """Let no first signal interrupt from here on: the end is milliseconds away."""
        self._finishing = True

    def _release(self, cause: Exception | None) -> None:
        self._shielded = False
        if self._pending is not None and not self._raised:
            self._raised = True
            raise Interrupted(self._pending) from cause

    def _handle(self, signal_number: int, _frame: FrameType | None) -> None:
        first = self._pending is None and not self._raised
        if first and (self._shielded or self._finishing):
            self._pending = signal_number
            return
        if self._raised or self._finishing:
            # The first signal is being dealt with and the sender has lost patience.
            # No cleaning up: whatever is written by now was written whole.
            os._exit(128 + signal_number)
        self._raised = True
        raise Interrupted(signal_number, cut_short=self._shielded)
