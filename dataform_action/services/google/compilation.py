"""Google Cloud Dataform: compile what a request asks for.

https://cloud.google.com/dataform/reference/rest/v1/projects.locations.repositories.compilationResults
"""

from __future__ import annotations

from dataform_action.model import Compilation, CompileError, CompileFailed, RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.enrich import find_files_url
from dataform_action.services.google.operation import compile_once
from dataform_action.services.google.parse import (
    parse_commit,
    parse_compilation_name,
    parse_compile_errors,
    parse_core_version,
    parse_project_path,
)
from dataform_action.services.google_forms import commitish_of
from dataform_action.transport.response import Json


def compile_request(
    api: GoogleApi, request: RunRequest, github_url: str
) -> tuple[Compilation, str]:
    """Compile, and return the compilation and the project's folder in its repository.

    Raises:
        CompileFailed: the compilation has errors.
    """
    body = _compilation_body(api, request)
    source = "environment" if request.git_ref is None else "git-ref"
    # Read inside the retried request: a response that makes no sense is no response.
    made, prefix, errors = compile_once(
        api.for_("compile", source), body, lambda answer: _read_compilation(answer, api.parent)
    )
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


def _read_compilation(
    answer: dict[str, Json], parent: str
) -> tuple[Compilation, str, tuple[CompileError, ...]]:
    """Return the compilation of a response, the project's folder, and its errors."""
    name = parse_compilation_name(answer, parent)
    compilation = Compilation(
        name=name, commit=parse_commit(answer), core_version=parse_core_version(answer)
    )
    prefix = parse_project_path(answer.get("codeCompilationConfig"))
    return compilation, prefix, parse_compile_errors(answer)


def notes_on_ref(request: RunRequest) -> tuple[str, ...]:
    """Return a line that says which ref is compiled, if it is written otherwise."""
    given = request.git_ref or ""
    used = commitish_of(given)
    return () if used == given else (f"git-ref {given} is compiled as {used}",)


def _compilation_body(api: GoogleApi, request: RunRequest) -> dict[str, object]:
    if request.git_ref is None:
        return {"releaseConfig": api.full_name("releaseConfigs", request.environment or "")}
    config: dict[str, Json] = {}
    if request.environment is not None:
        name = api.full_name("releaseConfigs", request.environment)
        answer = api.for_("read", "environment").get_config(name, fields.RELEASE_CONFIG)
        base = answer.get("codeCompilationConfig")
        config = dict(base) if isinstance(base, dict) else {}
    if request.vars:
        own = config.get("vars")
        config["vars"] = {**(own if isinstance(own, dict) else {}), **dict(request.vars)}
    if request.schema_suffix is not None:
        config["schemaSuffix"] = request.schema_suffix
    if request.table_prefix is not None:
        config["tablePrefix"] = request.table_prefix
    body: dict[str, object] = {"gitCommitish": commitish_of(request.git_ref)}
    return {**body, "codeCompilationConfig": config} if config else body
