"""The life of a run, from its preparation to its end: what is tried again, what is cancelled.

Nothing here knows HTTP or GitHub. ``watch`` has the functions that people call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import (
    DataformError,
    GaveUp,
    Refused,
    RunMayExist,
    Unusable,
    WaitTimeout,
)
from dataform_action.events import (
    CancelRequested,
    Changed,
    Compiled,
    Created,
    LeftRunning,
    Observer,
    Progressed,
    Promoted,
)
from dataform_action.model import Action, Compilation, Polling, Prepared, Result, Run, RunRequest
from dataform_action.runs.backoff import Patience
from dataform_action.services.base import Service
from dataform_action.text import format_duration

Shield = Callable[[], AbstractContextManager[object]]
T = TypeVar("T")

#: A run that is not found this soon after it was created is the API catching up.
NOT_FOUND_GRACE = 30.0
#: The actions of a run are asked for no more often than this, in seconds.
ACTIONS_INTERVAL = 15.0
_CANCEL_PAUSE = 2.0
_DETAILS_PAUSE = 5.0
#: How often a run is looked for after the answer to its creation was lost.
_LOOKS = 3


class Lifecycle:
    """One run and one wait for it: the methods are its stages, in their order."""

    def __init__(
        self,
        service: Service,
        polling: Polling | None,
        on_update: Observer,
        clock: Clock | None,
    ) -> None:
        self._service = service
        self._polling = polling or Polling()
        self._patience = Patience(self._polling, on_update, clock or MonotonicClock())
        self._run: Run | None = None
        self._fresh_until = 0.0
        #: When the actions are asked for next, if somebody watches them.
        self._next_actions = math.inf
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

    def prepare(self, request: RunRequest) -> Prepared:
        """Compile what a request asks for, as often as it takes."""
        prepared = self._persist(lambda: self._service.prepare(request), "No run was created.")
        if prepared.compilation is not None:
            self._patience.tell(Compiled(prepared.compilation))
        return prepared

    def promote(self, prepared: Prepared) -> None:
        """Make the compilation of a run that succeeded the environment's own."""
        # The run's own time is over, and this is a matter of seconds.
        self._patience.begin()
        consequence = "The run succeeded, but its compilation was not promoted."
        try:
            self._persist(lambda: self._service.promote(prepared), consequence)
        except DataformError as error:
            if consequence not in error.message:
                error.message = f"{consequence} {error.message}"
            raise
        if prepared.compilation is not None:
            self._patience.tell(Promoted(prepared.compilation))

    def create(self, prepared: Prepared, shielded: Shield) -> Run:
        """Create the run, at most once, or find it again where its answer was lost."""
        while True:
            asked = self._patience.now()
            try:
                with shielded():
                    try:
                        run = self._service.start(prepared)
                    except Unusable as error:
                        if not error.retryable:
                            raise
                        failure = error
                    else:
                        # Not inside the try: no error of an observer may repeat a create.
                        self._created(run)
                        return run
            except RunMayExist as lost:
                return self._find(prepared, lost, shielded)
            self._retry(failure, asked, "No run was created.")

    def adopt(self, run: Run, *, fresh: bool = False) -> None:
        """Take a run that exists for the one to wait for; a fresh one may be unknown yet."""
        # The time of the wait counts from here: creating may have been held up.
        self._patience.begin()
        self._run = self._patience.run = run
        self._fresh_until = self._patience.now() + NOT_FOUND_GRACE if fresh else 0.0
        self._patience.tell(Created(run))

    def follow(self) -> Result:
        """Wait for the run's end."""
        self._next_actions = self._patience.now() + ACTIONS_INTERVAL
        while True:
            outcome = self.poll()
            if isinstance(outcome, Result):
                return outcome
            self._patience.pause(outcome)

    def poll(self) -> Result | Unusable | None:
        """Ask once for the run; return how it ended, or by what failure there is no answer."""
        run = self._known_run()
        asked = self._patience.now()
        failure: Unusable | None = None
        try:
            run = self._service.get(run)
        except Unusable as error:
            if not error.retryable and not self._patience.has_answered:
                self._decide(error)
            failure = error
            self._failed(error, asked, f"Run {run.id} may still be going: {run.log_url}")
        except Refused as error:
            # Soon after the creation the API is catching up: neither answer nor outage.
            if error.status != 404 or asked >= self._fresh_until:
                self._decide(error)
        else:
            self._patience.answered()
            self._learn(run)
            if run.state.ended:
                duration = self._patience.elapsed
                actions, compilation = self._details(run)
                return Result(run=run, duration=duration, actions=actions, compilation=compilation)
            if self._service.has_actions and asked >= self._next_actions:
                self._next_actions = asked + ACTIONS_INTERVAL
                self._show_progress(run)
        if self._patience.is_over:
            self._time_out(run)
        return failure

    def delay(self, failure: Unusable | None) -> float:
        """Return the seconds until the next poll is due."""
        return self._patience.delay(failure)

    def _find(self, prepared: Prepared, lost: RunMayExist, shielded: Shield) -> Run:
        """Return the run that a lost create made, or raise what was lost."""
        try:
            run = self._look_for(prepared, lost)
            if run is not None:
                with shielded():
                    self._created(run)
        except BaseException as error:
            # Whoever reports an interruption must know that a run may exist.
            error.__cause__ = lost
            raise
        if run is None:
            raise lost
        return run

    def _look_for(self, prepared: Prepared, lost: RunMayExist) -> Run | None:
        for look in range(_LOOKS if lost.findable else 0):
            if look:
                self._patience.pause()
            try:
                run = self._persist(lambda: self._service.find(prepared), lost.message)
            except DataformError:
                # What is lost matters more than why it could not be looked for.
                return None
            if run is not None:
                return run
        return None

    def _created(self, run: Run) -> None:
        self.adopt(run, fresh=True)
        self._patience.answered()

    def _persist(self, call: Callable[[], T], consequence: str) -> T:
        """Make a call that may be made twice until it has a usable answer."""
        while True:
            asked = self._patience.now()
            try:
                value = call()
            except Unusable as error:
                if not error.retryable:
                    raise
                self._retry(error, asked, consequence)
            else:
                self._patience.answered()
                return value

    def _retry(self, error: Unusable, asked: float, consequence: str) -> None:
        """Wait for another attempt at what must come before the wait for the run."""
        self._failed(error, asked, consequence)
        if self._patience.is_over:
            limit = format_duration(self._polling.timeout)
            self._verdict = WaitTimeout(
                f"{consequence} The timeout of {limit} is over. The last failure: {error.message}",
                hint=error.hint,
            )
            raise self._verdict from error
        self._patience.pause(error)

    def _failed(self, error: Unusable, asked: float, consequence: str) -> None:
        try:
            self._patience.failed(error, asked, consequence)
        except GaveUp as verdict:
            self._verdict = verdict
            raise

    def _decide(self, error: DataformError) -> None:
        self._verdict = error
        raise error

    def _show_progress(self, run: Run) -> None:
        try:
            actions = self._service.actions(run)
        except DataformError:
            # Progress is a courtesy: without it the wait goes on.
            return
        self._patience.tell(Progressed(actions, self._patience.elapsed))

    def _details(self, run: Run) -> tuple[tuple[Action, ...], Compilation | None]:
        """Return what is known of a run that is over, as far as a few attempts tell."""
        if not self._service.has_actions:
            return (), None
        actions: tuple[Action, ...] = ()
        for attempt in range(_LOOKS):
            if attempt:
                # Not as long as between two polls: the run is over, and somebody waits for word.
                self._patience.rest(_DETAILS_PAUSE)
            try:
                actions = actions or self._service.actions(run)
                return self._service.details(run, actions)
            except Unusable:
                continue
            except DataformError:
                break
        return actions, None

    def _cancel(self, attempts: int = 1) -> None:
        """Cancel the run as far as that goes, once, and tell what came of it."""
        run = self._run
        if run is None or run.state.ended or self._cancel_taken:
            return
        error: DataformError | None = None
        for attempt in range(attempts if self._polling.cancel else 0):
            if attempt:
                self._patience.rest(_CANCEL_PAUSE)
            try:
                run = self._service.cancel(run)
            except DataformError as failure:
                error = failure
                if not isinstance(failure, Unusable):
                    break
            else:
                self._cancel_taken = True
                self._patience.tell(CancelRequested(run))
                return
        self._patience.tell(LeftRunning(run, error))

    def _time_out(self, run: Run) -> None:
        # Nobody is about to kill this process: a cancel that gets no answer is tried again.
        self._cancel(attempts=_LOOKS)
        limit = format_duration(self._polling.timeout)
        seen = "was not seen to end" if self._patience.in_outage else "did not end"
        fate = "The service was asked to cancel it." if self._cancel_taken else "It may go on."
        self._decide(
            WaitTimeout(
                f"Run {run.id} {seen} within the timeout of {limit}. {fate}",
                hint=f"Raise timeout if the run needs longer. The run: {run.log_url}",
            )
        )

    def _learn(self, run: Run) -> None:
        known = self._known_run()
        changed = (run.status, run.log_url) != (known.status, known.log_url)
        self._run = self._patience.run = run
        if changed:
            self._patience.tell(Changed(run, self._patience.elapsed))

    def _known_run(self) -> Run:
        assert self._run is not None  # noqa: S101
        return self._run
