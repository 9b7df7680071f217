"""Real signals to a real process, at each stage of a step."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator, Fault
from tests.emulator.support import HeldClock
from tests.support.steps import (
    Step,
    google_inputs_for,
    inputs_for,
    read_step,
    run_apart,
    start_step,
)

#: The runner sends SIGTERM 7.5 s after SIGINT.
BUDGET_SECONDS = 7.0
BOTH = pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)


class Started:
    """A step in its own process, for a test that stops it."""

    def __init__(self, folder: Path, inputs: dict[str, str]) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] = start_step(folder, inputs)

    def read_until(self, words: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if words in line:
                return
        raise AssertionError(f"the log of the step does not contain {words!r}")

    def stop(self, *numbers: int, then: Callable[[], object] = lambda: None) -> Step:
        """Send signals, and return the step, which must end within the runner's time limit.

        ``then`` is called after the signals.
        """
        for number in numbers:
            self._process.send_signal(number)
            # Two different signals at the same time may arrive in either order.
            time.sleep(0.05 if len(numbers) > 1 else 0)
        then()
        log, _ = self._process.communicate(timeout=BUDGET_SECONDS)
        return read_step(self._folder, self._process.returncode, log)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def service_clock() -> HeldClock:
    """The clock of the service. While it is held, the service does not process a create."""
    return HeldClock()


@pytest.fixture
def emulator(service_clock: HeldClock) -> Iterator[Emulator]:
    """An emulator whose runs advance by one step with each poll."""
    with Emulator(advance="poll", clock=service_clock) as emulator:
        yield emulator
        service_clock.release()


@pytest.fixture
def start(tmp_path: Path, emulator: Emulator) -> Iterator[Callable[..., Started]]:
    """A function that starts a step. The step is killed at the end of the test."""
    with ExitStack() as stack:

        def begin(**changes: str) -> Started:
            step = Started(tmp_path, inputs_for(emulator, **changes))
            stack.callback(step.end)
            return step

        yield begin


@BOTH
def test_before_the_run_exists(start: Callable[..., Started], number: int, exit_code: int) -> None:
    """If a step is stopped before it reaches the API, the error says that no run exists."""
    step = start(api_url="http://127.0.0.1:1")
    step.read_until("No usable response from the API")
    left = step.stop(number)
    assert left.exit_code == exit_code
    assert left.outputs == {"status": "cancelled"}
    assert "No run was created." in left.errors[0]


@BOTH
def test_during_the_create(
    emulator: Emulator,
    service_clock: HeldClock,
    start: Callable[..., Started],
    number: int,
    exit_code: int,
) -> None:
    """After a signal during the create, the step waits for the run's id."""
    service_clock.hold()
    step = start()
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(number, then=service_clock.release)
    run_id = emulator.runs[0].id
    assert left.exit_code == exit_code
    assert left.outputs["run-id"] == left.state["run_id"] == run_id
    assert left.outputs["status"] == "cancelled"
    assert f"so run {run_id} continues." in left.errors[0]
    assert left.outputs["run-log-url"] in left.errors[0]
    assert "## ❌ Dataform: stopped" in left.summary
    assert [request.method for request in emulator.requests] == ["POST"]


def test_second_signal_during_the_create(emulator: Emulator, start: Callable[..., Started]) -> None:
    """A second signal ends the step immediately. The error says that the run may exist."""
    emulator.add_fault(Fault("hang", on="create", seconds=60, processed=True))
    step = start()
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(signal.SIGINT, signal.SIGTERM)
    assert left.exit_code == 143
    assert "so the run may exist" in left.errors[0]
    assert left.outputs == {"status": "cancelled"}


@pytest.mark.parametrize("cancel", ["true", "false"])
def test_post_step_after_an_interrupted_create(
    emulator: Emulator, start: Callable[..., Started], tmp_path: Path, cancel: str
) -> None:
    """The post step finds a run that may exist by its compilation, and cancels it."""
    emulator.add_fault(Fault("hang", on="create", seconds=60, processed=True))
    inputs = google_inputs_for(emulator, schedule="", git_ref="main", cancel_run=cancel)
    step = start(**inputs)
    emulator.wait_for(lambda: emulator.invocations)
    left = step.stop(signal.SIGINT, signal.SIGTERM)
    assert "so the run may exist" in left.errors[0]
    assert ("settled" in left.state) == (cancel == "false")
    state = {f"STATE_{name}": value for name, value in left.state.items()}
    run_apart(tmp_path, inputs, "post_entrypoint.py", **state)
    is_cancelled = emulator.invocations[0].state == "CANCELING"
    assert is_cancelled == (cancel == "true")


def test_create_that_fails_after_a_signal(
    emulator: Emulator, service_clock: HeldClock, start: Callable[..., Started]
) -> None:
    """If the response to the create is lost after a signal, the run may exist."""
    emulator.add_fault(Fault("short", on="create", processed=True))
    service_clock.hold()
    step = start()
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(signal.SIGINT, then=service_clock.release)
    assert left.exit_code == 130
    assert "so the run may exist" in left.errors[0]


@BOTH
def test_between_two_polls(
    emulator: Emulator, start: Callable[..., Started], number: int, exit_code: int
) -> None:
    """A sleep between two polls does not delay a signal."""
    step = start(schedule="endless")
    step.read_until("Status RUNNING")
    left = step.stop(number)
    assert left.exit_code == exit_code
    assert left.outputs["run-id"] == emulator.runs[0].id
    assert left.outputs["status"] == "cancelled"
    assert left.state["settled"] == "true"


@BOTH
def test_while_a_poll_hangs(
    emulator: Emulator, start: Callable[..., Started], number: int, exit_code: int
) -> None:
    """A request without a response does not delay a signal."""
    emulator.add_fault(Fault("hang", on="get", seconds=60))
    step = start()
    emulator.wait_for(lambda: len(emulator.requests) == 2)
    left = step.stop(number)
    assert left.exit_code == exit_code
    assert left.outputs["run-id"] == emulator.runs[0].id


def test_without_cancel(emulator: Emulator, start: Callable[..., Started]) -> None:
    """With cancel-run: false, a stopped step leaves the run running and says so."""
    step = start(schedule="endless", cancel_run="false")
    step.read_until("Status RUNNING")
    left = step.stop(signal.SIGINT)
    assert "left running: cancellation is disabled" in "\n".join(left.log)
    assert left.state["cancel"] == "false"


def test_state_of_a_killed_step(emulator: Emulator, start: Callable[..., Started]) -> None:
    """A killed step has already written the state for the post step."""
    step = start(schedule="endless")
    step.read_until("Status RUNNING")
    left = step.stop(signal.SIGKILL)
    run_id = emulator.runs[0].id
    assert left.exit_code == -signal.SIGKILL
    assert left.state == {
        "service": "Dataform Web",
        "project_id": "1234",
        "run_id": run_id,
        "run_log_url": f"{emulator.url}/#/1234/run/{run_id}",
        "cancel": "true",
        "creating": "true",
        "compilation_result": "",
        "known_runs": "",
    }
    assert left.outputs["run-id"] == run_id


def test_step_that_does_not_wait(
    emulator: Emulator, service_clock: HeldClock, start: Callable[..., Started]
) -> None:
    """With wait: false, a stopped step leaves the run running and says so."""
    service_clock.hold()
    step = start(wait="false")
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(signal.SIGINT, then=service_clock.release)
    assert left.exit_code == 130
    assert f"Run {emulator.runs[0].id} continues, because wait is false" in left.errors[0]


@BOTH
def test_google_run_is_cancelled(
    emulator: Emulator, start: Callable[..., Started], number: int, exit_code: int
) -> None:
    """A stopped step cancels its run on Google Cloud and says so."""
    google = {"location": "europe-west1", "repository": "warehouse", "environment": ""}
    step = start(project_id="my-project", schedule="endless", **google)
    step.read_until("Status RUNNING")
    left = step.stop(number)
    assert left.exit_code == exit_code
    assert "Requested cancellation of run" in left.errors[0]
    assert emulator.requests[-1].path.endswith(":cancel")
    assert left.outputs["failed-actions"] == "[]"
    assert left.state["settled"] == "true"
