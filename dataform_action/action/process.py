"""What the entry points of all jobs share: the process, and a clock that loses no signal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn, TextIO

from dataform_action.clock import Clock
from dataform_action.github.commands import open_log
from dataform_action.github.signals import Signals


def run_and_exit(job: Callable[[Mapping[str, str], TextIO], int]) -> NoReturn:
    """Run a job in this process, and exit with its exit code."""
    stream = open_log(sys.stdout)
    exit_code = job(os.environ, stream)
    # Not through the interpreter's own exit, where a late signal would change the exit code.
    with suppress(OSError, ValueError):
        stream.flush()
    os._exit(exit_code)


class CheckedClock:
    """A clock that loses no signal: it checks for one before and after each sleep."""

    def __init__(self, clock: Clock, signals: Signals) -> None:
        self._clock = clock
        self._signals = signals
        self.now = clock.now

    def sleep(self, seconds: float) -> None:
        """Sleep, and raise a signal that arrived meanwhile."""
        self._signals.check()
        self._clock.sleep(seconds)
        self._signals.check()
