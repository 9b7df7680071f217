"""Time as an argument, so that a test does not wait."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


def utc_now() -> datetime:
    """Return the time of day, by the clock of this machine."""
    return datetime.now(UTC)


class Clock(Protocol):
    """A clock in seconds that never goes back."""

    def now(self) -> float:
        """Return the seconds since a fixed point in time."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        ...


class MonotonicClock:
    """The real time. Changes of the wall clock do not affect it."""

    def now(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Call ``time.sleep()``."""
        time.sleep(seconds)
