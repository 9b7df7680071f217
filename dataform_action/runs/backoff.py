"""Outages: how long to try again, how long to wait in between, and what to tell."""

from __future__ import annotations

import random

from dataform_action.clock import Clock
from dataform_action.errors import GaveUp, Unusable
from dataform_action.events import Observer, OutageEnded, OutageStarted, Update, Waiting
from dataform_action.model import Polling, Run
from dataform_action.text import format_duration

#: The longest silence towards the observer, in seconds.
HEARTBEAT = 60.0
#: Back-off grows to this, or to the poll interval where that is longer.
_LONGEST_BACKOFF = 60.0
#: What a ``Retry-After`` may ask for at most.
_LONGEST_RETRY_AFTER = 300.0


class Patience:
    """Keep the time of one wait: since when it lasts, and since when the API is silent."""

    def __init__(self, polling: Polling, on_update: Observer, clock: Clock) -> None:
        self._polling = polling
        self._on_update = on_update
        self._clock = clock
        self._started = self._spoke = clock.now()
        self._outage_since: float | None = None
        self._failures = 0
        #: Whether there ever was a usable answer.
        self.has_answered = False
        #: The run that is waited for, once it is known.
        self.run: Run | None = None

    def begin(self) -> None:
        """Count the time of the wait from now on."""
        self._started = self._clock.now()

    def now(self) -> float:
        """Return the clock's time."""
        return self._clock.now()

    @property
    def elapsed(self) -> float:
        """Return how long the wait has lasted."""
        return self._clock.now() - self._started

    @property
    def is_over(self) -> bool:
        """Tell whether the timeout has been reached."""
        return self._clock.now() >= self._deadline

    @property
    def in_outage(self) -> bool:
        """Tell whether the last attempt had no usable answer."""
        return self._outage_since is not None

    def rest(self, seconds: float) -> None:
        """Sleep, whatever the deadlines are."""
        self._clock.sleep(seconds)

    def tell(self, update: Update) -> None:
        """Pass an update to the observer."""
        self._spoke = self._clock.now()
        self._on_update(update)

    def answered(self) -> None:
        """Take note of a usable answer."""
        self.has_answered = True
        since, self._outage_since, self._failures = self._outage_since, None, 0
        if since is not None:
            self.tell(OutageEnded(self._clock.now() - since))

    def failed(self, error: Unusable, asked: float, consequence: str) -> None:
        """Count an attempt without a usable answer, made at the moment ``asked``.

        Raises:
            GaveUp: there was none for the whole outage timeout; it says ``consequence``.
        """
        self._failures += 1
        limit = self._polling.outage_timeout
        if self._outage_since is None:
            self._outage_since = asked
            self.tell(OutageStarted(error, limit))
        if self._clock.now() >= self._outage_since + limit:
            raise GaveUp(
                f"The API gave no usable answer for {format_duration(limit)}. {consequence}\n"
                f"The last failure: {error.message}",
                hint=error.hint,
            ) from error

    def pause(self, error: Unusable | None = None) -> None:
        """Wait for the next attempt, and give a sign of life whenever a minute has passed."""
        until = self._next_attempt(error)
        while (now := self._clock.now()) < until:
            if now >= self._spoke + HEARTBEAT:
                outage = None if self._outage_since is None else now - self._outage_since
                self.tell(Waiting(self.run, self.elapsed, outage))
            self._clock.sleep(min(until, self._spoke + HEARTBEAT) - now)

    def delay(self, error: Unusable | None = None) -> float:
        """Return the seconds until the next attempt is due."""
        return max(self._next_attempt(error) - self._clock.now(), 0.0)

    @property
    def _deadline(self) -> float:
        return self._started + self._polling.timeout

    def _next_attempt(self, error: Unusable | None) -> float:
        """Return the moment of the next attempt, which lies after no deadline.

        As a moment, not as a duration: the difference of two moments may be too small
        to move the clock, and a wait that never comes to its deadline never ends.
        """
        now = self._clock.now()
        delay = self._polling.delay(now - self._started)
        if error is None or self._outage_since is None:
            return min(now + delay, self._deadline)
        delay = min(delay * 2.0 ** min(self._failures, 10), max(_LONGEST_BACKOFF, delay))
        if error.retry_after is not None:
            delay = max(delay, min(error.retry_after, _LONGEST_RETRY_AFTER))
        # The jitter only adds: never faster than configured.
        delay *= 1 + random.random() / 4  # noqa: S311
        give_up = self._outage_since + self._polling.outage_timeout
        return min(now + delay, self._deadline, give_up)
