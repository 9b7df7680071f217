"""Read the earlier runs of a run, once, and say when it should end. An error changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dataform_action.clock import utc_now
from dataform_action.errors import DataformError
from dataform_action.events import Expected, Noted, Observer, Progressed, Update, Waiting
from dataform_action.history import History
from dataform_action.model import Result, Run, State
from dataform_action.services.base import Service

#: The shortest usual time of which the log shows a share, in seconds.
_SHORTEST = 1.0


class HistoryReader:
    """The earlier runs of one run. ``now`` returns the time of day.

    They are read after the first poll that shows a running run, or after its end. Of several runs
    of one controller, only the first is compared: later ones repeat a part of it.
    """

    def __init__(self, service: Service, now: Callable[[], datetime] = utc_now) -> None:
        self._service = service
        self._now = now
        #: The earlier runs; None if they are not known.
        self.history: History | None = None
        #: Whether the earlier runs were read, or could not be read.
        self.was_read = False
        self._is_complete = False
        self._usual: float | None = None
        #: How long the run had taken when the wait for it began, in seconds.
        self._before = 0.0

    def observe(self, on_update: Observer) -> Observer:
        """Return an observer that passes updates on, with the share of the usual time."""

        def observer(update: Update) -> None:
            if isinstance(update, Waiting | Progressed) and self._usual is not None:
                share = (update.elapsed + self._before) / self._usual
                update = update._replace(share=share)
            on_update(update)

        return observer

    def expect(self, run: Run, elapsed: float, notify: Observer) -> None:
        """Read the earlier runs of a running run, and send what they say.

        ``elapsed`` is the time since the wait began, in seconds.
        """
        error = self._read(run)
        if error is not None:
            notify(Noted(f"The earlier runs could not be read. {error.message}"))
            return
        usual = None if self.history is None else self.history.usual
        if self.history is None or usual is None or usual < _SHORTEST:
            return
        now = self._now()
        started = run.started or now - timedelta(seconds=elapsed)
        try:
            end = (started + timedelta(seconds=usual)).astimezone(UTC)
        except OverflowError:
            # The times of the service are not real.
            return
        self._before = max(0.0, (now - started).total_seconds() - elapsed)
        self._usual = usual
        notify(Expected(usual, self.history, end if end > now else None))

    def complete(self, result: Result) -> None:
        """Read what explains the result of the first run: why it was slow, or what last worked."""
        self._usual = None
        if self._is_complete or result.run.state not in (State.SUCCESS, State.FAILURE):
            return
        self._is_complete = True
        if not self.was_read:
            self._read(result.run)
        if self.history is None:
            return
        try:
            self.history = self._explain(self.history, result)
        except DataformError:
            # The report does without it.
            return

    def _read(self, run: Run) -> DataformError | None:
        self.was_read = True
        try:
            self.history = self._service.past_runs(run)
        except DataformError as error:
            return error
        return None

    def _explain(self, history: History, result: Result) -> History:
        success, usual = history.last_success, history.usual_run
        if result.run.state is State.FAILURE:
            if success is None or success.commit:
                return history
            known = success._replace(commit=self._service.past_commit(success.run))
            runs = tuple(known if past is success else past for past in history.runs)
            return history._replace(runs=runs)
        if usual is None or not history.is_slow(result.duration):
            return history
        actions, has_all = self._service.past_actions(usual.run)
        return history._replace(usual_actions=actions, has_all_actions=has_all)
