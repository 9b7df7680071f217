"""Deadlines and outages: how long to retry, how long to wait in between, when to stop."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NoReturn, TypeVar

from dataform_action.clock import Clock, Retry
from dataform_action.errors import (
    DataformError,
    GaveUp,
    Misconfigured,
    NotDone,
    Throttled,
    Unusable,
    WaitTimeout,
)
from dataform_action.events import Observer, OutageEnded, OutageStarted, Update, Waiting
from dataform_action.model import Polling, Run
from dataform_action.runs.pace import Pace
from dataform_action.text import format_duration

T = TypeVar("T")

#: The longest time without an update for the observer, in seconds.
HEARTBEAT = 60.0
#: The longest backoff in seconds, unless the poll interval is longer.
_LONGEST_BACKOFF = 60.0
#: The longest ``Retry-After`` that is obeyed, in seconds.
_LONGEST_RETRY_AFTER = 300.0


class Backoff:
    """Measure the time of one stage of a run, and the time of an outage.

    ``begin`` starts a stage, such as the wait for the run. A stage may last ``polling.timeout``.
    The first one starts now, or has ``started`` at a time of the clock.
    """

    def __init__(
        self, polling: Polling, on_update: Observer, clock: Clock, started: float | None = None
    ) -> None:
        self._polling = polling
        self._on_update = on_update
        self._clock = clock
        self._last_update = clock.now()
        self._started = self._last_update if started is None else started
        self._outage_since: float | None = None
        self._failures = 0
        self._is_throttled = False
        #: The time for each request of the wait.
        self.pace = Pace(polling)
        #: Whether there was a usable response of the API at any time.
        self.has_succeeded = False
        #: The error that ended the wait, if the wait itself raised it.
        self.verdict: DataformError | None = None

    def begin(self) -> None:
        """Start a stage now."""
        self._started = self._clock.now()

    def now(self) -> float:
        """Return the clock's time."""
        return self._clock.now()

    @property
    def elapsed(self) -> float:
        """Return the seconds since the stage started."""
        return self._clock.now() - self._started

    @property
    def timed_out(self) -> bool:
        """Return whether the stage has reached the timeout."""
        return self._clock.now() >= self._deadline

    @property
    def in_outage(self) -> bool:
        """Return whether the last attempt got no usable response."""
        return self._outage_since is not None

    @property
    def outage_timeout(self) -> float:
        """Return how long an outage may last, in seconds."""
        return self._polling.outage_timeout

    def sleep(self, seconds: float) -> None:
        """Sleep, regardless of the deadlines."""
        self._clock.sleep(seconds)

    def notify(self, update: Update) -> None:
        """Send an update to the observer."""
        self._last_update = self._clock.now()
        self._on_update(update)

    def send_heartbeat(self, update: Update) -> None:
        """Send an update if there was none for a minute."""
        if self._clock.now() >= self._last_update + HEARTBEAT:
            self.notify(update)

    def succeeded(self, *, is_response: bool = True) -> None:
        """Record a usable response, or another success that ends an outage."""
        self.has_succeeded = self.has_succeeded or is_response
        since, self._outage_since, self._failures = self._outage_since, None, 0
        if self._is_throttled:
            # Once for each outage, whose further attempts waited longer each time.
            self._is_throttled = False
            self.pace.slow_down()
        if since is not None:
            self.notify(OutageEnded(self._clock.now() - since))

    def failed(self, error: Unusable, started: float, consequence: str) -> None:
        """Record an attempt that got no usable response; it was made at time ``started``.

        Raises:
            GaveUp: there was no usable response for the outage timeout. Its message includes
                ``consequence``.
        """
        self._failures += 1
        self._is_throttled = self._is_throttled or isinstance(error, Throttled)
        limit = self._polling.outage_timeout
        if self._outage_since is None:
            self._outage_since = started
            self.notify(OutageStarted(error, limit))
        if self._clock.now() >= self._outage_since + limit:
            self.raise_verdict(
                GaveUp(
                    f"No usable response from the API for {format_duration(limit)}. {consequence}\n"
                    f"Last error: {error.message}",
                    hint=error.hint,
                ),
                error,
            )

    def can_retry(self, error: Unusable) -> bool:
        """Return whether another attempt may help.

        Before the first usable response, the setup of this machine is wrong until somebody corrects
        it. After that, it has worked, so the same error is an outage.
        """
        return error.retryable or (isinstance(error, Misconfigured) and self.has_succeeded)

    def raise_verdict(self, verdict: DataformError, cause: DataformError | None = None) -> NoReturn:
        """End the wait by raising ``verdict``."""
        self.verdict = verdict
        raise verdict from cause

    def retrying(self, consequence: str) -> Retry:
        """Return a function that repeats one request until it has a usable response.

        It does not catch errors that are not retryable.

        Raises:
            GaveUp: as ``failed``.
            WaitTimeout: the stage reached the timeout. Its message includes ``consequence``.
        """
        requests = 0

        def retry(request: Callable[[], T], /) -> T:
            nonlocal requests
            # A long list has many pages. Usable responses must not extend the timeout.
            if requests:
                self._check_time(consequence)
                self.send_heartbeat(Waiting(None, self.elapsed, None))
            requests += 1
            while True:
                started = self._clock.now()
                try:
                    value = request()
                except NotDone:
                    self._wait_until_done(consequence)
                except Unusable as error:
                    if not self.can_retry(error):
                        raise
                    self.wait_to_retry(error, started, consequence)
                else:
                    # Getting a token has no value: it may need no request.
                    self.succeeded(is_response=value is not None)
                    return value

        return retry

    def _check_time(self, consequence: str) -> None:
        if self.timed_out:
            self.raise_verdict(WaitTimeout(self._timeout_text(consequence)))

    def _timeout_text(self, consequence: str) -> str:
        limit = format_duration(self._polling.timeout)
        return f"{consequence} The timeout of {limit} has passed."

    def _wait_until_done(self, consequence: str) -> None:
        """Wait before the next request for an operation that is not done yet.

        Raises:
            WaitTimeout: as ``retrying``.
        """
        self.succeeded()
        self._check_time(consequence)
        self.pause(None)

    def wait_to_retry(self, error: Unusable, started: float, consequence: str) -> None:
        """Wait before another attempt at a request that must succeed before the run starts.

        Raises:
            GaveUp, WaitTimeout: as ``retrying``.
        """
        self.failed(error, started, consequence)
        if self.timed_out:
            text = f"{self._timeout_text(consequence)} Last error: {error.message}"
            self.raise_verdict(WaitTimeout(text, hint=error.hint), error)
        self.pause(None, error)

    def pause(self, run: Run | None, error: Unusable | None = None) -> None:
        """Wait until the next attempt; send ``Waiting`` after each minute without an update."""
        until = self._next_attempt(error, self._polling if run is None else self.pace)
        while (now := self._clock.now()) < until:
            if now >= self._last_update + HEARTBEAT:
                outage = None if self._outage_since is None else now - self._outage_since
                self.notify(Waiting(run, self.elapsed, outage))
            self._clock.sleep(min(until, self._last_update + HEARTBEAT) - now)

    def take_turn(self, run: Run) -> None:
        """Wait before another request as before a poll, if each request has a wait of its own."""
        if self.pace.is_spaced:
            self.pause(run)

    def delay(self, error: Unusable | None = None) -> float:
        """Return the seconds until the next attempt."""
        return max(self._next_attempt(error, self.pace) - self._clock.now(), 0.0)

    @property
    def _deadline(self) -> float:
        return self._started + self._polling.timeout

    def _next_attempt(self, error: Unusable | None, pace: Polling | Pace) -> float:
        """Return the time of the next attempt, which is never after a deadline.

        It is a time, not a duration. A duration can be too small to change the clock's value, so a
        wait might never reach its deadline.
        """
        now = self._clock.now()
        delay = pace.delay(now - self._started)
        if error is None or self._outage_since is None:
            return min(now + delay, self._deadline)
        delay = min(delay * 2.0 ** min(self._failures, 10), max(_LONGEST_BACKOFF, delay))
        if error.retry_after is not None:
            delay = max(delay, min(error.retry_after, _LONGEST_RETRY_AFTER))
        # The jitter is only added, so polls are never faster than configured.
        delay *= 1 + random.random() / 4  # noqa: S311
        give_up = self._outage_since + self._polling.outage_timeout
        return min(now + delay, self._deadline, give_up)
