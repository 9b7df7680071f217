"""Google Cloud Dataform: build the v1 API's requests.

The API is described at https://cloud.google.com/dataform/reference/rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from dataform_action.errors import InputError, InvalidResponse, Refused, RunMayExist, Unusable
from dataform_action.events import Fact
from dataform_action.model import Action, Compilation, Prepared, Run, RunRequest, State
from dataform_action.services.base import Retry, Service, once
from dataform_action.services.google import compilation
from dataform_action.services.google.client import NO_SEGMENT, GoogleApi
from dataform_action.services.google.enrich import read_details, show_compilation
from dataform_action.services.google.parse import (
    parse_actions,
    parse_compilation_name,
    parse_invocation_name,
    parse_names,
    parse_state,
)
from dataform_action.services.google.source_links import GITHUB_URL
from dataform_action.services.specs import GOOGLE_CLOUD, google_request_problems
from dataform_action.transport.client import READ_SECONDS, Transport
from dataform_action.validation import is_project_id, is_segment, is_token

_CONSOLE_URL = "https://console.cloud.google.com/bigquery/dataform"

#: A cancel and the look after it must fit the 7 s that the runner leaves.
_CANCEL_SECONDS = 2.0
_LOOK_SECONDS = 1.0
#: A lost run is new: it is looked for among the newest only.
_NEWEST_PAGES = 5
_RUN_NAME = r"projects/([^/]+)/locations/([^/]+)/repositories/([^/]+)/workflowInvocations/([^/]+)"


class GoogleDataform(Service):
    """Runs of one Dataform repository on Google Cloud.

    ``token`` is an OAuth access token, or a function that returns one. ``api_url`` is the
    address of the API without its version, such as that of a regional endpoint, and
    ``github_url`` that of the GitHub server that may hold the repository's files beside
    github.com. ``on_exchange`` is told of each request and its answer, in a line without
    secrets.

    Raises:
        InputError: a name cannot be part of an API path, ``token`` is none, or it would go to
            ``api_url`` in the clear.
    """

    name = GOOGLE_CLOUD.name
    has_actions = True
    can_find_runs = True
    can_cancel = True
    can_promote = True

    def __init__(
        self,
        *,
        project_id: str,
        location: str,
        repository: str,
        token: str | Callable[[], str],
        api_url: str = GOOGLE_CLOUD.api_url,
        read_seconds: float = READ_SECONDS,
        github_url: str = GITHUB_URL,
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        problems = [
            (name, NO_SEGMENT)
            for name, value in (("location", location), ("repository", repository))
            if not is_segment(value)
        ]
        if not is_project_id(project_id):
            problems.append(("project_id", "is no id of a Google Cloud project"))
        if not callable(token) and not is_token(token):
            problems.append(("token", "holds a blank or a character that no token has"))
        if problems:
            raise InputError(problems)
        self._api = GoogleApi(
            project_id=project_id,
            location=location,
            repository=repository,
            transport=Transport(
                api_url.rstrip("/"),
                token if callable(token) else lambda: token,
                on_exchange=on_exchange,
            ),
            read_seconds=read_seconds,
            given_token=not callable(token),
        )
        self._github_url = github_url
        self.place = (Fact("Project", project_id), Fact("Repository", repository, location))

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:
        """Compile if the request asks for it. See ``Service.prepare`` for what it raises."""
        problems = [*_name_problems(request), *google_request_problems(request)]
        if problems:
            raise InputError(problems)
        api = self._api.with_retry(retry)
        if request.environment is None and request.git_ref is None:
            # Nothing is sent before the run is created, where a slow token would be in the way.
            retry(api.transport.authorize)
            config = api.full_name("workflowConfigs", request.schedule or "")
            return Prepared(request=request, body={"workflowConfig": config})
        invocation = compilation.read_invocation_config(api, request)
        compiled, prefix = compilation.compile_request(api, request, self._github_url)
        invocation |= compilation.select(api, request, compiled, prefix)
        if request.compile_only:
            compiled = show_compilation(self._api, compiled, prefix, self._github_url)
        body: dict[str, object] = {"compilationResult": compiled.name}
        if invocation:
            body["invocationConfig"] = invocation
        return Prepared(request=request, body=body, compilation=compiled)

    def start(self, prepared: Prepared) -> Run:
        """Create a workflow invocation. See ``Service.start`` for what it raises."""
        try:
            answer = self._api.send(
                "POST",
                f"{self._api.parent}/workflowInvocations",
                dict(prepared.body),
                read_seconds=2 * self._api.read_seconds,
                creates=True,
            )
            return self.describe(parse_invocation_name(answer, self._api.parent))
        except Unusable as error:
            if error.unprocessed:
                raise
            raise self._may_exist(prepared, error) from error

    def find(self, compilation_result: str, retry: Retry = once) -> Run | None:
        """Return the newest invocation of a compilation result."""
        api = self._api.with_retry(retry)
        for page in api.pages(
            f"{api.parent}/workflowInvocations", _NEWEST_PAGES, orderBy="name desc"
        ):
            for name, compiled in parse_names(page, "workflowInvocations", "compilationResult"):
                # Projects may be named by number in responses.
                if str(compiled).endswith(compilation_result.split("/", 2)[2]):
                    return self.describe(parse_invocation_name({"name": name}, api.parent))
        return None

    def describe(self, run_id: str) -> Run:
        """Return an invocation that was not asked for yet, by its id or its full name."""
        match = re.fullmatch(_RUN_NAME, run_id)
        if match is not None and match.groups()[1:3] == (self._api.location, self._api.repository):
            # Only a number may be another name of the same project.
            known = match[1] == self._api.project_id or match[1].isdigit()
            run_id = match[4] if known or self._api.project_id.isdigit() else run_id
        if not is_segment(run_id):
            raise InputError([("run-id", "is neither an id nor a name in this repository")])
        url = self._console_page(f"workflows/{run_id}")
        return Run(id=run_id, state=State.RUNNING, status="", log_url=url)

    def get(self, run: Run) -> Run:
        """Ask for an invocation's state. See ``Service.get`` for what it raises."""
        return self._get(run, self._api.read_seconds)

    def cancel(self, run: Run) -> Run:
        """Cancel an invocation. See ``Service.cancel`` for what it raises."""
        try:
            self._api.send("POST", f"{self._path(run)}:cancel", {}, read_seconds=_CANCEL_SECONDS)
        except Refused:
            # Perhaps it is over already, which is as good.
            latest = self._get(run, _LOOK_SECONDS)
            if not latest.state.ended:
                raise
            return latest
        return run

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:
        """Return every action of an invocation, without its file."""
        pages = self._api.with_retry(retry).pages(f"{self._path(run)}:query")

        return tuple(action for page in pages for action in parse_actions(page))

    def details(
        self, run: Run, actions: tuple[Action, ...], retry: Retry = once
    ) -> tuple[tuple[Action, ...], Compilation | None]:
        """Return the actions as they were compiled, and the compilation with its files."""
        if not run.compilation_result:
            return actions, None

        return read_details(
            self._api.with_retry(retry), run.compilation_result, actions, self._github_url
        )

    def promote(self, prepared: Prepared) -> None:
        """Make the compilation result the release configuration's own."""
        if prepared.compilation is None or prepared.request.environment is None:
            return
        name = self._api.full_name("releaseConfigs", prepared.request.environment)
        # Without the mask, the API would clear every other field.
        self._api.send(
            "PATCH",
            f"{name}?updateMask=releaseCompilationResult",
            {"releaseCompilationResult": prepared.compilation.name},
        )

    def _get(self, run: Run, read_seconds: float) -> Run:
        answer = self._api.send("GET", self._path(run), read_seconds=read_seconds)
        if parse_invocation_name(answer, self._api.parent) != run.id:
            raise InvalidResponse(f"The answer is about another run than {run.id}")
        state, word = parse_state(answer)
        compilation = {"name": answer.get("resolvedCompilationResult", "")}
        try:
            result = parse_compilation_name(compilation, self._api.parent)
        except InvalidResponse:
            result = run.compilation_result
        return replace(run, state=state, status=word, compilation_result=result)

    def _may_exist(self, prepared: Prepared, error: Unusable) -> RunMayExist:
        url = self._console_page("details/workflows")
        why = (
            "."
            if prepared.compilation is not None
            else ", and a run of a workflow configuration cannot be told from one that its own "
            "schedule started, so it is not created again."
        )
        return RunMayExist(
            "The answer to the request that creates the run is lost or makes no sense, so the "
            f"run may exist{why} {error.message}",
            hint=f"Look for it at {url} before you run this again.",
            url=url,
        )

    def _console_page(self, page: str) -> str:
        place = f"locations/{self._api.location}/repositories/{self._api.repository}"
        query = urlencode({"project": self._api.project_id})
        return f"{_CONSOLE_URL}/{place}/{page}?{query}"

    def _path(self, run: Run) -> str:
        return f"{self._api.parent}/workflowInvocations/{run.id}"


def _name_problems(request: RunRequest) -> list[tuple[str, str]]:
    names = (("schedule", request.schedule), ("environment", request.environment))
    return [(name, NO_SEGMENT) for name, value in names if value and not is_segment(value)]
