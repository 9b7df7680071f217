"""What the log says while a run is created and waited for."""

from __future__ import annotations

import pytest

from dataform_action.errors import CancelUnsupported, NoResponse
from dataform_action.inputs import Inputs
from dataform_action.model import Polling, Run, RunRequest, State
from dataform_action.progress import render_intent, render_settings, render_update
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

_RUN = Run(id="77", state=State.RUNNING, status="RUNNING", log_url="https://a/77")


def _inputs(request: RunRequest, run_id: str | None = None) -> Inputs:
    return Inputs(
        project_id="1234",
        token="s3cret",
        request=request,
        polling=Polling(interval=30, timeout=5400, outage_timeout=600, cancel=False),
        wait=True,
        run_id=run_id,
        api_url=None,
        summary=True,
    )


@pytest.mark.parametrize(
    ("request_", "run_id", "line"),
    [
        (RunRequest(), None, "Web: triggering a run of project 1234"),
        (
            RunRequest(schedule="nightly"),
            None,
            "Web: triggering schedule nightly of project 1234",
        ),
        (
            RunRequest(schedule="nightly", environment="production", tags=("a", "b")),
            None,
            "Web: triggering schedule nightly in environment production with tags a, b "
            "of project 1234",
        ),
        (
            RunRequest(schedule="nightly"),
            "77",
            "Web: watching run 77 of project 1234; nothing is triggered",
        ),
    ],
)
def test_the_first_line_says_what_is_about_to_happen(
    request_: RunRequest, run_id: str | None, line: str
) -> None:
    """Everything that chooses what runs is named, before it runs."""
    assert render_intent(_inputs(request_, run_id), "Web") == line


def test_settings_are_told_without_the_token() -> None:
    """The log shows how the run is waited for, in units for people."""
    assert render_settings(_inputs(RunRequest()), "https://api.dataform.co") == [
        "API: https://api.dataform.co",
        "Longest wait between two polls: 30s",
        "Timeout for the run: 1h 30m",
        "Timeout for an API that does not answer: 10m",
        "Cancel the run when the step is cancelled or times out: false",
    ]


@pytest.mark.parametrize(
    ("update", "line"),
    [
        (Created(_RUN), "Run 77: https://a/77"),
        (Changed(_RUN, 61.9), "Status RUNNING after 1m 1s"),
        (Waiting(_RUN, 120.0, None), "Still RUNNING after 2m"),
        (Waiting(None, 120.0, None), "Still waiting for a status after 2m"),
        (Waiting(_RUN, 120.0, 0.0), "Still no usable answer from the API after 0s"),
        (Waiting(None, 120.0, 60.0), "Still no usable answer from the API after 1m"),
        (
            OutageStarted(NoResponse("GET x: HTTP 503."), 600.0),
            "No usable answer from the API, trying again for up to 10m. GET x: HTTP 503.",
        ),
        (OutageEnded(75.0), "The API answers again after 1m 15s"),
        (CancelRequested(_RUN), "Asked the service to cancel run 77: https://a/77"),
        (LeftRunning(_RUN, None), "Run 77 goes on, since cancel-run is false: https://a/77"),
        (
            LeftRunning(_RUN, CancelUnsupported("No way.", hint="By hand.")),
            "The run was not cancelled. No way. By hand.",
        ),
    ],
)
def test_every_update_has_a_line(update: Update, line: str) -> None:
    """Whatever happens is told in one line, with names and values."""
    assert render_update(update) == line
