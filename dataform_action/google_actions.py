"""Google Cloud Dataform: read what the v1 API tells of actions and compile errors."""

from __future__ import annotations

import re
from datetime import datetime

from dataform_action.actions import Action, ActionState, CompiledAction, CompileError
from dataform_action.answers import Json
from dataform_action.errors import InvalidResponse
from dataform_action.google_answers import (
    objects_in,
    parse_project_path,
    repository_path,
    text_in,
)

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
_RUNS = ("bigqueryAction", "notebookAction", "dataPreparationAction")


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
    file = repository_path(path, prefix)
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
    dependencies = map(parse_target, objects_in(compiled, "dependencyTargets"))
    tags = compiled.get("tags")
    return CompiledAction(
        name=parse_target(entry.get("target")),
        kind=kind,
        file=repository_path(text_in(entry, "filePath"), prefix),
        dependencies=tuple(name for name in dependencies if name),
        tags=tuple(filter(_is_text, tags)) if isinstance(tags, list) else (),
        disabled=compiled.get("disabled") is True,
    )


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)


def parse_actions(answer: dict[str, Json]) -> list[Action]:
    """Return the actions of a page of an invocation."""
    return [_action(entry) for entry in objects_in(answer, "workflowInvocationActions")]


def _action(entry: dict[str, Json]) -> Action:
    ran: dict[str, Json] = next(
        (entry[key] for key in _RUNS if isinstance(entry.get(key), dict)), {}
    )
    timing = entry.get("invocationTiming")
    state = entry.get("state")
    job_id = text_in(ran, "jobId")
    return Action(
        name=parse_target(entry.get("target")) or "(an action without a name)",
        state=_ACTION_STATES.get(state, ActionState.PENDING)
        if isinstance(state, str)
        else ActionState.PENDING,
        reason=text_in(entry, "failureReason"),
        started=_time(timing, "startTime"),
        finished=_time(timing, "endTime"),
        job_id=job_id if re.fullmatch(r"[A-Za-z0-9_.:-]{1,300}", job_id) else "",
    )


def _time(timing: Json, key: str) -> datetime | None:
    """Return a time with its time zone; None where there is none that makes sense."""
    text = timing.get(key) if isinstance(timing, dict) else None
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if time is None or time.tzinfo is None else time
