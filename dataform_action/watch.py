"""Create a run and wait for its end: deadlines, outages, the cancel rule.

Nothing here knows HTTP or GitHub. What happens is told to ``on_update`` as it happens.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import DataformError, GaveUp, Refused, Unusable, WaitTimeout
from dataform_action.model import Polling, Result, Run, RunRequest, format_duration
from dataform_action.service import Service
from dataform_action.updates import (
    CancelRequested,
    Changed,
    Created,
    LeftRunning,
    Observer,
    OutageEnded,
    OutageStarted,
    Update,
    Waiting,
)

#: The longest silence towards the observer, in seconds.
HEARTBEAT = 60.0
#: A run that is not found this soon after it was created is the API catching up.
NOT_FOUND_GRACE = 30.0
#: Back-off grows to this, or to the poll interval where that is longer.
_LONGEST_BACKOFF = 60.0
#: What a ``Retry-After`` may ask for at most.
_LONGEST_RETRY_AFTER = 300.0


def _ignore(_update: Update) -> None:
    pass


def run(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
    shielded: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Result:
    """Create a run and wait for its end.

    The request to create it is repeated only when it surely was not carried out, for
    ``polling.outage_timeout`` at most. ``shielded`` guards each attempt, so that a
    signal cannot come between the run's creation and the knowledge of its id.

    Raises:
        RunMayExist: the answer to the creation was lost.
        Refused, NotTrusted: the creation cannot succeed.
        GaveUp, WaitTimeout: as ``wait``.
    """
    watch = _Watch(service, polling or Polling(), on_update, clock or MonotonicClock())
    with watch.cancelling():
        watch.create(request, shielded)
        return watch.follow()


def start(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
    shielded: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Run:
    """Create a run and leave it to itself. It raises what ``run`` does before the wait."""
    watch = _Watch(service, polling or Polling(), on_update, clock or MonotonicClock())
    return watch.create(request, shielded)


def wait(
    service: Service,
    run: Run,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
) -> Result:
    """Wait for the end of a run that exists already.

    The run is cancelled (if ``polling.cancel``) at the timeout and on any exception
    that is not the service's own: a kill, or an observer that fails. It is left alone
    when the wait gives up on an API that does not answer.

    Raises:
        GaveUp: no usable answer for ``polling.outage_timeout``.
        WaitTimeout: the run did not end within ``polling.timeout``.
        Refused: the API declined to tell, for instance since the token expired.
    """
    watch = _Watch(service, polling or Polling(), on_update, clock or MonotonicClock())
    with watch.cancelling():
        watch.adopt(run)
        return watch.follow()


class _Cancelling:
    """Cancel a watch's run when a block is left by anything but the watch's verdict."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None and error is not self._watch.verdict:
            # The exception on its way matters more than an observer that fails again.
            with suppress(Exception):
                self._watch.cancel()


class _Watch:
    """One wait: what is known of the run, and since when the API has been silent."""

    def __init__(
        self, service: Service, polling: Polling, on_update: Observer, clock: Clock
    ) -> None:
        self._service = service
        self._polling = polling
        self._on_update = on_update
        self._clock = clock
        self._started = self._spoke = clock.now()
        self._run: Run | None = None
        self._fresh_until = self._started
        self._outage_since: float | None = None
        self._failures = 0
        #: The exception by which this wait itself decided to end.
        self.verdict: BaseException | None = None

    def cancelling(self) -> _Cancelling:
        return _Cancelling(self)

    def create(
        self, request: RunRequest, shielded: Callable[[], AbstractContextManager[object]]
    ) -> Run:
        while True:
            with shielded():
                asked = self._clock.now()
                try:
                    run = self._service.start(request)
                except Unusable as error:
                    if not error.retryable:
                        raise
                    failure = error
                else:
                    self.adopt(run)
                    self._fresh_until = self._started + NOT_FOUND_GRACE
                    self._answered()
                    return run
            self._failed(failure, asked, "No run was created.")
            if self._clock.now() >= self._deadline:
                limit = format_duration(self._polling.timeout)
                self.verdict = WaitTimeout(f"No run could be created within {limit}.")
                raise self.verdict
            self._pause(self._next_attempt(failure))

    def adopt(self, run: Run) -> None:
        # The time of the wait counts from here: creating may have been held up.
        self._started = self._clock.now()
        self._run = run
        self._tell(Created(run))

    def follow(self) -> Result:
        run = self._known_run()
        while True:
            asked = self._clock.now()
            failure: Unusable | Refused | None = None
            try:
                run = self._service.get(run)
            except Unusable as error:
                failure = error
            except Refused as error:
                if error.status != 404 or asked >= self._fresh_until:
                    self.verdict = error
                    raise
                failure = error
            if failure is None:
                self._answered()
                self._learn(run)
                if run.state.ended:
                    return Result(run=run, duration=self._elapsed())
            else:
                self._failed(failure, asked, f"Run {run.id} may still be going: {run.log_url}")
            if self._clock.now() >= self._deadline:
                self._time_out(run)
            self._pause(self._next_attempt(failure))

    def cancel(self) -> bool:
        """Cancel the run as far as that goes, and tell whether the service took it."""
        run = self._run
        if run is None or run.state.ended:
            return False
        error: DataformError | None = None
        if self._polling.cancel:
            try:
                self._service.cancel(run)
            except DataformError as failure:
                error = failure
            else:
                self._tell(CancelRequested(run))
                return True
        self._tell(LeftRunning(run, error))
        return False

    def _time_out(self, run: Run) -> None:
        cancelled = self.cancel()
        fate = "The service was asked to cancel it" if cancelled else "It goes on"
        limit = format_duration(self._polling.timeout)
        self.verdict = WaitTimeout(
            f"Run {run.id} did not end within the timeout of {limit}. {fate}.",
            hint=f"Raise the timeout if the run needs longer: {run.log_url}",
        )
        raise self.verdict

    def _learn(self, run: Run) -> None:
        known = self._known_run()
        changed = (run.status, run.log_url) != (known.status, known.log_url)
        self._run = run
        if changed:
            self._tell(Changed(run, self._elapsed()))

    def _known_run(self) -> Run:
        assert self._run is not None  # noqa: S101
        return self._run

    def _elapsed(self) -> float:
        return self._clock.now() - self._started

    def _tell(self, update: Update) -> None:
        self._spoke = self._clock.now()
        self._on_update(update)

    def _answered(self) -> None:
        since, self._outage_since, self._failures = self._outage_since, None, 0
        if since is not None:
            self._tell(OutageEnded(self._clock.now() - since))

    def _failed(self, error: Unusable | Refused, asked: float, consequence: str) -> None:
        """Count an attempt without a usable answer, and give up when there were enough."""
        self._failures += 1
        limit = self._polling.outage_timeout
        if self._outage_since is None:
            self._outage_since = asked
            self._tell(OutageStarted(error, limit))
        if self._clock.now() >= self._outage_since + limit:
            self.verdict = GaveUp(
                f"The API gave no usable answer for {format_duration(limit)}. {consequence} "
                f"The last failure: {error.message}",
                hint=error.hint,
            )
            raise self.verdict from error

    @property
    def _deadline(self) -> float:
        return self._started + self._polling.timeout

    def _next_attempt(self, failure: Unusable | Refused | None) -> float:
        """Return the moment of the next attempt, which lies after no deadline.

        As a moment, not as a duration: the difference of two moments may be too small
        to move the clock, and a wait that never comes to its deadline never ends.
        """
        now = self._clock.now()
        delay = self._polling.delay(now - self._started)
        if failure is None or self._outage_since is None:
            return min(now + delay, self._deadline)
        delay = min(delay * 2.0 ** min(self._failures, 10), max(_LONGEST_BACKOFF, delay))
        if isinstance(failure, Unusable) and failure.retry_after is not None:
            delay = max(delay, min(failure.retry_after, _LONGEST_RETRY_AFTER))
        # The jitter only adds: never faster than configured, never before Retry-After.
        delay *= 1 + random.random() / 4  # noqa: S311
        give_up = self._outage_since + self._polling.outage_timeout
        return min(now + delay, self._deadline, give_up)

    def _pause(self, until: float) -> None:
        """Sleep, and give a sign of life whenever a minute has passed without one."""
        while (now := self._clock.now()) < until:
            if now >= self._spoke + HEARTBEAT:
                outage = None if self._outage_since is None else now - self._outage_since
                self._tell(Waiting(self._run, self._elapsed(), outage))
            self._clock.sleep(min(until, self._spoke + HEARTBEAT) - now)
