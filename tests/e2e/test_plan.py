"""Run the image as the plan of a pull request, with the runner's command."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dataform_action.emulator import Emulator, Fault
from scripts.image import engine
from tests.e2e.job import SIGTERM_AFTER, Job
from tests.support.pull_requests import (
    HEAD,
    HOME,
    make_payload,
    make_planned_repository,
    open_pull_request,
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """The APIs of Dataform, BigQuery and GitHub, with a pull request."""
    with Emulator(host=engine.gateway(), repositories=[make_planned_repository()]) as emulator:
        open_pull_request(emulator)
        yield emulator


@pytest.fixture
def job(make_job: Callable[..., Job], emulator: Emulator) -> Job:
    """A job of the pull request."""
    job = make_job(action="plan")
    apis = {"GITHUB_API_URL": emulator.github_url, "GITHUB_GRAPHQL_URL": emulator.graphql_url}
    job.set_event("pull_request", make_payload(), GITHUB_REPOSITORY=HOME, **apis)
    return job


def _inputs(emulator: Emulator, **changes: str) -> dict[str, str]:
    return {
        "project-id": "my-project",
        "location": "europe-west1",
        "repository": "warehouse",
        "environment": "production",
        "token": emulator.token,
        "github-token": emulator.token,
        "api-url": emulator.url,
        "bigquery-url": emulator.url,
        "validate": "false",
        **changes,
    }


def test_plan(emulator: Emulator, job: Job) -> None:
    """The argument in plan/action.yml makes it a plan: with a comment, outputs and a summary."""
    step = job.run(_inputs(emulator, **{"plan-file": "out/plan.json"}))
    assert step.exit_code == 0, step.log
    assert step.outputs["status"] == "changes"
    [comment] = emulator.github.repositories[HOME].comments.values()
    assert HEAD[:7] in comment.body
    assert "staging.customers_cleaned" in step.summary
    assert (job.workspace / "out/plan.json").stat().st_uid == job.workspace.stat().st_uid
    assert step.state == {}
    assert emulator.invocations == []


def test_all_inputs_empty(job: Job) -> None:
    """A plan without ``with:`` reports the inputs that it needs, not those of a run."""
    step = job.run({})
    assert (step.exit_code, len(step.errors)) == (2, 1)
    assert all(f"{name} is missing" in step.errors[0] for name in ("project-id", "location"))


def test_cancel(emulator: Emulator, job: Job) -> None:
    """A cancelled plan ends within the runner's time, and leaves no comment."""
    emulator.add_fault(Fault("hang", on="compile", seconds=60, times=None))
    step = job.start(_inputs(emulator))
    step.read_until("planning")
    assert step.cancel() < SIGTERM_AFTER
    ended = step.wait()
    assert ended.exit_code == 130
    assert emulator.github.repositories[HOME].comments == {}
