"""The clock, and how runs advance: with time, or one step for each poll."""

import time
from dataclasses import dataclass
from typing import Literal, Protocol

Advance = Literal["clock", "poll"]


class Clock(Protocol):
    """A source of time, which a test can replace."""

    def now(self) -> float:
        """Return the seconds since the epoch, which never decrease."""


class SystemClock:
    """The system time at its creation, continued by the monotonic clock."""

    def __init__(self) -> None:
        """Read the system time."""
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self._offset + time.monotonic()


@dataclass(slots=True)
class SetClock:
    """A clock that shows a time in the past, until it is released to show the present."""

    present: Clock
    past: float | None

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self.present.now() if self.past is None else self.past


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of runs, shared by all APIs of an emulator."""

    advance: Advance
    run_seconds: float
    clock: Clock

    def step(self, steps: int, started: float, polls: int, seconds: float | None = None) -> int:
        """Return the index of the step that a run has reached; ``steps`` is at least 1.

        By polls, each earlier poll advances the run by one step. By the clock, the run reaches the
        last step after ``seconds`` (None: ``run_seconds``); the others are spread evenly before it.
        """
        last = steps - 1
        if self.advance == "poll":
            return min(polls, last)
        total = self.run_seconds if seconds is None else seconds
        elapsed = self.clock.now() - started
        return last if elapsed >= total else int(last * elapsed / total)
