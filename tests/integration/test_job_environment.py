"""Variables of a job that look like inputs of the action but are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataform_action.action.input_specs import INPUTS
from dataform_action.emulator import Emulator
from tests.support.fakes import FakeClock
from tests.support.steps import google_inputs_for, inputs_for, run_apart, run_here

#: Every input as the runner passes it to a step without ``with``, in a job without a matrix.
_DECLARED = {declared.name: declared.default for declared in INPUTS} | {"parallel-runs": "1"}


@pytest.mark.parametrize(
    "foreign",
    [
        {"INPUT_RUN_ID": "12345"},
        {"INPUT_COMPILE_ONLY": "true"},
        {"INPUT_API_URL": "http://127.0.0.1:1"},
        {"INPUT_PROJECT_ID": "another-project"},
        {"INPUT_GIT_REF": "a-branch"},
        {"INPUT_SERVICE_ACCOUNT": "someone@else.iam.gserviceaccount.com"},
        {"INPUT_POLL_INTERVAL": "nonsense", "INPUT_FULL_REFRESH": "nonsense"},
    ],
    ids=lambda foreign: next(iter(foreign)),
)
@pytest.mark.parametrize("declared", [_DECLARED, {}], ids=["all inputs", "the given inputs"])
def test_variables_of_a_job_are_not_inputs(
    emulator: Emulator,
    clock: FakeClock,
    tmp_path: Path,
    foreign: dict[str, str],
    declared: dict[str, str],
) -> None:
    """The inputs come from ``with``, not from variables in ``env``."""
    inputs = {**declared, **google_inputs_for(emulator, schedule="", environment="production")}
    step = run_here(tmp_path, inputs, clock, **foreign)
    assert step.exit_code == 0, step.log
    [invocation] = emulator.invocations
    assert step.outputs["run-id"] == invocation.name.rpartition("/")[2]
    [compiled] = [
        json.loads(request.body)
        for request in emulator.requests
        if request.method == "POST" and "/compilationResults" in request.path
    ]
    assert compiled["releaseConfig"].endswith("/releaseConfigs/production")
    assert "serviceAccount" not in invocation.invocation_config


def test_variables_of_a_job_are_not_inputs_of_the_post_step(
    emulator: Emulator, tmp_path: Path
) -> None:
    """The post step uses the address and token in ``with``."""
    inputs = google_inputs_for(emulator, schedule="endless", wait="false")
    left = run_apart(tmp_path, inputs)
    state = {f"STATE_{name}": value for name, value in left.state.items()}
    state |= {"STATE_cancel": "true", "STATE_settled": ""}
    foreign = {"INPUT_API_URL": "http://127.0.0.1:1", "INPUT_RUN_ID": "12345"}
    step = run_apart(tmp_path, {**_DECLARED, **inputs}, "post_entrypoint.py", **state, **foreign)
    assert emulator.invocations[0].state == "CANCELING", step.log


def test_inputs_of_a_shell(emulator: Emulator, tmp_path: Path) -> None:
    """Without a runner, a shell can set inputs with underscores instead of hyphens."""
    given = {name.replace("-", "_"): value for name, value in inputs_for(emulator).items()}
    emulator.set_outcome("nightly", ["SUCCESSFUL"])
    step = run_apart(tmp_path, given)
    assert step.exit_code == 0, step.log
    assert len(emulator.runs) == 1
