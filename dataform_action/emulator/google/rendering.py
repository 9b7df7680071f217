"""Compiled actions as the API shows them, and the SQL that an invocation would run."""

from collections.abc import Mapping
from typing import Any

from dataform_action.emulator.compiled_graph import Action
from dataform_action.emulator.google.protobuf_json import present


def render_action(action: Action) -> dict[str, object]:
    """Make a CompilationResultAction."""
    source = action.source
    match action.kind:
        case "relation":
            compiled = _render_relation(source)
        case "operations":
            compiled = present(queries=source.get("queries"), hasOutput=source.get("hasOutput"))
        case "assertion":
            compiled = present(
                selectQuery=source.get("query"), parentAction=source.get("parentAction")
            )
        case _:
            compiled = {}  # A declaration has nothing of its own.
    described = present(**(source.get("actionDescriptor") or {}))
    shared = present(
        dependencyTargets=[target.render() for target in action.dependencies],
        tags=list(action.tags),
        disabled=action.disabled,
        relationDescriptor=present(description=described.get("description")) or None,
    )
    return {
        "target": action.target.render(),
        "canonicalTarget": action.canonical_target.render(),
        **present(filePath=action.file_path),
        action.kind: compiled | shared,
    }


def _render_relation(source: Mapping[str, Any]) -> dict[str, object]:
    options = source.get("bigquery") or {}
    config = present(
        incrementalSelectQuery=source.get("incrementalQuery"),
        refreshDisabled=source.get("protected"),
        uniqueKeyParts=source.get("uniqueKey"),
        incrementalPreOperations=source.get("incrementalPreOps"),
        incrementalPostOperations=source.get("incrementalPostOps"),
        updatePartitionFilter=options.get("updatePartitionFilter"),
    )
    kind = _relation_type(source)
    return present(
        relationType=kind,
        selectQuery=source.get("query"),
        preOperations=source.get("preOps"),
        postOperations=source.get("postOps"),
        incrementalTableConfig=config if kind == "INCREMENTAL_TABLE" else None,
        partitionExpression=options.get("partitionBy"),
        clusterExpressions=options.get("clusterBy"),
        partitionExpirationDays=options.get("partitionExpirationDays"),
        requirePartitionFilter=options.get("requirePartitionFilter"),
    )


def _relation_type(source: Mapping[str, Any]) -> str:
    match source.get("type"):
        case "view":
            return "MATERIALIZED_VIEW" if source.get("materialized") else "VIEW"
        case "incremental":
            return "INCREMENTAL_TABLE"
    return "TABLE"


def render_sql(action: Action, full_refresh: bool) -> str:
    """Write a script of the kind that Dataform generates for an action."""
    source = action.source
    query = str(source.get("query") or "").strip()
    match action.kind:
        case "operations":
            return ";\n".join(text.strip() for text in source.get("queries") or ())
        case "assertion":
            return f"CREATE OR REPLACE VIEW `{action.target}` AS (\n{query}\n);\nSELECT ..."
    kind = _relation_type(source)
    if kind == "INCREMENTAL_TABLE" and not full_refresh:
        query = str(source.get("incrementalQuery") or query).strip()
        return f"INSERT INTO `{action.target}`\n{query}"
    noun = {"VIEW": "VIEW", "MATERIALIZED_VIEW": "MATERIALIZED VIEW"}.get(kind, "TABLE")
    return f"CREATE OR REPLACE {noun} `{action.target}` AS (\n{query}\n)"
