"""Google Cloud Dataform: the service.

API reference: https://cloud.google.com/dataform/reference/rest
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from dataform_action.clock import Clock, MonotonicClock, Retry, once
from dataform_action.errors import (
    DataformError,
    InputError,
    InvalidResponse,
    Refused,
    RunMayExist,
    Unusable,
)
from dataform_action.history import History
from dataform_action.model import (
    Action,
    Compilation,
    IncompleteActions,
    Prepared,
    Result,
    Run,
    RunRequest,
    State,
)
from dataform_action.services.base import Service
from dataform_action.services.google import compilation, fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.configurations import (
    check_schedule_alone,
    promote,
    read_schedule,
)
from dataform_action.services.google.enrich import GITHUB_URL, read_details, show_compilation
from dataform_action.services.google.hints import Purpose
from dataform_action.services.google.history.runs import (
    read_past_actions,
    read_past_commit,
    read_past_runs,
)
from dataform_action.services.google.parse import (
    parse_actions,
    parse_compilation_name,
    parse_invocation_name,
    parse_state,
    parse_times,
)
from dataform_action.services.google.selection.request import select
from dataform_action.services.google.selection.rerun import ids_of_runs, prepare_rerun
from dataform_action.services.specs import (
    GOOGLE_CLOUD,
    SEGMENT_PROBLEM,
    TOKEN_PROBLEM,
    google_request_problems,
    runs_schedule_alone,
)
from dataform_action.transport.client import READ_SECONDS, Transport, quota_headers
from dataform_action.validation import is_project_id, is_segment, is_token

#: A cancel request and the read after it must fit in the 7 s that the runner allows.
_CANCEL_SECONDS = 2.0
_READ_AFTER_CANCEL_SECONDS = 1.0
_RUN_NAME = r"projects/([^/]+)/locations/([^/]+)/repositories/([^/]+)/workflowInvocations/([^/]+)"


class GoogleDataform(Service):
    """Runs of one Dataform repository on Google Cloud.

    ``token`` is an OAuth access token, or a function that returns one. If it has an attribute
    ``quota_project``, that project pays for the quota. ``api_url`` is the address of the API
    without its version, such as a regional endpoint. ``github_url`` is a GitHub server that may
    have the repository's files, besides github.com. ``on_exchange`` is called with a line on each
    request and its response, without secrets. ``clock`` provides the time for the wait for a
    compilation if the caller cannot wait.

    Raises:
        InputError: a name cannot be part of an API path, ``token`` is not valid, or ``api_url``
            would receive it unencrypted.
    """

    name = GOOGLE_CLOUD.name
    has_actions = GOOGLE_CLOUD.has_actions
    can_find_runs = True
    can_promote = True
    can_rerun = True

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
        clock: Clock | None = None,
    ) -> None:
        problems = [
            (name, SEGMENT_PROBLEM)
            for name, value in (("location", location), ("repository", repository))
            if not is_segment(value)
        ]
        if not is_project_id(project_id):
            problems.append(("project_id", "is not a Google Cloud project id"))
        if not callable(token) and not is_token(token):
            problems.append(("token", TOKEN_PROBLEM))
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
                more_headers=lambda: quota_headers(token),
            ),
            read_seconds=read_seconds,
            given_token=not callable(token),
            clock=clock or MonotonicClock(),
            seen=set(),
            refused_fields=set(),
        )
        self._github_url = github_url
        #: The ids of the runs that were created or found here, which are not inputs.
        self._created: set[str] = set()

    @property
    def api(self) -> GoogleApi:
        """Return the API of the repository."""
        return self._api

    @property
    def github_url(self) -> str:
        """Return the address of the GitHub server."""
        return self._github_url

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:
        """Compile, unless a schedule runs alone. See ``Service.prepare`` for what it raises."""
        problems = [*_name_problems(request), *google_request_problems(request)]
        if problems:
            raise InputError(problems)
        api = self._api.with_retry(retry)
        if runs_schedule_alone(request):
            # No other request precedes the create request, so get the token now.
            retry(api.transport.authorize)
            check_schedule_alone(api, request)
            config = api.full_name("workflowConfigs", request.schedule or "")
            return Prepared(request=request, body={"workflowConfig": config})
        schedule = read_schedule(api, request)
        compiled, prefix, _ = compilation.compile_request(api, request, self._github_url)
        selected = select(api, request, schedule, compiled)
        notes = (*compilation.notes_on_ref(request), *selected.notes)
        if request.compile_only:
            compiled, more = show_compilation(
                self._api, compiled, prefix, self._github_url, selected.names
            )
            notes += more
        body: dict[str, object] = {"compilationResult": compiled.name}
        if selected.config:
            body["invocationConfig"] = selected.config
        return Prepared(request=request, body=body, compilation=compiled, notes=notes)

    def prepare_rerun(
        self,
        request: RunRequest,
        result: Result,
        earlier: Prepared | None,
        retry: Retry = once,
    ) -> Prepared:
        """Prepare a run of what did not succeed. See ``Service.prepare_rerun``."""
        problems = [] if request.resume is None else google_request_problems(request)
        if problems:
            raise InputError(problems)
        return prepare_rerun(self._api.with_retry(retry), request, result, earlier)

    def start(self, prepared: Prepared) -> Run:
        """Create a workflow invocation. See ``Service.start`` for what it raises."""
        try:
            response = self._api.with_context("start", *_inputs_of(prepared.request)).send(
                "POST",
                f"{self._api.parent}/workflowInvocations",
                dict(prepared.body),
                read_seconds=2 * self._api.read_seconds,
                creates=True,
            )
            run_id = parse_invocation_name(response, self._api.parent)
            if prepared.rerun is not None and run_id in prepared.rerun.known_runs:
                text = f"The response names run {run_id}, which existed before."
                raise InvalidResponse(text)
            self._created.add(run_id)
            return self.describe(run_id)
        except Unusable as error:
            if error.unprocessed:
                raise
            raise self._may_exist(prepared, error) from error

    def find(
        self,
        compilation_result: str,
        retry: Retry = once,
        known_runs: frozenset[str] = frozenset(),
    ) -> Run | None:
        """Return the newest invocation of a compilation result, besides ``known_runs``.

        If there are ``known_runs``, others may run the compilation as well. So there is none if
        several invocations are possible.
        """
        every = ids_of_runs(self._api.with_retry(retry), compilation_result)
        others = (run_id for run_id in every if run_id not in known_runs)
        found = set(others) if known_runs else set(islice(others, 1))
        if len(found) != 1:
            return None
        run_id = found.pop()
        self._created.add(run_id)
        return self.describe(run_id)

    def describe(self, run_id: str) -> Run:
        """Return an invocation by its id or its full name, without a request."""
        match = re.fullmatch(_RUN_NAME, run_id)
        if match is not None and match.groups()[1:3] == (self._api.location, self._api.repository):
            run_id = match[4] if _may_be_same(match[1], self._api.project_id) else run_id
        if not is_segment(run_id):
            raise InputError(
                [("run-id", "is neither a run id nor the full name of a run in this repository")]
            )
        url = self._api.console_url(f"workflows/{run_id}")
        return Run(id=run_id, state=State.RUNNING, status="", log_url=url)

    def get(self, run: Run) -> Run:
        """Request the state of an invocation. See ``Service.get`` for what it raises."""
        return self._get(run, self._api.read_seconds)

    def cancel(self, run: Run) -> Run:
        """Cancel an invocation. See ``Service.cancel`` for what it raises."""
        try:
            api = self._api_for(run, "cancel")
            api.send("POST", f"{self._path(run)}:cancel", {}, read_seconds=_CANCEL_SECONDS)
        except Refused:
            # The run may have ended.
            latest = self._get(run, _READ_AFTER_CANCEL_SECONDS)
            if not latest.state.ended:
                raise
            return latest
        return run

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:
        """Return every action of an invocation, without kinds, files and dependencies.

        See ``Service.actions`` for what it raises.
        """
        api = self._api_for(run, "read").with_retry(retry)
        pages = api.pages(f"{self._path(run)}:query", fields.INVOCATION_ACTIONS)
        actions: list[Action] = []
        try:
            for page in pages:
                actions += parse_actions(page)
        except DataformError as error:
            if not actions:
                raise
            raise IncompleteActions(tuple(actions), error) from error
        return tuple(actions)

    def details(
        self, run: Run, actions: tuple[Action, ...], retry: Retry = once
    ) -> tuple[tuple[Action, ...], Compilation | None]:
        """Return the actions with their kinds, files and dependencies, and the compilation."""
        if not run.compilation_result:
            return actions, None

        return read_details(
            self._api.with_retry(retry), run.compilation_result, actions, self._github_url
        )

    def past_runs(self, run: Run) -> History | None:
        """Return the earlier runs of the same schedule or source. See ``Service.past_runs``."""
        return read_past_runs(self._api, run, self.describe)

    def past_actions(self, run: Run) -> tuple[tuple[Action, ...], bool]:
        """Return actions of an earlier run, from the first pages. See ``Service.past_actions``."""
        return read_past_actions(self._api, self._path(run))

    def past_commit(self, run: Run) -> str:
        """Return the commit of an earlier run. See ``Service.past_commit``."""
        return read_past_commit(self._api, run.compilation_result)

    def promote(self, prepared: Prepared) -> None:
        """Set the compilation result in the release configuration."""
        if prepared.compilation is None or prepared.request.environment is None:
            return
        promote(self._api, prepared.compilation.name, prepared.request.environment)

    def _get(self, run: Run, read_seconds: float) -> Run:
        api = self._api_for(run, "read")
        response = api.get(self._path(run), fields.INVOCATION, read_seconds=read_seconds)
        if parse_invocation_name(response, self._api.parent) != run.id:
            raise InvalidResponse(f"The response is not for run {run.id}")
        state, word = parse_state(response)
        compilation = {"name": response.get("resolvedCompilationResult", "")}
        try:
            result = parse_compilation_name(compilation, self._api.parent)
        except InvalidResponse:
            result = run.compilation_result
        started, finished = parse_times(response)
        return replace(
            run,
            state=state,
            status=word,
            compilation_result=result,
            started=started,
            finished=finished,
        )

    def _api_for(self, run: Run, purpose: Purpose) -> GoogleApi:
        """Return the API for requests about a run, whose id may be an input."""
        inputs = () if run.id in self._created else ("run-id",)
        return self._api.with_context(purpose, *inputs)

    def _may_exist(self, prepared: Prepared, error: Unusable) -> RunMayExist:
        url = self._api.console_url("details/workflows")
        text = "The create request got no usable response, so the run may exist."
        if prepared.compilation is None:
            text += (
                " It cannot be identified, because the schedule also starts runs by itself, so it "
                "is not created again."
            )
        return RunMayExist(
            f"{text} {error.message}",
            hint=f"Look for the run at {url} before you run this again.",
            url=url,
        )

    def _path(self, run: Run) -> str:
        return f"{self._api.parent}/workflowInvocations/{run.id}"


def _may_be_same(project: str, other: str) -> bool:
    """Return whether two projects may be the same: one may be given by its id, one by number."""
    return project == other or project.isdecimal() != other.isdecimal()


def _inputs_of(request: RunRequest) -> tuple[str, ...]:
    """Return the inputs that the create request depends on."""
    if runs_schedule_alone(request):
        return ("schedule",)
    given = (
        ("actions", request.actions),
        ("tags", request.tags),
        ("service-account", request.service_account),
        ("query-priority", request.query_priority),
        ("max-concurrent-actions", request.max_concurrent_actions),
        ("unit-tests", request.unit_tests),
    )
    return tuple(name for name, value in given if value)


def _name_problems(request: RunRequest) -> list[tuple[str, str]]:
    names = (
        ("schedule", request.schedule),
        ("environment", request.environment),
        ("workspace", request.workspace),
    )
    return [(name, SEGMENT_PROBLEM) for name, value in names if value and not is_segment(value)]
