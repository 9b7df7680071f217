"""The SQL that Dataform runs for an action, in the forms of the Dataform CLI.

The service adds a ``CREATE SCHEMA IF NOT EXISTS`` to each script. It applies ``onSchemaChange`` as
well, which these scripts do not.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dataform_action.emulator.graph.compiled_graph import Action
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.local.warehouse.server import Table

_OPTIONS = {
    "partitionExpirationDays": "partition_expiration_days",
    "requirePartitionFilter": "require_partition_filter",
}


def make_script(action: Action, table: Table | None, full_refresh: bool, location: str) -> str:
    """Make the script of a relation, an assertion or operations.

    ``table`` is what has the name of the action now.
    """
    match action.kind:
        case "operations":
            statements: Sequence[str] = action.source.get("queries") or ()
        case "assertion":
            statements = _assertion(action)
        case _:
            statements = _relation(action, table, full_refresh)
    schema = Target(action.target.database, action.target.schema, "")
    head = f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)} OPTIONS(location={json.dumps(location)})"
    # Only a block may begin with DECLARE.
    return f"{head};\nBEGIN\n{_join(statements)}\nEND;"


def _join(statements: Sequence[str]) -> str:
    """Join statements; a line break ends a comment at the end of one."""
    trimmed = (statement.strip().rstrip(";").rstrip() for statement in statements)
    return "".join(f"{statement}\n;\n" for statement in trimmed if statement).rstrip()


def _assertion(action: Action) -> list[str]:
    view = _quoted(action.target)
    message = "CONCAT('Assertion failed: query returned ', CAST(COUNT(1) AS STRING), ' row(s).')"
    return [
        f"CREATE OR REPLACE VIEW {view} AS {_query(action.source, 'query')}",
        f"SELECT IF(COUNT(1) > 0, ERROR({message}), 0) FROM {view}",
    ]


def _relation(action: Action, table: Table | None, full_refresh: bool) -> list[str]:
    source = action.source
    is_view = source.get("type") == "view"
    appends = (
        source.get("type") == "incremental"
        and table is not None
        and table.type == "TABLE"
        and (not full_refresh or bool(source.get("protected")))
    )
    prefix = "incrementalPre" if appends else "pre"
    suffix = "incrementalPost" if appends else "post"
    drops = []
    if table is not None and (table.type == "TABLE") == is_view:
        noun = "TABLE" if is_view else table.type.replace("_", " ")
        drops = [f"DROP {noun} IF EXISTS {_quoted(action.target)}"]
    if appends and table is not None:
        build = _append(action, table.columns)
    else:
        build = _create(action, is_view)
    return [
        *(source.get(f"{prefix}Ops") or ()),
        *drops,
        build,
        *(source.get(f"{suffix}Ops") or ()),
    ]


def _create(action: Action, is_view: bool) -> str:
    source = action.source
    bigquery: Mapping[str, Any] = source.get("bigquery") or {}
    noun = "VIEW" if is_view else "TABLE"
    if source.get("materialized"):
        noun = f"MATERIALIZED {noun}"
    clauses = [f"CREATE OR REPLACE {noun} {_quoted(action.target)}"]
    if bigquery.get("partitionBy"):
        clauses.append(f"PARTITION BY {bigquery['partitionBy']}")
    if bigquery.get("clusterBy"):
        clauses.append(f"CLUSTER BY {', '.join(bigquery['clusterBy'])}")
    options = [
        f"{option}={json.dumps(bigquery[name])}"
        for name, option in _OPTIONS.items()
        if bigquery.get("partitionBy") and bigquery.get(name)
    ]
    options += [f"{name}={value}" for name, value in bigquery.get("additionalOptions", {}).items()]
    if options:
        clauses.append(f"OPTIONS({', '.join(options)})")
    return " ".join([*clauses, "AS", _query(source, "query")])


def _append(action: Action, columns: Sequence[str]) -> str:
    source = action.source
    query = _query(source, "incrementalQuery") or _query(source, "query")
    names = [f"`{column}`" for column in columns]
    listed = ", ".join(names)
    target = _quoted(action.target)
    if source.get("incrementalStrategy") == "INSERT_OVERWRITE":
        return _overwrite(action, query, listed)
    keys = source.get("uniqueKey") or ()
    if not keys:
        return f"INSERT INTO {target} ({listed})\nSELECT {listed} FROM (\n{query}\n) AS insertions"
    conditions = [f"DATAFORM_DEST.{key} = DATAFORM_SOURCE.{key}" for key in keys]
    conditions += _predicates(source)
    updates = ", ".join(f"{name} = DATAFORM_SOURCE.{name}" for name in names)
    return (
        f"MERGE {target} DATAFORM_DEST\nUSING (\n{query}\n) DATAFORM_SOURCE\n"
        f"ON {' AND '.join(conditions)}\n"
        f"WHEN MATCHED THEN UPDATE SET {updates}\n"
        f"WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({listed})"
    )


def _overwrite(action: Action, query: str, listed: str) -> str:
    """Replace the partitions that the query has rows for."""
    partition = (action.source.get("bigquery") or {}).get("partitionBy")
    staging = f"`staging_{action.target.name}`"
    conditions = [f"{partition} IN UNNEST(partitions_for_replacement)", *_predicates(action.source)]
    values = f"SELECT DISTINCT {partition} FROM {staging} WHERE {partition} IS NOT NULL"
    return (
        f"CREATE OR REPLACE TEMP TABLE {staging} AS (\n{query}\n);\n"
        f"BEGIN\nDECLARE partitions_for_replacement DEFAULT (ARRAY({values}));\n"
        f"MERGE {_quoted(action.target)} DATAFORM_DEST USING {staging} DATAFORM_SOURCE ON FALSE\n"
        f"WHEN NOT MATCHED BY SOURCE AND {' AND '.join(conditions)} THEN DELETE\n"
        f"WHEN NOT MATCHED BY TARGET THEN INSERT ({listed}) VALUES ({listed});\n"
        f"END;\nDROP TABLE IF EXISTS {staging}"
    )


def _predicates(source: Mapping[str, Any]) -> list[str]:
    options = source.get("bigquery") or {}
    found = [f"({text})" for text in options.get("incrementalPredicates") or () if text.strip()]
    if options.get("updatePartitionFilter"):
        found.insert(0, f"DATAFORM_DEST.{options['updatePartitionFilter']}")
    return found


def _query(source: Mapping[str, Any], name: str) -> str:
    return str(source.get(name) or "").strip().rstrip(";").rstrip()


def _quoted(target: Target) -> str:
    return f"`{target}`"
