"""A compiled graph with a notebook, data preparations and unit tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _entry(name: str, /, **fields: object) -> dict[str, Any]:
    target = {"schema": "marts", "name": name, "database": "my-project"}
    return {"target": target, "canonicalTarget": dict(target), **fields}


_ORDERS = {"schema": "marts", "name": "orders", "database": "my-project"}
_ERRORS = {"schema": "marts", "name": "errors", "database": "my-project"}
_UNIT_TEST = {
    "name": "orders are kept",
    "testQuery": "SELECT * FROM (SELECT 1 AS id)",
    "expectedOutputQuery": "SELECT 1 AS id",
    "fileName": "definitions/orders_test.js",
}

MIXED_GRAPH: Mapping[str, Any] = {
    "projectConfig": {
        "warehouse": "bigquery",
        "defaultDatabase": "my-project",
        "defaultSchema": "marts",
        "assertionSchema": "assertions",
        "defaultLocation": "EU",
        "schemaSuffix": "",
        "vars": {"region": "at", "currency": "EUR"},
        "defaultNotebookRuntimeOptions": {
            "outputBucket": "gs://results",
            "repositorySnapshotDestination": {"repositorySnapshotUri": "gs://snapshots"},
        },
        "includeTestsInCompiledGraph": True,
    },
    "tables": [
        _entry(
            "orders",
            type="table",
            query="SELECT 1 AS id",
            tags=["daily"],
            fileName="definitions/orders.sqlx",
            dependencyTargets=[_entry("orders are kept")["target"]],
        )
    ],
    "notebooks": [
        _entry(
            "report",
            tags=["weekly"],
            dependencyTargets=[_ORDERS],
            fileName="definitions/report.ipynb",
            notebookContents='{"cells":["SELECT * FROM `my-project.marts.orders`"]}',
        )
    ],
    "dataPreparations": [
        _entry(
            "prepared",
            targets=[_entry("prepared")["target"], _ERRORS],
            canonicalTargets=[_entry("prepared")["target"], _ERRORS],
            dependencyTargets=[_ORDERS],
            fileName="definitions/prepared.dp.sqlx",
            query="FROM `my-project.marts.orders` |> SELECT id",
            errorTable=_ERRORS,
            errorTableRetentionDays=3,
            load={"maximum": {"columnName": "id"}},
        ),
        _entry(
            "designed",
            dependencyTargets=[_ERRORS],
            fileName="definitions/designed.dp.yaml",
            dataPreparationYaml="nodes: []\n",
        ),
    ],
    "tests": [_entry("orders are kept", **_UNIT_TEST), {**_UNIT_TEST, "name": "without a target"}],
    "dataformCoreVersion": "3.0.62",
}
"""The form is that of ``dataform compile --json`` with version 3.0.62; the contents are invented.

One unit test has no target, as with older compilers.
"""
