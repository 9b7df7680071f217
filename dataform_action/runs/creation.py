"""The creation of a run: at most once, and found again where its response was lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from dataform_action.errors import DataformError, RunMayExist, Unusable
from dataform_action.model import Prepared, Run
from dataform_action.runs.backoff import Backoff
from dataform_action.runs.recovery import find_run
from dataform_action.runs.verdicts import NOTHING_CREATED
from dataform_action.services.base import Service

Shield = Callable[[], AbstractContextManager[object]]


class Creation:
    """The requests to create one run.

    ``shielded`` guards each attempt, so that a signal cannot come between the run's creation and
    ``on_created``, which is called with the run.
    """

    def __init__(
        self,
        service: Service,
        backoff: Backoff,
        shielded: Shield,
        on_created: Callable[[Run], object],
    ) -> None:
        self._service = service
        self._backoff = backoff
        self._shielded = shielded
        self._on_created = on_created
        #: Whether a create request was begun of which nobody knows whether it made a run.
        self.may_exist = False

    def create(self, prepared: Prepared) -> Run:
        """Create the run, at most once, or find it again where its response was lost."""
        while True:
            started = self._backoff.now()
            try:
                with self._shielded():
                    made = self._attempt(prepared)
            except RunMayExist as lost:
                return self._recover(prepared, lost)
            if isinstance(made, Run):
                return made
            self._backoff.wait_to_retry(made, started, NOTHING_CREATED)

    def _attempt(self, prepared: Prepared) -> Run | Unusable:
        """Make one request to create the run; return it, or a failure that allows another one."""
        self.may_exist = True
        try:
            run = self._service.start(prepared)
        except RunMayExist:
            raise
        except DataformError as error:
            self.may_exist = False
            if isinstance(error, Unusable) and error.retryable:
                return error
            raise
        # Not inside the try: no error of an observer may repeat a create.
        self._on_created(run)
        return run

    def _recover(self, prepared: Prepared, lost: RunMayExist) -> Run:
        """Return the run that a lost create made, or raise what was lost."""
        run: Run | None = None
        try:
            if self._service.can_find_runs and prepared.compilation is not None:
                run = find_run(
                    self._service,
                    prepared.compilation.name,
                    pause=lambda: self._backoff.pause(None),
                    retry=self._backoff.retrying(lost.message),
                )
            if run is not None:
                with self._shielded():
                    self._on_created(run)
        except BaseException as error:
            # Whoever reports an interruption must know that a run may exist.
            error.__cause__ = lost
            raise
        if run is None:
            raise lost
        return run
