"""Create a run and wait for its end: deadlines, outages, the cancel rule.

Nothing here knows HTTP or GitHub. What happens is told to ``on_update`` as it happens.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

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
    ``polling.outage_timeout`` at most. ``on_update`` is called with each ``Update`` as it
    happens; ``clock`` is the time to wait by. ``shielded`` guards each attempt, so that a
    signal cannot come between the run's creation and the knowledge of its id.

    Raises:
        RunMayExist: the answer to the creation was lost.
        Refused, Misconfigured: the creation cannot succeed.
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
        self._has_answered = False
        self._cancel_taken = False
        #: The exception by which this wait itself decided to end.
        self._verdict: BaseException | None = None

    @contextmanager
    def cancelling(self) -> Iterator[None]:
        """Cancel the run when the block is left by anything but the watch's own verdict."""
        try:
            yield
        except BaseException as error:
            if error is not self._verdict:
                # The exception on its way matters more than an observer that fails again.
                with suppress(Exception):
                    self._cancel()
            raise

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
                self._verdict = WaitTimeout(
                    f"No run could be created within the timeout of {limit}. "
                    f"The last failure: {failure.message}",
                    hint=failure.hint,
                )
                raise self._verdict from failure
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
                if not error.retryable and not self._has_answered:
                    self._verdict = error
                    raise
                failure = error
                self._failed(error, asked, f"Run {run.id} may still be going: {run.log_url}")
            except Refused as error:
                if error.status != 404 or asked >= self._fresh_until:
                    self._verdict = error
                    raise
                # The API is catching up: that is neither an answer nor an outage.
                failure = error
            else:
                self._answered()
                self._learn(run)
                if run.state.ended:
                    return Result(run=run, duration=self._elapsed())
            if self._clock.now() >= self._deadline:
                self._time_out(run)
            self._pause(self._next_attempt(failure))

    def _cancel(self) -> None:
        """Cancel the run as far as that goes, once, and tell what came of it."""
        run = self._run
        if run is None or run.state.ended or self._cancel_taken:
            return
        error: DataformError | None = None
        if self._polling.cancel:
            try:
                self._service.cancel(run)
            except DataformError as failure:
                error = failure
            else:
                self._cancel_taken = True
                self._tell(CancelRequested(run))
                return
        self._tell(LeftRunning(run, error))

    def _time_out(self, run: Run) -> None:
        self._cancel()
        limit = format_duration(self._polling.timeout)
        seen = "was not seen to end" if self._outage_since is not None else "did not end"
        fate = "The service was asked to cancel it." if self._cancel_taken else "It may go on."
        self._verdict = WaitTimeout(
            f"Run {run.id} {seen} within the timeout of {limit}. {fate}",
            hint=f"Raise timeout if the run needs longer. The run: {run.log_url}",
        )
        raise self._verdict

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
        self._has_answered = True
        since, self._outage_since, self._failures = self._outage_since, None, 0
        if since is not None:
            self._tell(OutageEnded(self._clock.now() - since))

    def _failed(self, error: Unusable, asked: float, consequence: str) -> None:
        """Count an attempt without a usable answer, and give up when there were enough."""
        self._failures += 1
        limit = self._polling.outage_timeout
        if self._outage_since is None:
            self._outage_since = asked
            self._tell(OutageStarted(error, limit))
        if self._clock.now() >= self._outage_since + limit:
            self._verdict = GaveUp(
                f"The API gave no usable answer for {format_duration(limit)}. {consequence}\n"
                f"The last failure: {error.message}",
                hint=error.hint,
            )
            raise self._verdict from error

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
        # The jitter only adds: never faster than configured.
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
