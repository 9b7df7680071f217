"""Time and retries as arguments, so that a test does not wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


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


class Retry(Protocol):
    """Make one request, repeat it as long as that can help, and return its value."""

    def __call__(self, request: Callable[[], T], /) -> T:
        """Call ``request`` until it succeeds; raise its error if no attempt is left.

        If ``request`` raises ``NotDone``, it is called again at the next poll. A ``Retry`` that
        cannot wait does not catch it.
        """
        ...


def once(request: Callable[[], T], /) -> T:
    """Make one request once: the ``Retry`` of a caller that retries by itself."""
    return request()
