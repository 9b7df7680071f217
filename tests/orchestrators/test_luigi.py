"""The task, executed by ``luigi.build`` here, or in a process that is killed."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import luigi
import pytest

from dataform_action.emulator import Course, Emulator, Fault
from dataform_action.integrations.luigi import DataformRun
from tests.orchestrators.conftest import operations

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "luigi_task.py"
_TARGETS = {
    "web": {"project_id": "1234", "environment": "production"},
    "google": {
        "project_id": "my-project",
        "location": "europe-west1",
        "repository": "warehouse",
    },
}
SERVICES = tuple(_TARGETS)


def build(task: Any) -> bool:
    return bool(luigi.build([task], local_scheduler=True, no_lock=True))


class Runner:
    """Builds the task with an emulator, in a separate folder."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.folder = folder
        self.settings = {
            "token": emulator.token,
            "api_url": emulator.url,
            "folder": str(folder),
            "outage_timeout": "60",
        }
        for name, value in self.settings.items():
            luigi.configuration.get_config().set("DataformConfig", name, value)

    def build(self, service: str, schedule: str = "nightly", outage_timeout: str = "60") -> bool:
        config = luigi.configuration.get_config()
        config.set("DataformConfig", "outage_timeout", outage_timeout)
        task = DataformRun(date=date(2026, 1, 1), schedule=schedule, **_TARGETS[service])
        return build(task)

    def files(self) -> dict[str, Any]:
        """Return the contents of the task's files, by their suffixes."""
        return {
            "".join(path.suffixes): json.loads(path.read_text("utf-8"))
            for path in self.folder.glob("*")
        }

    @contextmanager
    def process(self, service: str, schedule: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Run the task from Luigi's command line."""
        config = self.folder.with_suffix(".cfg")
        lines = "\n".join(f"{name} = {value}" for name, value in self.settings.items())
        config.write_text(f"[DataformConfig]\n{lines}\n")
        arguments = {"date": "2026-01-01", "schedule": schedule, **_TARGETS[service], **more}
        command = [sys.executable, "-m", "luigi", "--module", DataformRun.__module__]
        command += ["DataformRun", "--local-scheduler", "--no-lock"]
        for name, value in arguments.items():
            command += [f"--DataformRun-{name.replace('_', '-')}", value]
        environ = {**os.environ, "LUIGI_CONFIG_PATH": str(config)}
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def runner(emulator: Emulator, tmp_path: Path) -> Runner:
    return Runner(emulator, tmp_path / "runs")


@pytest.mark.parametrize("service", SERVICES)
def test_success(emulator: Emulator, runner: Runner, service: str) -> None:
    """The output records the run, and a complete task creates no other run."""
    assert runner.build(service)
    ((suffix, record),) = runner.files().items()
    assert suffix == ".json"
    assert record["status"] in ("SUCCESSFUL", "SUCCEEDED")
    assert record["run_id"] in record["run_log_url"]
    assert runner.build(service)
    assert operations(emulator) == ["create"]


@pytest.mark.parametrize("service", SERVICES)
def test_failure(emulator: Emulator, runner: Runner, service: str) -> None:
    """After a failed run, there are reasons and no output; the next attempt creates another run."""
    assert not runner.build(service, "failure")
    ((suffix, record),) = runner.files().items()
    assert (suffix, record["status"]) == (".failed.json", "FAILED")
    if service == "google":
        assert "Division by zero" in record["reasons"]
        emulator.set_course("failure", Course())
    else:
        emulator.set_outcome("failure", ["SUCCESSFUL"])
    assert runner.build(service, "failure")
    assert ".json" in runner.files()
    assert operations(emulator) == ["create", "create"]


@pytest.mark.parametrize("service", SERVICES)
def test_restart_after_an_outage(emulator: Emulator, runner: Runner, service: str) -> None:
    """If an attempt gives up because of an outage, the next one waits for the same run."""
    emulator.add_fault(Fault("status", on="get", times=3))
    assert not runner.build(service, outage_timeout="1")
    ((suffix, unfinished),) = runner.files().items()
    assert suffix == ".started.json"
    assert runner.build(service)
    ((suffix, record),) = runner.files().items()
    assert (suffix, record["run_id"]) == (".json", unfinished["run_id"])
    assert operations(emulator) == ["create"]


def test_restart_after_a_power_failure(emulator: Emulator, runner: Runner) -> None:
    """After a SIGKILL, the next process waits for the same run."""
    emulator.set_outcome("long", ["RUNNING"] * 4 + ["SUCCESSFUL"])
    with runner.process("web", "long") as process:
        emulator.wait_for(lambda: emulator.runs and emulator.runs[0].polls)
        process.kill()
    ((suffix, unfinished),) = runner.files().items()
    assert (suffix, unfinished["run_id"]) == (".started.json", emulator.runs[0].id)
    assert runner.build("web", "long")
    assert operations(emulator) == ["create"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_kill(emulator: Emulator, runner: Runner, number: signal.Signals) -> None:
    """A signal cancels the run and ends Luigi; the next attempt creates another run."""
    with runner.process("google", "endless") as process:
        emulator.wait_for(lambda: emulator.invocations and emulator.invocations[0].polls)
        process.send_signal(number)
        assert process.wait(20) != 0
    assert operations(emulator) == ["create", "cancel"]
    emulator.set_course("endless", Course())
    assert runner.build("google", "endless")
    assert operations(emulator) == ["create", "cancel", "create"]


def test_kill_during_the_creation(emulator: Emulator, runner: Runner) -> None:
    """After a signal during the creation, the task cancels the run once its id is known."""
    emulator.add_fault(Fault("hang", on="create", seconds=1, processed=True))
    with runner.process("google", "endless") as process:
        emulator.wait_for(lambda: operations(emulator) == ["create"])
        process.terminate()
        assert process.wait(20) != 0
    assert operations(emulator) == ["create", "cancel"]


def test_a_power_failure_during_the_creation(emulator: Emulator, runner: Runner) -> None:
    """A process that is killed before the response has recorded that a run may exist."""
    emulator.add_fault(Fault("hang", on="create", seconds=2, processed=True))
    with runner.process("web", "nightly") as process:
        emulator.wait_for(lambda: operations(emulator) == ["create"])
        process.kill()
    assert not runner.build("web")
    assert operations(emulator) == ["create"]


def test_kill_during_the_search_for_a_lost_run(emulator: Emulator, runner: Runner) -> None:
    """It is not known whether the run exists, so the next attempt creates no other one."""
    emulator.add_fault(Fault("reset", on="create", processed=True))
    emulator.add_fault(Fault("status", on="list", times=100))
    with runner.process("google", "", git_ref="main") as process:
        emulator.wait_for(
            lambda: "create" in operations(emulator) and emulator.requests[-1].method == "GET"
        )
        process.terminate()
        assert process.wait(20) != 0
    ((_, unfinished),) = runner.files().items()
    assert unfinished.keys() == {"run_may_exist"}


@pytest.mark.parametrize("status", [400, 429])
def test_a_refused_creation_leaves_no_file(emulator: Emulator, runner: Runner, status: int) -> None:
    """If a run was surely not created, the next attempt creates one."""
    emulator.add_fault(Fault("status", on="create", status=status, times=3))
    assert not runner.build("web", outage_timeout="1")
    assert runner.files() == {}
    emulator.clear_faults()
    assert runner.build("web")
    assert len(emulator.runs) == 1


def test_a_lost_creation_is_not_repeated(emulator: Emulator, runner: Runner) -> None:
    """A run that may exist fails all attempts until a person has recorded its id."""
    emulator.add_fault(Fault("reset", on="create", processed=True))
    assert not runner.build("web")
    assert not runner.build("web")
    assert operations(emulator) == ["create"]
    (marker,) = runner.folder.glob("*.started.json")
    marker.write_text(json.dumps({"run_id": emulator.runs[0].id}))
    assert runner.build("web")
    assert operations(emulator) == ["create"]


def test_a_run_that_is_gone_fails_one_attempt(emulator: Emulator, runner: Runner) -> None:
    """If the API no longer knows a run, only one attempt fails."""
    emulator.add_fault(Fault("status", on="get", times=3))
    assert not runner.build("web", outage_timeout="1")
    emulator.add_fault(Fault("status", on="get", status=404))
    assert not runner.build("web")
    assert runner.build("web")
    assert operations(emulator) == ["create", "create"]


def test_the_example(
    emulator: Emulator, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example writes its report after the run."""
    spec = importlib.util.spec_from_file_location("luigi_task", _EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.chdir(tmp_path)
    assert build(example.Report(date=date(2026, 1, 1)))
    assert emulator.runs[0].id in (tmp_path / "report-2026-01-01.txt").read_text()
    assert operations(emulator) == ["create"]


_FAILING = Course(failures={"orders_cleaned": "Division by zero"})


def test_what_failed_is_run_again(emulator: Emulator, runner: Runner) -> None:
    """With ``retry_failed``, the second run has only what did not succeed, and decides."""
    emulator.set_course("nightly", _FAILING)
    task = DataformRun(
        date=date(2026, 1, 1), schedule="nightly", retry_failed=1, **_TARGETS["google"]
    )
    assert build(task)
    first, second = emulator.invocations
    assert set(second.actions) < set(first.actions)
    assert runner.files()[".json"]["run_id"] == second.name.rpartition("/")[2]


def test_a_refused_retry_leaves_the_failure(emulator: Emulator, runner: Runner) -> None:
    """The task fails, and its next attempt may create a run."""
    emulator.set_course("nightly", _FAILING)
    emulator.add_fault(Fault("status", on="create", status=403, after=1))
    task = DataformRun(
        date=date(2026, 1, 1), schedule="nightly", retry_failed=1, **_TARGETS["google"]
    )
    assert not build(task)
    assert set(runner.files()) == {".failed.json"}


def test_a_run_is_resumed(emulator: Emulator, runner: Runner) -> None:
    """``resume`` finishes a run that failed earlier."""
    emulator.set_course("nightly", _FAILING)
    assert not runner.build("google")
    [failed] = emulator.invocations
    run_id = failed.name.rpartition("/")[2]
    assert build(DataformRun(date=date(2026, 1, 2), resume=run_id, **_TARGETS["google"]))
    assert set(emulator.invocations[1].actions) < set(failed.actions)
