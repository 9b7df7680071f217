"""The life of one run, from its preparation to its end, and the one owner of its state.

Nothing here knows HTTP or GitHub. ``api`` has the functions that people call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TypeVar

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import (
    DataformError,
    InputError,
    NoResponse,
    Refused,
    Unusable,
)
from dataform_action.events import (
    CancelRequested,
    Changed,
    Compiled,
    Created,
    LeftRunning,
    Noted,
    Observer,
    Progressed,
    Promoted,
    RunOutcome,
)
from dataform_action.model import (
    Polling,
    Prepared,
    Result,
    Run,
    RunRequest,
    State,
)
from dataform_action.runs.backoff import Backoff
from dataform_action.runs.creation import Creation, Shield
from dataform_action.runs.details import read_details
from dataform_action.runs.recovery import (
    ATTEMPTS,
    CANCEL_PAUSE,
    cancel_run,
    ended_before,
    look_for_end,
)
from dataform_action.runs.verdicts import (
    NOT_PROMOTED,
    NOTHING_CREATED,
    make_timeout,
    may_be_going,
)
from dataform_action.services.base import Service

T = TypeVar("T")

#: A run that is not found this soon after it was created is the API catching up.
NOT_FOUND_GRACE = 30.0
#: The actions of a run are requested no more often than this, in seconds.
ACTIONS_INTERVAL = 15.0


class RunController:
    """One run and the work on it: the methods are its stages, in their order.

    ``shielded`` guards each attempt to create the run, so that a signal cannot come between
    the run's creation and the knowledge of its id.
    """

    def __init__(
        self,
        service: Service,
        polling: Polling | None,
        on_update: Observer,
        clock: Clock | None,
        shielded: Shield = nullcontext,
    ) -> None:
        self._service = service
        self._polling = polling or Polling()
        self._backoff = Backoff(self._polling, on_update, clock or MonotonicClock())
        self._creation = Creation(service, self._backoff, shielded, self._created)
        self._prepared: Prepared | None = None
        self._run: Run | None = None
        self._result: Result | None = None
        self._waits = True
        self._cancellation: CancelRequested | LeftRunning | None = None
        self._fresh_until = 0.0
        #: When the actions are requested next, if somebody watches them.
        self._next_actions = math.inf

    def outcome(self, error: BaseException | None = None) -> RunOutcome:
        """Return how the run stands now; ``error`` is what ended the work early, if anything."""
        known = None if self._run is None else self._backoff.elapsed
        return RunOutcome(
            run=self._run,
            elapsed=known if self._result is None else self._result.duration,
            prepared=self._prepared,
            result=self._result,
            waits=self._waits,
            may_exist=self._run is None and self._creation.may_exist,
            cancellation=self._cancellation,
            error=error,
            has_actions=self._service.has_actions,
        )

    def run(self, request: RunRequest) -> Result:
        """Create a run and wait for its end. See ``api.run``."""
        prepared = self.prepare(request)
        with self._cancelling():
            self._creation.create(prepared)
            result = self._follow()
        if request.promote and result.run.state is State.SUCCESS:
            self._promote(prepared)
        return result

    def start(self, request: RunRequest) -> Run:
        """Create a run and leave it to itself. See ``api.start``."""
        self._waits = False
        return self._creation.create(self.prepare(request))

    def wait(self, run: Run) -> Result:
        """Wait for the end of a run that exists already. See ``api.wait``."""
        with self._cancelling():
            self.adopt(run)
            return self._follow()

    def prepare(self, request: RunRequest) -> Prepared:
        """Compile what a request asks for, as often as it takes. See ``api.prepare``."""
        if request.promote and not self._service.can_promote:
            raise InputError([("promote", f"is not possible with {self._service.name}")])
        self._prepared = self._service.prepare(request, self._backoff.retrying(NOTHING_CREATED))
        if self._prepared.compilation is not None:
            self._backoff.notify(Compiled(self._prepared.compilation))
        for note in self._prepared.notes:
            self._backoff.notify(Noted(note))
        return self._prepared

    def adopt(self, run: Run, *, fresh: bool = False) -> None:
        """Take a run that exists for the one to wait for; a fresh one may be unknown yet."""
        # The time of the wait counts from here: creating may have been held up.
        self._backoff.begin()
        self._run = run
        self._fresh_until = self._backoff.now() + NOT_FOUND_GRACE if fresh else 0.0
        self._backoff.notify(Created(run))

    def poll(self) -> Result | Unusable | None:
        """Request the run once; return how it ended, or why there is no usable response."""
        run = self._known_run()
        started = self._backoff.now()
        failure: Unusable | None = None
        try:
            run = self._service.get(run)
        except Unusable as error:
            if not error.retryable and not self._backoff.has_succeeded:
                self._backoff.decide(error)
            failure = error
            self._backoff.failed(error, started, may_be_going(run))
        except Refused as error:
            # Soon after the creation the API is catching up: neither a response nor an outage.
            if error.status != 404 or started >= self._fresh_until:
                self._backoff.decide(error)
        else:
            self._backoff.succeeded()
            self._learn(run)
            if run.state.ended:
                return self._end(run)
            if self._service.has_actions and started >= self._next_actions:
                self._next_actions = started + ACTIONS_INTERVAL
                self._show_progress(run)
        if self._backoff.is_over:
            return self._time_out(run)
        return failure

    def delay(self, failure: Unusable | None) -> float:
        """Return the seconds until the next poll is due."""
        return self._backoff.delay(failure)

    @contextmanager
    def _cancelling(self) -> Iterator[None]:
        """Cancel the run when the block is left by anything but the wait's own verdict."""
        try:
            yield
        except BaseException as error:
            if error is not self._backoff.verdict:
                # The exception on its way matters more than an observer that fails again.
                with suppress(Exception):
                    self._cancel(attempts=1)
            raise

    def _created(self, run: Run) -> None:
        self.adopt(run, fresh=True)
        self._backoff.succeeded()

    def _follow(self) -> Result:
        self._next_actions = self._backoff.now() + ACTIONS_INTERVAL
        while True:
            outcome = self.poll()
            if isinstance(outcome, Result):
                return outcome
            self._backoff.pause(self._run, outcome)

    def _promote(self, prepared: Prepared) -> None:
        """Make the compilation of a run that succeeded the environment's own."""
        # The run's own time is over, and this is a matter of seconds.
        self._backoff.begin()
        try:
            self._backoff.retrying(NOT_PROMOTED)(lambda: self._service.promote(prepared))
        except DataformError as error:
            if error is not self._backoff.verdict:
                error.message = f"{NOT_PROMOTED} {error.message}"
            raise
        if prepared.compilation is not None:
            self._backoff.notify(Promoted(prepared.compilation))

    def _show_progress(self, run: Run) -> None:
        until = self._backoff.now() + ACTIONS_INTERVAL

        def retry(request: Callable[[], T], /) -> T:
            if self._backoff.now() > until:
                raise NoResponse("The list of actions takes too long.")
            return request()

        try:
            actions = self._service.actions(run, retry)
        except DataformError:
            # Progress is a courtesy: without it the wait goes on.
            return
        self._backoff.notify(Progressed(actions, self._backoff.elapsed))

    def _end(self, run: Run) -> Result:
        duration = self._took(run)
        details = read_details(self._service, run, self._backoff.rest)
        self._result = Result(run=run, duration=duration, **details._asdict())
        return self._result

    def _cancel(self, attempts: int) -> None:
        """Cancel the run as far as that goes, once, and report what became of it."""
        run = self._run
        if run is None or run.state.ended or isinstance(self._cancellation, CancelRequested):
            return
        if self._polling.cancel:
            pause = lambda: self._backoff.rest(CANCEL_PAUSE)  # noqa: E731
            self._cancellation = cancel_run(self._service, run, pause=pause, attempts=attempts)
        else:
            self._cancellation = LeftRunning(run, None)
        self._backoff.notify(self._cancellation)

    def _time_out(self, run: Run) -> Result:
        """Cancel the run at the timeout; return how it ended, if it was over by then.

        Raises:
            WaitTimeout: it was not seen to end.
        """
        in_outage = self._backoff.in_outage
        ended = look_for_end(self._service, run) if in_outage else None
        if ended is None:
            # Nobody is about to kill this process: a cancel that gets no response is tried again.
            self._cancel(attempts=ATTEMPTS)
            ended = ended_before(self._service, run, self._cancellation)
        if ended is None:
            limit = self._polling.timeout
            self._backoff.decide(make_timeout(run, limit, self._cancellation, in_outage=in_outage))
        self._backoff.succeeded()
        self._learn(ended)
        return self._end(ended)

    def _learn(self, run: Run) -> None:
        known = self._known_run()
        changed = (run.status, run.log_url) != (known.status, known.log_url)
        self._run = run
        if changed:
            self._backoff.notify(Changed(run, self._took(run)))

    def _took(self, run: Run) -> float:
        """Return how long a run took: by the service, which saw all of it, or else by the wait."""
        return self._backoff.elapsed if run.seconds is None else run.seconds

    def _known_run(self) -> Run:
        assert self._run is not None  # noqa: S101
        return self._run
