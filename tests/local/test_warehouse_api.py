"""Datasets, tables and dry runs of a real BigQuery server, through the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import google.cloud.bigquery as library
import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.auth.credentials import AnonymousCredentials

from dataform_action.emulator import Emulator
from dataform_action.emulator.local.analysis import ZetaSqlAnalyzer
from dataform_action.emulator.local.warehouse.execution import open_warehouse

DRY_RUN = library.QueryJobConfig(dry_run=True, use_query_cache=False)


@pytest.fixture(scope="module")
def client(bigquery: str) -> Iterator[library.Client]:
    """Google's client of an emulator with the server and the analyzer."""
    with Emulator(
        warehouse=open_warehouse(bigquery),
        analyzer=ZetaSqlAnalyzer(),
        access_tokens=lambda token: True,
    ) as emulator:
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        options = ClientOptions(api_endpoint=emulator.url)
        client = library.Client("my-project", anonymous, client_options=options)
        yield client
        client.close()


def test_datasets_of_a_preview(client: library.Client) -> None:
    """Datasets are created with labels and expiry, found by them, and deleted with their tables."""
    for name, number in (("one", "7"), ("two", "8")):
        dataset = library.Dataset(f"my-project.preview_{name}")
        dataset.labels = {"managed-by": "someone", "pull-request": number}
        dataset.default_table_expiration_ms = 3_600_000
        client.create_dataset(dataset)
    with pytest.raises(Conflict):
        client.create_dataset("my-project.preview_one")
    wanted = "labels.managed-by:someone labels.pull-request:8"
    assert [found.dataset_id for found in client.list_datasets(filter=wanted)] == ["preview_two"]
    view = library.Table("my-project.preview_two.orders")
    view.view_query = "SELECT * FROM `my-project.shop.orders`"
    client.create_table(view)
    client.delete_dataset("my-project.preview_two", delete_contents=True)
    with pytest.raises(NotFound):
        client.get_dataset("my-project.preview_two")


def test_queries_and_tables(client: library.Client) -> None:
    """A query runs in the server, and a table has the rows and the schema that it got."""
    client.create_dataset("my-project.tables")
    client.query(
        "CREATE TABLE `my-project.tables.t` (id INT64, name STRING);"
        "INSERT INTO `my-project.tables.t` (id, name) VALUES (1, 'a'), (2, 'b')"
    ).result()
    table = client.get_table("my-project.tables.t")
    assert table.num_rows == 2
    assert [(field.name, field.field_type) for field in table.schema] == [
        ("id", "INTEGER"),
        ("name", "STRING"),
    ]
    rows = client.query("SELECT name FROM `my-project.tables.t` ORDER BY id").result()
    assert [row["name"] for row in rows] == ["a", "b"]


def test_dry_runs_over_what_was_built(client: library.Client) -> None:
    """The analyzer knows the tables of the server, and a changed table can be hidden."""
    sql = "SELECT amount * 2 AS double FROM `my-project.shop.orders`"
    job = client.query(sql, job_config=DRY_RUN)
    assert [(field.name, field.field_type) for field in job.schema] == [("double", "NUMERIC")]
    assert [table.table_id for table in job.referenced_tables] == ["orders"]
    with pytest.raises(BadRequest, match="Unrecognized name: price"):
        client.query("SELECT price FROM `my-project.shop.orders`", job_config=DRY_RUN)
    shadow = "WITH `my-project.shop.orders` AS (SELECT CAST(NULL AS FLOAT64) AS `price`) "
    job = client.query(f"{shadow}SELECT price FROM `my-project.shop.orders`", job_config=DRY_RUN)
    assert [field.name for field in job.schema] == ["price"]
    assert job.referenced_tables == []
