"""The clock, and how runs advance: by time, or by one step per poll."""

import time
from dataclasses import dataclass
from typing import Literal, Protocol

Advance = Literal["clock", "poll"]


class Clock(Protocol):
    """A source of time, which a test can replace."""

    def now(self) -> float:
        """Return the seconds since the epoch; they never decrease."""


class SystemClock:
    """The system time at its creation, continued by the monotonic clock."""

    def __init__(self) -> None:
        """Read the system time."""
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self._offset + time.monotonic()


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of runs, shared by all APIs of an emulator."""

    advance: Advance
    run_seconds: float
    clock: Clock

    def step(self, steps: int, started: float, polls: int, seconds: float | None = None) -> int:
        """Return which of ``steps`` (at least 1) a run has reached, from 0; the last one stays.

        By polls, a run advances one step with each earlier poll. By the clock, the last step comes
        after ``seconds`` (None: ``run_seconds``), and the others are spread evenly before it.
        """
        last = steps - 1
        if self.advance == "poll":
            return min(polls, last)
        total = self.run_seconds if seconds is None else seconds
        elapsed = self.clock.now() - started
        return last if elapsed >= total else int(last * elapsed / total)
