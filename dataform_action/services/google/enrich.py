"""Google Cloud Dataform: add kinds, files, dependencies and links to actions.

``show_compilation`` and ``find_files_url`` only add to a report, so they raise no error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlencode

from dataform_action.clock import once
from dataform_action.errors import DataformError, NoResponse
from dataform_action.model import Action, Compilation, CompiledAction, Job
from dataform_action.services.google import fields
from dataform_action.services.google.client import COMPILED_SIZE, OPTIONAL_SECONDS, GoogleApi
from dataform_action.services.google.parse import (
    NOTEBOOK_EXECUTION,
    parse_commit,
    parse_compiled_actions,
    parse_core_version,
    parse_default_location,
    parse_git_url,
    parse_project_path,
)

T = TypeVar("T")

GITHUB_URL = "https://github.com"
#: How long the compiled actions may be read for the report of a step that only compiles.
_EXTRA_SECONDS = 60.0

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))"
_PORT = r"(?::[0-9]{1,5})?"
_PATH = r"(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]{0,99})/(?P<name>[A-Za-z0-9._-]{1,104})/?"
#: The forms that Git and the API accept: HTTPS, SSH, and the short form of SSH.
_REMOTES = (
    rf"https://{_HOST}{_PORT}/{_PATH}",
    rf"ssh://git@{_HOST}{_PORT}/{_PATH}",
    rf"git@{_HOST}:{_PATH}",
)
_SERVER = rf"https?://{_HOST}{_PORT}"
_COMMIT = r"[0-9a-f]{40}"

_CONSOLE_URL = "https://console.cloud.google.com"


def read_details(
    api: GoogleApi, compilation_result: str, actions: tuple[Action, ...], github_url: str
) -> tuple[tuple[Action, ...], Compilation]:
    """Return the actions with their kinds, files and dependencies, and the compilation."""
    response = api.get(compilation_result, fields.COMPILATION)
    config = response.get("codeCompilationConfig")
    prefix, location = parse_project_path(config), parse_default_location(config)
    compiled = {
        action.name: action for action in read_compiled_actions(api, compilation_result, prefix)
    }
    none = CompiledAction(name="")
    detailed = tuple(
        _detailed(action, compiled.get(action.name, none), _linked_jobs(action, location, api))
        for action in actions
    )
    commit = parse_commit(response)
    compilation = Compilation(
        name=compilation_result,
        commit=commit,
        core_version=parse_core_version(response),
        files_url=find_files_url(api, commit, github_url),
    )
    return detailed, compilation


def _detailed(action: Action, compiled: CompiledAction, jobs: tuple[Job, ...]) -> Action:
    return replace(
        action,
        kind=compiled.kind,
        file=compiled.file,
        dependencies=compiled.dependencies,
        checked_action=compiled.checked_action,
        jobs=jobs,
    )


def read_compiled_actions(
    api: GoogleApi, compilation_result: str, prefix: str
) -> tuple[CompiledAction, ...]:
    """Return all compiled actions; ``prefix`` is the project's folder in its repository."""
    pages = _compiled_pages(api, compilation_result, prefix)
    return tuple(action for page in pages for action in page)


def _compiled_pages(
    api: GoogleApi, compilation_result: str, prefix: str
) -> Iterator[list[CompiledAction]]:
    """Yield the compiled actions page by page."""
    path = f"{compilation_result}:query"
    for page in api.pages(path, fields.COMPILED_ACTIONS, size=COMPILED_SIZE):
        yield parse_compiled_actions(page, prefix)


def show_compilation(
    api: GoogleApi,
    compilation: Compilation,
    prefix: str,
    github_url: str,
    selected: frozenset[str] | None,
) -> tuple[Compilation, tuple[str, ...]]:
    """Return a compilation with the selected actions and ``files_url``, and notes.

    ``selected`` are the names of the selected actions; None selects all.
    """
    actions: list[CompiledAction] = []
    notes: tuple[str, ...] = ()
    try:
        for page in _compiled_pages(_with_deadline(api), compilation.name, prefix):
            actions += page
    except DataformError as error:
        text = "The compiled actions could not be read."
        if actions:
            text = f"Only {len(actions):,} of the compiled actions could be read."
        notes = (f"{text} {error.message}",)
    if selected is not None and actions:
        count = sum(action.kind != "declaration" for action in actions)
        actions = [action for action in actions if action.name in selected]
        if not notes:
            notes = (f"{len(actions):,} of the project's {count:,} actions are selected.",)
    url = find_files_url(api, compilation.commit, github_url)
    return replace(compilation, actions=tuple(actions), files_url=url), notes


def _with_deadline(api: GoogleApi) -> GoogleApi:
    """Return an API for optional requests, which take limited time together."""
    until = api.clock.now() + _EXTRA_SECONDS

    def request_in_time(request: Callable[[], T], /) -> T:
        if api.clock.now() >= until:
            raise NoResponse(f"Reading them took longer than {_EXTRA_SECONDS:.0f} seconds.")
        return request()

    return api.with_retry(request_in_time)


def find_files_url(api: GoogleApi, commit: str, github_url: str) -> str:
    """Return the address of a commit's files on GitHub; empty if there is none."""
    if not commit:
        return ""
    try:
        repository = api.with_retry(once).get(
            api.parent, fields.REPOSITORY, read_seconds=min(OPTIONAL_SECONDS, api.read_seconds)
        )
    except DataformError:
        return ""
    return files_url(parse_git_url(repository), commit, github_url)


def files_url(remote: str, commit: str, github_url: str = GITHUB_URL) -> str:
    """Return the address of a commit's files on GitHub, without a slash at its end.

    ``remote`` is the address of the Git remote, and ``github_url`` that of a GitHub server besides
    github.com. The result is empty if the remote is on another host or anything is not valid.
    """
    place = _parse_remote(remote)
    if place is None or re.fullmatch(_COMMIT, commit) is None:
        return ""
    host, repository = place
    server = _github_server(host, (GITHUB_URL, github_url.rstrip("/")))
    return f"{server}/{repository}/blob/{commit}" if server else ""


def github_repository(remote: str, github_url: str) -> str:
    """Return the ``owner/name`` of a remote on a GitHub server; empty if it is elsewhere."""
    place = _parse_remote(remote)
    if place is None:
        return ""
    host, repository = place
    return repository if _github_server(host, (github_url.rstrip("/"),)) else ""


def _parse_remote(remote: str) -> tuple[str, str] | None:
    """Return the host and the ``owner/name`` of a remote; None if it has another form."""
    match = next((found for form in _REMOTES if (found := re.fullmatch(form, remote))), None)
    if match is None:
        return None
    name = match["name"].removesuffix(".git")
    return None if name in ("", ".", "..") else (match["host"], f"{match['owner']}/{name}")


def _github_server(host: str, servers: Iterable[str]) -> str:
    """Return the one of some GitHub servers that has a host name; empty if none has it."""
    for url in servers:
        server = re.fullmatch(_SERVER, url)
        if server is not None and server["host"].lower() == host.lower():
            return url
    return ""


def _linked_jobs(action: Action, location: str, api: GoogleApi) -> tuple[Job, ...]:
    """Return an action's jobs with their pages, if these are known.

    The API reports neither the project nor the location of a job. BigQuery runs it in the action's
    project, and in the default location of the compilation. Notebooks run in Colab Enterprise,
    whose page lists the executions of a project.
    """
    project = action.name.rsplit(".", 2)[0]
    if project != api.project_id:
        return action.jobs
    return tuple(
        job._replace(url=_executions_url(project), has_own_page=False)
        if job.kind == NOTEBOOK_EXECUTION
        else job._replace(url=_bigquery_job_url(job.id, project, location))
        for job in action.jobs
    )


def _executions_url(project: str) -> str:
    return f"{_CONSOLE_URL}/vertex-ai/colab/execution-jobs?{urlencode({'project': project})}"


def _bigquery_job_url(job_id: str, project: str, location: str) -> str:
    if not location:
        return ""
    job = f"!1m5!1m4!1m3!1s{project}!2s{job_id}!3s{location}"
    return f"{_CONSOLE_URL}/bigquery?{urlencode({'project': project})}&ws={job}"
