"""Create a run and wait for its end: what is tried again, what is cancelled, what is told.

Nothing here knows HTTP or GitHub. What happens is told to ``on_update`` as it happens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, TypeVar

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import (
    DataformError,
    GaveUp,
    Refused,
    RunMayExist,
    Unusable,
    WaitTimeout,
)
from dataform_action.model import Polling, Prepared, Result, Run, RunRequest, State, format_duration
from dataform_action.patience import Patience
from dataform_action.service import Service
from dataform_action.updates import (
    CancelRequested,
    Changed,
    Compiled,
    Created,
    LeftRunning,
    Observer,
    Progressed,
    Promoted,
    Update,
)

if TYPE_CHECKING:
    from dataform_action.actions import Action, Compilation

Shield = Callable[[], AbstractContextManager[object]]
T = TypeVar("T")

#: A run that is not found this soon after it was created is the API catching up.
NOT_FOUND_GRACE = 30.0
#: The actions of a run are asked for no more often than this, in seconds.
ACTIONS_INTERVAL = 15.0
_CANCEL_PAUSE = 2.0
#: How often a run is looked for after the answer to its creation was lost.
_LOOKS = 3


def _ignore(_update: Update) -> None:
    pass


def prepare(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
) -> Prepared:
    """Compile what a request asks for, and run nothing.

    Raises:
        CompileFailed: the compilation has errors.
        InputError: the request does not fit the project.
        Refused, GaveUp, WaitTimeout: as ``run``.
    """
    return _Watch(service, polling, on_update, clock).prepare(request)


def run(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
    shielded: Shield = nullcontext,
) -> Result:
    """Create a run and wait for its end.

    The request to create it is repeated only when it surely was not carried out, for
    ``polling.outage_timeout`` at most. ``on_update`` is called with each ``Update`` as it
    happens; ``clock`` is the time to wait by. ``shielded`` guards each attempt, so that a
    signal cannot come between the run's creation and the knowledge of its id.

    Raises:
        CompileFailed, InputError: as ``prepare``.
        RunMayExist: the answer to the creation was lost.
        Refused, Misconfigured: the creation cannot succeed.
        GaveUp, WaitTimeout: as ``wait``.
    """
    watch = _Watch(service, polling, on_update, clock)
    prepared = watch.prepare(request)
    with watch.cancelling():
        watch.create(prepared, shielded)
        result = watch.follow()
    if request.promote and result.run.state is State.SUCCESS:
        watch.promote(prepared)
    return result


def start(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
    shielded: Shield = nullcontext,
) -> Run:
    """Create a run and leave it to itself. It raises what ``run`` does before the wait."""
    watch = _Watch(service, polling, on_update, clock)
    return watch.create(watch.prepare(request), shielded)


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
    watch = _Watch(service, polling, on_update, clock)
    with watch.cancelling():
        watch.adopt(run)
        return watch.follow()


class Poller:
    """A wait for one run, a poll at a time: for hosts that sleep in a way of their own.

    It keeps the rules of ``wait``, but for three: nothing is cancelled except at the timeout
    (if ``polling.cancel``), since the host owns the loop; the progress of the actions is not
    asked for; and there is no ``Waiting``. Only the last call sleeps by itself, when the cancel
    or the actions want another attempt. ``fresh`` says that the run was created just now, so
    that it may be unknown for a moment. The calls must come one after the other, from any
    thread::

        poller = Poller(service, run)
        while not isinstance(outcome := await asyncio.to_thread(poller.poll), Result):
            await asyncio.sleep(outcome)
    """

    def __init__(
        self,
        service: Service,
        run: Run,
        polling: Polling | None = None,
        *,
        fresh: bool = False,
        on_update: Observer = _ignore,
        clock: Clock | None = None,
    ) -> None:
        self._watch = _Watch(service, polling, on_update, clock)
        self._watch.adopt(run, fresh=fresh)

    def poll(self) -> Result | float:
        """Ask once; return how the run ended, or the seconds until the next poll is due.

        Raises:
            GaveUp, WaitTimeout, Refused: as ``wait``. There is nothing to poll for any more.
        """
        outcome = self._watch.poll()
        return outcome if isinstance(outcome, Result) else self._watch.delay(outcome)


class _Watch:
    """One wait for one run."""

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
        prepared = self._persist(lambda: self._service.prepare(request), "No run was created.")
        if prepared.compilation is not None:
            self._patience.tell(Compiled(prepared.compilation))
        return prepared

    def promote(self, prepared: Prepared) -> None:
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
        # The time of the wait counts from here: creating may have been held up.
        self._patience.begin()
        self._run = self._patience.run = run
        self._fresh_until = self._patience.now() + NOT_FOUND_GRACE if fresh else 0.0
        self._patience.tell(Created(run))

    def follow(self) -> Result:
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
                self._patience.pause()
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
