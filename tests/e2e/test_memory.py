"""The image with little memory, and with the largest project that Google allows."""

from __future__ import annotations

import json
from collections.abc import Callable

from dataform_action.emulator import DryRun, Emulator
from dataform_action.transport.response import MEMORY_HINT
from scripts.image import engine
from tests.e2e.job import PEAK, Job
from tests.support.large_projects import (
    ACTIONS,
    CHANGED,
    COLUMNS,
    FAILED,
    make_large_repository,
    name_of,
)
from tests.support.pull_requests import HOME, make_payload, open_pull_request
from tests.support.steps import Step, google_inputs_for

#: The limit of a container, for its memory without swap.
LIMIT = "128m"
_KILLED = 137
_SECONDS = 300


def _run(
    what: str, job: Job, inputs: dict[str, str], record: Callable[[str, object], None]
) -> Step:
    """Run a job to its end, and record its peak memory."""
    step = job.start(inputs).wait(_SECONDS)
    assert step.exit_code != _KILLED
    assert not [line for line in step.log if MEMORY_HINT in line]
    peak = round(int(step.log[-1].removeprefix(PEAK)) / 1024)
    record("memory", f"{what}: at most {peak} MiB, exit code {step.exit_code}, limit {LIMIT}")
    return step


def test_run(make_job: Callable[..., Job], record_property: Callable[[str, object], None]) -> None:
    """A run with 400 failures is reported as a whole, with its costs."""
    with Emulator(host=engine.gateway(), repositories=[make_large_repository()]) as emulator:
        more = {"bigquery-url": emulator.url, "costs": "true", "poll-interval": "1"}
        inputs = google_inputs_for(emulator, **more)
        step = _run("run", make_job(memory=LIMIT), inputs, record_property)
        assert step.exit_code == 1, step.log[-20:]
        failed, blocked = len(FAILED), 4 * len(FAILED)
        succeeded = ACTIONS - failed - blocked
        counts = f"{failed} failed, {blocked} were skipped, {succeeded} succeeded"
        assert counts in step.errors[-1]
        assert all(name_of(number) in step.outputs["failed-actions"] for number in FAILED)
        assert "billed" in step.summary.lower()
        assert len(emulator.invocations) == 1


def test_plan(make_job: Callable[..., Job], record_property: Callable[[str, object], None]) -> None:
    """A plan of 400 changes is complete: its comment, its summary, its file and its checks."""
    tables = {f"my-project.{name_of(n)}": {"schema": {"fields": COLUMNS}} for n in range(ACTIONS)}
    repositories = [make_large_repository()]
    with Emulator(host=engine.gateway(), repositories=repositories, tables=tables) as emulator:
        emulator.prepare_dry_run("SELECT", DryRun(columns=COLUMNS, bytes_processed=2**30))
        open_pull_request(emulator)
        job = make_job(action="plan", memory=LIMIT)
        apis = {"GITHUB_API_URL": emulator.github_url, "GITHUB_GRAPHQL_URL": emulator.graphql_url}
        job.set_event("pull_request", make_payload(), GITHUB_REPOSITORY=HOME, **apis)
        place = {"bigquery-url": emulator.url, "environment": "production"}
        inputs = google_inputs_for(emulator, **place)
        del inputs["schedule"]
        inputs |= {"github-token": emulator.token, "plan-file": "plan.json"}
        step = _run("plan", job, inputs, record_property)
        assert (step.exit_code, step.outputs["status"]) == (0, "changes"), step.log[-20:]
        count = len(CHANGED)
        assert step.outputs["affected-actions-count"] == f"{count}"
        [comment] = emulator.github.repositories[HOME].comments.values()
        counts = f"{count} changed"
        assert all(counts in text for text in (comment.body, step.summary))
        plan = json.loads((job.workspace / "plan.json").read_text("utf-8"))
        assert len(plan["actions"]) == plan["counts"]["accepted"] == 2 * count
        assert all(action["schema"] for action in plan["actions"])
