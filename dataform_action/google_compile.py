"""Google Cloud Dataform: compile what a request asks for, and select what of it is to be run.

Imports that the first request does not need are made after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataform_action.answers import Json
from dataform_action.errors import InputError
from dataform_action.google_answers import (
    parse_commit,
    parse_compilation_name,
    parse_project_path,
)
from dataform_action.google_api import GoogleApi
from dataform_action.model import RunRequest

if TYPE_CHECKING:
    from dataform_action.actions import Compilation

#: A compilation answers when it is done: git is fetched, and then 30 s are allowed. So
#: much longer than for another answer it is waited for.
_COMPILE_FACTOR = 6


def compile_request(
    api: GoogleApi, request: RunRequest, github_url: str
) -> tuple[Compilation, str]:
    """Compile, and return the compilation and the project's folder in its repository.

    Raises:
        CompileFailed: the compilation has errors.
    """
    answer = api.send(
        "POST",
        f"{api.parent}/compilationResults",
        _compilation_body(api, request),
        read_seconds=_COMPILE_FACTOR * api.read_seconds,
    )
    from dataform_action.actions import Compilation, CompileFailed
    from dataform_action.google_actions import parse_compile_errors
    from dataform_action.google_details import find_files_url

    name = parse_compilation_name(answer, api.parent)
    errors = parse_compile_errors(answer)
    commit = parse_commit(answer)
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        first = " ".join(errors[0].message.split())
        raise CompileFailed(
            f"The compilation has {count}, so nothing was run. The first: {first}",
            errors=errors,
            compilation_result=name,
            commit=commit,
            files_url=find_files_url(api, commit, github_url),
        )
    prefix = parse_project_path(answer.get("codeCompilationConfig"))
    return Compilation(name=name, commit=commit), prefix


def _compilation_body(api: GoogleApi, request: RunRequest) -> dict[str, object]:
    if request.git_ref is None:
        return {"releaseConfig": api.full_name("releaseConfigs", request.environment or "")}
    config: dict[str, Json] = {}
    if request.environment is not None:
        name = api.full_name("releaseConfigs", request.environment)
        base = api.send("GET", name).get("codeCompilationConfig")
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


def read_invocation_config(api: GoogleApi, request: RunRequest) -> dict[str, object]:
    """Return the invocation configuration of the schedule, if there is one beside.

    Raises:
        InputError: the schedule belongs to another release configuration.
    """
    if request.schedule is None:
        return {}
    answer = api.send("GET", api.full_name("workflowConfigs", request.schedule))
    release = api.full_name("releaseConfigs", request.environment or "")
    if not str(answer.get("releaseConfig", "")).endswith(release.split("/", 2)[2]):
        problem = (
            f"{request.schedule} belongs to another release configuration than "
            f"{request.environment}: name that one, or leave environment out"
        )
        error = InputError([("schedule", problem)])
        error.hint = "Nothing was run."
        raise error
    config = answer.get("invocationConfig")
    config = dict(config) if isinstance(config, dict) else {}
    if request.actions or request.tags:
        # Both would be run: what the schedule selects, and what is asked for.
        config.pop("includedTargets", None)
        config.pop("includedTags", None)
    return config


def select(
    api: GoogleApi, request: RunRequest, compilation: Compilation, prefix: str
) -> dict[str, object]:
    """Return what of an invocation configuration the request sets itself.

    Raises:
        InputError: the project has no such action, or several.
    """
    selection: dict[str, object] = {}
    if request.actions:
        from dataform_action.google_details import read_compiled_actions
        from dataform_action.selection import complete_names

        compiled = read_compiled_actions(api, compilation.name, prefix)
        runnable = [action.name for action in compiled if action.kind != "declaration"]
        selection["includedTargets"] = [
            _target(name) for name in complete_names(request.actions, runnable)
        ]
    if request.tags:
        selection["includedTags"] = list(request.tags)
    if request.include_dependencies:
        selection["transitiveDependenciesIncluded"] = True
    if request.include_dependents:
        selection["transitiveDependentsIncluded"] = True
    if request.full_refresh:
        selection["fullyRefreshIncrementalTablesEnabled"] = True
    if request.service_account is not None:
        selection["serviceAccount"] = request.service_account
    return selection


def _target(name: str) -> dict[str, str]:
    """Return the target of a full name; a project may hold dots, the others none."""
    parts = name.rsplit(".", 2)
    return dict(zip(("database", "schema", "name")[-len(parts) :], parts, strict=True))
