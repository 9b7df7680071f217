"""What is done about a run that went out of sight: find it, cancel it, see whether it ended.

The step, its post step and the command line use the same functions.
"""

from __future__ import annotations

from collections.abc import Callable

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
from dataform_action.services.base import Retry, Service, once

#: How often a run is looked for, and how often a request to cancel it is made at most.
ATTEMPTS = 3
#: The pause between two requests to cancel a run, in seconds.
CANCEL_PAUSE = 2.0


def find_run(
    service: Service, compilation_result: str, *, pause: Callable[[], object], retry: Retry = once
) -> Run | None:
    """Return the run of a compilation result that was made for it alone, if it can be found.

    A run that was created just now may not be listed yet: there are ``ATTEMPTS`` looks with a
    ``pause`` in between, unless ``retry`` gives up. No error is raised: whoever looks for a run
    has lost it, and that matters more than why it cannot be found.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            pause()
        try:
            run = service.find(compilation_result, retry)
        except (GaveUp, WaitTimeout):
            return None
        except DataformError:
            # The next look is all that can be done about it.
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
    """Request that a run is cancelled, and return what became of that.

    Without a usable response the request is made again after a ``pause``. ``look_first`` reads the
    run's state before, so that a run that is over is recognised where the service cannot cancel.
    Leave it off when the runner is about to kill the process, so that the cancel goes out first.
    """
    error: DataformError | None = None
    for attempt in range(attempts):
        if attempt:
            pause()
        if look_first and (ended := look_for_end(service, run)) is not None:
            return CancelRequested(ended)
        try:
            latest = service.cancel(run)
            # A request whose response was lost may have cancelled it.
            by_us = error is not None and latest.state is State.CANCELLED
            return CancelRequested(run if by_us else latest)
        except Unusable as failure:
            error = failure
        except DataformError as failure:
            return LeftRunning(run, failure)
    return LeftRunning(run, error)


def ended_before(
    service: Service, run: Run, cancellation: CancelRequested | LeftRunning | None
) -> Run | None:
    """Return the run as it ended by itself, if it did so before it was to be cancelled."""
    match cancellation:
        case CancelRequested(run=latest) if latest.state.ended:
            return latest
        case LeftRunning(error=None | CancelUnsupported() | Refused()):
            # Nothing was sent, or the service says that the run is not over.
            return None
    ended = look_for_end(service, run)
    # A run that was cancelled did what the request asks for.
    return None if ended is None or ended.state is State.CANCELLED else ended


def look_for_end(service: Service, run: Run) -> Run | None:
    """Return the run if it is known to be over."""
    try:
        latest = service.get(run)
    except DataformError:
        # Its state is unknown, and a request to cancel a run that is over does no harm.
        return None
    return latest if latest.state.ended else None
