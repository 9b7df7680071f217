"""SIGINT and SIGTERM as exceptions, and a shield for code that must not be interrupted.

To cancel a step, the runner sends SIGINT, SIGTERM 7.5 s later, and SIGKILL 2.5 s after that. Both
handlers are installed explicitly, because this process is PID 1 of its container, where SIGTERM has
no default effect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: How long the shield delays a first signal. The runner sends its second signal after 7.5 s, and
#: the cancellation before that may take 4 s.
_LONGEST_DELAY_SECONDS = 3.0


class Interrupted(BaseException):
    """A signal as an exception.

    It is not an ``Exception``, so that no error handler catches it. ``cut_short`` says that
    shielded code was interrupted. If the shielded code raised an error, that is ``__cause__``.
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
        """Return the exit code that shells use for a process that this signal ended."""
        return 128 + self.signal_number


class Signals:
    """Raise ``Interrupted`` for the first signal, and exit immediately at the second.

    Some code of the standard library catches what a signal handler raises. ``check`` raises it
    again.
    """

    def __init__(self) -> None:
        self._shielded = False
        self._broken = False
        self._finishing = False
        #: The number of the first signal.
        self.received: int | None = None

    def install(self) -> None:
        """Take over SIGINT and SIGTERM; only the main thread may call this."""
        signal.signal(signal.SIGALRM, self._end_delay)
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)

    def check(self) -> None:
        """Raise ``Interrupted`` if there was a signal."""
        if self.received is not None and not self._finishing:
            raise Interrupted(self.received)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Delay a first signal until the block ends, but not for too long.

        A second signal is not delayed.
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
        """Ignore a first signal from now on: the process is about to end."""
        self._finishing = True

    def _open(self) -> None:
        self._shielded = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _handle(self, signal_number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal_number
            if self._shielded:
                signal.setitimer(signal.ITIMER_REAL, _LONGEST_DELAY_SECONDS)
            elif not self._finishing:
                raise Interrupted(signal_number)
        elif self._shielded and not self._broken:
            self._broken = True
            raise Interrupted(signal_number, cut_short=True)
        else:
            # A second signal: exit without cleanup. All data is written in whole units.
            os._exit(128 + signal_number)

    def _end_delay(self, _signal_number: int, _frame: FrameType | None) -> None:
        if self._shielded and not self._broken and self.received is not None:
            self._broken = True
            raise Interrupted(self.received, cut_short=True)
