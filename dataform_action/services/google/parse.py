"""Google Cloud Dataform: read the responses of the v1 API.

For the fields, see https://cloud.google.com/dataform/reference/rest/v1. JSON of this API omits
default values, and may contain words that are newer than this module. A missing or unknown state
of an action counts as pending.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from dataform_action.errors import InvalidResponse
from dataform_action.model import Action, ActionState, CompiledAction, Job, State
from dataform_action.text import cut
from dataform_action.transport.json_values import objects_in, text_in
from dataform_action.transport.response import Json

_STATES = {
    "RUNNING": State.RUNNING,
    "CANCELING": State.RUNNING,
    "SUCCEEDED": State.SUCCESS,
    "FAILED": State.FAILURE,
    "CANCELLED": State.CANCELLED,
}
_LONGEST_PATH = 500
#: The longest message about a failed action or a compile error that is kept, in characters.
LONGEST_REASON = 10_000


def parse_state(response: dict[str, Json]) -> tuple[State, str]:
    """Return the state of an invocation, and the API's own word for it.

    Raises:
        InvalidResponse: the state is missing or unknown.
    """
    word = response.get("state")
    if not isinstance(word, str) or word not in _STATES:
        raise InvalidResponse(f"Unknown state of the workflow invocation: {word!r:.200}")
    return _STATES[word], word


def parse_times(response: dict[str, Json]) -> tuple[datetime | None, datetime | None]:
    """Return when an invocation or an action started and ended; None is not known."""
    timing = response.get("invocationTiming")
    return _time(timing, "startTime"), _time(timing, "endTime")


def parse_invocation_name(response: dict[str, Json], parent: str) -> str:
    """Return the id of an invocation from its name.

    Raises:
        InvalidResponse: the name is missing, or of another repository.
    """
    return _own_id(response.get("name"), f"{parent}/workflowInvocations/")


def parse_compilation_name(response: dict[str, Json], parent: str) -> str:
    """Return the full name of a compilation result of a repository.

    Raises:
        InvalidResponse: the name is missing, or of another repository.
    """
    prefix = f"{parent}/compilationResults/"
    return prefix + _own_id(response.get("name"), prefix)


def _own_id(name: Json, prefix: str) -> str:
    # In responses, the project may be its number, so only the rest is compared.
    match = re.fullmatch(r"projects/[^/]+/(.+)", name) if isinstance(name, str) else None
    rest = prefix.split("/", 2)[2]
    if match is None or not match[1].startswith(rest):
        raise InvalidResponse(f"The response has no name in {prefix}: {name!r:.300}")
    own_id = match[1][len(rest) :]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", own_id):
        raise InvalidResponse(f"The response has no valid id: {name!r:.300}")
    return own_id


def parse_project_path(config: Json) -> str:
    """Return the folder of the Dataform project in its repository; empty for the root."""
    pipeline = config.get("pipelineConfig") if isinstance(config, dict) else None
    path = pipeline.get("path") if isinstance(pipeline, dict) else None
    return repository_path(path, "") if isinstance(path, str) else ""


def parse_default_location(config: Json) -> str:
    """Return the default BigQuery location of a compilation; empty if there is none."""
    location = config.get("defaultLocation") if isinstance(config, dict) else None
    known = isinstance(location, str) and re.fullmatch(r"[A-Za-z0-9-]{1,50}", location)
    return str(location) if known else ""


def parse_commit(response: dict[str, Json]) -> str:
    """Return the commit of a compilation result; empty if there is none."""
    commit = text_in(response, "resolvedGitCommitSha")
    return commit if re.fullmatch(r"[0-9a-f]{7,64}", commit, re.ASCII) else ""


def parse_core_version(response: dict[str, Json]) -> str:
    """Return the version of Dataform core of a compilation result; empty if there is none."""
    version = text_in(response, "dataformCoreVersion")
    return version if re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", version) else ""


def parse_git_url(response: dict[str, Json]) -> str:
    """Return the address of a repository's Git remote; empty if there is none."""
    settings = response.get("gitRemoteSettings")
    return text_in(settings, "url") if isinstance(settings, dict) else ""


def repository_path(path: str, prefix: str) -> str:
    """Return a path in the repository; empty if it leads outside."""
    if not path or len(path) > _LONGEST_PATH or not path.isprintable():
        return ""
    clean = posixpath.normpath(path)
    if clean.startswith(("/", "..")) or clean == ".":
        return ""
    return clean if not prefix or clean.startswith(f"{prefix}/") else f"{prefix}/{clean}"


def parse_page_token(response: dict[str, Json]) -> str:
    """Return the token of the next page; empty for the last page.

    Raises:
        InvalidResponse: it contains characters that are not printable ASCII.
    """
    token = text_in(response, "nextPageToken")
    if not (token.isascii() and token.isprintable()):
        raise InvalidResponse("The response has no valid token of the next page")
    return token


def parse_names(response: dict[str, Json], key: str, field: str) -> Iterator[tuple[Json, Json]]:
    """Yield the name and another field of each object in a list of a response."""
    for entry in objects_in(response, key):
        yield entry.get("name"), entry.get(field)


def texts_in(response: Mapping[str, Json], key: str) -> list[str]:
    """Return the texts in a list; a missing list is empty."""
    value = response.get(key)
    return [text for text in value if _is_text(text)] if isinstance(value, list) else []


_ACTION_STATES = {
    "RUNNING": ActionState.RUNNING,
    "SKIPPED": ActionState.SKIPPED,
    "DISABLED": ActionState.DISABLED,
    "SUCCEEDED": ActionState.SUCCEEDED,
    "CANCELLED": ActionState.CANCELLED,
    "FAILED": ActionState.FAILED,
}
UNIT_TEST = "unit test"
_KINDS = {
    "relation": "relation",
    "operations": "operation",
    "assertion": "assertion",
    "notebook": "notebook",
    "dataPreparation": "data preparation",
    "bigqueryUnitTest": UNIT_TEST,
    "declaration": "declaration",
}
BIGQUERY_JOB = "BigQuery job"
NOTEBOOK_EXECUTION = "notebook execution"
#: The jobs of an action: the object, the field of the id, and the kind of the job.
_JOBS = (
    ("bigqueryAction", "jobId", BIGQUERY_JOB),
    ("notebookAction", "jobId", NOTEBOOK_EXECUTION),
    ("dataPreparationAction", "jobId", BIGQUERY_JOB),
    ("bigqueryUnitTestAction", "actualResultsJobId", f"{BIGQUERY_JOB} (actual results)"),
    ("bigqueryUnitTestAction", "expectedResultsJobId", f"{BIGQUERY_JOB} (expected results)"),
)


def parse_target(target: Json) -> str:
    """Return the full name of a target, ``project.dataset.name``, without missing parts."""
    if not isinstance(target, dict):
        return ""
    parts = (target.get(key) for key in ("database", "schema", "name"))
    return ".".join(part for part in parts if isinstance(part, str) and part)


def parse_compiled_actions(response: dict[str, Json], prefix: str) -> list[CompiledAction]:
    """Return the actions of a page of a compilation result."""
    return [
        _compiled_action(entry, prefix)
        for entry in objects_in(response, "compilationResultActions")
    ]


def action_kind(entry: dict[str, Json]) -> tuple[str, dict[str, Json]]:
    """Return the kind of a compiled action, such as ``incremental table``, and its own object."""
    key = next((key for key in _KINDS if isinstance(entry.get(key), dict)), "")
    compiled: dict[str, Json] = entry[key] if key else {}
    kind = _KINDS.get(key, "action")
    if kind == "relation":
        kind = text_in(compiled, "relationType").replace("_", " ").lower() or kind
    return kind, compiled


def _compiled_action(entry: dict[str, Json], prefix: str) -> CompiledAction:
    kind, compiled = action_kind(entry)
    targets = map(parse_target, objects_in(compiled, "dependencyTargets"))
    dependencies = tuple(name for name in targets if name)
    return CompiledAction(
        name=parse_target(entry.get("target")),
        canonical_name=parse_target(entry.get("canonicalTarget")),
        kind=kind,
        file=repository_path(text_in(entry, "filePath"), prefix),
        dependencies=dependencies,
        tags=tuple(texts_in(compiled, "tags")),
        disabled=compiled.get("disabled") is True,
        checked_action=_checked_action(compiled, dependencies) if kind == "assertion" else "",
    )


def _checked_action(assertion: dict[str, Json], dependencies: tuple[str, ...]) -> str:
    """Return the name of the action that an assertion checks; empty if it is not known.

    The API names it for an assertion that the configuration of a table or view declares. One that
    was written by hand checks its dependency, if it has only one.
    """
    parent = parse_target(assertion.get("parentAction"))
    only = dependencies[0] if len(dependencies) == 1 else ""
    return parent or only


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)


def parse_actions(response: dict[str, Json]) -> list[Action]:
    """Return the actions of a page of an invocation."""
    return [_action(entry) for entry in objects_in(response, "workflowInvocationActions")]


def _action(entry: dict[str, Json]) -> Action:
    started, finished = parse_times(entry)
    state = entry.get("state")
    return Action(
        name=parse_target(entry.get("target")) or "(an action without a name)",
        state=_ACTION_STATES.get(state, ActionState.PENDING)
        if isinstance(state, str)
        else ActionState.PENDING,
        reason=cut(text_in(entry, "failureReason"), LONGEST_REASON),
        started=started,
        finished=finished,
        jobs=tuple(_jobs(entry)),
    )


def _jobs(entry: dict[str, Json]) -> Iterator[Job]:
    """Yield the jobs of an action with ids that are valid in a link."""
    for key, field, kind in _JOBS:
        executed = entry.get(key)
        job_id = text_in(executed, field) if isinstance(executed, dict) else ""
        if re.fullmatch(r"[A-Za-z0-9_.:-]{1,300}", job_id):
            yield Job(kind=kind, id=job_id, in_bigquery=kind != NOTEBOOK_EXECUTION)


def _time(timing: Json, key: str) -> datetime | None:
    """Return a time with its time zone; None if there is no valid one."""
    text = timing.get(key) if isinstance(timing, dict) else None
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if time is None or time.tzinfo is None else time
