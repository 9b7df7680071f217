"""Run the image with the runner's command: outputs, state, summary, mounts and networks."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable

from dataform_action.emulator import Emulator
from scripts.image import engine
from tests.e2e.job import Job
from tests.support.runner import Command, parse_log
from tests.support.steps import google_inputs_for, inputs_for


def test_success(emulator: Emulator, job: Job) -> None:
    """A step in the container starts the run, follows it, succeeds, and writes all its files."""
    inputs = inputs_for(emulator, poll_interval="1")
    step = job.run(inputs)
    run = emulator.runs[0]
    assert step.exit_code == 0, step.log
    assert step.outputs["run-id"] == step.state["run_id"] == run.id
    assert step.outputs["status"] == "success"
    assert step.outputs["run-log-url"] == f"{emulator.url}/#/1234/run/{run.id}"
    assert step.summary.startswith("## ✅ Dataform run succeeded")
    assert parse_log("\n".join(step.log))[0] == Command("add-mask", emulator.token)
    assert emulator.token not in "\n".join(step.log[1:]) + step.summary
    post = job.post(inputs, step.state)
    assert (post.exit_code, post.log[-1]) == (0, "Nothing to clean up.")
    assert [request.method for request in emulator.requests] == ["POST", "GET", "GET", "GET"]


def test_failure(emulator: Emulator, job: Job) -> None:
    """A failed run on Google Cloud fails the step, with annotations, outputs and a summary."""
    step = job.run(google_inputs_for(emulator, schedule="failure", poll_interval="1"))
    assert step.exit_code == 1
    assert step.outputs["status"] == "failure"
    assert "customers" in step.outputs["failed-actions"]
    errors = [line for line in parse_log("\n".join(step.log)) if isinstance(line, Command)]
    assert "error" in {command.name for command in errors}
    assert step.summary.startswith("## ❌ Dataform run failed")


def test_all_inputs_empty(job: Job) -> None:
    """A step without ``with:`` reports missing inputs: the runner passes absent inputs as empty."""
    step = job.run({})
    assert (step.exit_code, len(step.log), len(step.errors)) == (2, 1, 1)
    assert "project-id is missing" in step.errors[0]


def test_entrypoint_of_the_image(job: Job) -> None:
    """The image's entrypoint is the program in action.yml."""
    done = subprocess.run(
        [engine.client(), "run", "--rm", job.image], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "project-id is missing" in done.stdout


def test_network_of_the_job(make_job: Callable[..., Job]) -> None:
    """In a job with services, the container is in the job's network and reaches the API."""
    network = f"github_network_{uuid.uuid4().hex}"
    engine.docker("network", "create", network)
    job = make_job(network=network)
    try:
        with Emulator(host=engine.gateway(network), advance="poll") as emulator:
            emulator.set_outcome("nightly", ("SUCCESSFUL",))
            step = job.run(inputs_for(emulator))
            assert step.exit_code == 0, step.log
            assert len(emulator.runs) == 1
    finally:
        # A network can be removed only after its containers.
        job.end()
        engine.docker("network", "rm", network)


def test_programs_that_a_kubernetes_runner_calls(job: Job) -> None:
    """The image has the shell and the programs that a runner with container hooks calls."""
    script = "for name in sh env tail tar find; do command -v $name || exit 1; done"
    found = engine.docker("run", "--rm", "--entrypoint", "sh", job.image, "-c", script)
    assert len(found.split()) == 5
