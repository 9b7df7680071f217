"""Dry runs: the exact request, and what each response says of a query."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from dataform_action.bigquery.warehouse import BigQueryWarehouse
from dataform_action.errors import NoResponse, Refused, Throttled
from dataform_action.plan import Column, DryRun, Inconclusive, InvalidQuery, Scan
from tests.unit.bigquery.support import JOBS, TOKEN


def make_warehouse(**more: Any) -> BigQueryWarehouse:  # noqa: ANN401
    return BigQueryWarehouse(**{"project_id": "my-project", "token": TOKEN, **more})


def add(api: responses.RequestsMock, **statistics: object) -> None:
    api.add("POST", JOBS, json={"statistics": {"query": statistics}})


def add_error(
    api: responses.RequestsMock, status: int, message: str, reason: str = "", **more: object
) -> None:
    error = {"code": status, "message": message, **more}
    if reason:
        error["errors"] = [{"message": message, "domain": "global", "reason": reason}]
    api.add("POST", JOBS, json={"error": error}, status=status)


def run(location: str = "EU") -> DryRun:
    return make_warehouse().dry_run("SELECT 1", location)


def test_the_request(api: responses.RequestsMock) -> None:
    """It runs nothing, does not use the cache, and names the location and the fields."""
    add(api)
    run()
    request = api.calls[0].request
    assert json.loads(request.body) == {  # type: ignore[arg-type]
        "jobReference": {"projectId": "my-project", "location": "EU"},
        "configuration": {
            "dryRun": True,
            "query": {"query": "SELECT 1", "useLegacySql": False, "useQueryCache": False},
        },
    }
    assert request.url == (
        f"{JOBS}?fields=status/errorResult(reason,message),statistics/query("
        "schema/fields(name,type,mode,fields,rangeElementType),totalBytesProcessed,"
        "totalBytesProcessedAccuracy,referencedTables(projectId,datasetId,tableId))"
    )


def test_without_a_location(api: responses.RequestsMock) -> None:
    """BigQuery finds the location itself if it is not known."""
    add(api)
    run("")
    assert "jobReference" not in json.loads(api.calls[0].request.body)  # type: ignore[arg-type]


def test_the_response(api: responses.RequestsMock) -> None:
    """It has the columns, the scan, the tables and the kind of the statement."""
    add(
        api,
        schema={"fields": [{"name": "id", "type": "INTEGER", "mode": "NULLABLE"}]},
        totalBytesProcessed="2048",
        totalBytesProcessedAccuracy="PRECISE",
        referencedTables=[{"projectId": "p", "datasetId": "d", "tableId": "t"}],
    )
    assert run() == DryRun(
        columns=(Column("id", "INT64"),),
        scan=Scan(2048),
        tables=("p.d.t",),
    )


@pytest.mark.parametrize(
    ("statistics", "scan"),
    [
        ({}, Scan(None)),
        ({"totalBytesProcessed": "0"}, Scan(0)),
        ({"totalBytesProcessed": "many"}, Scan(None)),
        ({"totalBytesProcessed": "0", "totalBytesProcessedAccuracy": "UNKNOWN"}, Scan(None)),
        (
            {"totalBytesProcessed": "5", "totalBytesProcessedAccuracy": "LOWER_BOUND"},
            Scan(5, at_least=True),
        ),
        ({"totalBytesProcessed": "5", "totalBytesProcessedAccuracy": "UPPER_BOUND"}, Scan(5)),
    ],
)
def test_bytes(api: responses.RequestsMock, statistics: dict[str, object], scan: Scan) -> None:
    """What is unknown is not 0, and a lower bound is one."""
    add(api, **statistics)
    assert run().scan == scan


@pytest.mark.parametrize(
    ("message", "text", "position"),
    [
        ("Unrecognized name: x at [3:12]", "Unrecognized name: x", (3, 12)),
        ("Syntax error at [1:1] or so", "Syntax error at [1:1] or so", (None, None)),
        # Another 400 with such a text is an outage.
        (
            'Bad int64 value: "connection closed"',
            'Bad int64 value: "connection closed"',
            (None, None),
        ),
    ],
)
def test_invalid_queries(
    api: responses.RequestsMock, message: str, text: str, position: tuple[int | None, int | None]
) -> None:
    """The position is separate from the message."""
    add_error(api, 400, message, "invalidQuery")
    with pytest.raises(InvalidQuery) as caught:
        run()
    assert (caught.value.message, caught.value.line, caught.value.column) == (text, *position)


def test_a_long_message(api: responses.RequestsMock) -> None:
    """A message that repeats a long text of the query is read in time that grows as its length.

    If it grew as the square, this test would take hours.
    """
    text = f"Could not cast literal '{' ' * 2_000_000}'"
    failure = {"reason": "invalidQuery", "message": f"{text} at [1:8]"}
    api.add("POST", JOBS, json={"status": {"errorResult": failure}})
    with pytest.raises(InvalidQuery) as caught:
        run()
    assert (caught.value.message, caught.value.column) == (text, 8)


def test_an_error_in_the_job(api: responses.RequestsMock) -> None:
    """An error that BigQuery reports in a job is the same as one in the response."""
    failure = {"reason": "invalidQuery", "message": "Unrecognized name: x at [1:8]"}
    api.add("POST", JOBS, json={"status": {"errorResult": failure}})
    with pytest.raises(InvalidQuery, match="Unrecognized name: x"):
        run()


@pytest.mark.parametrize(
    ("status", "reason", "message", "shown", "missing"),
    [
        (
            404,
            "notFound",
            "Not found: Table example.com:p:d.t was not found in location EU",
            "Not found: Table example.com:p:d.t was not found in location EU",
            "example.com:p.d.t",
        ),
        (404, "notFound", "Not found: Dataset p:d", "Not found: Dataset p:d", ""),
        (
            403,
            "accessDenied",
            "Access Denied: Table p:d.t: User does not have permission to query it.",
            "Access Denied: Table p:d.t: User does not have permission to query it. "
            "The caller needs roles/bigquery.dataViewer there.",
            "",
        ),
        (403, "quotaExceeded", "Quota exceeded: too many", "Quota exceeded: too many", ""),
        (400, "invalid", "Query is too large", "Query is too large", ""),
        (400, "resourcesExceeded", "Too complex", "Too complex", ""),
    ],
)
def test_no_statement_on_the_query(
    api: responses.RequestsMock, status: int, reason: str, message: str, shown: str, missing: str
) -> None:
    """A table that cannot be read does not make a query invalid."""
    add_error(api, status, message, reason)
    with pytest.raises(Inconclusive) as caught:
        run()
    assert (caught.value.message, caught.value.missing) == (shown, missing)


JOB_USER = "Grant the caller roles/bigquery.jobUser on project my-project."


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (
            403,
            "Access Denied: Project my-project: User does not have bigquery.jobs.create permission",
            JOB_USER,
        ),
        (401, "Invalid credentials", "BigQuery did not accept the credentials."),
        (404, "Not found: Project my-project", Refused.hint),
    ],
)
def test_refusals_of_all_queries(
    api: responses.RequestsMock, status: int, message: str, hint: str
) -> None:
    """What every query would meet is an error of its own, with the role to grant."""
    add_error(api, status, message, "accessDenied")
    with pytest.raises(Refused) as caught:
        run()
    assert caught.value.hint.startswith(hint)


def test_disabled_api(api: responses.RequestsMock) -> None:
    """If BigQuery is disabled in the project, no query can be checked."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    add_error(api, 403, "Enable the API", "accessNotConfigured", details=[info])
    with pytest.raises(Refused) as caught:
        run()
    assert caught.value.hint == Refused.hint


def test_outages(api: responses.RequestsMock) -> None:
    """Temporary errors are those of all services."""
    add_error(api, 503, "busy", "backendError")
    api.add("POST", JOBS, json={}, status=429, headers={"Retry-After": "7"})
    with pytest.raises(NoResponse):
        run()
    with pytest.raises(Throttled) as caught:
        run()
    assert caught.value.retry_after == 7
