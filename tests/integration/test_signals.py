"""Real signals to a real process, at each stage of a step: what it leaves, and how soon."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator, Fault
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
    """A step in a process of its own that is to be stopped."""

    def __init__(self, folder: Path, inputs: dict[str, str]) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] = start_step(folder, inputs)

    def read_until(self, words: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if words in line:
                return
        raise AssertionError(f"the step ended without saying {words!r}")

    def stop(self, *numbers: int) -> Step:
        """Send signals, and return what the step left within the runner's patience."""
        for number in numbers:
            self._process.send_signal(number)
            # Two signals of different kinds at the same moment may come in either order.
            time.sleep(0.05 if len(numbers) > 1 else 0)
        log, _ = self._process.communicate(timeout=BUDGET_SECONDS)
        return read_step(self._folder, self._process.returncode, log)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def start(tmp_path: Path, emulator: Emulator) -> Iterator[Callable[..., Started]]:
    """Start a step that is to be stopped; none outlives its test."""
    with ExitStack() as stack:

        def begin(**changes: str) -> Started:
            step = Started(tmp_path, inputs_for(emulator, **changes))
            stack.callback(step.end)
            return step

        yield begin


@BOTH
def test_before_the_run_exists(start: Callable[..., Started], number: int, exit_code: int) -> None:
    """A step that is stopped while it cannot reach the API says that no run was created."""
    step = start(api_url="http://127.0.0.1:1")
    step.read_until("No usable answer from the API")
    left = step.stop(number)
    assert left.exit_code == exit_code
    assert left.outputs == {"status": "cancelled"}
    assert "No run was created." in left.errors[0]


@BOTH
def test_while_the_run_is_being_created(
    emulator: Emulator, start: Callable[..., Started], number: int, exit_code: int
) -> None:
    """A signal during the create waits for the id, so that the run is not lost."""
    emulator.add_fault(Fault("hang", on="create", seconds=0.3, processed=True))
    step = start()
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(number)
    run_id = emulator.runs[0].id
    assert left.exit_code == exit_code
    assert left.outputs["run-id"] == left.state["run_id"] == run_id
    assert left.outputs["status"] == "cancelled"
    assert f"so run {run_id} goes on." in left.errors[0]
    assert left.outputs["run-log-url"] in left.errors[0]
    assert "## ❌ Dataform: stopped" in left.summary
    assert [request.method for request in emulator.requests] == ["POST"]


def test_second_signal_does_not_wait_for_the_id(
    emulator: Emulator, start: Callable[..., Started]
) -> None:
    """A second signal during the create leaves at once, and says that the run may exist."""
    emulator.add_fault(Fault("hang", on="create", seconds=60, processed=True))
    step = start()
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(signal.SIGINT, signal.SIGTERM)
    assert left.exit_code == 143
    assert "so the run may exist" in left.errors[0]
    assert left.outputs == {"status": "cancelled"}


@pytest.mark.parametrize("cancel", ["true", "false"])
def test_post_step_looks_for_a_run_whose_create_was_cut_short(
    emulator: Emulator, start: Callable[..., Started], tmp_path: Path, cancel: str
) -> None:
    """A run that may exist, of a compilation of its own, is found and cancelled after the job."""
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


def test_create_that_fails_under_a_signal(
    emulator: Emulator, start: Callable[..., Started]
) -> None:
    """A signal during a create whose answer is then lost says that the run may exist."""
    emulator.add_fault(Fault("drip", on="create", seconds=0.3, processed=True))
    step = start()
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(signal.SIGINT)
    assert left.exit_code == 130
    assert "so the run may exist" in left.errors[0]


@BOTH
def test_between_two_polls(
    emulator: Emulator, start: Callable[..., Started], number: int, exit_code: int
) -> None:
    """A sleep between two polls does not hold a signal."""
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
    """A request that is not answered does not hold a signal."""
    emulator.add_fault(Fault("hang", on="get", seconds=60))
    step = start()
    emulator.wait_for(lambda: len(emulator.requests) == 2)
    left = step.stop(number)
    assert left.exit_code == exit_code
    assert left.outputs["run-id"] == emulator.runs[0].id


def test_without_cancel(emulator: Emulator, start: Callable[..., Started]) -> None:
    """With cancel-run: false a stopped step says that the run goes on, as asked."""
    step = start(schedule="endless", cancel_run="false")
    step.read_until("Status RUNNING")
    left = step.stop(signal.SIGINT)
    assert "goes on, since it is not to be cancelled" in "\n".join(left.log)
    assert left.state["cancel"] == "false"


def test_killed_step_leaves_its_state(emulator: Emulator, start: Callable[..., Started]) -> None:
    """A step that is killed outright has left what the post step needs."""
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
    }
    assert left.outputs["run-id"] == run_id


def test_run_that_is_not_waited_for(emulator: Emulator, start: Callable[..., Started]) -> None:
    """A step that is stopped while it only starts a run leaves that run alone, and says so."""
    emulator.add_fault(Fault("hang", on="create", seconds=0.3, processed=True))
    step = start(wait="false")
    emulator.wait_for(lambda: emulator.requests)
    left = step.stop(signal.SIGINT)
    assert left.exit_code == 130
    assert f"Run {emulator.runs[0].id} continues, because wait is false" in left.errors[0]


@BOTH
def test_google_run_is_cancelled(
    emulator: Emulator, start: Callable[..., Started], number: int, exit_code: int
) -> None:
    """A step that is stopped cancels its run on Google Cloud, and says that it did."""
    google = {"location": "europe-west1", "repository": "warehouse", "environment": ""}
    step = start(project_id="my-project", schedule="endless", **google)
    step.read_until("Status RUNNING")
    left = step.stop(number)
    assert left.exit_code == exit_code
    assert "Asked the service to cancel run" in left.errors[0]
    assert emulator.requests[-1].path.endswith(":cancel")
    assert left.outputs["failed-actions"] == "[]"
    assert left.state["settled"] == "true"
