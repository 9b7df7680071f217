"""Datasets and tables of a BigQuery server, through the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataform_action.emulator import DryRun, Emulator
from dataform_action.emulator.bigquery.errors import BigQueryError
from dataform_action.emulator.bigquery.queries import FindTable
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.local.warehouse.execution import open_warehouse
from tests.emulator.local.warehouse.fake_server import FakeBigQuery, serving
from tests.emulator.support import Client

HOME = "/bigquery/v2/projects/shop"


class TableAnalyzer:
    """An analyzer that looks for the table marts.a, and returns its columns."""

    def analyze(self, sql: str, default: Target, find_table: FindTable) -> DryRun:
        table = find_table(Target(default.database, "marts", "a"))
        if table is None:
            raise BigQueryError("Not found: Table shop:marts.a", "notFound")
        return DryRun(columns=table["schema"]["fields"])


@pytest.fixture
def bigquery() -> Iterator[FakeBigQuery]:
    with serving() as fake:
        yield fake


@pytest.fixture
def client(bigquery: FakeBigQuery) -> Iterator[Client]:
    warehouse = open_warehouse(bigquery.url)
    with Emulator(warehouse=warehouse, analyzer=TableAnalyzer()) as emulator:
        client = Client(emulator.url)
        yield client
        client.close()


def test_requests_are_passed_on(client: Client, bigquery: FakeBigQuery) -> None:
    """Status and body are those of the server, also of a response without a body."""
    body = {"jobReference": {"jobId": "mine"}, "configuration": {"query": {"query": "SELECT 1"}}}
    response = client.call("POST", f"{HOME}/jobs", body)
    assert response.data["status"] == {"state": "DONE"}
    assert bigquery.jobs["mine"] == body
    response = client.call("DELETE", f"{HOME}/datasets/marts?deleteContents=true")
    assert (response.status, response.body) == (204, b"")
    response = client.call("GET", f"{HOME}/datasets/marts/tables/none")
    assert response.status == 404
    assert response.data["error"]["errors"][0]["reason"] == "notFound"


def test_filter_by_labels(client: Client, bigquery: FakeBigQuery) -> None:
    """Datasets are filtered by their labels, although the server ignores the filter."""
    bigquery.labels = {"a": {"k": "1"}, "b": {"k": "2"}, "c": {}}
    listed = client.call("GET", f"{HOME}/datasets?filter=labels.k:2").data["datasets"]
    assert listed == [{"datasetReference": {"datasetId": "b"}, "labels": {"k": "2"}}]
    assert len(client.call("GET", f"{HOME}/datasets").data["datasets"]) == 3


def test_rows_of_tables_are_counted(client: Client, bigquery: FakeBigQuery) -> None:
    """The number of rows of a table is counted; a view has none."""
    bigquery.tables = {
        "marts.a": {"type": "TABLE", "numRows": "0"},
        "marts.v": {"type": "VIEW", "numRows": "0"},
    }
    assert client.call("GET", f"{HOME}/datasets/marts/tables/a").data["numRows"] == "7"
    assert client.call("GET", f"{HOME}/datasets/marts/tables/v").data["numRows"] == "0"


def test_dry_runs_read_the_tables_of_the_server(client: Client, bigquery: FakeBigQuery) -> None:
    """A dry run is checked by the emulator, with the schema that the server has."""
    fields = [{"name": "id", "type": "INTEGER"}]
    query = {"query": "SELECT id FROM a", "useLegacySql": False}
    body = {"configuration": {"dryRun": True, "query": query}}
    missing = client.call("POST", f"{HOME}/jobs", body)
    assert missing.status == 404
    bigquery.tables = {"marts.a": {"type": "TABLE", "schema": {"fields": fields}}}
    found = client.call("POST", f"{HOME}/jobs", body).data
    assert found["statistics"]["query"]["schema"] == {"fields": fields}
    assert bigquery.jobs == {}


def test_server_that_stops(client: Client, bigquery: FakeBigQuery) -> None:
    """If the server sends no usable response, so says the error."""
    bigquery.answer = lambda: (502, b"<html>")
    query = {"query": "SELECT id FROM a", "useLegacySql": False}
    dry_run = {"configuration": {"dryRun": True, "query": query}}
    refused = client.call("POST", f"{HOME}/jobs", dry_run)
    assert refused.status == 503
    assert "sent HTTP 502" in refused.data["error"]["message"]
    listed = client.call("GET", f"{HOME}/datasets?filter=labels.k:2")
    assert (listed.status, listed.data["error"]["errors"][0]["reason"]) == (502, "backendError")
