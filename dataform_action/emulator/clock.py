"""How runs advance: by the time gone by, or by one step a poll."""

import time
from dataclasses import dataclass
from typing import Literal, Protocol

Advance = Literal["clock", "poll"]


class Clock(Protocol):
    """A source of time that tests replace."""

    def now(self) -> float:
        """Return the seconds since the epoch; they never step back."""


class SystemClock:
    """The time of day when it was made, carried on by the monotonic clock."""

    def __init__(self) -> None:
        """Remember the time of day."""
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

        By polls it is one step for each poll that was answered before. By the clock the last step
        comes after ``seconds`` (None: ``run_seconds``), the others are spread evenly before it.
        """
        last = steps - 1
        if self.advance == "poll":
            return min(polls, last)
        total = self.run_seconds if seconds is None else seconds
        elapsed = self.clock.now() - started
        return last if elapsed >= total else int(last * elapsed / total)
