"""The texts of errors that end the work on a run early."""

from __future__ import annotations

from dataform_action.errors import WaitTimeout
from dataform_action.events import CancelRequested, LeftRunning
from dataform_action.model import Run
from dataform_action.text import format_duration

NOTHING_CREATED = "No run was created."
NOT_PROMOTED = "The run succeeded, but its compilation was not promoted."
COMPILED_NOT_PROMOTED = "The compilation has no errors, but it was not promoted."


def may_still_run(run: Run) -> str:
    """Return what an outage of the API means for a run."""
    return f"Run {run.id} may still be running: {run.log_url}"


def make_timeout(
    run: Run, limit: float, cancellation: CancelRequested | LeftRunning | None, *, in_outage: bool
) -> WaitTimeout:
    """Return the error of a run that did not end within ``limit`` seconds."""
    known = "reported no final state" if in_outage else "did not end"
    cancelled = isinstance(cancellation, CancelRequested)
    state = "Cancellation was requested." if cancelled else "It may still be running."
    return WaitTimeout(
        f"Run {run.id} {known} within the timeout of {format_duration(limit)}. {state}",
        hint=f"Increase timeout if the run needs more time. The run: {run.log_url}",
    )
