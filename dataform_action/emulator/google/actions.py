"""Actions as the API shows them: what was compiled, and what a workflow invocation runs."""

from collections.abc import Mapping
from typing import Any

from dataform_action.emulator.google.protobuf_json import present
from dataform_action.emulator.graph.compiled_graph import Action

_LOAD_MODES = ("replace", "append", "maximum", "unique")
# Invented values: two queries, each billed for BigQuery's minimum of 10 MiB.
_UNIT_TEST_BYTES: Mapping[str, str] = {
    "totalBilledBytes": "20971520",
    "totalProcessedBytes": "4096",
}


def render_compiled(action: Action) -> dict[str, object]:
    """Render a CompilationResultAction."""
    descriptor = _render_descriptor(action.source.get("actionDescriptor") or {})
    if action.kind == "declaration":
        shared = descriptor
    else:
        shared = descriptor | present(
            dependencyTargets=[target.render() for target in action.dependencies],
            tags=list(action.tags),
            disabled=action.disabled,
        )
    return {
        "target": action.target.render(),
        "canonicalTarget": action.canonical_target.render(),
        **present(filePath=action.file_path),
        action.kind: _render_definition(action) | shared,
    }


def _render_descriptor(descriptor: Mapping[str, Any]) -> dict[str, object]:
    columns = [
        present(
            path=column.get("path"),
            description=column.get("description"),
            bigqueryPolicyTags=column.get("bigqueryPolicyTags"),
        )
        for column in descriptor.get("columns") or ()
    ]
    rendered = present(
        description=descriptor.get("description"),
        columns=columns,
        bigqueryLabels=descriptor.get("bigqueryLabels") or None,
    )
    return {"relationDescriptor": rendered} if rendered else {}


def _render_definition(action: Action) -> dict[str, object]:
    source = action.source
    match action.kind:
        case "relation":
            return _render_relation(source)
        case "operations":
            return present(queries=source.get("queries"), hasOutput=source.get("hasOutput"))
        case "assertion":
            return present(selectQuery=source.get("query"), parentAction=source.get("parentAction"))
        case "notebook":
            return present(contents=source.get("notebookContents"))
        case "dataPreparation":
            return _render_preparation(source, "load")
        case "bigqueryUnitTest":
            return present(
                displayName=source.get("name"),
                testQuery=source.get("testQuery"),
                expectedOutputQuery=source.get("expectedOutputQuery"),
            )
    return {}  # A declaration has no fields of its own.


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
        additionalOptions=options.get("additionalOptions") or None,
        connection=options.get("connection"),
        tableFormat=_named(options.get("tableFormat")),
        fileFormat=_named(options.get("fileFormat")),
        storageUri=options.get("storageUri"),
    )


def _named(value: str | None) -> str | None:
    """Return the value of an enum, or None for its default."""
    return None if value is None or value.endswith("_UNSPECIFIED") else value


def _relation_type(source: Mapping[str, Any]) -> str:
    match source.get("type"):
        case "view":
            return "MATERIALIZED_VIEW" if source.get("materialized") else "VIEW"
        case "incremental":
            return "INCREMENTAL_TABLE"
    return "TABLE"


def _render_preparation(source: Mapping[str, Any], load_field: str) -> dict[str, object]:
    """Render the contents of a data preparation: YAML or SQL.

    The compiled action and the action of an invocation differ in the name of the load mode.
    """
    if source.get("query") is None:
        return present(contentsYaml=source.get("dataPreparationYaml"))
    error_table = present(
        target=source.get("errorTable"), retentionDays=source.get("errorTableRetentionDays")
    )
    modes = source.get("load") or {}
    load = {
        mode: present(column=modes[mode].get("columnName")) for mode in _LOAD_MODES if mode in modes
    }
    definition = present(query=source["query"]) | {
        name: value for name, value in (("errorTable", error_table), (load_field, load)) if value
    }
    return {"contentsSql": definition}


def render_execution(
    action: Action, full_refresh: bool, job: str | None, has_ended: bool
) -> dict[str, object]:
    """Render what an invocation executes for an action, with the id of its job once it has one."""
    source = action.source
    match action.kind:
        case "notebook":
            contents = source.get("notebookContents")
            run = present(contents=contents, filePath=action.file_path, jobId=job)
            return {"notebookAction": run}
        case "dataPreparation":
            run = present(generatedSql=_render_sql(action, full_refresh), jobId=job)
            return {"dataPreparationAction": _render_preparation(source, "loadConfig") | run}
        case "bigqueryUnitTest":
            run = present(
                actualResultsJobId=job and f"{job}-actual",
                expectedResultsJobId=job and f"{job}-expected",
                actualResultsSqlScript=source.get("testQuery"),
                expectedResultsSqlScript=source.get("expectedOutputQuery"),
                **(_UNIT_TEST_BYTES if has_ended else {}),
            )
            return {"bigqueryUnitTestAction": run}
    return {"bigqueryAction": present(sqlScript=_render_sql(action, full_refresh), jobId=job)}


def _render_sql(action: Action, full_refresh: bool) -> str:
    """Render a SQL script like those that Dataform generates for an action."""
    source = action.source
    query = str(source.get("query") or "").strip()
    match action.kind:
        case "operations":
            return ";\n".join(text.strip() for text in source.get("queries") or ())
        case "assertion":
            return f"CREATE OR REPLACE VIEW `{action.target}` AS (\n{query}\n);\nSELECT ..."
        case "dataPreparation" if not query:
            return ""  # The SQL of a YAML definition is not in the graph.
    kind = _relation_type(source)
    if kind == "INCREMENTAL_TABLE" and not full_refresh:
        query = str(source.get("incrementalQuery") or query).strip()
        return f"INSERT INTO `{action.target}`\n{query}"
    noun = {"VIEW": "VIEW", "MATERIALIZED_VIEW": "MATERIALIZED VIEW"}.get(kind, "TABLE")
    return f"CREATE OR REPLACE {noun} `{action.target}` AS (\n{query}\n)"
