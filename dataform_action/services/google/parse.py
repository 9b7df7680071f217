"""Google Cloud Dataform: read the v1 API's answers.

The fields are described at https://cloud.google.com/dataform/reference/rest/v1. JSON of
this API leaves out what has its default value, and may hold words that are newer than
this module: a missing or unknown state of an action counts as pending.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from dataform_action.errors import InvalidResponse
from dataform_action.model import Action, ActionState, CompiledAction, CompileError, Job, State
from dataform_action.transport.response import Json

_STATES = {
    "RUNNING": State.RUNNING,
    "CANCELING": State.RUNNING,
    "SUCCEEDED": State.SUCCESS,
    "FAILED": State.FAILURE,
    "CANCELLED": State.CANCELLED,
}
_LONGEST_PATH = 500


def parse_state(answer: dict[str, Json]) -> tuple[State, str]:
    """Return the state of an invocation, and the API's word for it.

    Raises:
        InvalidResponse: the state is missing or not known.
    """
    word = answer.get("state")
    if not isinstance(word, str) or word not in _STATES:
        raise InvalidResponse(f"Unknown state of the workflow invocation: {word!r:.200}")
    return _STATES[word], word


def parse_times(answer: dict[str, Json]) -> tuple[datetime | None, datetime | None]:
    """Return when an invocation or an action started and ended, as far as it is known."""
    timing = answer.get("invocationTiming")
    return _time(timing, "startTime"), _time(timing, "endTime")


def parse_invocation_name(answer: dict[str, Json], parent: str) -> str:
    """Return the id in the name of an invocation of a repository.

    Raises:
        InvalidResponse: the name is missing, or of another repository.
    """
    return _own_id(answer.get("name"), f"{parent}/workflowInvocations/")


def parse_compilation_name(answer: dict[str, Json], parent: str) -> str:
    """Return the full name of a compilation result of a repository.

    Raises:
        InvalidResponse: the name is missing, or of another repository.
    """
    prefix = f"{parent}/compilationResults/"
    return prefix + _own_id(answer.get("name"), prefix)


def _own_id(name: Json, prefix: str) -> str:
    # Projects may be named by number in answers, so only the rest is compared.
    match = re.fullmatch(r"projects/[^/]+/(.+)", name) if isinstance(name, str) else None
    rest = prefix.split("/", 2)[2]
    if match is None or not match[1].startswith(rest):
        raise InvalidResponse(f"The answer names nothing in {prefix}: {name!r:.300}")
    own_id = match[1][len(rest) :]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", own_id):
        raise InvalidResponse(f"The answer holds no usable id: {name!r:.300}")
    return own_id


def parse_project_path(config: Json) -> str:
    """Return the folder of the Dataform project in its repository; empty for the root."""
    pipeline = config.get("pipelineConfig") if isinstance(config, dict) else None
    path = pipeline.get("path") if isinstance(pipeline, dict) else None
    return repository_path(path, "") if isinstance(path, str) else ""


def parse_default_location(config: Json) -> str:
    """Return the BigQuery location that a project was compiled with; empty if it is not told."""
    location = config.get("defaultLocation") if isinstance(config, dict) else None
    known = isinstance(location, str) and re.fullmatch(r"[A-Za-z0-9-]{1,50}", location)
    return str(location) if known else ""


def parse_commit(answer: dict[str, Json]) -> str:
    """Return the commit of a compilation result; empty if there is none."""
    commit = text_in(answer, "resolvedGitCommitSha")
    return commit if re.fullmatch(r"[0-9a-f]{7,64}", commit, re.ASCII) else ""


def parse_core_version(answer: dict[str, Json]) -> str:
    """Return the version of Dataform core of a compilation result; empty if there is none."""
    version = text_in(answer, "dataformCoreVersion")
    return version if re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", version) else ""


def parse_git_url(answer: dict[str, Json]) -> str:
    """Return the address that a repository is fetched from; empty if there is none."""
    settings = answer.get("gitRemoteSettings")
    return text_in(settings, "url") if isinstance(settings, dict) else ""


def repository_path(path: str, prefix: str) -> str:
    """Return a path in the repository, or an empty text for what leads out of it."""
    if not path or len(path) > _LONGEST_PATH or not path.isprintable():
        return ""
    clean = posixpath.normpath(path)
    if clean.startswith(("/", "..")) or clean == ".":
        return ""
    return clean if not prefix or clean.startswith(f"{prefix}/") else f"{prefix}/{clean}"


def parse_page_token(answer: dict[str, Json]) -> str:
    """Return the token of the next page; empty for the last page.

    Raises:
        InvalidResponse: it cannot be part of an address.
    """
    token = text_in(answer, "nextPageToken")
    if not (token.isascii() and token.isprintable()):
        raise InvalidResponse("The answer holds no usable token of the next page")
    return token


def parse_names(answer: dict[str, Json], key: str, field: str) -> Iterator[tuple[Json, Json]]:
    """Yield the name and another field of each object in a list of an answer."""
    for entry in objects_in(answer, key):
        yield entry.get("name"), entry.get(field)


def objects_in(answer: dict[str, Json], key: str) -> list[dict[str, Json]]:
    """Return the objects in a list; a list that is left out is empty."""
    value = answer.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts_in(answer: Mapping[str, Json], key: str) -> list[str]:
    """Return the texts in a list; a list that is left out is empty."""
    value = answer.get(key)
    return [text for text in value if _is_text(text)] if isinstance(value, list) else []


def text_in(answer: dict[str, Json], key: str) -> str:
    """Return a text of an answer; empty if there is none."""
    value = answer.get(key)
    return value if isinstance(value, str) else ""


_ACTION_STATES = {
    "RUNNING": ActionState.RUNNING,
    "SKIPPED": ActionState.SKIPPED,
    "DISABLED": ActionState.DISABLED,
    "SUCCEEDED": ActionState.SUCCEEDED,
    "CANCELLED": ActionState.CANCELLED,
    "FAILED": ActionState.FAILED,
}
_KINDS = {
    "relation": "relation",
    "operations": "operation",
    "assertion": "assertion",
    "notebook": "notebook",
    "dataPreparation": "data preparation",
    "bigqueryUnitTest": "unit test",
    "declaration": "declaration",
}
BIGQUERY_JOB = "BigQuery job"
NOTEBOOK_EXECUTION = "notebook execution"
#: Where an action names its jobs: the object, the field of the id, and what the job is.
_JOBS = (
    ("bigqueryAction", "jobId", BIGQUERY_JOB),
    ("notebookAction", "jobId", NOTEBOOK_EXECUTION),
    ("dataPreparationAction", "jobId", BIGQUERY_JOB),
    ("bigqueryUnitTestAction", "actualResultsJobId", f"{BIGQUERY_JOB} (actual results)"),
    ("bigqueryUnitTestAction", "expectedResultsJobId", f"{BIGQUERY_JOB} (expected results)"),
)
#: What the compiler calls itself where an error is in no file of the project.
_COMPILER = "index.js"


def parse_compile_errors(answer: dict[str, Json]) -> tuple[CompileError, ...]:
    """Return the errors of a compilation result, with paths in the repository.

    Raises:
        InvalidResponse: there is something else where errors belong: it may be one.
    """
    prefix = parse_project_path(answer.get("codeCompilationConfig"))
    entries = objects_in(answer, "compilationErrors")
    given = answer.get("compilationErrors")
    if given is not None and entries != given:
        raise InvalidResponse(f"The compilation errors are no list of objects: {given!r:.200}")
    return tuple(_compile_error(entry, prefix) for entry in entries)


def _compile_error(entry: dict[str, Json], prefix: str) -> CompileError:
    message, stack = text_in(entry, "message"), text_in(entry, "stack")
    path = text_in(entry, "path")
    file = "" if path == _COMPILER else repository_path(path, prefix)
    line, column = _position(path, f"{message}\n{stack}") if file else (None, None)
    return CompileError(
        message=message or "The API gives no message.",
        file=file,
        line=line,
        column=column,
        action=parse_target(entry.get("actionTarget")),
    )


def _position(path: str, text: str) -> tuple[int | None, int | None]:
    """Return the line and column that a message or stack names in a file.

    Only for files that are not translated: in a ``.sqlx`` they count the lines of the
    JavaScript that is made of it.
    """
    if not path.endswith((".js", ".json", ".yaml", ".yml")):
        return None, None
    # Not the end of another file's name, and not the beginning of a longer number.
    number = "([0-9]{1,7})(?![0-9])"
    match = re.search(rf"(?<![\w.-]){re.escape(path)}:{number}(?::{number})?", text)
    if match is None:
        return None, None
    return int(match[1]), int(match[2]) if match[2] else None


def parse_target(target: Json) -> str:
    """Return a target's full name, ``project.dataset.name``, of what there is of it."""
    if not isinstance(target, dict):
        return ""
    parts = (target.get(key) for key in ("database", "schema", "name"))
    return ".".join(part for part in parts if isinstance(part, str) and part)


def parse_compiled_actions(answer: dict[str, Json], prefix: str) -> list[CompiledAction]:
    """Return the actions of a page of a compilation result."""
    return [
        _compiled_action(entry, prefix) for entry in objects_in(answer, "compilationResultActions")
    ]


def _compiled_action(entry: dict[str, Json], prefix: str) -> CompiledAction:
    key = next((key for key in _KINDS if isinstance(entry.get(key), dict)), "")
    compiled: dict[str, Json] = entry[key] if key else {}
    kind = _KINDS.get(key, "action")
    if kind == "relation":
        kind = text_in(compiled, "relationType").replace("_", " ").lower() or kind
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
    """Return the name of the action that an assertion checks; empty where it is not known.

    The API names it for an assertion that the configuration of a table or view declares. One that
    was written by hand checks its dependency, if it has only one.
    """
    parent = parse_target(assertion.get("parentAction"))
    only = dependencies[0] if len(dependencies) == 1 else ""
    return parent or only


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)


def parse_actions(answer: dict[str, Json]) -> list[Action]:
    """Return the actions of a page of an invocation."""
    return [_action(entry) for entry in objects_in(answer, "workflowInvocationActions")]


def _action(entry: dict[str, Json]) -> Action:
    started, finished = parse_times(entry)
    state = entry.get("state")
    return Action(
        name=parse_target(entry.get("target")) or "(an action without a name)",
        state=_ACTION_STATES.get(state, ActionState.PENDING)
        if isinstance(state, str)
        else ActionState.PENDING,
        reason=text_in(entry, "failureReason"),
        started=started,
        finished=finished,
        jobs=tuple(_jobs(entry)),
    )


def _jobs(entry: dict[str, Json]) -> Iterator[Job]:
    """Yield the jobs of an action whose ids can stand in a link."""
    for key, field, kind in _JOBS:
        executed = entry.get(key)
        job_id = text_in(executed, field) if isinstance(executed, dict) else ""
        if re.fullmatch(r"[A-Za-z0-9_.:-]{1,300}", job_id):
            yield Job(kind=kind, id=job_id)


def _time(timing: Json, key: str) -> datetime | None:
    """Return a time with its time zone; None where there is none that makes sense."""
    text = timing.get(key) if isinstance(timing, dict) else None
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if time is None or time.tzinfo is None else time
