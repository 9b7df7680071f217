"""The operator and its trigger, which Airflow executes here (``dag.test()``)."""

from __future__ import annotations

import importlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dataform_action import InputError, Polling
from dataform_action.emulator import Course, Emulator, Fault
from tests.orchestrators.conftest import operations

pytestmark = pytest.mark.usefixtures("connections")

SERVICES = ("web", "google")
WAITERS = ("worker", "deferred")
REASON = "Division by zero"

Dags = Callable[[str], Any]


@pytest.fixture(scope="session")
def scenarios(airflow_home: Path) -> Any:
    return importlib.import_module("dataform_scenarios")


@pytest.fixture
def dags(scenarios: Any) -> Iterator[Dags]:
    """Return a function that finds DAGs; changes of their tasks are undone after the test."""
    changed: list[tuple[Any, dict[str, Any]]] = []

    def find(name: str) -> Any:
        dag = scenarios.DAGS[name]
        task = dag.task_dict["run"]
        changed.append((task, dict(vars(task))))
        return dag

    yield find
    for task, attributes in changed:
        vars(task).clear()
        vars(task).update(attributes)


def execute(dag: Any, **conf: object) -> Any:
    """Execute a DAG; without explicit parameters, Airflow would keep those of the last run."""
    return dag.test(run_conf={"schedule": "nightly", "git_ref": "", "tags": [], **conf})


def xcoms(dag_run: Any) -> dict[str, Any]:
    from airflow.models.xcom import XComModel
    from airflow.settings import Session
    from sqlalchemy import select

    assert Session is not None
    rows = Session().scalars(
        select(XComModel).where(
            XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id
        )
    )
    return {row.key: row.value for row in rows}


def state_store(dag_run: Any) -> dict[str, Any]:
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.settings import Session
    from sqlalchemy import select

    assert Session is not None
    rows = Session().scalars(
        select(TaskStateStoreModel).where(TaskStateStoreModel.run_id == dag_run.run_id)
    )
    return {row.key: json.loads(row.value) for row in rows}


def tries(dag_run: Any) -> int:
    (task_instance,) = dag_run.get_task_instances()
    return int(task_instance.try_number)


@contextmanager
def kill_when(emulator: Emulator, condition: Callable[[], bool]) -> Iterator[None]:
    """Send SIGTERM to this process, like Airflow to a task, as soon as a condition is true."""

    def kill() -> None:
        emulator.wait_for(condition)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()


def is_polled(emulator: Emulator) -> Callable[[], bool]:
    return lambda: any(
        request.method == "GET" and request.segments[-2] in ("run", "workflowInvocations")
        for request in emulator.requests
    )


@pytest.mark.parametrize("waiter", WAITERS)
@pytest.mark.parametrize("service", SERVICES)
def test_success(emulator: Emulator, dags: Dags, service: str, waiter: str) -> None:
    """A successful run is created once, and XCom has its id, link and outcome."""
    dag_run = execute(dags(f"{service}_{waiter}"))
    assert dag_run.state == "success"
    assert operations(emulator) == ["create"]
    found = xcoms(dag_run)
    ids = [run.id for run in emulator.runs]
    ids += [invocation.name.rpartition("/")[2] for invocation in emulator.invocations]
    assert [found["run_id"]] == ids
    assert found["run_id"] in found["run_log_url"]
    result = found["return_value"]
    assert (result["run_id"], result["run_log_url"]) == (found["run_id"], found["run_log_url"])
    assert result["status"] in ("SUCCESSFUL", "SUCCEEDED")
    assert state_store(dag_run) == {}


def test_the_body_matches_older_hooks(emulator: Emulator, dags: Dags) -> None:
    """Dataform Web gets ``environmentName``, ``scheduleName`` and ``runConfig.tags``."""
    execute(dags("web_worker"), schedule="success", tags=["daily", "finance"])
    assert json.loads(emulator.requests[0].body) == {
        "environmentName": "production",
        "scheduleName": "success",
        "runConfig": {"tags": ["daily", "finance"]},
    }


def test_templates_of_google(emulator: Emulator, dags: Dags) -> None:
    """A git ref and tags in parameters are compiled and run."""
    conf = {"schedule": "", "git_ref": "main", "tags": ["daily"]}
    dag_run = execute(dags("google_deferred"), **conf)
    assert dag_run.state == "success"
    assert operations(emulator) == ["compile", "create"]
    assert emulator.invocations[0].invocation_config["includedTags"] == ["daily"]


@pytest.mark.parametrize("waiter", WAITERS)
@pytest.mark.parametrize("service", SERVICES)
def test_failure(
    emulator: Emulator, dags: Dags, capfd: pytest.CaptureFixture[str], service: str, waiter: str
) -> None:
    """A failed run fails the task with the reasons, without a retry."""
    dag_run = execute(dags(f"{service}_{waiter}"), schedule="failure")
    assert dag_run.state == "failed"
    assert operations(emulator) == ["create"]
    assert "return_value" not in xcoms(dag_run)
    assert xcoms(dag_run)["run_log_url"]
    output = "".join(capfd.readouterr())
    assert "AirflowException" in output
    assert (REASON if service == "google" else "ended with status FAILED") in output


@pytest.mark.parametrize("waiter", WAITERS)
def test_retries_create_another_run_after_a_failure(
    emulator: Emulator, dags: Dags, waiter: str
) -> None:
    """After a failed run, the ``retries`` of the DAG decide whether another run follows."""
    dag_run = execute(dags(f"web_{waiter}_retried"), schedule="failure")
    assert (dag_run.state, tries(dag_run)) == ("failed", 2)
    assert operations(emulator) == ["create", "create"]


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_lost_creation_is_not_retried(emulator: Emulator, dags: Dags, waiter: str) -> None:
    """A run that may exist is not created again, independent of ``retries``."""
    emulator.add_fault(Fault("reset", on="create", processed=True))
    dag_run = execute(dags(f"web_{waiter}_retried"))
    assert (dag_run.state, tries(dag_run)) == ("failed", 1)
    assert operations(emulator) == ["create"]


def is_searched(emulator: Emulator) -> Callable[[], bool]:
    return lambda: "create" in operations(emulator) and emulator.requests[-1].method == "GET"


def test_a_timeout_during_the_search_for_a_lost_run(emulator: Emulator, dags: Dags) -> None:
    """It is not known whether the run exists, so the retry creates no other one."""
    emulator.add_fault(Fault("reset", on="create", processed=True))
    emulator.add_fault(Fault("status", on="list", times=100))
    dag = dags("google_worker_retried")
    dag.task_dict["run"].execution_timeout = timedelta(seconds=3)
    dag_run = execute(dag, schedule="", git_ref="main")
    assert (dag_run.state, tries(dag_run)) == ("failed", 2)
    assert operations(emulator) == ["compile", "create"]
    assert state_store(dag_run) == {}


def test_kill_during_the_search_for_a_lost_run(emulator: Emulator, dags: Dags) -> None:
    """The task cancels the run as soon as it finds it."""
    emulator.add_fault(Fault("reset", on="create", processed=True))
    emulator.add_fault(Fault("status", on="list"))
    with kill_when(emulator, is_searched(emulator)):
        dag_run = execute(dags("google_worker"), schedule="", git_ref="main")
    assert dag_run.state == "failed"
    assert operations(emulator) == ["compile", "create", "cancel"]


def test_compile_errors_are_not_retried(
    emulator: Emulator, dags: Dags, capfd: pytest.CaptureFixture[str]
) -> None:
    """Code that does not compile is neither run nor compiled again."""
    dag = dags("google_worker_retried")
    dag_run = execute(dag, schedule="", git_ref="broken")
    assert (dag_run.state, tries(dag_run)) == ("failed", 1)
    assert operations(emulator) == ["compile"]
    assert "costs is not defined" in "".join(capfd.readouterr())


def test_a_refused_token_is_not_retried(
    emulator: Emulator,
    dags: Dags,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A token that the API refuses fails the task, and is not in the log."""
    connection = {"conn_type": "dataform", "password": "wr0ng-t0ken"}
    extra = {"extra": {"api_url": emulator.url}}
    monkeypatch.setenv("AIRFLOW_CONN_DATAFORM_WEB", json.dumps(connection | extra))
    dag_run = execute(dags("web_worker_retried"))
    assert (dag_run.state, tries(dag_run)) == ("failed", 1)
    output = "".join(capfd.readouterr())
    assert "AirflowFailException" in output
    assert "wr0ng-t0ken" not in output


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_retry_continues_a_lost_run(emulator: Emulator, dags: Dags, waiter: str) -> None:
    """If an attempt gives up because of an outage, the next one waits for the same run."""
    emulator.add_fault(Fault("status", on="get", times=3))
    dag = dags(f"web_{waiter}_retried")
    dag.task_dict["run"].polling = Polling(outage_timeout=1)
    dag_run = execute(dag)
    assert (dag_run.state, tries(dag_run)) == ("success", 2)
    assert operations(emulator) == ["create"]
    assert xcoms(dag_run)["run_id"] == emulator.runs[0].id
    assert state_store(dag_run) == {}


def test_the_state_store_has_no_value_of_the_request(emulator: Emulator, dags: Dags) -> None:
    """A compilation variable may be a secret, and Airflow does not mask its state store."""
    emulator.add_fault(Fault("status", on="get", times=3))
    dag = dags("google_worker")
    task = dag.task_dict["run"]
    task.polling = Polling(outage_timeout=1)
    task.request = {"git_ref": "main", "vars": {"key": "s3cret"}}
    stored = state_store(execute(dag))
    assert stored
    assert "s3cret" not in json.dumps(stored)


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_retry_creates_another_run_after_a_lost_failure(
    emulator: Emulator, dags: Dags, waiter: str
) -> None:
    """If the run of a lost attempt has failed, the retry creates its own run."""
    emulator.set_outcome("nightly", ["FAILED"])
    emulator.add_fault(Fault("status", on="get", times=3))
    dag = dags(f"web_{waiter}_retried")
    dag.task_dict["run"].polling = Polling(outage_timeout=1)

    def fix() -> None:
        emulator.wait_for(lambda: len(emulator.runs) == 1)
        emulator.set_outcome("nightly", ["SUCCESSFUL"])

    thread = threading.Thread(target=fix)
    thread.start()
    dag_run = execute(dag)
    thread.join()
    assert (dag_run.state, tries(dag_run)) == ("success", 2)
    assert operations(emulator) == ["create", "create"]
    assert xcoms(dag_run)["run_id"] == emulator.runs[1].id


@pytest.mark.parametrize("waiter", WAITERS)
def test_kill_during_the_creation(emulator: Emulator, dags: Dags, waiter: str) -> None:
    """After a kill during the creation, the task cancels the run as soon as its id is known."""
    emulator.add_fault(Fault("hang", on="create", seconds=1, processed=True))
    with kill_when(emulator, lambda: operations(emulator) == ["create"]):
        dag_run = execute(dags(f"google_{waiter}"), schedule="endless")
    assert dag_run.state == "failed"
    assert operations(emulator) == ["create", "cancel"]
    assert emulator.invocations[0].state == "CANCELLED"


def test_kill_during_the_first_poll(emulator: Emulator, dags: Dags) -> None:
    """A kill during the first poll cancels the run immediately, and only once."""
    emulator.add_fault(Fault("hang", on="get", seconds=2))
    with kill_when(emulator, is_polled(emulator)):
        dag_run = execute(dags("google_worker"), schedule="endless")
    assert dag_run.state == "failed"
    assert operations(emulator) == ["create", "cancel"]


def test_kill_before_the_creation(emulator: Emulator, dags: Dags) -> None:
    """A kill during the compilation creates no run."""
    emulator.add_fault(Fault("hang", on="compile", seconds=1))
    with kill_when(emulator, lambda: operations(emulator) == ["compile"]):
        dag_run = execute(dags("google_worker"), schedule="", git_ref="main")
    assert dag_run.state == "failed"
    assert operations(emulator) == ["compile"]


def test_kill_of_a_run_that_cannot_be_cancelled(
    emulator: Emulator, dags: Dags, capfd: pytest.CaptureFixture[str]
) -> None:
    """Dataform Web cannot cancel: the log says so, and the wait continues if there is time."""
    with kill_when(emulator, is_polled(emulator)):
        dag_run = execute(dags("web_worker"))
    assert dag_run.state == "success"
    assert operations(emulator) == ["create"]
    assert "cannot cancel runs" in "".join(capfd.readouterr())


def test_execution_timeout(emulator: Emulator, dags: Dags) -> None:
    """Airflow's timeout for tasks cancels the run once."""
    dag = dags("google_worker")
    dag.task_dict["run"].execution_timeout = timedelta(seconds=3)
    dag_run = execute(dag, schedule="endless")
    assert dag_run.state == "failed"
    assert operations(emulator) == ["create", "cancel"]


def test_execution_timeout_of_a_deferred_task(emulator: Emulator, dags: Dags) -> None:
    """The timeout also applies to the trigger, for which Airflow would not cancel."""
    dag = dags("google_deferred")
    dag.task_dict["run"].execution_timeout = timedelta(seconds=3)
    dag_run = execute(dag, schedule="endless")
    assert dag_run.state == "failed"
    assert operations(emulator) == ["create", "cancel"]


def test_the_trigger_outlives_an_outage(emulator: Emulator, dags: Dags) -> None:
    """HTML and then a lost response do not end the trigger's wait."""
    for kind in ("html", "reset"):
        emulator.add_fault(Fault(kind, on="get"))
    dag_run = execute(dags("google_deferred"))
    assert dag_run.state == "success"
    assert operations(emulator) == ["create"]


def test_the_trigger_survives_serialization(emulator: Emulator, scenarios: Any) -> None:
    """Airflow stores a trigger as text and recreates it; the text contains no token."""
    from airflow.sdk.module_loading import import_string
    from airflow.sdk.serde import deserialize, serialize

    from dataform_action.integrations.airflow import DataformRunTrigger

    trigger = DataformRunTrigger(
        conn_id="dataform_web",
        target={"project_id": "1234", "location": "", "repository": ""},
        run_id="77",
        started=1.5,
        polling={"interval": 10.0, "timeout": 60.0, "outage_timeout": 60.0, "cancel": True},
        adopted=False,
    )
    path, arguments = trigger.serialize()
    stored = json.dumps(serialize(arguments))
    assert emulator.token not in stored
    again = import_string(path)(**deserialize(json.loads(stored)))
    assert again.serialize() == (path, arguments)


def test_the_example_dag(emulator: Emulator, dags: Dags, monkeypatch: pytest.MonkeyPatch) -> None:
    """The DAG in the example compiles and runs the production release."""
    connection = os.environ["AIRFLOW_CONN_DATAFORM_GOOGLE"]
    monkeypatch.setenv("AIRFLOW_CONN_DATAFORM_DEFAULT", connection)
    dag = importlib.import_module("airflow_dag").dag
    dag_run = dag.test()
    assert dag_run.state == "success"
    assert operations(emulator) == ["compile", "create"]


def test_fields_of_a_request() -> None:
    """Rendered fields are texts. They become the types of the request."""
    from dataform_action.integrations.airflow.fields import make_request

    request = make_request(
        {
            "git_ref": "main",
            "vars": {"region": "eu"},
            "compile_overrides": {"defaultSchema": "dev"},
            "max_concurrent_actions": " 4 ",
            "full_refresh": "True",
        }
    )
    assert request.vars == (("region", "eu"),)
    assert request.compile_overrides == (("defaultSchema", "dev"),)
    assert (request.max_concurrent_actions, request.full_refresh) == (4, True)
    assert make_request({"max_concurrent_actions": ""}).max_concurrent_actions is None
    with pytest.raises(InputError, match="max_concurrent_actions is not a number: 'four'"):
        make_request({"max_concurrent_actions": "four"})


_FAILING = Course(failures={"orders_cleaned": REASON})


@pytest.mark.parametrize("waiter", WAITERS)
def test_what_failed_is_run_again(emulator: Emulator, dags: Dags, waiter: str) -> None:
    """With ``retry_failed``, the second run has only what did not succeed, and decides."""
    emulator.set_course("nightly", _FAILING)
    dag = dags(f"google_{waiter}")
    dag.task_dict["run"].request = {"schedule": "nightly", "retry_failed": "1"}
    dag_run = execute(dag)
    first, second = emulator.invocations
    assert (dag_run.state, first.state, second.state) == ("success", "FAILED", "SUCCEEDED")
    assert tries(dag_run) == 1
    assert set(second.actions) < set(first.actions)
    assert xcoms(dag_run)["run_id"] == second.name.rpartition("/")[2]
    assert state_store(dag_run) == {}


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_second_failure_fails_the_task(emulator: Emulator, dags: Dags, waiter: str) -> None:
    """There are not more runs than requested."""
    emulator.set_course("nightly", _FAILING)
    emulator.set_course(None, _FAILING)
    dag = dags(f"google_{waiter}")
    dag.task_dict["run"].request = {"schedule": "nightly", "retry_failed": 1}
    assert execute(dag).state == "failed"
    assert len(emulator.invocations) == 2


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_run_is_resumed(emulator: Emulator, dags: Dags, waiter: str) -> None:
    """``resume`` is a field of the request, so a person can give it when triggering the DAG."""
    emulator.set_course("nightly", _FAILING)
    execute(dags(f"google_{waiter}"))
    [failed] = emulator.invocations
    dag = dags(f"google_{waiter}")
    dag.task_dict["run"].request = {"resume": failed.name.rpartition("/")[2]}
    assert execute(dag).state == "success"
    assert set(emulator.invocations[1].actions) < set(failed.actions)


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_refused_retry_leaves_the_failure(emulator: Emulator, dags: Dags, waiter: str) -> None:
    """The task fails, and stores nothing for its next attempt."""
    emulator.set_course("nightly", _FAILING)
    emulator.add_fault(Fault("status", on="create", status=403, after=1))
    dag = dags(f"google_{waiter}")
    dag.task_dict["run"].request = {"schedule": "nightly", "retry_failed": 1}
    dag_run = execute(dag)
    assert (dag_run.state, len(emulator.invocations)) == ("failed", 1)
    assert state_store(dag_run) == {}
