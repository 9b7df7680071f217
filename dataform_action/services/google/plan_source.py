"""Google Cloud Dataform: compile the two commits of a plan, and read all of their actions."""

from __future__ import annotations

from urllib.parse import urlsplit

from dataform_action.clock import Retry, once
from dataform_action.errors import InputError, InvalidResponse, Refused
from dataform_action.graph import CompiledGraph, GraphAction
from dataform_action.model import Compilation, CompileFailed, RunRequest
from dataform_action.plan import PlanRequest, Remote
from dataform_action.services.google import fields
from dataform_action.services.google.client import COMPILED_SIZE, GoogleApi
from dataform_action.services.google.compilation import compile_request
from dataform_action.services.google.enrich import find_files_url, github_repository
from dataform_action.services.google.graph_parser import parse_graph_actions
from dataform_action.services.google.hints import is_unknown_commit
from dataform_action.services.google.parse import parse_git_url
from dataform_action.services.google.service import GoogleDataform
from dataform_action.services.specs import google_request_problems
from dataform_action.transport.json_values import text_in
from dataform_action.validation import is_commit

#: If the Git remote does not know a commit: for how long it is requested again, and the pause
#: between two requests, in seconds. A commit that was pushed a moment ago may not be there yet.
_COMMIT_SECONDS = 60.0
_COMMIT_PAUSE = 5.0
_LONGEST_URL = 500


class GooglePlanSource:
    """Compiles commits of the repository of a service. It implements ``plans.ports.Source``.

    It may be called from several threads, which then share connections and the access token.
    """

    def __init__(self, service: GoogleDataform) -> None:
        self._api = service.api
        self._github_url = service.github_url
        self.project_id = self._api.project_id
        self.location = self._api.location
        self.repository = self._api.repository
        #: Equal actions of the commits are one object: most of them do not differ, and a project
        #: may have 20 MB of SQL.
        self._actions: dict[GraphAction, GraphAction] = {}

    def remote(self, request: PlanRequest, retry: Retry = once) -> Remote:
        """Return the Git remote.

        Raises:
            Unusable, Refused: see ``Service``.
        """
        api = self._api.with_retry(retry)
        url = _public_url(parse_git_url(api.get(api.parent, fields.REPOSITORY)))
        branch = ""
        if request.environment is not None:
            name = api.full_name("releaseConfigs", request.environment)
            config = api.with_context("read", "environment").get_config(name, fields.RELEASE_CONFIG)
            branch = text_in(config, "gitCommitish")
        return Remote(url, github_repository(url, self._github_url), branch)

    def compile(self, commit: str, request: PlanRequest, retry: Retry = once) -> CompiledGraph:
        """Compile a commit, and read all of its actions. See ``plans.ports.Source``."""
        ref_input = "head" if commit == request.head else "base"
        run_request = _run_request(commit, request)
        problems = google_request_problems(run_request)
        if problems:
            names = {"git-ref": ref_input}
            raise InputError([(names.get(name, name), text) for name, text in problems])
        api = self._api.with_retry(retry)
        try:
            compilation, folder, location = self._compile(api, run_request, ref_input)
        except CompileFailed as error:
            _check_commit(commit, error.commit)
            raise
        _check_commit(commit, compilation.commit)
        return CompiledGraph(
            commit=compilation.commit,
            location=location,
            core_version=compilation.core_version,
            files_url=find_files_url(api, compilation.commit, self._github_url),
            actions=self._read_actions(api, compilation.name, folder),
        )

    def _compile(
        self, api: GoogleApi, request: RunRequest, ref_input: str
    ) -> tuple[Compilation, str, str]:
        """Compile a request; wait for a commit that the remote does not know yet.

        The events of a workflow name whole commits. Any other name comes from a person, and a
        mistake should not take a minute.
        """
        until = api.clock.now() + _COMMIT_SECONDS
        while True:
            try:
                return compile_request(api, request, self._github_url, ref_input)
            except Refused as error:
                may_appear = is_unknown_commit(error) and is_commit(request.git_ref or "")
                if not may_appear or api.clock.now() >= until:
                    raise
            api.clock.sleep(_COMMIT_PAUSE)

    def _read_actions(
        self, api: GoogleApi, compilation_result: str, folder: str
    ) -> tuple[GraphAction, ...]:
        pages = api.pages(f"{compilation_result}:query", fields.GRAPH_ACTIONS, size=COMPILED_SIZE)
        found = (action for page in pages for action in parse_graph_actions(page, folder))
        return tuple(self._actions.setdefault(action, action) for action in found)


def _check_commit(requested: str, compiled: str) -> None:
    """Raise an error if another commit was compiled than the requested one."""
    if is_commit(requested) and compiled and not requested.startswith(compiled):
        raise InvalidResponse(
            f"Dataform compiled commit {compiled} instead of {requested}.",
            hint="A branch or a tag may have the name of the commit. If so, delete it.",
        )


def _run_request(commit: str, request: PlanRequest) -> RunRequest:
    """Return the request of a run that compiles the same."""
    return RunRequest(
        git_ref=commit,
        environment=request.environment,
        project_path=request.project_path,
        vars=request.vars,
        schema_suffix=request.schema_suffix,
        table_prefix=request.table_prefix,
        compile_overrides=request.compile_overrides,
    )


def _public_url(url: str) -> str:
    """Return the address of a Git remote without credentials; empty if it cannot be shown."""
    if len(url) > _LONGEST_URL or not url.isprintable() or "://" not in url:
        # The short form of SSH has a user name at most.
        return url if len(url) <= _LONGEST_URL and url.isprintable() else ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme == "ssh":
        user, at, host = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query="").geturl()
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
