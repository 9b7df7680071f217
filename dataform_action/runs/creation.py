"""Create a run at most once, and find it again if the response was lost."""

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

    ``on_created`` is called with the new run. ``shielded`` protects each attempt from signals until
    then, so that the id of a new run is not lost.
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
        #: Whether a create request was sent whose outcome is not known.
        self.may_exist = False

    def create(self, prepared: Prepared) -> Run:
        """Create the run at most once, or find it again if the response was lost."""
        while True:
            started = self._backoff.now()
            try:
                with self._shielded():
                    outcome = self._attempt(prepared)
            except RunMayExist as lost:
                return self._recover(prepared, lost)
            if isinstance(outcome, Run):
                return outcome
            self._backoff.wait_to_retry(outcome, started, NOTHING_CREATED)

    def _attempt(self, prepared: Prepared) -> Run | Unusable:
        """Send one create request; return the run, or a failure that allows another attempt."""
        self.may_exist = True
        try:
            run = self._service.start(prepared)
        except RunMayExist:
            raise
        except DataformError as error:
            self.may_exist = False
            if isinstance(error, Unusable) and self._backoff.can_retry(error):
                return error
            raise
        # Not inside the try: an error from an observer must not repeat the create request.
        self._on_created(run)
        self.may_exist = False
        return run

    def _recover(self, prepared: Prepared, lost: RunMayExist) -> Run:
        """Return the run whose create response was lost, or raise ``lost``."""
        run: Run | None = None
        try:
            if self._service.can_find_runs and prepared.compilation is not None:
                rerun = prepared.rerun
                run = find_run(
                    self._service,
                    prepared.compilation.name,
                    pause=lambda: self._backoff.pause(None),
                    retry=self._backoff.retrying(lost.message),
                    known_runs=frozenset() if rerun is None else rerun.known_runs,
                )
            if run is not None:
                with self._shielded():
                    self._on_created(run)
                self.may_exist = False
        except BaseException as error:
            # The report of an interruption needs to know that a run may exist.
            error.__cause__ = lost
            raise
        if run is None:
            raise lost
        return run
