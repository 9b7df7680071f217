"""``make demo`` under Ctrl-C: the step ends as a cancelled one, and all that it left is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.steps import ROOT


def _press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Send SIGINT to the whole group, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def _stop_the_demo_alone(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("stop", [_press_ctrl_c, _stop_the_demo_alone])
@pytest.mark.parametrize(
    ("service", "last_words"),
    [
        ("web", "The run was not cancelled. Dataform Web has no way to cancel a run"),
        ("google", "Asked the service to cancel run "),
    ],
)
def test_ctrl_c_in_the_demo(
    service: str, last_words: str, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    """The log's last lines, the outputs and the summary of the stopped step are all there."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-I", str(ROOT / "scripts" / "demo.py")),
            *("--service", service, "--outcome", "endless"),
        ],
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
    assert outputs.startswith("The step's outputs (GITHUB_OUTPUT)")
    assert "\ncancelled\n" in outputs
    assert "## ❌ Dataform: stopped" in summary
    assert end == "The step was stopped, and ends with exit code 130\n"
    assert process.returncode == 130
    assert "Traceback" not in rest
