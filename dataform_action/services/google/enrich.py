"""Google Cloud Dataform: look up what a compilation tells of actions, and where its files are.

``show_compilation`` and ``find_files_url`` only add to a report: they raise no error.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from dataform_action.errors import DataformError
from dataform_action.model import Action, Compilation, CompiledAction, Job
from dataform_action.services.base import once
from dataform_action.services.google import fields
from dataform_action.services.google.client import COMPILED_SIZE, COURTESY_SECONDS, GoogleApi
from dataform_action.services.google.parse import (
    NOTEBOOK_EXECUTION,
    parse_commit,
    parse_compiled_actions,
    parse_core_version,
    parse_default_location,
    parse_git_url,
    parse_project_path,
)
from dataform_action.services.google.source_links import files_url

_CONSOLE_URL = "https://console.cloud.google.com"


def read_details(
    api: GoogleApi, compilation_result: str, actions: tuple[Action, ...], github_url: str
) -> tuple[tuple[Action, ...], Compilation]:
    """Return the actions of a run as they were compiled, and the compilation."""
    answer = api.get(compilation_result, fields.COMPILATION)
    config = answer.get("codeCompilationConfig")
    prefix, location = parse_project_path(config), parse_default_location(config)
    compiled = {
        action.name: action for action in read_compiled_actions(api, compilation_result, prefix)
    }
    none = CompiledAction(name="")
    detailed = tuple(
        _detailed(action, compiled.get(action.name, none), _linked_jobs(action, location, api))
        for action in actions
    )
    commit = parse_commit(answer)
    compilation = Compilation(
        name=compilation_result,
        commit=commit,
        core_version=parse_core_version(answer),
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
    """Return all that was compiled; ``prefix`` is the project's folder in its repository."""
    pages = api.pages(f"{compilation_result}:query", fields.COMPILED_ACTIONS, size=COMPILED_SIZE)
    return tuple(action for page in pages for action in parse_compiled_actions(page, prefix))


def show_compilation(
    api: GoogleApi,
    compilation: Compilation,
    prefix: str,
    github_url: str,
    selected: frozenset[str] | None,
) -> tuple[Compilation, tuple[str, ...]]:
    """Return a compilation with its selected actions and the address of its files, and notes.

    ``selected`` are the names of the selected actions; None selects all.
    """
    notes: tuple[str, ...] = ()
    try:
        actions = read_compiled_actions(api, compilation.name, prefix)
    except DataformError as error:
        actions = ()
        notes = (f"The compiled actions could not be read. {error.message}",)
    if selected is not None and actions:
        count = sum(action.kind != "declaration" for action in actions)
        actions = tuple(action for action in actions if action.name in selected)
        notes = (f"The selection has {len(actions):,} of the project's {count:,} actions.",)
    url = find_files_url(api, compilation.commit, github_url)
    return replace(compilation, actions=actions, files_url=url), notes


def find_files_url(api: GoogleApi, commit: str, github_url: str) -> str:
    """Return the address below which GitHub shows a commit's files; empty if it does not."""
    if not commit:
        return ""
    try:
        answer = api.with_retry(once).get(
            api.parent, fields.REPOSITORY, read_seconds=min(COURTESY_SECONDS, api.read_seconds)
        )
    except DataformError:
        return ""
    return files_url(parse_git_url(answer), commit, github_url)


def _linked_jobs(action: Action, location: str, api: GoogleApi) -> tuple[Job, ...]:
    """Return an action's jobs with their pages, where these are known.

    The API names neither project nor location of a job. BigQuery runs it in the action's own
    project and in the location that the project was compiled with. Notebooks run in Colab
    Enterprise, whose page lists the executions of a project.
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
