"""Cancel a step like the runner, in real time: SIGINT, SIGTERM, SIGKILL, and the post step."""

from __future__ import annotations

import signal

from dataform_action.emulator import Emulator, Fault
from tests.e2e.job import SIGKILL_AFTER, SIGTERM_AFTER, Job
from tests.e2e.seen import describe_requests
from tests.support.steps import google_inputs_for

_INPUTS = {"schedule": "endless", "poll_interval": "1"}


def test_within_the_budget(emulator: Emulator, job: Job) -> None:
    """A cancelled step cancels the run at the first signal; the post step has nothing to do."""
    inputs = google_inputs_for(emulator, **_INPUTS)
    step = job.start(inputs)
    step.read_until("Status RUNNING")
    assert step.cancel() < SIGTERM_AFTER
    ended = step.wait()
    assert ended.exit_code == 130
    assert ended.outputs["status"] == "cancelled"
    assert describe_requests(emulator.requests) == "create, get, cancel"
    post = job.post(inputs, ended.state)
    assert (post.exit_code, post.log[-1]) == (0, "Nothing to clean up.")
    assert describe_requests(emulator.requests) == "create, get, cancel"


def test_service_that_does_not_respond_to_the_cancel(emulator: Emulator, job: Job) -> None:
    """A step gives up a hanging cancel before SIGTERM; then the post step cancels the run."""
    emulator.add_fault(Fault("hang", on="cancel", seconds=60))
    inputs = google_inputs_for(emulator, **_INPUTS)
    step = job.start(inputs)
    step.read_until("Status RUNNING")
    assert step.cancel() < SIGTERM_AFTER
    ended = step.wait()
    assert ended.exit_code == 130
    assert emulator.invocations[0].state == "RUNNING"
    post = job.post(inputs, ended.state)
    assert "Cancellation was requested." in post.warnings[0]
    assert emulator.invocations[0].state == "CANCELING"


def test_frozen_container(emulator: Emulator, job: Job) -> None:
    """If a step cannot handle signals, the runner gives up after 10 s; the post step cancels.

    When the container continues, it receives both signals and ends.
    """
    inputs = google_inputs_for(emulator, **_INPUTS)
    step = job.start(inputs)
    step.read_until("Status RUNNING")
    step.send_to_container(signal.SIGSTOP)
    assert SIGTERM_AFTER + SIGKILL_AFTER <= step.cancel() < SIGTERM_AFTER + SIGKILL_AFTER + 10
    ended = step.wait()
    assert ended.exit_code == -signal.SIGKILL
    assert step.is_running
    assert ended.outputs["run-id"] == ended.state["run_id"]
    post = job.post(inputs, ended.state)
    assert post.exit_code == 0
    assert "Cancellation was requested." in post.warnings[0]
    assert post.summary.startswith("## ⚠️ Dataform: cleanup")
    assert emulator.invocations[0].state == "CANCELING"
    assert step.is_running
    step.send_to_container(signal.SIGCONT)
    step.wait_until_gone()
    assert len(emulator.invocations) == 1
