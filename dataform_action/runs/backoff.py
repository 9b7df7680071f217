"""Deadlines and outages: how long to retry, how long to wait in between, when to give up."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NoReturn, TypeVar

from dataform_action.clock import Clock
from dataform_action.errors import DataformError, GaveUp, NotDone, Unusable, WaitTimeout
from dataform_action.events import Observer, OutageEnded, OutageStarted, Update, Waiting
from dataform_action.model import Polling, Run
from dataform_action.services.base import Retry
from dataform_action.text import format_duration

T = TypeVar("T")

#: The longest silence towards the observer, in seconds.
HEARTBEAT = 60.0
#: Back-off grows to this, or to the poll interval where that is longer.
_LONGEST_BACKOFF = 60.0
#: What a ``Retry-After`` may ask for at most.
_LONGEST_RETRY_AFTER = 300.0


class Backoff:
    """Keep the time of one stage of a run, and of the outage that it may be in.

    ``begin`` starts a stage, such as the wait for the run. It lasts for ``polling.timeout``.
    """

    def __init__(self, polling: Polling, on_update: Observer, clock: Clock) -> None:
        self._polling = polling
        self._on_update = on_update
        self._clock = clock
        self._started = self._last_update = clock.now()
        self._outage_since: float | None = None
        self._failures = 0
        #: Whether there ever was a usable response.
        self.has_succeeded = False
        #: The error by which the wait itself decided to end.
        self.verdict: DataformError | None = None

    def begin(self) -> None:
        """Count the time of the stage from now on."""
        self._started = self._clock.now()

    def now(self) -> float:
        """Return the clock's time."""
        return self._clock.now()

    @property
    def elapsed(self) -> float:
        """Return how long the stage has lasted, in seconds."""
        return self._clock.now() - self._started

    @property
    def is_over(self) -> bool:
        """Tell whether the timeout has been reached."""
        return self._clock.now() >= self._deadline

    @property
    def in_outage(self) -> bool:
        """Tell whether the last attempt had no usable response."""
        return self._outage_since is not None

    def rest(self, seconds: float) -> None:
        """Sleep, whatever the deadlines are."""
        self._clock.sleep(seconds)

    def notify(self, update: Update) -> None:
        """Pass an update to the observer."""
        self._last_update = self._clock.now()
        self._on_update(update)

    def succeeded(self) -> None:
        """Take note of a usable response."""
        self.has_succeeded = True
        since, self._outage_since, self._failures = self._outage_since, None, 0
        if since is not None:
            self.notify(OutageEnded(self._clock.now() - since))

    def failed(self, error: Unusable, started: float, consequence: str) -> None:
        """Count an attempt without a usable response, made at the moment ``started``.

        Raises:
            GaveUp: there was none for the whole outage timeout; it says ``consequence``.
        """
        self._failures += 1
        limit = self._polling.outage_timeout
        if self._outage_since is None:
            self._outage_since = started
            self.notify(OutageStarted(error, limit))
        if self._clock.now() >= self._outage_since + limit:
            self.decide(
                GaveUp(
                    f"The API gave no usable answer for {format_duration(limit)}. {consequence}\n"
                    f"The last failure: {error.message}",
                    hint=error.hint,
                ),
                error,
            )

    def decide(self, verdict: DataformError, cause: DataformError | None = None) -> NoReturn:
        """End the wait by raising ``verdict``."""
        self.verdict = verdict
        raise verdict from cause

    def retrying(self, consequence: str) -> Retry:
        """Return what makes one request until it has a usable response.

        Errors that are not retryable pass through. Beyond these it raises:

        Raises:
            GaveUp: as ``failed``.
            WaitTimeout: the time of the stage is over; it says ``consequence``.
        """
        requests = 0

        def retry(request: Callable[[], T], /) -> T:
            nonlocal requests
            # A long list is read page by page, and good responses do not extend the time.
            if requests:
                self._check_time(consequence)
            requests += 1
            while True:
                started = self._clock.now()
                try:
                    value = request()
                except NotDone:
                    self._wait_for_the_rest(consequence)
                except Unusable as error:
                    if not error.retryable:
                        raise
                    self.wait_to_retry(error, started, consequence)
                else:
                    self.succeeded()
                    return value

        return retry

    def _check_time(self, consequence: str) -> None:
        if self.is_over:
            limit = format_duration(self._polling.timeout)
            self.decide(WaitTimeout(f"{consequence} The timeout of {limit} is over."))

    def _wait_for_the_rest(self, consequence: str) -> None:
        """Wait for the next look at something that goes on, which is a usable response.

        Raises:
            WaitTimeout: as ``retrying``.
        """
        self.succeeded()
        self._check_time(consequence)
        self.pause(None)

    def wait_to_retry(self, error: Unusable, started: float, consequence: str) -> None:
        """Wait for another attempt at a request that must succeed before a run is waited for.

        Raises:
            GaveUp, WaitTimeout: as ``retrying``.
        """
        self.failed(error, started, consequence)
        if self.is_over:
            limit = format_duration(self._polling.timeout)
            text = f"{consequence} The timeout of {limit} is over."
            self.decide(
                WaitTimeout(f"{text} The last failure: {error.message}", hint=error.hint), error
            )
        self.pause(None, error)

    def pause(self, run: Run | None, error: Unusable | None = None) -> None:
        """Wait for the next attempt, and send ``Waiting`` whenever a minute was silent."""
        until = self._next_attempt(error)
        while (now := self._clock.now()) < until:
            if now >= self._last_update + HEARTBEAT:
                outage = None if self._outage_since is None else now - self._outage_since
                self.notify(Waiting(run, self.elapsed, outage))
            self._clock.sleep(min(until, self._last_update + HEARTBEAT) - now)

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
