"""Google Cloud Dataform: compile what a request asks for, and select what of it is to be run.

Imports that the first request does not need are made after it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dataform_action.errors import InputError
from dataform_action.model import Compilation, CompileFailed, RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.enrich import find_files_url, read_compiled_actions
from dataform_action.services.google.parse import (
    parse_commit,
    parse_compilation_name,
    parse_compile_errors,
    parse_project_path,
)
from dataform_action.transport.response import Json

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


def read_invocation_config(api: GoogleApi, request: RunRequest) -> dict[str, object]:
    """Return the invocation configuration of the schedule, if there is one beside.

    Raises:
        InputError: the schedule belongs to another release configuration.
    """
    if request.schedule is None:
        return {}
    name = api.full_name("workflowConfigs", request.schedule)
    answer = api.get(name, fields.WORKFLOW_CONFIG)
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


_SHOWN = 3


def complete_names(wanted: Iterable[str], compiled: Iterable[str]) -> list[str]:
    """Return the full name, ``project.dataset.name``, of each action that is wanted.

    A wanted name is ``name``, ``dataset.name`` or ``project.dataset.name``.

    Raises:
        InputError: a name fits no action, or more than one; it tells the nearest.
    """
    full_names = sorted(set(compiled))
    problems: list[tuple[str, str]] = []
    found: list[str] = []
    for name in wanted:
        fits = [full for full in full_names if full == name]
        fits = fits or [full for full in full_names if full.endswith(f".{name}")]
        if len(fits) == 1:
            found.append(fits[0])
        else:
            problems.append(("actions", _problem(name, fits, full_names)))
    if problems:
        error = InputError(problems)
        error.hint = "Nothing was run."
        raise error
    return list(dict.fromkeys(found))


def _problem(name: str, fits: list[str], full_names: list[str]) -> str:
    if fits:
        some = ", ".join(fits[:_SHOWN])
        more = f" and {len(fits) - _SHOWN} more" if len(fits) > _SHOWN else ""
        return f"name {name!r}, which fits several: write one of {some}{more}"
    depth = name.count(".") + 1
    by_tail = {".".join(full.split(".")[-depth:]): full for full in full_names}
    near = difflib.get_close_matches(name, by_tail, n=_SHOWN, cutoff=0.5)
    hint = f"the nearest are {', '.join(near)}" if near else "none is like it"
    return f"name {name!r}, which the compilation does not hold: {hint}"
