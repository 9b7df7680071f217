"""What is read of a run that is over: its actions and its compilation, for the report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from dataform_action.errors import DataformError, Unusable
from dataform_action.model import Action, Compilation, Run
from dataform_action.services.base import Retry, Service

T = TypeVar("T")

#: How many requests may fail in all, with a pause before each is made again. The pause is
#: shorter than between two polls: the run is over, and somebody waits for its report.
_MOST_FAILURES = 2
_PAUSE = 5.0


def read_details(
    service: Service, run: Run, rest: Callable[[float], object]
) -> tuple[tuple[Action, ...], Compilation | None, bool]:
    """Return the actions of a run and its compilation, and whether the service told its actions.

    The run's end is known, and nothing that fails here changes it: no error is raised.
    """
    actions: tuple[Action, ...] = ()
    known = False
    if not service.has_actions:
        return actions, None, known
    retry = _retrying(rest)
    with suppress(DataformError):
        actions = service.actions(run, retry)
        known = True
        return (*service.details(run, actions, retry), known)
    return actions, None, known


def _retrying(rest: Callable[[float], object]) -> Retry:
    left = _MOST_FAILURES

    def retry(request: Callable[[], T], /) -> T:
        nonlocal left
        while True:
            try:
                return request()
            except Unusable:
                if not left:
                    raise
                left -= 1
                rest(_PAUSE)

    return retry
