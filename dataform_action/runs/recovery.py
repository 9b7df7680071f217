"""Find a run, cancel it, and see whether it has ended.

The step, its post step and the command line use these functions.
"""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.clock import Retry, once
from dataform_action.errors import (
    CancelUnsupported,
    DataformError,
    GaveUp,
    Refused,
    Unusable,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, LeftRunning
from dataform_action.model import Run, State
from dataform_action.services.base import Service

#: How many times a run is searched for, and how many times its cancellation is requested at most.
ATTEMPTS = 3
#: The pause between two cancel requests, in seconds.
CANCEL_PAUSE = 2.0


def find_run(
    service: Service,
    compilation_result: str,
    *,
    pause: Callable[[], object],
    retry: Retry = once,
    known_runs: frozenset[str] = frozenset(),
) -> Run | None:
    """Return the run that executes a compilation result, if it can be found.

    ``known_runs`` are the ids of other runs of the compilation.

    A new run may not be listed yet, so there are ``ATTEMPTS`` searches with a ``pause`` in between,
    unless ``retry`` gives up. It raises no error: for the caller, the lost run matters more than
    the reason why it was not found.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            pause()
        try:
            run = service.find(compilation_result, retry, known_runs)
        except (GaveUp, WaitTimeout):
            return None
        except DataformError:
            # Only the next search can help.
            continue
        if run is not None:
            return run
    return None


def cancel_run(
    service: Service,
    run: Run,
    *,
    pause: Callable[[], object],
    attempts: int = ATTEMPTS,
    look_first: bool = False,
) -> CancelRequested | LeftRunning:
    """Request the cancellation of a run, and return the outcome.

    Without a usable response, the request is repeated after a ``pause``. ``look_first`` reads the
    run's state first, so that a run that has ended is recognized even if the service cannot cancel.
    Do not set it when the runner is about to kill the process: the cancel request must go first.
    """
    error: DataformError | None = None
    for attempt in range(attempts):
        if attempt:
            pause()
        if look_first and (ended := get_if_ended(service, run)) is not None:
            return CancelRequested(ended)
        try:
            latest = service.cancel(run)
            # An earlier request, whose response was lost, may have cancelled the run.
            by_us = error is not None and latest.state is State.CANCELLED
            return CancelRequested(run if by_us else latest)
        except Unusable as failure:
            error = failure
        except DataformError as failure:
            return LeftRunning(run, failure)
    return LeftRunning(run, error)


def ended_before_cancel(
    service: Service, run: Run, cancellation: CancelRequested | LeftRunning | None
) -> Run | None:
    """Return the run if it ended by itself before the cancellation took effect."""
    match cancellation:
        case CancelRequested(run=latest) if latest.state.ended:
            return latest
        case LeftRunning(error=None | CancelUnsupported() | Refused()):
            # Nothing was sent, or the service says that the run has not ended.
            return None
    ended = get_if_ended(service, run)
    # A cancelled run did not end by itself.
    return None if ended is None or ended.state is State.CANCELLED else ended


def get_if_ended(service: Service, run: Run) -> Run | None:
    """Return the run if it is known to have ended."""
    try:
        latest = service.get(run)
    except DataformError:
        # The state is unknown. To cancel a run that has ended does no harm.
        return None
    return latest if latest.state.ended else None
