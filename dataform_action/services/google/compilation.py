"""Google Cloud Dataform: compile what a request asks for."""

from __future__ import annotations

from dataform_action.model import Compilation, CompileError, CompileFailed, RunRequest
from dataform_action.services.base import once
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.enrich import find_files_url
from dataform_action.services.google.parse import (
    parse_commit,
    parse_compilation_name,
    parse_compile_errors,
    parse_project_path,
)
from dataform_action.transport.response import Json

#: The response comes when the compilation is done (git is fetched, and then 30 s are allowed), so
#: it may take so many times as long as others.
_COMPILE_FACTOR = 6


def compile_request(
    api: GoogleApi, request: RunRequest, github_url: str
) -> tuple[Compilation, str]:
    """Compile, and return the compilation and the project's folder in its repository.

    Raises:
        CompileFailed: the compilation has errors.
    """
    body = _compilation_body(api, request)
    # Read inside the retried request: a response that makes no sense is no response.
    made, prefix, errors = api.retry(lambda: _compile_once(api.with_retry(once), body))
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        first = " ".join(errors[0].message.split())
        raise CompileFailed(
            f"The compilation has {count}, so nothing was run. The first: {first}",
            errors=errors,
            compilation_result=made.name,
            commit=made.commit,
            files_url=find_files_url(api, made.commit, github_url),
        )
    return made, prefix


def _compile_once(
    api: GoogleApi, body: dict[str, object]
) -> tuple[Compilation, str, tuple[CompileError, ...]]:
    """Make one request to compile; return the compilation, the project's folder, and errors."""
    answer = api.send(
        "POST",
        f"{api.parent}/compilationResults",
        body,
        read_seconds=_COMPILE_FACTOR * api.read_seconds,
    )
    name = parse_compilation_name(answer, api.parent)
    compilation = Compilation(name=name, commit=parse_commit(answer))
    prefix = parse_project_path(answer.get("codeCompilationConfig"))
    return compilation, prefix, parse_compile_errors(answer)


def _compilation_body(api: GoogleApi, request: RunRequest) -> dict[str, object]:
    if request.git_ref is None:
        return {"releaseConfig": api.full_name("releaseConfigs", request.environment or "")}
    config: dict[str, Json] = {}
    if request.environment is not None:
        name = api.full_name("releaseConfigs", request.environment)
        base = api.get(name, fields.RELEASE_CONFIG).get("codeCompilationConfig")
        config = dict(base) if isinstance(base, dict) else {}
    if request.vars:
        own = config.get("vars")
        config["vars"] = {**(own if isinstance(own, dict) else {}), **dict(request.vars)}
    if request.schema_suffix is not None:
        config["schemaSuffix"] = request.schema_suffix
    if request.table_prefix is not None:
        config["tablePrefix"] = request.table_prefix
    body: dict[str, object] = {"gitCommitish": request.git_ref}
    return {**body, "codeCompilationConfig": config} if config else body
