"""Google Cloud Dataform: read the lists of invocations and of compilation results."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from dataform_action.errors import InvalidResponse
from dataform_action.model import State
from dataform_action.services.google.parse import (
    parse_commit,
    parse_compilation_name,
    parse_invocation_name,
    parse_state,
    parse_target,
    parse_times,
    texts_in,
)
from dataform_action.transport.json_values import objects_in, text_in
from dataform_action.transport.response import Json

_FLAGS = (
    "transitiveDependenciesIncluded",
    "transitiveDependentsIncluded",
    "fullyRefreshIncrementalTablesEnabled",
)

Selection = tuple[object, ...]


class Invocation(NamedTuple):
    """An invocation that has started.

    ``state`` is None if it is newer than this module. ``schedule`` and ``compilation`` are the ids
    of what it was created from, empty if it has none, and ``executed`` is the full name of the
    compilation result that it runs. ``selection`` decides which actions it runs.
    """

    id: str
    state: State | None
    status: str
    started: datetime
    finished: datetime | None
    schedule: str
    compilation: str
    executed: str
    selection: Selection


class Source(NamedTuple):
    """What was compiled: ``name`` is for people, ``settings`` for the comparison.

    ``commit`` is empty if it is not known.
    """

    name: str
    settings: Selection
    commit: str


def parse_invocations(page: dict[str, Json], parent: str) -> Iterator[Invocation]:
    """Yield the invocations of a page that have started."""
    for entry in objects_in(page, "workflowInvocations"):
        started, finished = parse_times(entry)
        try:
            own_id = parse_invocation_name(entry, parent)
            # The first and the last year have times that UTC does not have.
            started = None if started is None else started.astimezone(UTC)
        except (InvalidResponse, OverflowError):
            continue
        if started is None:
            continue
        try:
            state, status = parse_state(entry)
        except InvalidResponse:
            state, status = None, ""
        yield Invocation(
            id=own_id,
            state=state,
            status=status,
            started=started,
            finished=finished,
            schedule=_id_in(entry, "workflowConfig"),
            compilation=_id_in(entry, "compilationResult"),
            executed=_executed(entry, parent),
            selection=_selection(entry.get("invocationConfig")),
        )


def _executed(entry: dict[str, Json], parent: str) -> str:
    try:
        return parse_compilation_name({"name": entry.get("resolvedCompilationResult")}, parent)
    except InvalidResponse:
        return ""


def _id_in(entry: dict[str, Json], key: str) -> str:
    """Return the id at the end of a resource name; empty if it is not valid."""
    found = text_in(entry, key).rpartition("/")[2]
    return found if re.fullmatch(r"[A-Za-z0-9_-]{1,200}", found, re.ASCII) else ""


def _selection(config: Json) -> Selection:
    """Return what decides which actions an invocation runs, and how much of them."""
    known = config if isinstance(config, dict) else {}
    mode = text_in(known, "executionMode")
    return (
        frozenset(map(parse_target, objects_in(known, "includedTargets"))),
        frozenset(texts_in(known, "includedTags")),
        *(known.get(flag) is True for flag in _FLAGS),
        "" if mode in ("DEFAULT", "EXECUTION_MODE_UNSPECIFIED") else mode,
    )


def parse_sources(page: dict[str, Json]) -> Iterator[tuple[str, Source]]:
    """Yield the id and the source of each compilation result whose source is known."""
    for entry in objects_in(page, "compilationResults"):
        own_id, source = _id_in(entry, "name"), _source(entry)
        if own_id and source is not None:
            yield own_id, source


def _source(entry: dict[str, Json]) -> Source | None:
    """Return what a compilation result was compiled from; None if that is not known.

    A release configuration has its own settings. Of variables, only the names are compared,
    because a value such as a date changes with each run.
    """
    release, workspace = _id_in(entry, "releaseConfig"), _id_in(entry, "workspace")
    commit = parse_commit(entry)
    if release:
        return Source(f"release configuration {release}", ("releaseConfig", release), commit)
    commitish = text_in(entry, "gitCommitish")
    if not workspace and not commitish:
        return None
    name = f"workspace {workspace}" if workspace else f"git ref {commitish}"
    config = entry.get("codeCompilationConfig")
    known = dict(config) if isinstance(config, dict) else {}
    variables = known.pop("vars", None)
    names = sorted(variables) if isinstance(variables, dict) else []
    return Source(name, (name, json.dumps(known, sort_keys=True), tuple(names)), commit)
