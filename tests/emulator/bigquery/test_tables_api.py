"""Datasets, tables and dry runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import DryRun, Emulator, Fault
from dataform_action.emulator.bigquery.catalog import load_tables
from dataform_action.emulator.bigquery.errors import BigQueryError
from dataform_action.emulator.bigquery.queries import FindTable
from dataform_action.emulator.graph.targets import Target
from tests.emulator.support import Client, ManualClock, Response

HOME = "/bigquery/v2/projects/shop"
FIELDS = [{"name": "id", "type": "INTEGER"}]
TABLES = {"shop.marts.orders": {"schema": {"fields": FIELDS}, "numRows": "3", "location": "EU"}}


class ColumnAnalyzer:
    """An analyzer for queries that are only the name of a table: the result has its columns."""

    def analyze(self, sql: str, default: Target, find_table: FindTable) -> DryRun:
        table = find_table(Target(default.database, *sql.split(".")))
        if table is None:
            raise BigQueryError(f"Not found: Table {sql}", "notFound")
        return DryRun(columns=table["schema"]["fields"], tables=[f"{default.database}.{sql}"])


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(tables=TABLES, clock=ManualClock()) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    client = Client(emulator.url)
    yield client
    client.close()


def call(client: Client, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    response = client.call(method, f"{HOME}{path}", body)
    assert response.status == 200, response.text
    return response.data


def refuse(client: Client, method: str, path: str, body: object = None) -> tuple[int, str, str]:
    """Send a request that must fail; return the status, the reason and the message."""
    response = client.call(method, f"{HOME}{path}", body)
    error = response.data["error"]
    assert error["code"] == response.status
    [entry] = error["errors"]
    assert entry["message"] == error["message"]
    return response.status, entry["reason"], error["message"]


def dataset(name: str, **fields: object) -> dict[str, object]:
    return {"datasetReference": {"datasetId": name}, **fields}


def table(name: str, **fields: object) -> dict[str, object]:
    return {"tableReference": {"tableId": name}, **fields}


def dry_run(sql: str, **query: object) -> dict[str, object]:
    settings = {"query": sql, "useLegacySql": False, **query}
    return {"configuration": {"dryRun": True, "query": settings}}


def test_dataset_is_created_and_read(client: Client) -> None:
    """A dataset has its location, its labels and its expiry, and the times of its creation."""
    body = dataset("pr_7", location="EU", labels={"a": "b"}, defaultTableExpirationMs="3600000")
    created = call(client, "POST", "/datasets", body)
    assert created == {
        "kind": "bigquery#dataset",
        "id": "shop:pr_7",
        "datasetReference": {"projectId": "shop", "datasetId": "pr_7"},
        "location": "EU",
        "labels": {"a": "b"},
        "defaultTableExpirationMs": "3600000",
        "creationTime": "1000000000",
        "lastModifiedTime": "1000000000",
    }
    assert call(client, "GET", "/datasets/pr_7") == created
    assert call(client, "POST", "/datasets", dataset("other"))["location"] == "US"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (dataset("marts"), (409, "duplicate", "Already Exists: Dataset shop:marts")),
        ({}, (400, "invalid", "Required parameter is missing: datasetId")),
        ({"datasetReference": 1}, (400, "invalid", "Invalid value for datasetReference: an")),
        (dataset("a-b"), (400, "invalid", 'Invalid dataset ID "a-b". Dataset IDs must be')),
        (dataset("a", labels={"A": "b"}), (400, "invalid", 'Label "A": "b" is not valid')),
        (dataset("a", labels={"a": "b c"}), (400, "invalid", 'Label "a": "b c" is not valid')),
        (
            dataset("a", defaultTableExpirationMs="1"),
            (400, "invalid", "Default table expiration must be at least 3600000"),
        ),
    ],
)
def test_dataset_that_is_refused(
    client: Client, body: object, expected: tuple[int, str, str]
) -> None:
    """A dataset that exists, or is not valid, is refused with BigQuery's reason."""
    status, reason, message = refuse(client, "POST", "/datasets", body)
    assert (status, reason) == expected[:2]
    assert message.startswith(expected[2])


def names(listed: Any) -> list[str]:  # noqa: ANN401
    return [entry["datasetReference"]["datasetId"] for entry in listed.get("datasets", [])]


def test_datasets_are_filtered_by_labels(client: Client) -> None:
    """All terms of a filter must match; a term without a value asks for the key."""
    for name, labels in (("a", {"k": "1", "m": "x"}), ("b", {"k": "2", "m": "x"}), ("c", {})):
        call(client, "POST", "/datasets", dataset(name, labels=labels))
    for wanted, expected in (
        ("", ["a", "b", "c", "marts"]),
        ("labels.k:1", ["a"]),
        ("labels.m", ["a", "b"]),
        ("labels.m:x%20labels.k:2", ["b"]),
        ("labels.none:1", []),
    ):
        assert names(call(client, "GET", f"/datasets?filter={wanted}")) == expected
    status, reason, message = refuse(client, "GET", "/datasets?filter=name:a")
    assert (status, reason, message) == (400, "invalid", "Invalid filter: name:a")
    first = call(client, "GET", "/datasets?maxResults=3")
    second = call(client, "GET", f"/datasets?maxResults=3&pageToken={first['nextPageToken']}")
    assert names(first) + names(second) == ["a", "b", "c", "marts"]


def test_dataset_is_deleted_with_its_contents(client: Client) -> None:
    """A dataset with tables is deleted only if that is asked for."""
    message = "Dataset shop:marts is still in use"
    assert refuse(client, "DELETE", "/datasets/marts") == (400, "resourceInUse", message)
    response = client.call("DELETE", f"{HOME}/datasets/marts?deleteContents=true")
    assert (response.status, response.body) == (204, b"")
    missing = (404, "notFound", "Not found: Dataset shop:marts")
    assert refuse(client, "GET", "/datasets/marts") == missing
    assert refuse(client, "DELETE", "/datasets/marts") == missing


def test_tables(client: Client) -> None:
    """Tables are created with a schema, read, listed and deleted."""
    assert (
        call(client, "GET", "/datasets/marts/tables/orders").items()
        >= {
            "id": "shop:marts.orders",
            "type": "TABLE",
            "numRows": "3",
            "schema": {"fields": FIELDS},
            "location": "EU",
        }.items()
    )
    created = call(client, "POST", "/datasets/marts/tables", table("a", labels={"b": "c"}))
    assert (created["numRows"], created["location"]) == ("0", "EU")
    listed = call(client, "GET", "/datasets/marts/tables")
    assert listed["totalItems"] == 2
    assert [entry["id"] for entry in listed["tables"]] == ["shop:marts.a", "shop:marts.orders"]
    assert "schema" not in listed["tables"][1]
    assert client.call("DELETE", f"{HOME}/datasets/marts/tables/a").status == 204
    missing = (404, "notFound", "Not found: Table shop:marts.a")
    assert refuse(client, "DELETE", "/datasets/marts/tables/a") == missing
    assert refuse(client, "GET", "/datasets/marts/tables/a") == missing


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("marts", table("orders"), (409, "duplicate", "Already Exists: Table shop:marts.orders")),
        ("none", table("a"), (404, "notFound", "Not found: Dataset shop:none")),
        ("marts", table("a.b"), (400, "invalid", 'Invalid table ID "a.b".')),
        ("marts", table("a", view={}), (400, "invalid", "Required parameter is missing: query")),
        ("marts", b"[]", (400, "invalid", "The body must be a JSON object, not list")),
    ],
)
def test_table_that_is_refused(
    client: Client, path: str, body: object, expected: tuple[int, str, str]
) -> None:
    """A table that exists, or is not valid, is refused with BigQuery's reason."""
    assert refuse(client, "POST", f"/datasets/{path}/tables", body) == expected


def test_dry_run_with_a_prepared_result(emulator: Emulator, client: Client) -> None:
    """The result that a test prepared for a part of the query is returned."""
    emulator.prepare_dry_run("orders", DryRun(bytes_processed=1))
    emulator.prepare_dry_run(
        "FROM orders",
        DryRun(columns=FIELDS, tables=["shop.marts.orders"], bytes_processed=2048),
    )
    job = call(client, "POST", "/jobs", dry_run("SELECT id FROM orders"))
    assert job["status"] == {"state": "DONE"}
    assert job["statistics"]["query"] == {
        "totalBytesProcessed": "2048",
        "totalBytesBilled": "0",
        "totalBytesProcessedAccuracy": "PRECISE",
        "cacheHit": False,
        "statementType": "SELECT",
        "schema": {"fields": FIELDS},
        "referencedTables": [{"projectId": "shop", "datasetId": "marts", "tableId": "orders"}],
    }
    assert "jobId" not in job["jobReference"]
    nothing = call(client, "POST", "/jobs", dry_run("SELECT 1"))["statistics"]["query"]
    assert nothing["totalBytesProcessed"] == "0"


@pytest.mark.parametrize(
    ("reason", "status"),
    [("invalidQuery", 400), ("notFound", 404), ("accessDenied", 403), ("backendError", 503)],
)
def test_dry_run_with_a_prepared_error(
    emulator: Emulator, client: Client, reason: str, status: int
) -> None:
    """A prepared error has the status of its reason; an invalid query says where it is."""
    emulator.prepare_dry_run("nope", DryRun(error="no", reason=reason))
    assert refuse(client, "POST", "/jobs", dry_run("SELECT nope")) == (status, reason, "no")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (dry_run(" "), "Required parameter is missing: query"),
        (dry_run("SELECT 1", useLegacySql=True), "The emulator knows no legacy SQL"),
        ({"configuration": {"query": {"query": "SELECT 1"}}}, "The emulator runs no queries"),
        ({}, "The emulator runs no queries without a BigQuery server: --bigquery"),
    ],
)
def test_job_that_is_refused(client: Client, body: object, message: str) -> None:
    """Without a server, only dry runs of standard SQL are possible."""
    status, reason, text = refuse(client, "POST", "/jobs", body)
    assert (status, reason) == (400, "invalid")
    assert text.startswith(message)


def test_analyzer_checks_queries_and_views() -> None:
    """An analyzer gets the default dataset and the tables, and gives views their columns."""
    with Emulator(tables=TABLES, analyzer=ColumnAnalyzer()) as emulator:
        client = Client(emulator.url)
        job = call(client, "POST", "/jobs", dry_run("marts.orders"))
        assert job["statistics"]["query"]["schema"] == {"fields": FIELDS}
        view = table("v", view={"query": "marts.orders"})
        created = call(client, "POST", "/datasets/marts/tables", view)
        assert (created["type"], created["schema"]) == ("VIEW", {"fields": FIELDS})
        wrong = table("w", view={"query": "marts.none"})
        assert refuse(client, "POST", "/datasets/marts/tables", wrong)[1] == "notFound"
        client.close()


def test_token_is_checked_and_faults_apply(emulator: Emulator, client: Client) -> None:
    """A wrong token is refused as by BigQuery, and a fault can be set for dry runs alone."""
    stranger = Client(emulator.url, "wrong")
    response: Response = stranger.call("GET", f"{HOME}/datasets")
    stranger.close()
    assert response.status == 401
    emulator.add_fault(Fault("status", on="dryRun", status=503))
    assert client.call("GET", f"{HOME}/datasets").status == 200
    assert client.call("POST", f"{HOME}/jobs", dry_run("SELECT 1")).status == 503
    assert client.call("POST", f"{HOME}/jobs", dry_run("SELECT 1")).status == 200


def test_other_paths_are_not_served(client: Client) -> None:
    """A path that is no method is not found."""
    assert client.call("PUT", f"{HOME}/datasets/marts").status == 404


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"orders": {}}, "orders: a table must be like project.dataset.table"),
        ({"a.b.c": 1}, "a.b.c: a table must be like project.dataset.table"),
        ({"a.b-c.d": {}}, 'a.b-c.d: Invalid dataset ID "b-c"'),
    ],
)
def test_seed_that_is_wrong(tables: Any, problem: str) -> None:  # noqa: ANN401
    """Tables that cannot exist are refused at the start."""
    with pytest.raises(ValueError, match=problem):
        Emulator(tables=tables)


def test_seed_file(tmp_path: Path) -> None:
    """A file has an object of tables."""
    (tmp_path / "tables.json").write_text('{"a.b.c": {}}', "utf-8")
    assert load_tables(tmp_path / "tables.json") == {"a.b.c": {}}
    (tmp_path / "tables.json").write_text("[]", "utf-8")
    with pytest.raises(ValueError, match="the file must be like"):
        load_tables(tmp_path / "tables.json")
