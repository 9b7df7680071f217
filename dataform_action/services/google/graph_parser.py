"""Google Cloud Dataform: read all that a compilation result says of its actions. Pure.

A field that is newer than this module counts as a setting: it may decide what is built.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from operator import itemgetter

from dataform_action.errors import InvalidResponse
from dataform_action.graph import DECLARATION, GraphAction
from dataform_action.services.google.parse import (
    action_kind,
    parse_target,
    repository_path,
    texts_in,
)
from dataform_action.transport.json_values import objects_in, text_in
from dataform_action.transport.response import Json

Pairs = tuple[tuple[str, str], ...]

_ACTIONS = "compilationResultActions"
_INCREMENTAL = "incrementalTableConfig"
#: The texts without a field of their own in ``GraphAction``.
_QUERIES = ("contents", "contentsYaml", "testQuery", "expectedOutputQuery")
#: Fields that other fields of ``GraphAction`` have, by the form of their values.
_TEXTS = frozenset(
    {"relationType", "selectQuery", "incrementalSelectQuery", "partitionExpression", *_QUERIES}
)
_FLAGS = frozenset({"disabled", "hasOutput"})
_LISTS = frozenset(
    {
        *("queries", "clusterExpressions", "uniqueKeyParts", "preOperations", "postOperations"),
        *("incrementalPreOperations", "incrementalPostOperations"),
    }
)
_NOT_COMPARED = frozenset({"dependencyTargets", "tags", "displayName", "internalMetadata"})
#: Fields that do not decide what is built.
_METADATA = frozenset({"relationDescriptor", "displayName", "parentAction"})
_OBJECTS = frozenset({"parentAction", "relationDescriptor", _INCREMENTAL})
_OF_EVERY_ACTION = frozenset({"target", "canonicalTarget", "filePath", "internalMetadata"})


def parse_graph_actions(page: dict[str, Json], prefix: str) -> list[GraphAction]:
    """Return the actions of a page; ``prefix`` is the project's folder in its repository.

    Raises:
        InvalidResponse: an action cannot be read. Without it, it would seem to be removed.
    """
    entries, found = objects_in(page, _ACTIONS), page.get(_ACTIONS)
    if found is not None and entries != found:
        raise InvalidResponse("The compiled actions are not a list of objects.")
    return [_graph_action(entry, prefix) for entry in entries]


def _graph_action(entry: dict[str, Json], prefix: str) -> GraphAction:
    kind, compiled = action_kind(entry)
    config = compiled.get(_INCREMENTAL)
    incremental: dict[str, Json] = config if isinstance(config, dict) else {}
    name = parse_target(entry.get("target"))
    targets = map(parse_target, objects_in(compiled, "dependencyTargets"))
    dependencies = tuple(dict.fromkeys(target for target in targets if target))
    texts = texts_in(compiled, "queries") + [text_in(compiled, key) for key in _QUERIES]
    definition = compiled.get("contentsSql")
    texts += [text_in(definition, "query")] if isinstance(definition, dict) else []
    return GraphAction(
        name=name,
        key=parse_target(entry.get("canonicalTarget")) or name,
        kind=kind,
        file=repository_path(text_in(entry, "filePath"), prefix),
        dependencies=dependencies,
        tags=tuple(texts_in(compiled, "tags")),
        disabled=compiled.get("disabled") is True,
        query=text_in(compiled, "selectQuery"),
        incremental_query=text_in(incremental, "incrementalSelectQuery"),
        queries=tuple(filter(None, texts)),
        has_output=compiled.get("hasOutput") is True,
        pre_operations=tuple(texts_in(compiled, "preOperations")),
        post_operations=tuple(texts_in(compiled, "postOperations")),
        incremental_pre_operations=tuple(texts_in(incremental, "incrementalPreOperations")),
        incremental_post_operations=tuple(texts_in(incremental, "incrementalPostOperations")),
        partition=text_in(compiled, "partitionExpression"),
        clusters=tuple(texts_in(compiled, "clusterExpressions")),
        unique_key=tuple(texts_in(incremental, "uniqueKeyParts")),
        settings=_settings(entry, compiled, incremental, kind),
        metadata=tuple(_metadata(compiled)),
    )


def _settings(
    entry: Mapping[str, Json],
    compiled: Mapping[str, Json],
    incremental: Mapping[str, Json],
    kind: str,
) -> Pairs:
    """Return the fields that no other field of ``GraphAction`` has; ``compiled`` is in ``entry``.

    The descriptor is the only field of a declaration.
    """
    if kind == DECLARATION:
        return ()
    found = [
        ("relationDescriptor.columns.bigqueryPolicyTags", _policy_tags(compiled)),
        *(pair for pair in compiled.items() if not _is_read(*pair)),
        *(
            (f"{_INCREMENTAL}.{key}", value)
            for key, value in incremental.items()
            if not _is_read(key, value)
        ),
        *(
            (key, value)
            for key, value in entry.items()
            if value is not compiled and key not in _OF_EVERY_ACTION
        ),
    ]
    return tuple((key, _json(value)) for key, value in sorted(found, key=itemgetter(0)) if value)


def _policy_tags(compiled: Mapping[str, Json]) -> Json:
    """Return the policy tags by column. They decide who can read it, unlike its description."""
    descriptor = compiled.get("relationDescriptor")
    columns = objects_in(descriptor, "columns") if isinstance(descriptor, dict) else []
    tagged = ((column.get("path"), column.get("bigqueryPolicyTags")) for column in columns)
    return [[path, tags] for path, tags in tagged if tags]


def _is_read(key: str, value: Json) -> bool:
    """Return whether another field of ``GraphAction`` has the whole value."""
    if key in _OBJECTS:
        return isinstance(value, dict)
    if key in _LISTS:
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    if key in _TEXTS:
        return isinstance(value, str)
    if key in _FLAGS:
        return isinstance(value, bool)
    return key in _NOT_COMPARED and isinstance(value, str | list)


def _metadata(compiled: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for key in sorted(_METADATA & compiled.keys()):
        value = compiled[key]
        if key == "relationDescriptor" and isinstance(value, dict):
            yield from ((f"{key}.{own}", _json(value[own])) for own in sorted(value) if value[own])
        elif value:
            yield key, _json(value)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
