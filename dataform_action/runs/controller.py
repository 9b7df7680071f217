"""Prepare, create, follow and cancel one run. This module owns the state of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import (
    DataformError,
    InputError,
    NoResponse,
    Refused,
    RunMayExist,
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
    Promoted,
    RunOutcome,
)
from dataform_action.model import Polling, Prepared, Result, Run, RunRequest, State
from dataform_action.runs.attempts import Attempts, check_repeated
from dataform_action.runs.backoff import Backoff
from dataform_action.runs.creation import Creation, Shield
from dataform_action.runs.details import read_details
from dataform_action.runs.history import HistoryReader
from dataform_action.runs.progress import ProgressReader
from dataform_action.runs.recovery import (
    ATTEMPTS,
    CANCEL_PAUSE,
    cancel_run,
    ended_before_cancel,
    get_if_ended,
)
from dataform_action.runs.verdicts import (
    COMPILED_NOT_PROMOTED,
    NOT_PROMOTED,
    NOTHING_CREATED,
    make_timeout,
    may_still_run,
)
from dataform_action.services.base import Service

#: For so many seconds after a run was created, a 404 means that the API does not know it yet.
NOT_FOUND_GRACE = 30.0


class RunController:
    """One run and the work on it. Each public method is a stage.

    ``shielded`` protects each create request from signals, so that the id of a new run is not lost.
    ``history`` compares the run with earlier ones.
    """

    def __init__(
        self,
        service: Service,
        polling: Polling | None,
        on_update: Observer,
        clock: Clock | None,
        shielded: Shield = nullcontext,
        history: HistoryReader | None = None,
    ) -> None:
        self._service = service
        self._polling = polling or Polling()
        observer = on_update if history is None else history.observe(on_update)
        self._backoff = Backoff(self._polling, observer, clock or MonotonicClock())
        self._creation = Creation(service, self._backoff, shielded, self._created)
        self._prepared: Prepared | None = None
        self._run: Run | None = None
        #: The result of the run, merged with those of earlier attempts.
        self._result: Result | None = None
        self._attempts = Attempts(service, self._backoff)
        self._progress = ProgressReader(service, self._backoff, history)
        self._waits = True
        self._cancellation: CancelRequested | LeftRunning | None = None
        self._fresh_until = 0.0

    def outcome(self, error: BaseException | None = None) -> RunOutcome:
        """Return the present outcome; ``error`` is what ended the work early, if anything did."""
        waited, history = None, self._progress.history
        if self._run is not None:
            earlier = sum(result.duration for result in self._attempts.results)
            waited = earlier + self._backoff.elapsed
        return RunOutcome(
            run=self._run,
            elapsed=waited if self._result is None else self._result.duration,
            prepared=self._prepared,
            result=self._result,
            waits=self._waits,
            may_exist=self._run is None and self._creation.may_exist,
            cancellation=self._cancellation,
            error=error,
            has_actions=self._service.has_actions,
            attempts=self._attempts.results,
            not_retried=self._attempts.not_retried,
            history=None if history is None else history.history,
        )

    def run(self, request: RunRequest) -> Result:
        """Create a run and wait until it ends. See ``api.run``."""
        prepared = self.prepare(request)
        with self._cancelling():
            self._creation.create(prepared)
            result = self._wait_for_end()
            while self._starts_retry(prepared):
                result = self._wait_for_end()
        check_repeated(self._prepared, self._attempts.results[-1])
        if request.promote and result.run.state is State.SUCCESS:
            self._promote(prepared, NOT_PROMOTED)
        return result

    def retry(self, request: RunRequest, result: Result) -> Run:
        """Run again what did not succeed, without a wait. See ``api.retry``."""
        self._waits = False
        self._attempts.add_failed(result)
        return self._creation.create(self._prepare_rerun(request))

    def start(self, request: RunRequest) -> Run:
        """Create a run and do not wait for it. See ``api.start``."""
        self._waits = False
        return self._creation.create(self.prepare(request))

    def wait(self, run: Run) -> Result:
        """Wait until an existing run ends. See ``api.wait``."""
        with self._cancelling():
            self.adopt(run)
            return self._wait_for_end()

    def compile(self, request: RunRequest) -> Prepared:
        """Compile a request, and promote the compilation if requested. See ``api.prepare``."""
        prepared = self.prepare(request)
        if request.compile_only and request.promote:
            self._promote(prepared, COMPILED_NOT_PROMOTED)
        return prepared

    def prepare(self, request: RunRequest) -> Prepared:
        """Compile a request, with retries."""
        if request.promote and not self._service.can_promote:
            raise InputError([("promote", f"is not supported by {self._service.name}")])
        if request.retry_failed and not self._service.can_rerun:
            raise InputError([("retry-failed", f"is not supported by {self._service.name}")])
        retry = self._backoff.retrying(NOTHING_CREATED)
        if request.resume is not None:
            # The run repeats only a part of another one, so it is compared with nothing.
            self._progress.history = None
            self._prepared = self._attempts.prepare_to_resume(request, request.resume, retry)
            return self._prepared
        self._prepared = self._service.prepare(request, retry)
        if self._prepared.compilation is not None:
            self._backoff.notify(Compiled(self._prepared.compilation))
        for note in self._prepared.notes:
            self._backoff.notify(Noted(note))
        return self._prepared

    def adopt(self, run: Run, *, fresh: bool = False) -> None:
        """Set the run to wait for; the API may not know a ``fresh`` run yet."""
        # The wait starts now: the creation may have taken a long time.
        self._backoff.begin()
        self._run = run
        self._fresh_until = self._backoff.now() + NOT_FOUND_GRACE if fresh else 0.0
        self._backoff.notify(Created(run))

    def poll(self) -> Result | Unusable | None:
        """Request the run once; return its result, or why there is no usable response."""
        run = self._known_run()
        started = self._backoff.now()
        failure: Unusable | None = None
        try:
            run = self._service.get(run)
        except Unusable as error:
            if not self._backoff.can_retry(error):
                self._backoff.raise_verdict(error)
            failure = error
            self._backoff.failed(error, started, may_still_run(run))
        except Refused as error:
            # Soon after the creation, a 404 is neither a refusal nor an outage.
            if error.status != 404 or started >= self._fresh_until:
                self._backoff.raise_verdict(error)
        else:
            self._backoff.succeeded()
            self._update_run(run)
            if run.state.ended:
                return self._end(run)
            self._progress.read(run, started)
        if self._backoff.timed_out:
            return self._time_out(run)
        return failure

    def delay(self, failure: Unusable | None) -> float:
        """Return the seconds until the next poll."""
        return self._backoff.delay(failure)

    @contextmanager
    def _cancelling(self) -> Iterator[None]:
        """Cancel the run if the block raises anything but the verdict of the wait."""
        try:
            yield
        except BaseException as error:
            if error is not self._backoff.verdict:
                # This exception matters more than another error from an observer.
                with suppress(Exception):
                    self._cancel(attempts=1)
            raise

    def _starts_retry(self, prepared: Prepared) -> bool:
        """Create another run of what did not succeed, if that is requested and possible.

        Raises:
            RunMayExist: it is not known whether the run was created. Any other error leaves the
                failed run as the result.
        """
        if not self._attempts.allow_another(prepared.request):
            return False
        failed = self._run, self._result
        self._run = self._result = self._cancellation = None
        # The time for the wait does not include the earlier attempts.
        self._backoff.begin()
        try:
            self._creation.create(self._prepare_rerun(prepared.request))
        except RunMayExist:
            raise
        except DataformError as error:
            self._run, self._result = failed
            self._attempts.not_retried = error.message
            return False
        return True

    def _prepare_rerun(self, request: RunRequest) -> Prepared:
        self._prepared = self._attempts.prepare_another(request, self._prepared)
        return self._prepared

    def _created(self, run: Run) -> None:
        self.adopt(run, fresh=True)
        self._backoff.succeeded()

    def _wait_for_end(self) -> Result:
        self._progress.begin()
        if self._fresh_until:
            # The create request was a turn as well.
            self._backoff.take_turn(self._known_run())
        while True:
            outcome = self.poll()
            if isinstance(outcome, Result):
                return outcome
            self._backoff.pause(self._run, outcome)

    def _promote(self, prepared: Prepared, not_promoted: str) -> None:
        """Set a compilation in its release configuration; ``not_promoted`` is said on failure."""
        # The work before may have used all of its time. This takes only seconds.
        self._backoff.begin()
        try:
            self._backoff.retrying(not_promoted)(lambda: self._service.promote(prepared))
        except DataformError as error:
            if error is not self._backoff.verdict:
                error.message = f"{not_promoted} {error.message}"
            raise
        if prepared.compilation is not None:
            self._backoff.notify(Promoted(prepared.compilation))

    def _end(self, run: Run) -> Result:
        duration = self._duration(run)
        # A signal may end the step while the actions are read. The run has ended all the same.
        unread = NoResponse("The step ended before they were read.")
        error = unread if self._service.has_actions else None
        self._result = self._attempts.end(Result(run=run, duration=duration, actions_error=error))
        details = read_details(self._service, run, self._backoff)
        self._result = self._attempts.end(Result(run=run, duration=duration, **details._asdict()))
        if self._progress.history is not None:
            self._progress.history.complete(self._result)
        return self._result

    def _cancel(self, attempts: int) -> None:
        """Cancel the run if that is enabled and was not requested yet; send the outcome."""
        run = self._run
        if run is None or run.state.ended or isinstance(self._cancellation, CancelRequested):
            return
        if self._polling.cancel:
            pause = lambda: self._backoff.sleep(CANCEL_PAUSE)  # noqa: E731
            self._cancellation = cancel_run(self._service, run, pause=pause, attempts=attempts)
        else:
            self._cancellation = LeftRunning(run, None)
        self._backoff.notify(self._cancellation)

    def _time_out(self, run: Run) -> Result:
        """Cancel the run at the timeout; return its result if it had already ended.

        Raises:
            WaitTimeout: the run is not known to have ended.
        """
        in_outage = self._backoff.in_outage
        ended = get_if_ended(self._service, run) if in_outage else None
        if ended is None:
            # Unlike after a signal, there is time to repeat the cancel request.
            self._cancel(attempts=ATTEMPTS)
            ended = ended_before_cancel(self._service, run, self._cancellation)
        if ended is None:
            limit = self._polling.timeout
            error = make_timeout(run, limit, self._cancellation, in_outage=in_outage)
            self._backoff.raise_verdict(error)
        self._backoff.succeeded()
        self._update_run(ended)
        return self._end(ended)

    def _update_run(self, run: Run) -> None:
        known = self._known_run()
        changed = (run.status, run.log_url) != (known.status, known.log_url)
        self._run = run
        if changed:
            self._backoff.notify(Changed(run, self._duration(run)))

    def _duration(self, run: Run) -> float:
        """Return how long a run took, by the service's times or else by the wait's."""
        return self._backoff.elapsed if run.seconds is None else run.seconds

    def _known_run(self) -> Run:
        assert self._run is not None  # noqa: S101
        return self._run
