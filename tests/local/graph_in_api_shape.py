"""What the API returns for a compiled graph, written down from the description of both.

It is independent of the emulator, so that a field that the emulator forgets is missed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

_KINDS = {
    "operations": "operations",
    "assertions": "assertion",
    "declarations": "declaration",
    "notebooks": "notebook",
    "tests": "bigqueryUnitTest",
}
# The field of the API for each field of the graph.
_TABLE = {
    "query": "selectQuery",
    "preOps": "preOperations",
    "postOps": "postOperations",
}
_OPTIONS = {
    "partitionBy": "partitionExpression",
    "clusterBy": "clusterExpressions",
    "partitionExpirationDays": "partitionExpirationDays",
    "requirePartitionFilter": "requirePartitionFilter",
    "additionalOptions": "additionalOptions",
    "connection": "connection",
    "tableFormat": "tableFormat",
    "fileFormat": "fileFormat",
    "storageUri": "storageUri",
}
_INCREMENTAL = {
    "incrementalQuery": "incrementalSelectQuery",
    "protected": "refreshDisabled",
    "uniqueKey": "uniqueKeyParts",
    "incrementalPreOps": "incrementalPreOperations",
    "incrementalPostOps": "incrementalPostOperations",
}
_OTHERS: Mapping[str, Mapping[str, str]] = {
    "operations": {"queries": "queries", "hasOutput": "hasOutput"},
    "assertion": {"query": "selectQuery", "parentAction": "parentAction"},
    "declaration": {},
    "notebook": {"notebookContents": "contents"},
    "bigqueryUnitTest": {
        "name": "displayName",
        "testQuery": "testQuery",
        "expectedOutputQuery": "expectedOutputQuery",
    },
}
# Fields of the graph that the API has no place for.
_UNKNOWN_TO_THE_API = {
    *("type", "enumType", "hermeticity", "materialized", "bigquery", "actionDescriptor"),
    *("onSchemaChange", "incrementalStrategy", "jitCode"),
}
_OF_EVERY_ACTION = {
    *("target", "canonicalTarget", "fileName", "tags", "disabled", "dependencyTargets"),
}


def in_api_shape(graph: Json) -> dict[str, Json]:
    """Return the CompilationResultActions of a graph by their targets."""
    found: dict[str, Json] = {}
    for kind, entry in _entries(graph):
        own = _table(entry) if kind == "relation" else _renamed(entry, _OTHERS[kind])
        known = {*_OF_EVERY_ACTION, *_UNKNOWN_TO_THE_API}
        known |= set(_TABLE) | set(_INCREMENTAL) if kind == "relation" else set(_OTHERS[kind])
        assert set(entry) <= known, f"{kind} has unknown fields: {set(entry) - known}"
        action = {
            "target": entry["target"],
            "canonicalTarget": entry["canonicalTarget"],
            "filePath": entry.get("fileName"),
            kind: own
            | _renamed(entry, dict.fromkeys(("tags", "disabled", "dependencyTargets")))
            | _descriptor(entry.get("actionDescriptor", {})),
        }
        present = {name: value for name, value in action.items() if value is not None}
        found[_name(entry["target"])] = present
    return found


def by_target(actions: list[Any]) -> dict[str, Json]:
    """Return the actions of a response by their targets."""
    found = {_name(action["target"]): action for action in actions}
    assert len(found) == len(actions)
    return found


def _entries(graph: Json) -> Iterator[tuple[str, Json]]:
    for entry in graph.get("tables", ()):
        yield "relation", entry
    for name, kind in _KINDS.items():
        for entry in graph.get(name, ()):
            if "target" in entry:
                yield kind, entry


def _table(entry: Json) -> dict[str, Any]:
    options = entry.get("bigquery", {})
    incremental = _renamed(entry, _INCREMENTAL) | _renamed(
        options, {"updatePartitionFilter": "updatePartitionFilter"}
    )
    kind = {"table": "TABLE", "view": "VIEW", "incremental": "INCREMENTAL_TABLE"}[entry["type"]]
    if entry.get("materialized"):
        kind = "MATERIALIZED_VIEW"
    return (
        {"relationType": kind}
        | _renamed(entry, _TABLE)
        | _renamed(options, _OPTIONS)
        | ({"incrementalTableConfig": incremental} if kind == "INCREMENTAL_TABLE" else {})
    )


def _renamed(entry: Json, names: Mapping[str, str | None]) -> dict[str, Any]:
    """Rename fields; those with default values are not in JSON."""
    return {
        new or old: entry[old]
        for old, new in names.items()
        if entry.get(old) not in (None, "", False, 0, [], {})
    }


def _descriptor(descriptor: Json) -> dict[str, Any]:
    columns = [
        _renamed(column, dict.fromkeys(("path", "description", "bigqueryPolicyTags")))
        for column in descriptor.get("columns", ())
    ]
    found = _renamed(descriptor, dict.fromkeys(("description", "bigqueryLabels")))
    found |= {"columns": columns} if columns else {}
    return {"relationDescriptor": found} if found else {}


def _name(target: Json) -> str:
    return ".".join(target[part] for part in ("database", "schema", "name") if part in target)
