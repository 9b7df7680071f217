"""What is read of a run that is over: its actions and its compilation, for the report."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from dataform_action.errors import DataformError, Unusable
from dataform_action.model import Action, Compilation, Run
from dataform_action.services.base import Retry, Service

T = TypeVar("T")

#: How many requests may fail in all, with a pause before each is made again. The pause is
#: shorter than between two polls: the run is over, and somebody waits for its report.
_MOST_FAILURES = 2
_PAUSE = 5.0


class Details(NamedTuple):
    """The actions of a run and its compilation, and why they could not be read, if so."""

    actions: tuple[Action, ...] = ()
    compilation: Compilation | None = None
    actions_error: DataformError | None = None
    details_error: DataformError | None = None


def read_details(service: Service, run: Run, rest: Callable[[float], object]) -> Details:
    """Return the actions of a run and its compilation, as far as the service reports them.

    The run's end is known, and nothing that fails here changes it: no error is raised.
    """
    if not service.has_actions:
        return Details()
    retry = _retrying(rest)
    try:
        actions = service.actions(run, retry)
    except DataformError as error:
        return Details(actions_error=error)
    try:
        return Details(*service.details(run, actions, retry))
    except DataformError as error:
        return Details(actions, details_error=error)


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
