"""The post step: what it cancels, what it leaves alone, and that it never fails a job."""

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
    """Run the post step in this process, with a state that some main step left."""

    def run(inputs: dict[str, str], state: dict[str, str]) -> Step:
        environ = runner_environ(tmp_path, inputs)
        environ |= {f"STATE_{name}": value for name, value in state.items()}
        stream = io.StringIO()
        module.post(environ, stream, clock)
        return read_step(tmp_path, 0, stream.getvalue())

    return run


@pytest.mark.parametrize("state", [{}, {**STATE, "settled": "true"}, {**STATE, "run_id": "../x"}])
def test_nothing_to_do(emulator: Emulator, run_post: Post, state: dict[str, str]) -> None:
    """Without a run, or after a settled end, nothing is sent and nothing is written."""
    step = run_post(inputs_for(emulator), state)
    assert step.log[1:] == ["Nothing to clean up."]
    assert step.summary == ""
    assert emulator.requests == []


KILLED = {**STATE, "run_id": "", "run_log_url": "", "creating": "true"}


def test_kill_during_the_creation(emulator: Emulator, run_post: Post) -> None:
    """Where a run cannot be found again, the post step says that there may be one."""
    step = run_post(inputs_for(emulator), KILLED)
    assert len(step.warnings) == 1
    assert "the step ended while it created a run, so the run may exist." in step.warnings[0]
    assert "so the run may exist" in step.summary
    assert emulator.requests == []


def test_kill_during_the_creation_of_what_is_not_to_be_cancelled(
    emulator: Emulator, run_post: Post
) -> None:
    """With cancel-run: false nothing is looked for either."""
    step = run_post(inputs_for(emulator), {**KILLED, "cancel": "false"})
    assert step.log[1:] == [
        "The run, if there is one, is left alone, as the inputs ask: its link is in the step's log"
    ]


@pytest.mark.parametrize("is_listed", [True, False])
def test_run_of_a_compilation_is_found_again(
    emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock, is_listed: bool
) -> None:
    """On Google Cloud a run is known by the compilation that was made for it, and cancelled."""
    inputs = google_inputs_for(emulator, wait="false", schedule="", environment="production")
    left = run_here(tmp_path, inputs, clock)
    made = left.state["compilation_result"]
    state = {**KILLED, "compilation_result": made if is_listed else f"{made}0"}
    before = clock.now()
    step = run_post(inputs, {**state, "project_id": "my-project"})
    assert emulator.invocations[0].state == ("CANCELING" if is_listed else "RUNNING")
    words = "The service was asked to cancel it." if is_listed else "so the run may exist."
    assert words in step.warnings[0]
    assert clock.now() == before + (0 if is_listed else 4)


def test_cancel_that_is_not_wanted(emulator: Emulator, run_post: Post) -> None:
    """With cancel-run: false or wait: false the run is left alone."""
    step = run_post(inputs_for(emulator), {**STATE, "cancel": "false"})
    assert step.log[1:] == [
        "Run 77 is left alone, as the inputs ask: https://app.dataform.co/#/1234/run/77"
    ]
    assert emulator.requests == []


def test_run_that_is_over(
    emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock
) -> None:
    """A run that ended by itself needs no clean-up."""
    emulator.set_outcome("nightly", ("SUCCESSFUL",))
    left = run_here(tmp_path, inputs_for(emulator, wait="false"), clock)
    step = run_post(inputs_for(emulator), {**left.state, "cancel": "true", "settled": ""})
    assert f"Run {emulator.runs[0].id} is over; nothing to clean up" in step.log[-1]


def test_run_that_goes_on(
    emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock
) -> None:
    """What a killed step left going on Dataform Web is told, with its link."""
    left = run_here(tmp_path, inputs_for(emulator, wait="false", schedule="endless"), clock)
    (tmp_path / "GITHUB_STEP_SUMMARY").write_text("", "utf-8")
    step = run_post(inputs_for(emulator), {**left.state, "cancel": "true", "settled": ""})
    run_id = emulator.runs[0].id
    assert len(step.warnings) == 1
    assert f"the step ended before run {run_id} did." in step.warnings[0]
    assert f"so run {run_id} goes on. See {emulator.url}/#/1234/run/{run_id}" in step.warnings[0]
    assert step.summary.startswith("## ⚠️ Dataform: clean-up")


def test_no_summary(emulator: Emulator, run_post: Post) -> None:
    """With summary: false the post step writes none either."""
    step = run_post(inputs_for(emulator, summary="false"), STATE)
    assert len(step.warnings) == 1
    assert step.summary == ""


@pytest.mark.parametrize(
    ("cancellation", "words"),
    [
        (CancelRequested(make_run()), "The service was asked to cancel it."),
        (LeftRunning(make_run(), CancelUnsupported("No way.")), "No way."),
        (LeftRunning(make_run(), Refused("over", status=400)), "refused to cancel it: over"),
        (LeftRunning(make_run(), NoResponse("HTTP 503")), "It could not be cancelled: HTTP 503"),
        (
            LeftRunning(make_run(), Broken("No credentials.", hint="Set it.")),
            "credentials. Set it.",
        ),
    ],
)
def test_words_of_a_cancellation(cancellation: CancelRequested | LeftRunning, words: str) -> None:
    """The warning says whether the run was cancelled, and why not."""
    assert module._words_of(cancellation).endswith(words)


def test_run_on_google_cloud_is_cancelled(
    emulator: Emulator, run_post: Post, tmp_path: Path, clock: FakeClock
) -> None:
    """What a killed step left going is cancelled, in the project that the state names."""
    inputs = google_inputs_for(emulator, wait="false", schedule="endless")
    left = run_here(tmp_path, inputs, clock)
    state = {**left.state, "cancel": "true", "settled": ""}
    step = run_post({**inputs, "project-id": "another-project"}, state)
    assert "Google Cloud Dataform: the step ended before run " in step.warnings[0]
    assert "The service was asked to cancel it." in step.warnings[0]
    assert emulator.invocations[0].state == "CANCELING"


def test_link_from_the_state_is_not_trusted(emulator: Emulator, run_post: Post) -> None:
    """A link in the state that is none is not shown."""
    step = run_post(inputs_for(emulator), {**STATE, "run_log_url": "javascript:alert(1)"})
    assert "javascript" not in "".join(step.log)


@pytest.mark.parametrize(
    ("inputs", "state"),
    [({}, {}), ({}, STATE), ({"token": "not-the-token", "project-id": "a/b"}, STATE)],
)
def test_exit_code_is_always_zero(
    tmp_path: Path, inputs: dict[str, str], state: dict[str, str]
) -> None:
    """Whatever it finds, the post step ends with exit code 0 and without a traceback."""
    environ = {f"STATE_{name}": value for name, value in state.items()}
    step = run_apart(tmp_path, inputs, "post_entrypoint.py", **environ)
    assert step.exit_code == 0
    assert "Traceback" not in "".join(step.log)


def test_a_clean_up_that_fails_is_a_warning(tmp_path: Path) -> None:
    """What the post step could not do is said where people look."""
    environ = {f"STATE_{name}": value for name, value in STATE.items()}
    step = run_apart(tmp_path, {"project-id": "a/b"}, "post_entrypoint.py", **environ)
    assert step.exit_code == 0
    assert "The clean-up did not finish: InputError." in step.warnings[0]
