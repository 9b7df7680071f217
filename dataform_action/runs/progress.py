"""Read the actions of a running run, and the earlier runs once. Errors change nothing."""

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
        history = self.history
        # If others need the quota for their polls, the earlier runs are read after the end.
        if history is not None and not history.was_read and not self._backoff.pace.is_spaced:
            history.expect(run, self._backoff.elapsed, self._backoff.notify)
        if polled >= self._next and self._service.has_actions:
            self._read_actions(run)
            self._next = polled + self._interval

    def _read_actions(self, run: Run) -> None:
        until = self._backoff.now() + self._backoff.pace.most_seconds_for_actions

        def retry(request: Callable[[], T], /) -> T:
            self._backoff.take_turn(run)
            if self._backoff.now() > until or self._backoff.timed_out:
                raise NoResponse("The list of actions takes too long.")
            return request()

        try:
            actions = self._service.actions(run, retry)
        except Throttled:
            self._backoff.pace.slow_down()
        except DataformError:
            # Progress is optional: the wait continues without it.
            pass
        else:
            self._count = len(actions)
            self._backoff.notify(Progressed(actions, self._backoff.elapsed))
