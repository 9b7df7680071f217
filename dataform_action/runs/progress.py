"""Read the actions of a running run, and once the earlier runs. Errors change nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from dataform_action.errors import DataformError, NoResponse, Throttled
from dataform_action.events import Progressed
from dataform_action.model import Run
from dataform_action.runs.backoff import Backoff
from dataform_action.runs.history import HistoryReader
from dataform_action.services.base import Service

T = TypeVar("T")


class ProgressReader:
    """The progress of one run, which is read after some of the polls. See ``Pace``."""

    def __init__(self, service: Service, backoff: Backoff, history: HistoryReader | None) -> None:
        self._service = service
        self._backoff = backoff
        #: The earlier runs; None if the run is not compared with them.
        self.history = history
        #: The time of the next read; never, if the progress is not shown.
        self._next = math.inf
        #: How many actions the run has, as far as they were read.
        self._count = 0

    @property
    def _interval(self) -> float:
        return self._backoff.pace.actions_interval(self._count)

    def begin(self) -> None:
        """Show the progress from now on."""
        self._next = self._backoff.now() + self._interval

    def read(self, run: Run, polled: float) -> None:
        """Read what is due after the poll at time ``polled``, and send it to the observer."""
        is_due = polled >= self._next
        # The earlier runs are read early, unless others need the quota for their polls.
        is_time = is_due or not self._backoff.pace.is_shared
        if is_time and self.history is not None and not self.history.was_read:
            self._backoff.take_turn(run)
            self.history.expect(run, self._backoff.elapsed, self._backoff.notify)
        if is_due and self._service.has_actions:
            self._read_actions(run)
            self._next = polled + self._interval

    def _read_actions(self, run: Run) -> None:
        until = self._backoff.now() + self._interval

        def retry(request: Callable[[], T], /) -> T:
            self._backoff.take_turn(run)
            if self._backoff.now() > until:
                raise NoResponse("The list of actions takes too long.")
            return request()

        try:
            actions = self._service.actions(run, retry)
        except Throttled:
            self._backoff.pace.slow_down()
        except DataformError:
            # Progress is optional: the wait continues without it.
            return
        else:
            self._count = len(actions)
            self._backoff.notify(Progressed(actions, self._backoff.elapsed))
