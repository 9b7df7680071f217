"""The post step: what it cancels, what it leaves running, and that it never fails a job."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.action import post as module
from dataform_action.emulator import Emulator
from dataform_action.errors import CancelUnsupported, NoResponse, Refused
from dataform_action.events import CancelRequested, LeftRunning
from tests.support.fakes import Broken, FakeClock, make_run
from tests.support.steps import (
    Step,
    google_inputs_for,
    inputs_for,
    read_step,
    run_apart,
    run_here,
    runner_environ,
)

STATE = {
    "service": "Dataform Web",
    "project_id": "1234",
    "run_id": "77",
    "run_log_url": "https://app.dataform.co/#/1234/run/77",
    "cancel": "true",
}
Post = Callable[..., Step]


@pytest.fixture
def run_post(tmp_path: Path, clock: FakeClock) -> Post:
    """Run the post step in this process, with the state of a main step."""

    def run(inputs: dict[str, str], state: dict[str, str]) -> Step:
        environ = runner_environ(tmp_path, inputs)
        environ |= {f"STATE_{name}": value for name, value in state.items()}
        stream = io.StringIO()
        module.post(environ, stream, clock)
        return read_step(tmp_path, 0, stream.getvalue())

    return run


@pytest.mark.parametrize("state", [{}, {**STATE, "settled": "true"}, {**STATE, "run_id": "../x"}])
def test_nothing_to_do(emulator: Emulator, run_post: Post, state: dict[str, str]) -> None:
    """Without a run or after a settled step, nothing is sent and nothing is written."""
    step = run_post(inputs_for(emulator), state)
    assert step.log[1:] == ["Nothing to clean up."]
    assert step.summary == ""
    assert emulator.requests == []


KILLED = {**STATE, "run_id": "", "run_log_url": "", "creating": "true"}


def test_kill_during_the_creation(emulator: Emulator, run_post: Post) -> None:
    """If the run cannot be found, the post step says that it may exist."""
    step = run_post(inputs_for(emulator), KILLED)
    assert len(step.warnings) == 1
    assert "the step ended while it created a run, so the run may exist." in step.warnings[0]
    assert "so the run may exist" in step.summary
    assert emulator.requests == []


def test_kill_during_the_creation_with_cancel_disabled(emulator: Emulator, run_post: Post) -> None:
    """With cancel-run: false, no run is searched for."""
    step = run_post(inputs_for(emulator), {**KILLED, "cancel": "false"})
    assert step.log[1:] == [
        "The run, if there is one, is left running, as the inputs request: its link is in the "
        "step's log"
    ]


@pytest.mark.parametrize("is_listed", [True, False])
def test_run_of_a_compilation_is_found_again(
    emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock, is_listed: bool
) -> None:
    """On Google Cloud, the run is found by its compilation, and cancelled."""
    inputs = google_inputs_for(emulator, wait="false", schedule="", environment="production")
    left = run_here(tmp_path, inputs, clock)
    compilation = left.state["compilation_result"]
    name = compilation if is_listed else f"{compilation}0"
    state = {**KILLED, "compilation_result": name}
    before = clock.now()
    step = run_post(inputs, {**state, "project_id": "my-project"})
    assert emulator.invocations[0].state == ("CANCELING" if is_listed else "RUNNING")
    text = "Cancellation was requested." if is_listed else "so the run may exist."
    assert text in step.warnings[0]
    assert clock.now() == before + (0 if is_listed else 4)


def test_cancel_disabled(emulator: Emulator, run_post: Post) -> None:
    """With cancel-run: false or wait: false, the run is left running."""
    step = run_post(inputs_for(emulator), {**STATE, "cancel": "false"})
    assert step.log[1:] == [
        "Run 77 is left running, as the inputs request: https://app.dataform.co/#/1234/run/77"
    ]
    assert emulator.requests == []


def test_ended_run(emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock) -> None:
    """A run that has ended needs no cleanup."""
    emulator.set_outcome("nightly", ("SUCCESSFUL",))
    left = run_here(tmp_path, inputs_for(emulator, wait="false"), clock)
    step = run_post(inputs_for(emulator), {**left.state, "cancel": "true", "settled": ""})
    assert f"Run {emulator.runs[0].id} has ended. Nothing to clean up" in step.log[-1]


def test_active_run(emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock) -> None:
    """A run that a killed step left running on Dataform Web is reported with its link."""
    left = run_here(tmp_path, inputs_for(emulator, wait="false", schedule="endless"), clock)
    (tmp_path / "GITHUB_STEP_SUMMARY").write_text("", "utf-8")
    step = run_post(inputs_for(emulator), {**left.state, "cancel": "true", "settled": ""})
    run_id = emulator.runs[0].id
    assert len(step.warnings) == 1
    assert f"the step ended before run {run_id}." in step.warnings[0]
    assert f"so run {run_id} continues. See {emulator.url}/#/1234/run/{run_id}" in step.warnings[0]
    assert step.summary.startswith("## ⚠️ Dataform: cleanup")


def test_no_summary(emulator: Emulator, run_post: Post) -> None:
    """With summary: false, the post step does not write a summary either."""
    step = run_post(inputs_for(emulator, summary="false"), STATE)
    assert len(step.warnings) == 1
    assert step.summary == ""


@pytest.mark.parametrize(
    ("cancellation", "text"),
    [
        (CancelRequested(make_run()), "Cancellation was requested."),
        (LeftRunning(make_run(), CancelUnsupported("Unsupported.")), "Unsupported."),
        (LeftRunning(make_run(), Refused("ended", status=400)), "refused to cancel the run: ended"),
        (LeftRunning(make_run(), NoResponse("HTTP 503")), "could not be cancelled: HTTP 503"),
        (
            LeftRunning(make_run(), Broken("No credentials.", hint="Set it.")),
            "credentials. Set it.",
        ),
    ],
)
def test_text_of_a_cancellation(cancellation: CancelRequested | LeftRunning, text: str) -> None:
    """The warning says whether the run was cancelled, and if not, why."""
    assert module._describe(cancellation).endswith(text)


def test_run_on_google_cloud_is_cancelled(
    emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock
) -> None:
    """A run that a killed step left running is cancelled, in the project of the state."""
    inputs = google_inputs_for(emulator, wait="false", schedule="endless")
    left = run_here(tmp_path, inputs, clock)
    state = {**left.state, "cancel": "true", "settled": ""}
    step = run_post({**inputs, "project-id": "another-project"}, state)
    assert "Google Cloud Dataform: the step ended before run " in step.warnings[0]
    assert "Cancellation was requested." in step.warnings[0]
    assert emulator.invocations[0].state == "CANCELING"


def test_link_from_the_state_is_not_trusted(emulator: Emulator, run_post: Post) -> None:
    """An invalid link in the state is not shown."""
    step = run_post(inputs_for(emulator), {**STATE, "run_log_url": "javascript:alert(1)"})
    assert "javascript" not in "".join(step.log)


@pytest.mark.parametrize(
    ("inputs", "state"),
    [({}, {}), ({}, STATE), ({"token": "not-the-token", "project-id": "a/b"}, STATE)],
)
def test_exit_code_is_always_zero(
    tmp_path: Path, inputs: dict[str, str], state: dict[str, str]
) -> None:
    """The post step always ends with exit code 0 and without a traceback."""
    environ = {f"STATE_{name}": value for name, value in state.items()}
    step = run_apart(tmp_path, inputs, "post_entrypoint.py", **environ)
    assert step.exit_code == 0
    assert "Traceback" not in "".join(step.log)


def test_a_failed_cleanup_is_a_warning(tmp_path: Path) -> None:
    """A failed cleanup is a warning annotation."""
    environ = {f"STATE_{name}": value for name, value in STATE.items()}
    step = run_apart(tmp_path, {"project-id": "a/b"}, "post_entrypoint.py", **environ)
    assert step.exit_code == 0
    assert "The cleanup failed: InputError." in step.warnings[0]


def test_kill_during_the_creation_of_another_attempt(
    emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock
) -> None:
    """The run of an earlier attempt has the same compilation, but is not the one to cancel."""
    inputs = google_inputs_for(emulator, wait="false", schedule="", environment="production")
    left = run_here(tmp_path, inputs, clock)
    state = {
        **KILLED,
        "compilation_result": left.state["compilation_result"],
        "known_runs": f"1700-earlier,{left.outputs['run-id']}",
    }
    step = run_post(inputs, {**state, "project_id": "my-project"})
    assert "so the run may exist." in step.warnings[0]
    assert emulator.invocations[0].state == "RUNNING"
