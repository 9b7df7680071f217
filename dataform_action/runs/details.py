"""Read the actions and the compilation of a run, for the log and the report."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from dataform_action.errors import DataformError, NoResponse, Unusable
from dataform_action.model import Action, Compilation, Run
from dataform_action.services.base import Retry, Service

T = TypeVar("T")

#: How many requests may fail in total, and the pause before each retry in seconds. The pause is
#: shorter than between two polls: the run has ended, and the report waits for this.
_MOST_FAILURES = 2
_PAUSE = 5.0


class Details(NamedTuple):
    """The actions and the compilation of a run, or the errors that prevented reading them."""

    actions: tuple[Action, ...] = ()
    compilation: Compilation | None = None
    actions_error: DataformError | None = None
    details_error: DataformError | None = None


def read_details(service: Service, run: Run, sleep: Callable[[float], object]) -> Details:
    """Return the actions and the compilation of a run, as far as the service reports them.

    It raises no error: a failure here must not change the outcome of the run.
    """
    if not service.has_actions:
        return Details()
    retry = _retrying(sleep)
    try:
        actions = service.actions(run, retry)
    except DataformError as error:
        return Details(actions_error=error)
    try:
        return Details(*service.details(run, actions, retry))
    except DataformError as error:
        return Details(actions, details_error=error)


def read_progress(
    service: Service, run: Run, is_late: Callable[[], bool]
) -> tuple[Action, ...] | None:
    """Return the actions of a run that has not ended; None if an error or ``is_late`` stops it."""

    def retry(request: Callable[[], T], /) -> T:
        if is_late():
            raise NoResponse("The list of actions takes too long.")
        return request()

    try:
        return service.actions(run, retry)
    except DataformError:
        # Progress is optional: the wait continues without it.
        return None


def _retrying(sleep: Callable[[float], object]) -> Retry:
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
                sleep(_PAUSE)

    return retry
