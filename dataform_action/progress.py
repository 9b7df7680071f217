"""What the log says while a run is created and waited for. Pure: data in, lines out."""

from __future__ import annotations

from dataform_action.inputs import Inputs
from dataform_action.model import format_duration
from dataform_action.updates import (
    CancelRequested,
    Changed,
    Created,
    LeftRunning,
    OutageEnded,
    OutageStarted,
    Update,
    Waiting,
)


def render_intent(inputs: Inputs, service_name: str) -> str:
    """Return the line that says what is about to happen."""
    project = f"of project {inputs.project_id}"
    if inputs.run_id is not None:
        return f"{service_name}: watching run {inputs.run_id} {project}; nothing is triggered"
    request = inputs.request
    parts = [f"schedule {request.schedule}"] if request.schedule else ["a run"]
    if request.environment:
        parts.append(f"in environment {request.environment}")
    if request.tags:
        parts.append(f"with tags {', '.join(request.tags)}")
    return f"{service_name}: triggering {' '.join(parts)} {project}"


def render_settings(inputs: Inputs, api_url: str) -> list[str]:
    """Return the lines that say how the run is waited for."""
    polling = inputs.polling
    return [
        f"API: {api_url}",
        f"Longest wait between two polls: {format_duration(polling.interval)}",
        f"Timeout for the run: {format_duration(polling.timeout)}",
        f"Timeout for an API that does not answer: {format_duration(polling.outage_timeout)}",
        f"Cancel the run when the step is cancelled or times out: {str(polling.cancel).lower()}",
    ]


def render_update(update: Update) -> str:
    """Return the line that tells of an update."""
    match update:
        case Created(run):
            return f"Run {run.id}: {run.log_url}"
        case Changed(run, elapsed):
            return f"Status {run.status} after {format_duration(elapsed)}"
        case Waiting(_, _, outage) if outage is not None:
            return f"Still no usable answer from the API after {format_duration(outage)}"
        case Waiting(run, elapsed, _):
            status = run.status if run is not None and run.status else "waiting for a status"
            return f"Still {status} after {format_duration(elapsed)}"
        case OutageStarted(error, limit):
            return (
                f"No usable answer from the API, trying again for up to "
                f"{format_duration(limit)}. {error.message}"
            )
        case OutageEnded(seconds):
            return f"The API answers again after {format_duration(seconds)}"
        case CancelRequested(run):
            return f"Asked the service to cancel run {run.id}: {run.log_url}"
        case LeftRunning(_, error) if error is not None:
            return f"The run was not cancelled. {error.message} {error.hint}"
        case LeftRunning(run, _):
            return f"Run {run.id} goes on, since cancel-run is false: {run.log_url}"
