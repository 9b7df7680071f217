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

#: How long a first signal is held back. The runner sends its second after 7.5 s, and until
#: then the run is to be cancelled, which may take 4 s.
_PATIENCE_SECONDS = 3.0


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


class Signals:
    """Turn the first signal into ``Interrupted`` and let a second one leave at once.

    A handler may be called in the middle of anything, and some code of the standard
    library swallows what it raises: ``check`` raises what was lost that way once more.
    """

    def __init__(self) -> None:
        self._shielded = False
        self._broken = False
        self._finishing = False
        #: The number of the first signal.
        self.received: int | None = None

    def install(self) -> None:
        """Take over SIGINT and SIGTERM; only the main thread may call this."""
        signal.signal(signal.SIGALRM, self._lose_patience)
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)

    def check(self) -> None:
        """Raise ``Interrupted`` if there was a signal."""
        if self.received is not None and not self._finishing:
            raise Interrupted(self.received)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Hold a first signal back until the block ends; a second one is not held.

        Nor is a first one held for longer than the runner's own patience allows.
        """
        self.check()
        self._shielded = True
        try:
            yield
        except Exception as error:
            self._open()
            if self.received is not None:
                raise Interrupted(self.received) from error
            raise
        finally:
            self._open()
        self.check()

    def finish(self) -> None:
        """Let no first signal interrupt from here on: the end is milliseconds away."""
        self._finishing = True

    def _open(self) -> None:
        self._shielded = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _handle(self, signal_number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal_number
            if self._shielded:
                signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS)
            elif not self._finishing:
                raise Interrupted(signal_number)
        elif self._shielded and not self._broken:
            self._broken = True
            raise Interrupted(signal_number, cut_short=True)
        else:
            # The first signal is being dealt with and the sender has lost patience.
            # No cleaning up: whatever is written by now was written whole.
            os._exit(128 + signal_number)

    def _lose_patience(self, _signal_number: int, _frame: FrameType | None) -> None:
        if self._shielded and not self._broken and self.received is not None:
            self._broken = True
            raise Interrupted(self.received, cut_short=True)
