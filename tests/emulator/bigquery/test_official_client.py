"""Google's client of BigQuery reads the emulator, and finds the same costs as this package.

Development does not need this client: without it, these tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dataform_action.bigquery.client import BigQuery
from dataform_action.bigquery.costs import read_costs
from dataform_action.emulator import Emulator, Fault, Repository
from dataform_action.model import Result, RunRequest
from dataform_action.runs.api import run
from dataform_action.services.google.service import GoogleDataform
from tests.support.discovery import Discovery
from tests.support.fakes import FakeClock

_WHY = "needs google-cloud-bigquery and google-api-python-client: make clients"
bigquery = pytest.importorskip("google.cloud.bigquery", reason=_WHY)
credentials = pytest.importorskip("google.auth.credentials", reason=_WHY)
errors = pytest.importorskip("google.api_core.exceptions", reason=_WHY)
googleapiclient = pytest.importorskip("googleapiclient", reason=_WHY)

_DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
DISCOVERY = Discovery.load(_DOCUMENTS / "bigquery.v2.json")


def make_graph(count: int) -> dict[str, Any]:
    """Return a graph of tables: scripts, views, jobs under a reservation and in other places."""
    definitions: list[dict[str, Any]] = [
        {},
        {"bytes_billed": 0, "slot_ms": 3, "children": 0},
        {"bytes_billed": 12_345_678_901, "slot_ms": 98_765, "children": 3},
        {
            **{"bytes_billed": 7_000_000, "slot_ms": 10, "children": 2},
            **{"location": "EU", "reservation": "admin:EU.etl"},
        },
        {"bytes_billed": 11_000_000, "slot_ms": 20, "project": "other"},
        {"bytes_billed": 13_000_000, "slot_ms": 30, "location": "europe-west3"},
    ]
    kinds = len(definitions)
    return {
        "tables": [
            {
                "type": "table",
                "target": {
                    # The API does not say where a job ran, so the name of its action tells it.
                    "database": "other" if number % kinds == 4 else "my-project",
                    "schema": "marts",
                    "name": f"table_{number}",
                },
                "query": "SELECT 1",
                "emulatedJob": {
                    **{"bytes_billed": 10_485_760 + number, "slot_ms": number},
                    **definitions[number % kinds],
                },
            }
            for number in range(count)
        ]
    }


def run_all(emulator: Emulator) -> Result:
    """Run the repository of an emulator."""
    service = GoogleDataform(
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        token=emulator.token,
        api_url=emulator.url,
    )
    return run(service, RunRequest(git_ref="main"), clock=FakeClock())


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator with 120 tables that accepts requests without a token."""
    graph = make_graph(120)
    with Emulator(
        repositories=[Repository(graph=graph)], access_tokens=lambda _token: True
    ) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Any]:
    """Google's client. Each response is compared with the discovery document."""
    client = bigquery.Client(
        project="my-project",
        credentials=credentials.AnonymousCredentials(),
        client_options={"api_endpoint": emulator.url},
    )

    def compare(response: Any, **_: object) -> None:  # noqa: ANN401
        request = response.request
        if response.status_code == 200:
            path = urlsplit(request.url).path
            assert DISCOVERY.check_response(request.method, path, response.content) == []

    client._http.hooks["response"].append(compare)
    yield client
    client.close()


def top_level(client: Any, **more: Any) -> list[Any]:  # noqa: ANN401
    return list(client.list_jobs(all_users=True, state_filter="done", page_size=50, **more))


def test_same_sums(emulator: Emulator, client: Any) -> None:  # noqa: ANN401
    """This package finds the bytes and the slot time that Google's client finds."""
    result = run_all(emulator)
    token = emulator.token
    costs = read_costs(BigQuery(project_id="my-project", token=token, api_url=emulator.url), result)
    jobs = [job for name in ("my-project", "other") for job in top_level(client, project=name)]
    assert len(jobs) == len(costs.jobs) == 120
    assert costs.is_complete
    assert costs.bytes_billed == sum(job.total_bytes_billed for job in jobs)
    assert round(costs.slot_seconds * 1000) == sum(job.slot_millis for job in jobs)
    assert costs.reserved_jobs == 20
    assert costs.unpriced_jobs == 0


def test_requests_match_googles_schema(emulator: Emulator) -> None:
    """Google's description of the API has all parameters and fields that are requested."""
    result = run_all(emulator)
    before = len(emulator.requests)
    found = BigQuery(project_id="my-project", token=emulator.token, api_url=emulator.url)
    emulator.add_fault(Fault("json", on="jobs", body="{}"))
    read_costs(found, result, clock=FakeClock())
    requests = emulator.requests[before:]
    assert {request.path.count("/") for request in requests} == {5, 6}
    for request in requests:
        problems = DISCOVERY.check_request(
            request.method, request.path, request.query, request.body
        )
        assert problems == []


def test_children_and_reservations(emulator: Emulator, client: Any) -> None:  # noqa: ANN401
    """The client lists the children of a script, whose numbers are those of the script."""
    run_all(emulator)
    parents = [job for job in top_level(client) if job.num_child_jobs]
    parent = next(job for job in parents if job.location == "EU")
    children = list(client.list_jobs(parent_job=parent, all_users=True))
    assert {child.parent_job_id for child in children} == {parent.job_id}
    assert sum(child.total_bytes_billed for child in children) == parent.total_bytes_billed
    assert {child._properties["statistics"].get("reservation_id") for child in children} == {
        None,
        "admin:EU.etl",
    }


def test_get_job(emulator: Emulator, client: Any) -> None:  # noqa: ANN401
    """A job in a region is found only with its location."""
    run_all(emulator)
    job = next(job for job in top_level(client) if job.location == "europe-west3")
    assert client.get_job(job.job_id, location="europe-west3").total_bytes_billed == 13_000_000
    with pytest.raises(errors.NotFound):
        client.get_job(job.job_id)


def test_creation_times(emulator: Emulator, client: Any) -> None:  # noqa: ANN401
    """The client's limits of the creation time select jobs."""
    run_all(emulator)
    now = datetime.now(UTC)
    assert len(top_level(client, min_creation_time=now - timedelta(minutes=5))) == 100
    assert top_level(client, min_creation_time=now + timedelta(minutes=5)) == []
    assert top_level(client, max_creation_time=now - timedelta(minutes=5)) == []


def test_permission_denied(emulator: Emulator, client: Any) -> None:  # noqa: ANN401
    """The client understands the error as a missing permission."""
    run_all(emulator)
    emulator.deny_jobs("my-project")
    with pytest.raises(errors.Forbidden, match=r"bigquery\.jobs\.list") as caught:
        top_level(client)
    assert caught.value.errors[0]["reason"] == "accessDenied"


def test_temporary_errors(emulator: Emulator, client: Any) -> None:  # noqa: ANN401
    """The client repeats a request after an error that is temporary."""
    run_all(emulator)
    emulator.add_fault(Fault("status", on="jobs", status=503))
    assert len(top_level(client)) == 100
