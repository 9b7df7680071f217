"""The operator in a complete Airflow: API server, scheduler, DAG processor, triggerer, workers.

The tests act as a user through Airflow's REST API.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
import requests

from dataform_action.emulator import Course, Emulator
from tests.orchestrators.conftest import connection_variables, operations

T = TypeVar("T")

_COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
_WAIT_SECONDS = 300.0
#: Enough polls for a test to act during the run, and few enough to wait for its end.
_MANY_POLLS = 12


class Airflow:
    """A running Airflow, its processes and its REST API."""

    def __init__(self, home: Path, emulator: Emulator) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._home = home
        self._url = f"http://127.0.0.1:{port}"
        self._environ = {
            **os.environ,
            **connection_variables(emulator),
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self._url}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            # Airflow notices a missing triggerer sooner than by default.
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
        }
        self.processes = {name: self.start(name) for name in _COMPONENTS}
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self, component: str) -> subprocess.Popen[bytes]:
        with (self._home / f"{component}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", component],
                env=self._environ,
                cwd=self._home,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def call(self, method: str, path: str, body: object = None) -> Any:
        response = self._session.request(
            method, f"{self._url}/api/v2{path}", json=body, timeout=_WAIT_SECONDS
        )
        response.raise_for_status()
        return response.json() if response.content else None

    def connection_forms(self) -> Any:
        """Return what the UI knows of each type of connection."""
        response = self._session.get(f"{self._url}/ui/connections/hook_meta", timeout=_WAIT_SECONDS)
        response.raise_for_status()
        return response.json()

    def trigger(self, dag_id: str, **conf: object) -> Task:
        body = {"logical_date": None, "conf": conf}
        run = self.call("POST", f"/dags/{dag_id}/dagRuns", body)
        return Task(self, dag_id, run["dag_run_id"])

    def is_up(self) -> bool:
        try:
            token = self._session.get(f"{self._url}/auth/token", timeout=_WAIT_SECONDS).json()
            self._session.headers["Authorization"] = f"Bearer {token['access_token']}"
            return len(self.call("GET", "/dags")["dags"]) > 8
        except (requests.ConnectionError, requests.HTTPError):
            return False

    def wait_for(self, condition: Callable[[], T]) -> T:
        """Return the value of a condition once it is true."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not (value := condition()):
            if time.monotonic() > deadline:
                logs = sorted(self._home.glob("*.log"))
                pytest.fail("\n".join(f"{log}:\n{log.read_text()[-3000:]}" for log in logs))
            time.sleep(0.2)
        return value


class Task:
    """The task ``run`` of one DAG run."""

    def __init__(self, airflow: Airflow, dag_id: str, run_id: str) -> None:
        self._airflow = airflow
        self._dag_id, self._run_id = dag_id, run_id
        self._run_path = f"/dags/{dag_id}/dagRuns/{run_id}"
        self._path = f"{self._run_path}/taskInstances/run"

    def describe(self) -> Any:
        return self._airflow.call("GET", self._path)

    def wait_for_state(self, *states: str) -> Any:
        """Wait for one of the states; return the task instance."""

        def find() -> Any:
            task = self.describe()
            return task if task["state"] in states else None

        return self._airflow.wait_for(find)

    def wait_for_end(self) -> Any:
        return self.wait_for_state("success", "failed")

    def xcom(self, key: str) -> Any:
        def value() -> Any:
            try:
                return self._airflow.call("GET", f"{self._path}/xcomEntries/{key}")["value"]
            except requests.HTTPError as error:
                if error.response.status_code != 404:
                    raise
                return None

        return self._airflow.wait_for(value)

    def links(self) -> dict[str, str]:
        links: dict[str, str] = self._airflow.call("GET", f"{self._path}/links")["extra_links"]
        return links

    def log(self, attempt: int = 1) -> str:
        return str(self._airflow.call("GET", f"{self._path}/logs/{attempt}?full_content=true"))

    def mark_failed(self) -> None:
        self._airflow.call("PATCH", self._path, {"new_state": "failed"})

    def clear(self) -> None:
        body = {
            "dag_run_id": self._run_id,
            "task_ids": ["run"],
            "dry_run": False,
            "only_failed": False,
        }
        self._airflow.call("POST", f"/dags/{self._dag_id}/clearTaskInstances", body)

    def process(self) -> psutil.Process:
        """Return the process that executes the code of the task."""
        return psutil.Process(self.describe()["pid"])


@pytest.fixture(scope="module")
def airflow(airflow_home: Path, slow_emulator: Emulator) -> Iterator[Airflow]:
    airflow = Airflow(airflow_home, slow_emulator)
    try:
        airflow.wait_for(airflow.is_up)
        yield airflow
    finally:
        airflow.stop()


@pytest.fixture
def emulator(slow_emulator: Emulator) -> SinceStart:
    return SinceStart(slow_emulator)


class SinceStart:
    """The requests to the emulator since the start of the test."""

    def __init__(self, emulator: Emulator) -> None:
        self.whole = emulator
        self._before = len(operations(emulator))

    @property
    def operations(self) -> list[str]:
        return operations(self.whole)[self._before :]


def test_the_provider(airflow: Airflow) -> None:
    """The UI offers the connection type with its form, and lists the provider."""
    names = [found["package_name"] for found in airflow.call("GET", "/providers")["providers"]]
    assert "dataform-action" in names
    [form] = [
        found for found in airflow.connection_forms() if found["connection_type"] == "dataform"
    ]
    assert form["hook_name"] == "Dataform"
    assert form["extra_fields"].keys() == {"api_url", "credentials_file"}
    assert form["standard_fields"]["password"]["title"] == "Token"
    assert form["standard_fields"]["host"]["hidden"]


def test_deferred_success(airflow: Airflow, emulator: SinceStart) -> None:
    """While the task is deferred, XCom has the id and the link, and the UI has the link."""
    emulator.whole.set_outcome("long", ["RUNNING"] * _MANY_POLLS + ["SUCCESSFUL"])
    task = airflow.trigger("web_deferred", schedule="long")
    task.wait_for_state("deferred")
    run = emulator.whole.runs[-1]
    link = f"{emulator.whole.url}/#/1234/run/{run.id}"
    assert task.xcom("run_id") == run.id
    assert task.xcom("run_log_url") == link
    assert task.links() == {"Dataform run": link}
    assert task.wait_for_end()["state"] == "success"
    assert task.xcom("return_value")["status"] == "SUCCESSFUL"
    assert task.links() == {"Dataform run": link}
    assert emulator.operations == ["create"]


def test_deferred_failure(airflow: Airflow, emulator: SinceStart) -> None:
    """The log of the task has the reasons of the failure."""
    task = airflow.trigger("google_deferred", schedule="failure")
    assert task.wait_for_end()["state"] == "failed"
    assert "Division by zero" in task.log()
    assert emulator.operations == ["create"]


def test_failed_by_hand_while_a_worker_waits(airflow: Airflow, emulator: SinceStart) -> None:
    """A user who marks the task as failed cancels the run."""
    task = airflow.trigger("google_worker", schedule="endless")
    assert task.xcom("run_id") in emulator.whole.invocations[-1].name
    task.mark_failed()
    airflow.wait_for(lambda: "cancel" in emulator.operations)
    assert task.wait_for_end()["state"] == "failed"
    airflow.wait_for(lambda: emulator.whole.invocations[-1].state == "CANCELLED")
    assert emulator.operations == ["create", "cancel"]


def test_failed_by_hand_while_deferred(airflow: Airflow, emulator: SinceStart) -> None:
    """Without a worker, the triggerer cancels the run."""
    task = airflow.trigger("google_deferred", schedule="endless")
    task.wait_for_state("deferred")
    # Until the triggerer has the task, Airflow does not report the kill.
    airflow.wait_for(lambda: emulator.whole.invocations[-1].polls > 0)
    task.mark_failed()
    airflow.wait_for(lambda: "cancel" in emulator.operations)
    assert task.wait_for_end()["state"] == "failed"
    assert emulator.operations == ["create", "cancel"]


def test_cleared_while_deferred(airflow: Airflow, emulator: SinceStart) -> None:
    """A cleared task cancels its run, waits for the end of that run, and creates another."""
    emulator.whole.set_course("nightly", Course(endless=("marts.customers",)))
    task = airflow.trigger("google_deferred", schedule="nightly")
    task.wait_for_state("deferred")
    emulator.whole.set_course("nightly", Course())
    airflow.wait_for(lambda: emulator.whole.invocations[-1].polls > 0)
    task.clear()
    airflow.wait_for(lambda: "cancel" in emulator.operations)
    airflow.wait_for(lambda: emulator.operations.count("create") == 2)
    assert task.wait_for_end()["state"] == "success"
    assert emulator.operations == ["create", "cancel", "create"]


def test_triggerer_restart(airflow: Airflow, emulator: SinceStart) -> None:
    """A stopped triggerer does not affect the runs; the next one continues the waits."""
    emulator.whole.set_outcome("long", ["RUNNING"] * _MANY_POLLS + ["SUCCESSFUL"])
    emulator.whole.set_course("nightly", Course(steps=_MANY_POLLS // 2))
    tasks = [
        airflow.trigger("web_deferred", schedule="long"),
        airflow.trigger("google_deferred", schedule="nightly"),
    ]
    for task in tasks:
        task.wait_for_state("deferred")
    airflow.wait_for(lambda: emulator.whole.invocations[-1].polls > 0)
    airflow.processes["triggerer"].terminate()
    airflow.processes["triggerer"].wait(60)
    assert [task.describe()["state"] for task in tasks] == ["deferred", "deferred"]
    airflow.processes["triggerer"] = airflow.start("triggerer")
    assert [task.wait_for_end()["state"] for task in tasks] == ["success", "success"]
    assert emulator.operations == ["create", "create"]


def test_worker_loss(airflow: Airflow, emulator: SinceStart) -> None:
    """After a worker was killed with SIGKILL, the next attempt waits for the existing run."""
    emulator.whole.set_outcome("long", ["RUNNING"] * _MANY_POLLS + ["SUCCESSFUL"])
    task = airflow.trigger("web_worker_retried", schedule="long")
    run_id = task.xcom("run_id")
    task.process().kill()
    ended = task.wait_for_end()
    assert (ended["state"], ended["try_number"]) == ("success", 2)
    assert task.xcom("run_id") == run_id
    assert f"Waiting for run {run_id} of an earlier attempt" in task.log(attempt=2)
    assert emulator.operations == ["create"]
