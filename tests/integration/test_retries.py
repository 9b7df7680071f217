"""A step that runs again what failed, in the same job or in a later one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import Course, Emulator, Fault
from dataform_action.report.outcome import ExitCode
from tests.support.fakes import FakeClock
from tests.support.steps import Step, google_inputs_for, run_here

_FAILING = Course(failures={"orders_cleaned": "Out of memory"})
_PLACES: list[dict[str, str]] = [
    {"environment": "production", "schedule": ""},
    {"environment": "", "schedule": "nightly"},
    {"environment": "production", "schedule": "nightly"},
    {"environment": "", "schedule": "", "git-ref": "main"},
]


def set_failing(emulator: Emulator, *next_ones: Course) -> None:
    """Let the first run fail, of a schedule or of a compilation result."""
    emulator.set_course("nightly", _FAILING)
    emulator.set_course(None, _FAILING, *next_ones)


def run_google(emulator: Emulator, tmp_path: Path, clock: FakeClock, **inputs: str) -> Step:
    tmp_path.mkdir(exist_ok=True)
    changes = {name.replace("_", "-"): value for name, value in inputs.items()}
    return run_here(tmp_path, {**google_inputs_for(emulator), **changes}, clock)


def bodies_of_creates(emulator: Emulator) -> list[dict[str, Any]]:
    return [
        json.loads(request.body)
        for request in emulator.requests
        if request.method == "POST" and request.path.endswith("/workflowInvocations")
    ]


def names_of(targets: list[dict[str, str]]) -> set[str]:
    return {".".join(target.values()) for target in targets}


@pytest.mark.parametrize("place", _PLACES, ids=str)
def test_a_second_attempt_that_fixes_everything(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, place: dict[str, str]
) -> None:
    """The step succeeds and says that it took two; the second run has only what did not succeed."""
    emulator.set_course("nightly", _FAILING)
    is_of_schedule = not place["environment"] and bool(place["schedule"])
    emulator.set_course(None, *([] if is_of_schedule else [_FAILING]), Course())
    step = run_google(emulator, tmp_path, clock, **place, retry_failed="1")
    first, second = emulator.invocations
    assert (step.exit_code, first.state, second.state) == (0, "FAILED", "SUCCEEDED")
    assert second.compilation_result == first.compilation_result
    body = bodies_of_creates(emulator)[1]
    failed = {name for name, state in first.actions.items() if state in ("FAILED", "SKIPPED")}
    assert names_of(body["invocationConfig"]["includedTargets"]) == failed
    assert "It took 2 attempts" in step.log[-1]
    assert step.outputs["run-id"] == second.name.rpartition("/")[2]
    assert (step.outputs["attempts"], step.outputs["failed-actions"]) == ("2", "[]")
    assert "### Attempts" in step.summary
    assert "| ❌ failed | ✅ succeeded |" in step.summary


def test_an_attempt_that_cannot_be_made_leaves_the_failure(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """The step fails with the failed actions, and a warning says why there was no other run."""
    set_failing(emulator)
    emulator.add_fault(Fault("status", on="create", status=403, after=1))
    step = run_google(
        emulator, tmp_path, clock, schedule="", environment="production", retry_failed="2"
    )
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert step.outputs["failed-actions-count"] == "1"
    assert any("No further attempt was started: POST" in line for line in step.log)
    assert "⚠️ No further attempt was started: " in step.summary


def test_a_lost_second_attempt_may_exist(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """If it cannot be found, the step says that it may exist, and shows the first attempt."""
    set_failing(emulator)
    emulator.add_fault(Fault("status", on="create", status=500, after=1, processed=False))
    step = run_google(
        emulator, tmp_path, clock, schedule="", environment="production", retry_failed="2"
    )
    assert step.exit_code == ExitCode.NO_ANSWER
    assert "so the run may exist" in step.errors[-1]
    assert len(bodies_of_creates(emulator)) == 2
    assert re.search(r"\| 1 \| .* \| ❌ failed \|", step.summary)


@pytest.mark.parametrize("place", _PLACES, ids=str)
def test_a_run_of_an_earlier_job_is_resumed(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, place: dict[str, str]
) -> None:
    """A later job runs what did not succeed, and says which commit it runs again."""
    set_failing(emulator)
    earlier = run_google(emulator, tmp_path / "1", clock, **place)
    assert earlier.exit_code == ExitCode.RUN_UNSUCCESSFUL
    emulator.set_course(None, Course())
    step = run_google(
        emulator,
        tmp_path / "2",
        clock,
        schedule="",
        environment="",
        resume=earlier.outputs["run-id"],
    )
    first, second = emulator.invocations
    assert (step.exit_code, second.state) == (ExitCode.SUCCESS, "SUCCEEDED")
    failed = {name for name, state in first.actions.items() if state in ("FAILED", "SKIPPED")}
    assert set(second.actions) == failed
    assert second.compilation_result == first.compilation_result
    [line] = [line for line in step.log if line.startswith("Running ")]
    assert re.search(r" of run \S+ again \(1 failed, \d skipped\), commit 6f1c2b9d", line)
    assert f"**Resumed run** <code>{earlier.outputs['run-id'][:10]}" in step.summary
    assert "[<code>6f1c2b9</code>]" in step.summary


@pytest.mark.parametrize(
    ("run_id", "problem"),
    [
        ("1795-other", "resume 1795-other is not the id of a run in this repository"),
        (
            "projects/my-project/locations/europe-west1/repositories/other/workflowInvocations/1",
            "resume is neither a run id nor the full name of a run in this repository",
        ),
    ],
)
def test_a_run_of_another_repository_is_not_resumed(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, run_id: str, problem: str
) -> None:
    """It is refused, and nothing is run."""
    step = run_google(emulator, tmp_path, clock, schedule="", environment="", resume=run_id)
    assert step.exit_code == ExitCode.BAD_INPUT
    assert problem in step.errors[-1]
    assert emulator.invocations == []


def test_a_run_that_succeeded_is_not_resumed(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """There is nothing to run again."""
    earlier = run_google(emulator, tmp_path / "1", clock)
    inputs = {"schedule": "", "environment": "", "resume": earlier.outputs["run-id"]}
    step = run_google(emulator, tmp_path / "2", clock, **inputs)
    assert step.exit_code == ExitCode.BAD_INPUT
    assert "which succeeded: there is nothing to run again" in step.errors[-1]
    assert len(emulator.invocations) == 1


def test_without_retries_nothing_is_requested(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """A failed run without retry-failed lists no runs, and creates no other."""
    set_failing(emulator)
    inputs = {"schedule": "", "environment": "production", "history": "false"}
    run_google(emulator, tmp_path, clock, **inputs)
    paths = [request.path for request in emulator.requests if request.method == "GET"]
    assert not any(path.endswith("/workflowInvocations") for path in paths)
    assert len(emulator.invocations) == 1
