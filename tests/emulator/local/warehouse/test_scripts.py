"""The SQL that is run for an action."""

from __future__ import annotations

from typing import Any

import pytest

from dataform_action.emulator.graph.compiled_graph import Action, read_graph
from dataform_action.emulator.local.warehouse.scripts import make_script
from dataform_action.emulator.local.warehouse.server import Table

TARGET = {"database": "p", "schema": "d", "name": "t"}
HEAD = 'CREATE SCHEMA IF NOT EXISTS `p.d` OPTIONS(location="EU");\nBEGIN\n'
BUILT = Table("TABLE", ["id", "at"])


def make(kind: str, **fields: Any) -> Action:  # noqa: ANN401
    [action] = read_graph({kind: [{"target": TARGET, **fields}]}, {}, "").actions
    return action


def script(action: Action, table: Table | None = None, *, full_refresh: bool = False) -> str:
    """Return what a script has between its first statement and its last."""
    text = make_script(action, table, full_refresh, "EU")
    assert text.startswith(HEAD)
    assert text.endswith("\n;\nEND;")
    return text.removeprefix(HEAD).removesuffix("\n;\nEND;")


def test_table_with_options() -> None:
    """A table has its partition, its clusters and its options."""
    bigquery = {
        "partitionBy": "DATE(at)",
        "clusterBy": ["id", "at"],
        "partitionExpirationDays": 3,
        "requirePartitionFilter": True,
        "additionalOptions": {"friendly_name": '"x"'},
    }
    action = make("tables", type="table", query="SELECT 1;\n", bigquery=bigquery)
    options = 'partition_expiration_days=3, require_partition_filter=true, friendly_name="x"'
    assert script(action) == (
        "CREATE OR REPLACE TABLE `p.d.t` PARTITION BY DATE(at) CLUSTER BY id, at "
        f"OPTIONS({options}) AS SELECT 1"
    )


@pytest.mark.parametrize(
    ("fields", "table", "statements"),
    [
        ({"type": "view"}, None, ["CREATE OR REPLACE VIEW `p.d.t` AS q"]),
        ({"type": "view"}, Table("VIEW", []), ["CREATE OR REPLACE VIEW `p.d.t` AS q"]),
        (
            {"type": "view", "materialized": True},
            BUILT,
            ["DROP TABLE IF EXISTS `p.d.t`", "CREATE OR REPLACE MATERIALIZED VIEW `p.d.t` AS q"],
        ),
        (
            {"type": "table"},
            Table("MATERIALIZED_VIEW", []),
            ["DROP MATERIALIZED VIEW IF EXISTS `p.d.t`", "CREATE OR REPLACE TABLE `p.d.t` AS q"],
        ),
        ({"type": "table"}, BUILT, ["CREATE OR REPLACE TABLE `p.d.t` AS q"]),
        ({"type": "incremental"}, None, ["CREATE OR REPLACE TABLE `p.d.t` AS q"]),
    ],
)
def test_what_was_there_before_makes_way(
    fields: dict[str, Any], table: Table | None, statements: list[str]
) -> None:
    """A table in the place of a view is dropped first, and the other way around."""
    assert script(make("tables", query="q", **fields), table) == "\n;\n".join(statements)


def test_operations_around_a_table() -> None:
    """Operations before and after a table are run with it; a comment at an end ends nothing."""
    action = make("tables", type="table", query="q -- c", preOps=["DECLARE x;"], postOps=["a", ""])
    assert script(action) == "DECLARE x\n;\nCREATE OR REPLACE TABLE `p.d.t` AS q -- c\n;\na"


def test_incremental_table_with_a_key_is_merged() -> None:
    """Rows with the same key are updated, and the partition filter limits what is read."""
    action = make(
        "tables",
        type="incremental",
        query="all",
        incrementalQuery="new",
        uniqueKey=["id", "at"],
        incrementalPreOps=["before"],
        preOps=["only when all is built"],
        bigquery={"updatePartitionFilter": "at > 1", "incrementalPredicates": ["a", " "]},
    )
    assert script(action, BUILT) == (
        "before\n;\nMERGE `p.d.t` DATAFORM_DEST\nUSING (\nnew\n) DATAFORM_SOURCE\n"
        "ON DATAFORM_DEST.id = DATAFORM_SOURCE.id AND DATAFORM_DEST.at = DATAFORM_SOURCE.at "
        "AND DATAFORM_DEST.at > 1 AND (a)\n"
        "WHEN MATCHED THEN UPDATE SET `id` = DATAFORM_SOURCE.`id`, `at` = DATAFORM_SOURCE.`at`\n"
        "WHEN NOT MATCHED THEN INSERT (`id`, `at`) VALUES (`id`, `at`)"
    )


def test_incremental_table_without_a_key_is_appended_to() -> None:
    """Without a key, the rows are inserted."""
    action = make("tables", type="incremental", query="all")
    assert script(action, BUILT) == (
        "INSERT INTO `p.d.t` (`id`, `at`)\nSELECT `id`, `at` FROM (\nall\n) AS insertions"
    )


def test_incremental_table_that_overwrites_partitions() -> None:
    """The partitions of the new rows are replaced."""
    action = make(
        "tables",
        type="incremental",
        query="all",
        incrementalStrategy="INSERT_OVERWRITE",
        bigquery={"partitionBy": "at"},
    )
    text = script(action, BUILT)
    assert "CREATE OR REPLACE TEMP TABLE `staging_t` AS (\nall\n)" in text
    assert "WHEN NOT MATCHED BY SOURCE AND at IN UNNEST(partitions_for_replacement)" in text
    assert text.endswith("DROP TABLE IF EXISTS `staging_t`")


def test_full_refresh_builds_all_but_protected_tables() -> None:
    """A full refresh builds an incremental table again, unless it is protected."""
    action = make("tables", type="incremental", query="all")
    assert script(action, BUILT, full_refresh=True) == "CREATE OR REPLACE TABLE `p.d.t` AS all"
    protected = make("tables", type="incremental", query="all", protected=True)
    assert "INSERT INTO" in script(protected, BUILT, full_refresh=True)


def test_assertion_counts_its_rows() -> None:
    """An assertion is a view, and an error with the number of its rows."""
    assert script(make("assertions", query="q")) == (
        "CREATE OR REPLACE VIEW `p.d.t` AS q\n;\nSELECT IF(COUNT(1) > 0, ERROR(CONCAT("
        "'Assertion failed: query returned ', CAST(COUNT(1) AS STRING), ' row(s).')), 0) "
        "FROM `p.d.t`"
    )


def test_operations_are_run_in_order() -> None:
    """All queries of an action are one script."""
    assert script(make("operations", queries=["a;", "b"])) == "a\n;\nb"
