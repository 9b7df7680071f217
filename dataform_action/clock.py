"""Time as an object, so that hours pass in a test at once."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time as the wait sees it; the values are seconds that only ever grow."""

    def now(self) -> float:
        """Return the seconds since some fixed moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have gone by."""
        ...


class MonotonicClock:
    """The real time, untouched by whoever sets the wall clock."""

    def now(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Call ``time.sleep()``."""
        time.sleep(seconds)
