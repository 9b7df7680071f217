"""Read the actions and the compilation of a run, for the log and the report."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from dataform_action.clock import Retry
from dataform_action.errors import DataformError, NoResponse, Unusable
from dataform_action.events import Noted
from dataform_action.model import Action, Compilation, IncompleteActions, Run
from dataform_action.runs.backoff import Backoff
from dataform_action.services.base import Service
from dataform_action.text import format_duration

T = TypeVar("T")

#: How many requests may fail in total, and the pause before each retry in seconds. The pause is
#: shorter than between two polls: the run has ended, and the report waits for this.
_MOST_FAILURES = 2
_PAUSE = 5.0
#: How long all requests may take, if the timeout for an outage is not shorter. A list may have
#: thousands of pages.
_MOST_SECONDS = 300.0
_READING = Noted("Still reading the actions of the run")


class Details(NamedTuple):
    """The actions and the compilation of a run, or the errors that prevented reading them.

    With ``actions_error``, the actions are those that could be read.
    """

    actions: tuple[Action, ...] = ()
    compilation: Compilation | None = None
    actions_error: DataformError | None = None
    details_error: DataformError | None = None


def read_details(service: Service, run: Run, backoff: Backoff) -> Details:
    """Return the actions and the compilation of a run, as far as the service reports them.

    It takes limited time, and raises no error: a failure here must not change the outcome of the
    run.
    """
    if not service.has_actions:
        return Details()
    retry = _retrying(backoff)
    try:
        actions = service.actions(run, retry)
    except IncompleteActions as error:
        return Details(error.actions, actions_error=error)
    except DataformError as error:
        return Details(actions_error=error)
    try:
        return Details(*service.details(run, actions, retry))
    except DataformError as error:
        return Details(actions, details_error=error)


def _retrying(backoff: Backoff) -> Retry:
    left = _MOST_FAILURES
    seconds = min(backoff.outage_timeout, _MOST_SECONDS)
    until = backoff.now() + seconds

    def retry(request: Callable[[], T], /) -> T:
        nonlocal left
        while True:
            backoff.send_heartbeat(_READING)
            if backoff.now() >= until:
                limit = format_duration(seconds)
                raise NoResponse(f"Reading the actions of the run took longer than {limit}.")
            try:
                return request()
            except Unusable:
                if not left:
                    raise
                left -= 1
                backoff.sleep(_PAUSE)

    return retry
