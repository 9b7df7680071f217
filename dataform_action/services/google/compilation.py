"""Google Cloud Dataform: compile a request, and read the errors of the compilation.

https://cloud.google.com/dataform/reference/rest/v1/projects.locations.repositories.compilationResults
"""

from __future__ import annotations

import re

from dataform_action.errors import InvalidResponse
from dataform_action.model import Compilation, CompileError, CompileFailed, RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.configurations import make_input_error
from dataform_action.services.google.enrich import find_files_url
from dataform_action.services.google.operation import compile_once
from dataform_action.services.google.parse import (
    LONGEST_REASON,
    parse_commit,
    parse_compilation_name,
    parse_core_version,
    parse_default_location,
    parse_project_path,
    parse_target,
    repository_path,
)
from dataform_action.services.google_forms import commitish_of, folder_of
from dataform_action.services.specs import overrides_of
from dataform_action.text import cut
from dataform_action.transport.json_values import objects_in, text_in
from dataform_action.transport.response import Json

#: The file that the compiler names if an error is in no file of the project.
_COMPILER = "index.js"


def compile_request(
    api: GoogleApi, request: RunRequest, github_url: str, ref_input: str = "git-ref"
) -> tuple[Compilation, str, str]:
    """Compile a request. ``ref_input`` is the input with its ref, for hints.

    Return the compilation, the folder of the project in its repository, and the default location of
    its datasets; empty if that is not known.

    Raises:
        CompileFailed: the compilation has errors.
    """
    body = _compilation_body(api, request)
    given = (
        (ref_input, request.git_ref),
        ("workspace", request.workspace),
        ("project-path", request.project_path),
    )
    sources = tuple(name for name, value in given if value) or ("environment",)
    # The response is parsed inside the retried request, so that an invalid one is retried.
    compilation, errors, config = compile_once(
        api.with_context("compile", *sources),
        body,
        lambda response: _parse_compilation(response, api.parent),
    )
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        first = " ".join(errors[0].message.split())
        raise CompileFailed(
            f"The compilation has {count}, so nothing was run. First error: {first}",
            errors=errors,
            compilation_result=compilation.name,
            commit=compilation.commit,
            files_url=find_files_url(api, compilation.commit, github_url),
        )
    return compilation, parse_project_path(config), parse_default_location(config)


def _parse_compilation(
    response: dict[str, Json], parent: str
) -> tuple[Compilation, tuple[CompileError, ...], Json]:
    """Return the compilation in a response, its errors, and its settings."""
    name = parse_compilation_name(response, parent)
    compilation = Compilation(
        name=name, commit=parse_commit(response), core_version=parse_core_version(response)
    )
    return compilation, parse_compile_errors(response), response.get("codeCompilationConfig")


def parse_compile_errors(response: dict[str, Json]) -> tuple[CompileError, ...]:
    """Return the errors of a compilation result, with paths in the repository.

    Raises:
        InvalidResponse: the errors have another form, so there may be errors.
    """
    prefix = parse_project_path(response.get("codeCompilationConfig"))
    entries = objects_in(response, "compilationErrors")
    errors = response.get("compilationErrors")
    if errors is not None and entries != errors:
        raise InvalidResponse(f"The compilation errors are not a list of objects: {errors!r:.200}")
    return tuple(_compile_error(entry, prefix) for entry in entries)


def _compile_error(entry: dict[str, Json], prefix: str) -> CompileError:
    message, stack = text_in(entry, "message"), text_in(entry, "stack")
    path = text_in(entry, "path")
    file = "" if path == _COMPILER else repository_path(path, prefix)
    line, column = _position(path, f"{message}\n{stack}") if file else (None, None)
    return CompileError(
        message=cut(message, LONGEST_REASON) or "The API gives no message.",
        file=file,
        line=line,
        column=column,
        action=parse_target(entry.get("actionTarget")),
    )


def _position(path: str, text: str) -> tuple[int | None, int | None]:
    """Return the line and column that a message or stack names for a file.

    For ``.sqlx`` files they are unknown, because they count lines of the generated JavaScript.
    """
    if not path.endswith((".js", ".json", ".yaml", ".yml")):
        return None, None
    # Not the end of another file name, and not the start of a longer number.
    number = "([0-9]{1,7})(?![0-9])"
    # The pattern starts with a literal text, so that the search is linear.
    for match in re.finditer(rf"{re.escape(path)}:{number}(?::{number})?", text):
        before = text[max(0, match.start() - 1) : match.start()]
        if not re.match(r"[\w.-]", before):
            return int(match[1]), int(match[2]) if match[2] else None
    return None, None


def notes_on_ref(request: RunRequest) -> tuple[str, ...]:
    """Return a line with the ref that is compiled, if it differs from the input."""
    given = request.git_ref or ""
    used = commitish_of(given)
    return () if used == given else (f"git-ref {given} is compiled as {used}",)


def _compilation_body(api: GoogleApi, request: RunRequest) -> dict[str, object]:
    """Return the compilation result to create.

    Raises:
        InputError: the environment has no Git commitish.
    """
    if request.workspace is not None:
        body: dict[str, object] = {"workspace": api.full_name("workspaces", request.workspace)}
        config = _overridden({}, request)
        return {**body, "codeCompilationConfig": config} if config else body
    if request.git_ref is None and not overrides_of(request):
        return {"releaseConfig": api.full_name("releaseConfigs", request.environment or "")}
    release: dict[str, Json] = {}
    if request.environment is not None:
        name = api.full_name("releaseConfigs", request.environment)
        release = api.with_context("read", "environment").get_config(name, fields.RELEASE_CONFIG)
    if request.git_ref is None:
        commitish = text_in(release, "gitCommitish")
        if not commitish:
            text = f"{request.environment} has no Git commitish: set git-ref"
            raise make_input_error([("environment", text)])
    else:
        commitish = commitish_of(request.git_ref)
    config = _overridden(release.get("codeCompilationConfig"), request)
    body = {"gitCommitish": commitish}
    return {**body, "codeCompilationConfig": config} if config else body


def _overridden(base: Json, request: RunRequest) -> dict[str, Json]:
    """Return the compilation settings ``base`` with the overrides of a request."""
    config: dict[str, Json] = dict(base) if isinstance(base, dict) else {}
    config.update(request.compile_overrides)
    if request.project_path is not None:
        # The description of the API says that both fields are required.
        config["pipelineConfig"] = {
            "pipelineType": "DATAFORM",
            "path": folder_of(request.project_path),
        }
    if request.vars:
        own = config.get("vars")
        config["vars"] = {**(own if isinstance(own, dict) else {}), **dict(request.vars)}
    if request.schema_suffix is not None:
        config["schemaSuffix"] = request.schema_suffix
    if request.table_prefix is not None:
        config["tablePrefix"] = request.table_prefix
    return config
