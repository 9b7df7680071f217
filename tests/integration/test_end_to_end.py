"""The entry point as the runner starts it: as a process with environment, files and exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataform_action.emulator import Emulator
from tests.support.steps import inputs_for, run_apart


def test_successful_run(emulator: Emulator, tmp_path: Path) -> None:
    """A step with four inputs starts a run, polls RUNNING, RUNNING, SUCCESSFUL, and succeeds."""
    assert set("|+/=") <= set(emulator.token)
    step = run_apart(tmp_path, inputs_for(emulator))
    assert step.exit_code == 0
    methods = [(request.method, request.path) for request in emulator.requests]
    run_path = f"/v1/project/1234/run/{emulator.runs[0].id}"
    assert methods == [("POST", "/v1/project/1234/run"), *[("GET", run_path)] * 3]
    assert emulator.requests[0].body == (
        b'{"scheduleName": "nightly", "environmentName": "production"}'
    )
    assert emulator.connections == 1
    assert step.outputs["status"] == "success"
    assert step.outputs["run-log-url"] == f"{emulator.url}/#/1234/run/{emulator.runs[0].id}"
    assert step.summary.startswith("## ✅ Dataform run succeeded")
    assert emulator.token not in "\n".join(step.log[1:]) + step.summary


@pytest.mark.parametrize(
    ("statuses", "exit_code", "status"),
    [
        (("FAILED",), 1, "failure"),
        (("CANCELLED",), 1, "cancelled"),
        (("TIMED_OUT",), 1, "timed_out"),
    ],
)
def test_unsuccessful_run(
    emulator: Emulator, tmp_path: Path, statuses: tuple[str, ...], exit_code: int, status: str
) -> None:
    """An unsuccessful run fails the step."""
    emulator.set_outcome("nightly", statuses)
    step = run_apart(tmp_path, inputs_for(emulator))
    assert (step.exit_code, step.outputs["status"]) == (exit_code, status)
    assert len(step.errors) == 1


def test_bad_inputs(emulator: Emulator, tmp_path: Path) -> None:
    """A step without inputs fails with one error and without a traceback."""
    step = run_apart(tmp_path, {})
    assert step.exit_code == 2
    assert len(step.log) == len(step.errors) == 1


def test_hostile_workspace(emulator: Emulator, tmp_path: Path) -> None:
    """No module in the checkout or in PYTHONPATH is imported, and .netrc is not used."""
    for name in ("requests", "json", "dataform_action", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')\n", "utf-8")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n", "utf-8")
    emulator.set_outcome("nightly", ("SUCCESSFUL",))
    step = run_apart(
        tmp_path,
        inputs_for(emulator),
        PYTHONPATH=str(tmp_path),
        PYTHONHOME=str(tmp_path),
        PYTHONSTARTUP=str(tmp_path / "json.py"),
        HOME=str(tmp_path),
    )
    assert step.exit_code == 0
    bearer = f"Bearer {emulator.token}"
    assert {request.headers["Authorization"] for request in emulator.requests} == {bearer}


def test_any_locale(emulator: Emulator, tmp_path: Path) -> None:
    """The log is UTF-8 with every locale of the container."""
    emulator.set_outcome("nightly", ("SUCCESSFUL",))
    inputs = inputs_for(emulator, tags="täglich, 毎日")
    step = run_apart(tmp_path, inputs, LC_ALL="en_US.ISO-8859-1", PYTHONIOENCODING="ascii")
    assert step.exit_code == 0
    assert "  Tags: täglich, 毎日" in step.log
