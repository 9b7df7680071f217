"""BigQuery's jobs on the emulator: those of the workflow invocations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from dataform_action.emulator import Emulator, Fault, Repository, Rules
from dataform_action.emulator.bigquery.definitions import define_job
from dataform_action.emulator.graph.compiled_graph import compile_graph
from tests.emulator.google.mixed_graph import MIXED_GRAPH
from tests.emulator.google.support import Warehouse, make_graph, serve
from tests.emulator.support import ManualClock

ROOT = "/bigquery/v2/projects"
JOBS = f"{ROOT}/my-project/jobs"
EVERY = {"allUsers": "true", "maxResults": "1000"}


def list_jobs(client: Warehouse, project: str = "my-project", **more: str) -> list[Any]:
    response = client.call("GET", f"{ROOT}/{project}/jobs?{urlencode({**EVERY, **more})}")
    assert response.status == 200, response.text
    assert response.data["kind"] == "bigquery#jobList"
    jobs: list[Any] = response.data.get("jobs", [])
    return jobs


def error_of(client: Warehouse, path: str) -> tuple[int, str, str]:
    """Return the status, the code and the old reason of an error."""
    response = client.call("GET", path)
    error = response.data["error"]
    assert error["message"] == error["errors"][0]["message"]
    return response.status, error["status"], error["errors"][0]["reason"]


def make_jobs(**definition: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a graph of one table with a defined job."""
    graph = make_graph("one")
    numbers = {"bytes_billed": 1000, "slot_ms": 50}
    graph["tables"][0]["emulatedJob"] = {**numbers, **definition}
    return graph


def serve_jobs(**definition: Any) -> Emulator:  # noqa: ANN401
    return serve(Repository(graph=make_jobs(**definition)))


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Warehouse]:
    client = Warehouse(emulator.url)
    yield client
    client.close()


def test_jobs_of_an_invocation(client: Warehouse) -> None:
    """Each action that ran has a job with its id, and the default location of the compilation."""
    assert list_jobs(client) == []
    path = client.invoke("nightly")
    client.finish(path)
    actions = client.actions(path)
    started = [action["bigqueryAction"].get("jobId") for action in actions.values()]
    ids = {job_id for job_id in started if job_id}
    jobs = list_jobs(client)
    assert {job["jobReference"]["jobId"] for job in jobs} == ids
    assert {job["jobReference"]["location"] for job in jobs} == {"EU"}
    assert {job["state"] for job in jobs} == {"DONE"}
    assert all(int(job["statistics"]["totalSlotMs"]) >= 0 for job in jobs)
    again = {job["id"]: job["statistics"]["query"] for job in jobs}
    assert again == {job["id"]: job["statistics"]["query"] for job in list_jobs(client)}


def test_labels_and_sql(client: Warehouse) -> None:
    """The full projection has the SQL and the labels that Dataform sets."""
    path = client.invoke("nightly")
    client.finish(path)
    assert "configuration" not in list_jobs(client)[0]
    found = list_jobs(client, projection="full")
    [job] = [job for job in found if "`my-project.marts.revenue`" in str(job["configuration"])][-1:]
    assert job["configuration"]["labels"]["dataform_repository_id"] == "warehouse"
    execution = job["configuration"]["labels"]["dataform_workflow_execution_id"]
    assert path == f"/workflowInvocations/{execution}"
    assert job["configuration"]["query"]["useLegacySql"] is False


def test_jobs_of_other_accounts(client: Warehouse) -> None:
    """Dataform runs the jobs, so the caller has none of its own."""
    client.finish(client.invoke("nightly"))
    assert list_jobs(client, allUsers="false") == []


def test_states(client: Warehouse) -> None:
    """A job that is running has no numbers yet. Several states may be requested."""
    client.state(client.invoke("nightly"))
    running = list_jobs(client, stateFilter="running")
    assert running
    assert list_jobs(client, stateFilter="done") == []
    assert list_jobs(client) == running
    assert "query" not in running[0]["statistics"]
    both = "allUsers=true&stateFilter=done&stateFilter=running"
    assert client.call("GET", f"{JOBS}?{both}").data["jobs"] == running
    assert error_of(client, f"{JOBS}?stateFilter=x")[2] == "invalid"


def test_creation_time() -> None:
    """Both limits are included, in milliseconds."""
    clock = ManualClock()
    with Emulator(advance="clock", run_seconds=0, clock=clock) as emulator:
        client = Warehouse(emulator.url)
        client.invoke("nightly")
        clock.seconds += 100
        client.invoke("nightly")
        first, second = "1000000000", "1000100000"
        every = len(list_jobs(client))
        assert len(list_jobs(client, minCreationTime=second)) == every // 2
        assert len(list_jobs(client, maxCreationTime=first)) == every // 2
        assert len(list_jobs(client, minCreationTime=first, maxCreationTime=second)) == every
        assert list_jobs(client, minCreationTime="1000100001") == []
        assert list_jobs(client)[0]["statistics"]["creationTime"] == second
        assert error_of(client, f"{JOBS}?minCreationTime=x")[2] == "invalid"
        client.close()


def test_pages(client: Warehouse) -> None:
    """A page has a token for the next one, which is valid only for the same list."""
    client.finish(client.invoke("nightly"))
    every = list_jobs(client)
    first = client.call("GET", f"{JOBS}?allUsers=true&maxResults=7").data
    token = first["nextPageToken"]
    rest = client.call("GET", f"{JOBS}?allUsers=true&maxResults=7&pageToken={token}").data
    assert first["jobs"] + rest["jobs"] == every
    assert "nextPageToken" not in rest
    assert error_of(client, f"{JOBS}?pageToken={token}")[:2] == (400, "INVALID_ARGUMENT")


def test_fields(client: Warehouse) -> None:
    """Only the requested fields are sent."""
    client.finish(client.invoke("nightly"))
    data = client.call("GET", f"{JOBS}?allUsers=true&fields=jobs(statistics/totalSlotMs)").data
    assert set(data) == {"jobs"}
    assert set(data["jobs"][0]) == {"statistics"}


def test_refused_fields() -> None:
    """The rule about ``fields`` holds for this API too."""
    with Emulator(rules=Rules(fields="refused")) as emulator:
        client = Warehouse(emulator.url)
        assert error_of(client, f"{JOBS}?fields=jobs")[0] == 400
        client.close()


@pytest.mark.parametrize("reservation", ["", "admin:EU.etl"])
def test_scripts(reservation: str) -> None:
    """The numbers of a script are those of its children. Only these name the reservation."""
    with serve_jobs(children=3, reservation=reservation) as emulator:
        client = Warehouse(emulator.url)
        client.finish(client.invoke())
        [parent] = list_jobs(client)
        children = list_jobs(client, parentJobId=parent["jobReference"]["jobId"])
        assert parent["statistics"]["numChildJobs"] == str(len(children)) == "3"
        assert "reservation_id" not in parent["statistics"]
        names = [child["statistics"].get("reservation_id", "") for child in children]
        assert max(names) == reservation
        sums = [
            sum(int(child["statistics"]["query"][name]) for child in children)
            for name in ("totalBytesBilled", "totalSlotMs")
        ]
        assert sums == [1000, 50]
        assert {child["statistics"]["parentJobId"] for child in children} == {
            parent["jobReference"]["jobId"]
        }
        known = children[0]["jobReference"]["jobId"]
        assert client.call("GET", f"{JOBS}/{known}").data["id"] == children[0]["id"]
        client.close()


def test_another_project_and_location() -> None:
    """A job can run elsewhere. There, it needs its location to be found by its id."""
    with serve_jobs(project="other", location="europe-west3") as emulator:
        client = Warehouse(emulator.url)
        client.finish(client.invoke())
        assert list_jobs(client) == []
        [job] = list_jobs(client, "other")
        path = f"{ROOT}/other/jobs/{job['jobReference']['jobId']}"
        assert error_of(client, path) == (404, "NOT_FOUND", "notFound")
        assert error_of(client, f"{path}?location=EU") == (404, "NOT_FOUND", "notFound")
        assert client.call("GET", f"{path}?location=europe-west3").data["id"] == job["id"]
        client.close()


@pytest.mark.parametrize("location", ["EU", "US"])
def test_job_of_a_multi_region(location: str) -> None:
    """It is found without its location, but not with another one."""
    with serve_jobs(location=location) as emulator:
        client = Warehouse(emulator.url)
        client.finish(client.invoke())
        [job] = list_jobs(client)
        path = f"{JOBS}/{job['jobReference']['jobId']}"
        assert client.call("GET", path).data["jobReference"]["location"] == location
        assert error_of(client, f"{path}?location=asia-east1")[0] == 404
        client.close()


def test_failed_job(emulator: Emulator, client: Warehouse) -> None:
    """It has ended, with an error."""
    emulator.fail_action("marts.customers", "no such column")
    client.finish(client.invoke("nightly"))
    errors = [job["status"].get("errorResult") for job in list_jobs(client)]
    assert [error["message"] for error in errors if error] == ["no such column"]


def test_hidden_statistics() -> None:
    """A job of another account may be listed without its numbers."""
    with serve_jobs(hidden=True) as emulator:
        client = Warehouse(emulator.url)
        client.finish(client.invoke())
        [job] = list_jobs(client)
        assert set(job["statistics"]) == {"creationTime", "startTime", "endTime"}
        client.close()


def test_unit_tests_and_notebooks() -> None:
    """A unit test has two jobs, which bill what Dataform reports. A notebook has none."""
    with serve(Repository(graph=MIXED_GRAPH)) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke(executionMode="UNIT_TESTS_ONLY")
        client.finish(path)
        [test] = client.actions(path).values()
        jobs = list_jobs(client)
        assert {job["jobReference"]["jobId"] for job in jobs} == {
            test["bigqueryUnitTestAction"]["actualResultsJobId"],
            test["bigqueryUnitTestAction"]["expectedResultsJobId"],
        }
        billed = sum(int(job["statistics"]["query"]["totalBytesBilled"]) for job in jobs)
        assert str(billed) == test["bigqueryUnitTestAction"]["totalBilledBytes"]
        path = client.invoke()
        client.finish(path)
        actions = client.actions(path)
        notebooks = [action for action in actions.values() if "notebookAction" in action]
        assert notebooks
        own = {job["jobReference"]["jobId"] for job in list_jobs(client)}
        assert not own & {action["notebookAction"]["jobId"] for action in notebooks}
        client.close()


def test_permissions(emulator: Emulator, client: Warehouse) -> None:
    """The jobs of a project can be denied. Other projects do not exist."""
    emulator.deny_jobs("my-project")
    assert error_of(client, JOBS) == (403, "PERMISSION_DENIED", "accessDenied")
    assert error_of(client, f"{ROOT}/unknown/jobs") == (404, "NOT_FOUND", "notFound")
    client.token = "wrong"
    assert error_of(client, JOBS) == (401, "UNAUTHENTICATED", "authError")


@pytest.mark.parametrize("path", ["", "/", "/my-project", "/my-project/models", "/p/jobs/a/b"])
def test_unknown_methods(client: Warehouse, path: str) -> None:
    """Other paths and methods are not served."""
    assert error_of(client, f"{ROOT}{path}")[0] == 404
    assert client.call("PUT", JOBS, {}).status == 404


def test_faults(emulator: Emulator, client: Warehouse) -> None:
    """A fault of ``jobs`` affects only these requests, in BigQuery's format, and is recorded."""
    emulator.add_fault(Fault("status", on="jobs", status=503))
    client.finish(client.invoke("nightly"))
    assert error_of(client, f"{JOBS}?allUsers=true") == (503, "UNAVAILABLE", "backendError")
    assert list_jobs(client)
    assert [request.path for request in emulator.requests[-2:]] == [JOBS, JOBS]


def test_unknown_definition() -> None:
    """A misspelled field is an error of the test."""
    [action] = compile_graph(make_jobs(bytes=5), {}, "").actions
    with pytest.raises(ValueError, match=r"unknown bytes\. Known fields: bytes_billed, slot_ms, "):
        define_job(action)
