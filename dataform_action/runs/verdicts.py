"""What ends the work on a run early, in words: what is known of the run, and what to do."""

from __future__ import annotations

from dataform_action.errors import WaitTimeout
from dataform_action.events import CancelRequested, LeftRunning
from dataform_action.model import Run
from dataform_action.text import format_duration

NOTHING_CREATED = "No run was created."
NOT_PROMOTED = "The run succeeded, but its compilation was not promoted."


def may_be_going(run: Run) -> str:
    """Return what an outage of the API means to a run."""
    return f"Run {run.id} may still be going: {run.log_url}"


def make_timeout(
    run: Run, limit: float, cancellation: CancelRequested | LeftRunning | None, *, in_outage: bool
) -> WaitTimeout:
    """Return the error of a run that did not end within ``limit`` seconds."""
    seen = "was not seen to end" if in_outage else "did not end"
    cancelled = isinstance(cancellation, CancelRequested)
    fate = "The service was asked to cancel it." if cancelled else "It may go on."
    return WaitTimeout(
        f"Run {run.id} {seen} within the timeout of {format_duration(limit)}. {fate}",
        hint=f"Raise timeout if the run needs longer. The run: {run.log_url}",
    )
