"""Dry runs that the real SQL analyzer checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import google.cloud.bigquery as library
import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import BadRequest, GoogleAPICallError, NotFound
from google.auth.credentials import AnonymousCredentials

from dataform_action.emulator import Emulator
from dataform_action.emulator.local.analysis import ZetaSqlAnalyzer

FIELDS = [
    {"name": "id", "type": "INTEGER"},
    {"name": "name", "type": "STRING"},
    {"name": "amount", "type": "NUMERIC"},
    {"name": "ordered_at", "type": "TIMESTAMP"},
    {"name": "tags", "type": "STRING", "mode": "REPEATED"},
    {"name": "data", "type": "JSON"},
    {
        "name": "lines",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [{"name": "sku", "type": "STRING"}, {"name": "price", "type": "FLOAT64"}],
    },
]
TABLES = {
    "my-project.shop.orders": {"schema": {"fields": FIELDS}, "numBytes": "2048"},
    "my-project.shop.customers": {"schema": {"fields": FIELDS[:2]}, "numBytes": "1024"},
}
ORDERS, CUSTOMERS = "`my-project.shop.orders`", "`my-project.shop.customers`"

VALID = [
    (f"SELECT id, name FROM {ORDERS}", "id INTEGER, name STRING"),
    ("SELECT id FROM `shop.orders`", "id INTEGER"),
    ("SELECT id FROM shop.orders", "id INTEGER"),
    ("SELECT id FROM `my-project`.shop.orders", "id INTEGER"),
    (
        f"SELECT * EXCEPT (tags, data, lines) FROM {ORDERS}",
        "id INTEGER, name STRING, amount NUMERIC, ordered_at TIMESTAMP",
    ),
    (f"SELECT tags FROM {ORDERS}", "tags REPEATED STRING"),
    (f"SELECT lines FROM {ORDERS}", "lines REPEATED RECORD(sku STRING, price FLOAT)"),
    (f"SELECT line.sku FROM {ORDERS}, UNNEST(lines) AS line", "sku STRING"),
    (
        f"SELECT STRUCT(id AS a, [name] AS b) AS s FROM {ORDERS}",
        "s RECORD(a INTEGER, b REPEATED STRING)",
    ),
    (f"SELECT ARRAY_AGG(name ORDER BY id LIMIT 1)[SAFE_OFFSET(0)] AS n FROM {ORDERS}", "n STRING"),
    (f"SELECT JSON_VALUE(data.a.b) AS v, data.c AS c FROM {ORDERS}", "v STRING, c JSON"),
    (
        f"SELECT id FROM {ORDERS} "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY name ORDER BY ordered_at) = 1",
        "id INTEGER",
    ),
    (f"SELECT SUM(amount) OVER (ORDER BY ordered_at) AS total FROM {ORDERS}", "total NUMERIC"),
    (f"SELECT COUNT(*), 1 FROM {ORDERS}", "f0_ INTEGER, f1_ INTEGER"),
    (f"WITH {ORDERS} AS (SELECT 'x' AS other) SELECT other FROM {ORDERS}", "other STRING"),
    (
        "WITH a AS (SELECT 1 AS id), b AS (WITH a AS (SELECT 'x' AS id) SELECT * FROM a) "
        "SELECT b.id FROM a, b",
        "id STRING",
    ),
    (
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) "
        "SELECT n FROM r",
        "n INTEGER",
    ),
    (f"FROM {ORDERS} |> WHERE id > 1 |> SELECT id", "id INTEGER"),
    (f"SELECT id, name FROM {ORDERS} GROUP BY ALL", "id INTEGER, name STRING"),
    (
        "SELECT DATE '2024-01-01' AS d, TIME '10:00:00' AS t, DATETIME '2024-01-01' AS dt",
        "d DATE, t TIME, dt DATETIME",
    ),
    (
        "SELECT b'' AS b, 1.5 AS f, TRUE AS x, BIGNUMERIC '1' AS n",
        "b BYTES, f FLOAT, x BOOLEAN, n BIGNUMERIC",
    ),
    ("SELECT ST_GEOGPOINT(1, 2) AS g, INTERVAL 1 DAY AS i", "g GEOGRAPHY, i INTERVAL"),
    ("SELECT RANGE(DATE '2024-01-01', NULL) AS r", "r RANGE<DATE>"),
    (
        f"SELECT SAFE.PARSE_JSON(name) AS j, FARM_FINGERPRINT(name) AS h FROM {ORDERS}",
        "j JSON, h INTEGER",
    ),
    (f"SELECT o.id FROM {ORDERS} AS o JOIN {CUSTOMERS} AS c USING (id)", "id INTEGER"),
    (f"SELECT id FROM {ORDERS} -- a comment\n;", "id INTEGER"),
]
INVALID = [
    (f"SELECT nope FROM {ORDERS}", "Unrecognized name: nope; Did you mean name? at [1:8]"),
    (f"SELECT missing FROM {ORDERS}", "Unrecognized name: missing at [1:8]"),
    (f"SELECT id + name FROM {ORDERS}", "No matching signature for operator +"),
    (
        f"SELECT id FROM {ORDERS} WHERE name",
        "WHERE clause should return type BOOL, but returns STRING",
    ),
    (f"SELECT id FROM {ORDERS}, {CUSTOMERS}", "Column name id is ambiguous at [1:8]"),
    (
        f"SELECT id, COUNT(*) FROM {ORDERS}",
        "references column id which is neither grouped nor aggregated",
    ),
    (
        f"SELECT lines.sku FROM {ORDERS}",
        "Cannot access field sku on a value with type ARRAY<STRUCT<",
    ),
    (f"SELECT tags.x FROM {ORDERS}", "Cannot access field x on a value with type ARRAY<STRING>"),
    ("SELECT STRUCT(1 AS a).b", "Field name b does not exist in STRUCT<a INT64>"),
    ("SELECT FOO(1)", "Function not found: FOO at [1:8]"),
    ("SELEC 1", 'Syntax error: Unexpected identifier "SELEC" at [1:1]'),
    ("SELECT 1 FROM", "Syntax error: Unexpected end of script"),
    (
        f"SELECT * FROM {ORDERS} AS a JOIN {ORDERS} AS b USING (id)",
        "Found duplicate(s): name, amount, ordered_at",
    ),
    (
        f"SELECT id FROM {ORDERS} UNION ALL SELECT name FROM {ORDERS}",
        "UNION ALL has incompatible types: INT64, STRING",
    ),
    ("SELECT ARRAY<INT64>[1, 'x']", "Array element type STRING does not coerce to INT64"),
    ("WITH a AS (SELECT 1 AS x) SELECT y FROM a", "Unrecognized name: y"),
    ("BEGIN SELECT 1; EN", "Syntax error"),
]
MISSING = [
    ("SELECT 1 FROM `my-project.shop.nope`", "Not found: Table my-project:shop.nope was not found"),
    ("SELECT 1 FROM `nowhere.orders`", "Not found: Table my-project:nowhere.orders was not found"),
]
STATEMENTS = [
    (f"SELECT 1 FROM {ORDERS}", "SELECT"),
    (
        "CREATE OR REPLACE TABLE `my-project.d.t` PARTITION BY d AS SELECT DATE '2024-01-01' AS d",
        "CREATE_TABLE_AS_SELECT",
    ),
    ("CREATE VIEW `my-project.d.t` AS SELECT 1 AS x", "CREATE_VIEW"),
    (f"INSERT INTO {CUSTOMERS} (id) VALUES (1)", "INSERT"),
    (
        f"MERGE {CUSTOMERS} a USING (SELECT 1 AS id) b ON a.id = b.id "
        "WHEN MATCHED THEN UPDATE SET name = 'x'",
        "MERGE",
    ),
    (f"DELETE FROM {CUSTOMERS} WHERE id = 1", "DELETE"),
    ("DECLARE x INT64 DEFAULT 1; SELECT x", "SCRIPT"),
    ("BEGIN SELECT 1; END", "SCRIPT"),
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(
        analyzer=ZetaSqlAnalyzer(), tables=TABLES, access_tokens=lambda token: True
    ) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[library.Client]:
    """Google's client."""
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    options = ClientOptions(api_endpoint=emulator.url)
    client = library.Client("my-project", anonymous, client_options=options)
    yield client
    client.close()


def dry_run(client: library.Client, sql: str) -> Any:  # noqa: ANN401
    config = library.QueryJobConfig(dry_run=True, use_query_cache=False)
    return client.query(sql, job_config=config, retry=None)


def describe(fields: Any) -> str:  # noqa: ANN401
    """Write a schema as a text."""
    shown = []
    for field in fields:
        kind = field.field_type
        if kind == "RECORD":
            kind = f"RECORD({describe(field.fields)})"
        if kind == "RANGE":
            kind = f"RANGE<{field.range_element_type.element_type}>"
        mode = "REPEATED " if field.mode == "REPEATED" else ""
        shown.append(f"{field.name} {mode}{kind}")
    return ", ".join(shown)


@pytest.mark.parametrize(("sql", "schema"), VALID)
def test_valid_queries(client: library.Client, sql: str, schema: str) -> None:
    """The analyzer accepts a query, and finds the columns of its result."""
    assert describe(dry_run(client, sql).schema) == schema


@pytest.mark.parametrize(("sql", "message"), INVALID)
def test_invalid_queries(client: library.Client, sql: str, message: str) -> None:
    """The analyzer refuses a query in the words of BigQuery."""
    with pytest.raises(BadRequest) as raised:
        dry_run(client, sql)
    assert message in raised.value.message
    assert raised.value.errors[0]["reason"] == "invalidQuery"


@pytest.mark.parametrize(("sql", "message"), MISSING)
def test_missing_tables(client: library.Client, sql: str, message: str) -> None:
    """A table that does not exist is not found."""
    with pytest.raises(NotFound) as raised:
        dry_run(client, sql)
    assert message in raised.value.message


@pytest.mark.parametrize(("sql", "kind"), STATEMENTS)
def test_statement_types(client: library.Client, sql: str, kind: str) -> None:
    """Each kind of statement has BigQuery's name for it."""
    assert dry_run(client, sql).statement_type == kind


def test_referenced_tables_and_bytes(client: library.Client) -> None:
    """The tables that a query reads are listed once, without those that it hides."""
    job = dry_run(
        client,
        f"SELECT o.id FROM {ORDERS} o JOIN {CUSTOMERS} c ON o.id = c.id JOIN {CUSTOMERS} d ON TRUE",
    )
    names = {table.table_id for table in job.referenced_tables}
    assert names == {"orders", "customers"}
    assert job.total_bytes_processed == 3072
    hidden = dry_run(
        client,
        f"WITH {ORDERS} AS (SELECT 1 AS id) SELECT id FROM {ORDERS} JOIN {CUSTOMERS} USING (id)",
    )
    assert {table.table_id for table in hidden.referenced_tables} == {"customers"}


def test_views_have_the_columns_of_their_query(client: library.Client) -> None:
    """A new view is analyzed, and so is a query that reads it."""
    client.create_dataset("my-project.views")
    view = library.Table("my-project.views.names")
    view.view_query = f"SELECT name, lines FROM {ORDERS}"
    created = client.create_table(view)
    assert describe(created.schema) == "name STRING, lines REPEATED RECORD(sku STRING, price FLOAT)"
    sql = "SELECT line.price FROM `my-project.views.names`, UNNEST(lines) line"
    assert describe(dry_run(client, sql).schema) == "price FLOAT"
    wrong = library.Table("my-project.views.wrong")
    wrong.view_query = "SELECT x FROM `my-project.views.names`"
    with pytest.raises(GoogleAPICallError, match="Unrecognized name: x"):
        client.create_table(wrong)
