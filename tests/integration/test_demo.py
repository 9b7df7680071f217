"""``make demo``: it shows the log, the outputs and the summary, also of a stopped step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.steps import ROOT

_DEMO = (sys.executable, "-I", str(ROOT / "scripts" / "demo.py"))


def _press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Send SIGINT to the whole group, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def _stop_the_demo_alone(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the demo without coverage, which makes each of its processes slower."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.mark.parametrize("stop", [_press_ctrl_c, _stop_the_demo_alone])
@pytest.mark.parametrize(
    ("options", "last_words"),
    [
        (("--web",), "The run was not cancelled. The API of Dataform Web cannot cancel runs"),
        ((), "Requested cancellation of run "),
    ],
    ids=["web", "google"],
)
def test_ctrl_c_in_the_demo(
    options: tuple[str, ...],
    last_words: str,
    stop: Callable[[subprocess.Popen[str]], None],
    tmp_path: Path,
) -> None:
    """The log's last lines, the outputs and the summary of the stopped step are all there."""
    process = subprocess.Popen(
        [*_DEMO, "endless", *options, "--to", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Status RUNNING" in line:
                break
        stop(process)
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    log, outputs, summary, end = rest.split("\n--- ")
    assert "Error: The step was stopped by SIGINT." in log
    assert last_words in log
    assert outputs.startswith("The outputs of the step\n")
    assert "\nstatus = cancelled\n" in outputs
    assert summary.endswith(f"Open it in a browser: {(tmp_path / 'summary.html').as_uri()}\n")
    assert "Dataform: stopped</h2>" in (tmp_path / "summary.html").read_text("utf-8")
    assert end == "The step was stopped: exit code 130\n"
    assert process.returncode == 130
    assert "Traceback" not in rest


def test_a_run_that_fails_is_no_failure_of_the_demo(tmp_path: Path) -> None:
    """The demo ends with 0, prints the outputs by name, and says how to see a success."""
    done = subprocess.run(
        [*_DEMO, "compile-errors", "--to", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nstatus = failure\n" in done.stdout
    assert done.stdout.endswith(
        "The step failed: exit code 1. To see a run that succeeds: make demo ARGS=success\n"
    )
    assert "Dataform: compile errors</h2>" in (tmp_path / "summary.html").read_text("utf-8")


def test_an_outcome_that_does_not_exist() -> None:
    """The demo says which outcomes there are, and plays nothing."""
    done = subprocess.run(
        [*_DEMO, "--web", "compile-errors"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stdout.startswith("Outcomes of Dataform Web: cancelled, endless, failure,")
