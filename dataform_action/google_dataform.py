"""Google Cloud Dataform: build the v1 API's requests.

The API is described at https://cloud.google.com/dataform/reference/rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from dataform_action.answers import Json
from dataform_action.errors import (
    CredentialsRefused,
    InputError,
    InvalidResponse,
    Refused,
    RunMayExist,
    Unusable,
)
from dataform_action.google_answers import (
    parse_compilation_name,
    parse_default_location,
    parse_invocation_name,
    parse_names,
    parse_page_token,
    parse_project_path,
    parse_state,
)
from dataform_action.google_request import problems_of
from dataform_action.model import (
    Prepared,
    Run,
    RunRequest,
    State,
    is_project_id,
    is_segment,
    is_token,
)
from dataform_action.transport import READ_SECONDS, Transport

if TYPE_CHECKING:
    from dataform_action.actions import Action, Compilation, CompiledAction

API_URL = "https://dataform.googleapis.com"
_CONSOLE_URL = "https://console.cloud.google.com/bigquery/dataform"

#: A compilation answers when it is done: git is fetched, and then 30 s are allowed. So
#: much longer than for another answer it is waited for.
_COMPILE_FACTOR = 6
#: A cancel and the look after it must fit the 7 s that the runner leaves.
_CANCEL_SECONDS = 2.0
_LOOK_SECONDS = 1.0
_PAGE_SIZE = 1000
#: 5,000 actions are legal; a service that pages for ever is not.
_LONGEST_PAGES = 200
#: A lost run is new: it is looked for among the newest only.
_NEWEST_PAGES = 5
_NO_SEGMENT = "may hold only letters, digits, - and _"
_RUN_NAME = re.compile(
    r"projects/([^/]+)/locations/([^/]+)/repositories/([^/]+)/workflowInvocations/([^/]+)", re.ASCII
)


class GoogleDataform:
    """Runs of one Dataform repository on Google Cloud.

    ``token`` is an OAuth access token, or a function that returns one. ``api_url`` is the
    address of the API without its version, such as that of a regional endpoint.

    Raises:
        InputError: a name cannot be part of an API path, or ``token`` is none.
    """

    name = "Google Cloud Dataform"
    has_actions = True

    def __init__(
        self,
        *,
        project_id: str,
        location: str,
        repository: str,
        token: str | Callable[[], str],
        api_url: str = API_URL,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        problems = [
            (name, _NO_SEGMENT)
            for name, value in (("location", location), ("repository", repository))
            if not is_segment(value)
        ]
        if not is_project_id(project_id):
            problems.append(("project_id", "is no id of a Google Cloud project"))
        if not callable(token) and not is_token(token):
            problems.append(("token", "holds a blank or a character that no token has"))
        if problems:
            raise InputError(problems)
        self._project_id, self._location, self._repository = project_id, location, repository
        self._parent = f"projects/{project_id}/locations/{location}/repositories/{repository}"
        self._read_seconds = read_seconds
        self._given_token = not callable(token)
        #: What a preparation that is to be tried again has compiled already.
        self._compiled: tuple[RunRequest, Compilation, str] | None = None
        self._transport = Transport(
            api_url.rstrip("/"), token if callable(token) else lambda: token
        )

    def prepare(self, request: RunRequest) -> Prepared:
        """Compile if the request asks for it. See ``Service.prepare`` for what it raises."""
        problems = [*_name_problems(request), *problems_of(request)]
        if problems:
            raise InputError(problems)
        if request.environment is None and request.git_ref is None:
            # Nothing is sent before the run is created, where a slow token would be in the way.
            self._transport.authorize()
            config = self._full_name("workflowConfigs", request.schedule or "")
            return Prepared(request=request, body={"workflowConfig": config})
        invocation = self._invocation_config(request)
        if request.actions or request.tags:
            # Both would be run: what the schedule selects, and what is asked for.
            invocation.pop("includedTargets", None)
            invocation.pop("includedTags", None)
        if self._compiled is None or self._compiled[0] != request:
            self._compiled = (request, *self._compile(request))
        _, compilation, prefix = self._compiled
        invocation |= self._selection(request, compilation, prefix)
        self._compiled = None
        body: dict[str, object] = {"compilationResult": compilation.name}
        if invocation:
            body["invocationConfig"] = invocation
        return Prepared(request=request, body=body, compilation=compilation)

    def start(self, prepared: Prepared) -> Run:
        """Create a workflow invocation. See ``Service.start`` for what it raises."""
        try:
            answer = self._send(
                "POST",
                f"{self._parent}/workflowInvocations",
                dict(prepared.body),
                read_seconds=2 * self._read_seconds,
            )
            return self.describe(parse_invocation_name(answer, self._parent))
        except Unusable as error:
            if error.unprocessed:
                raise
            raise self._may_exist(prepared, error) from error

    def find(self, prepared: Prepared) -> Run | None:
        """Return the invocation of the compilation result that only this request made."""
        if prepared.compilation is None:
            return None
        path = f"{self._parent}/workflowInvocations"
        for page in self._pages(path, _NEWEST_PAGES, orderBy="name desc"):
            for name, compilation in parse_names(page, "workflowInvocations", "compilationResult"):
                # Projects may be named by number in answers.
                if str(compilation).endswith(prepared.compilation.name.split("/", 2)[2]):
                    return self.describe(parse_invocation_name({"name": name}, self._parent))
        return None

    def describe(self, run_id: str) -> Run:
        """Return an invocation that was not asked for yet, by its id or its full name."""
        match = _RUN_NAME.fullmatch(run_id)
        if match is not None and match.groups()[1:3] == (self._location, self._repository):
            # Only a number may be another name of the same project.
            known = match[1] == self._project_id or match[1].isdigit()
            run_id = match[4] if known or self._project_id.isdigit() else run_id
        if not is_segment(run_id):
            raise InputError([("run-id", "is neither an id nor a name in this repository")])
        page = f"locations/{self._location}/repositories/{self._repository}/workflows/{run_id}"
        query = urlencode({"project": self._project_id})
        url = f"{_CONSOLE_URL}/{page}?{query}"
        return Run(id=run_id, state=State.RUNNING, status="", log_url=url)

    def get(self, run: Run) -> Run:
        """Ask for an invocation's state. See ``Service.get`` for what it raises."""
        return self._get(run, self._read_seconds)

    def cancel(self, run: Run) -> Run:
        """Cancel an invocation. See ``Service.cancel`` for what it raises."""
        try:
            self._send("POST", f"{self._path(run)}:cancel", {}, read_seconds=_CANCEL_SECONDS)
        except Refused:
            # Perhaps it is over already, which is as good.
            latest = self._get(run, _LOOK_SECONDS)
            if not latest.state.ended:
                raise
            return latest
        return run

    def actions(self, run: Run) -> tuple[Action, ...]:
        """Return every action of an invocation, without its file."""
        pages = self._pages(f"{self._path(run)}:query", _LONGEST_PAGES)
        from dataform_action.google_actions import parse_actions

        return tuple(action for page in pages for action in parse_actions(page))

    def locate(self, run: Run, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """Return the actions with their files and dependencies, as they were compiled."""
        if not run.compilation_result:
            return actions
        answer = self._send("GET", run.compilation_result)
        config = answer.get("codeCompilationConfig")
        prefix, location = parse_project_path(config), parse_default_location(config)
        compiled = {
            action.name: action for action in self._compiled_actions(run.compilation_result, prefix)
        }
        from dataform_action.actions import CompiledAction

        none = CompiledAction(name="")
        return tuple(
            replace(
                action,
                file=compiled.get(action.name, none).file,
                dependencies=compiled.get(action.name, none).dependencies,
                job_url=self._job_url(action, location),
            )
            for action in actions
        )

    def promote(self, prepared: Prepared) -> None:
        """Make the compilation result the release configuration's own."""
        if prepared.compilation is None or prepared.request.environment is None:
            return
        name = self._full_name("releaseConfigs", prepared.request.environment)
        # Without the mask, the API would clear every other field.
        self._send(
            "PATCH",
            f"{name}?updateMask=releaseCompilationResult",
            {"releaseCompilationResult": prepared.compilation.name},
        )

    def _invocation_config(self, request: RunRequest) -> dict[str, object]:
        """Return the invocation configuration of the schedule, if there is one beside."""
        if request.schedule is None:
            return {}
        name = self._full_name("workflowConfigs", request.schedule)
        answer = self._send("GET", name)
        release = self._full_name("releaseConfigs", request.environment or "")
        if not str(answer.get("releaseConfig", "")).endswith(release.split("/", 2)[2]):
            problem = (
                f"{request.schedule} belongs to another release configuration than "
                f"{request.environment}: name that one, or leave environment out"
            )
            error = InputError([("schedule", problem)])
            error.hint = "Nothing was run."
            raise error
        config = answer.get("invocationConfig")
        return dict(config) if isinstance(config, dict) else {}

    def _compile(self, request: RunRequest) -> tuple[Compilation, str]:
        """Compile, and return the compilation and the project's folder in its repository."""
        answer = self._send(
            "POST",
            f"{self._parent}/compilationResults",
            self._compilation_body(request),
            read_seconds=_COMPILE_FACTOR * self._read_seconds,
        )
        # Only after the first request: a start does not wait for these imports.
        from dataform_action.actions import Compilation, CompileFailed
        from dataform_action.google_actions import parse_compile_errors

        name = parse_compilation_name(answer, self._parent)
        errors = parse_compile_errors(answer)
        if errors:
            count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
            first = " ".join(errors[0].message.split())
            raise CompileFailed(
                f"The compilation has {count}, so nothing was run. The first: {first}",
                errors=errors,
                compilation_result=name,
            )
        commit = answer.get("resolvedGitCommitSha")
        compilation = Compilation(name=name, commit=commit if isinstance(commit, str) else "")
        return compilation, parse_project_path(answer.get("codeCompilationConfig"))

    def _compilation_body(self, request: RunRequest) -> dict[str, object]:
        if request.git_ref is None:
            return {"releaseConfig": self._full_name("releaseConfigs", request.environment or "")}
        config: dict[str, Json] = {}
        if request.environment is not None:
            name = self._full_name("releaseConfigs", request.environment)
            base = self._send("GET", name).get("codeCompilationConfig")
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

    def _selection(
        self, request: RunRequest, compilation: Compilation, prefix: str
    ) -> dict[str, object]:
        selection: dict[str, object] = {}
        if request.actions:
            from dataform_action.selection import complete_names

            compiled = self._compiled_actions(compilation.name, prefix)
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

    def _compiled_actions(self, compilation_result: str, prefix: str) -> list[CompiledAction]:
        pages = self._pages(f"{compilation_result}:query", _LONGEST_PAGES)
        from dataform_action.google_actions import parse_compiled_actions

        return [action for page in pages for action in parse_compiled_actions(page, prefix)]

    def _job_url(self, action: Action, location: str) -> str:
        """Return the address of an action's BigQuery job, where that can be known.

        The API tells neither project nor location of a job. The action's own project and
        the location that the project was compiled with are where BigQuery runs it.
        """
        project = action.name.rsplit(".", 2)[0]
        if not (action.job_id and location and project == self._project_id):
            return ""
        query = urlencode({"project": project})
        job = f"!1m5!1m4!1m3!1s{project}!2s{action.job_id}!3s{location}"
        return f"https://console.cloud.google.com/bigquery?{query}&ws={job}"

    def _get(self, run: Run, read_seconds: float) -> Run:
        answer = self._send("GET", self._path(run), read_seconds=read_seconds)
        if parse_invocation_name(answer, self._parent) != run.id:
            raise InvalidResponse(f"The answer is about another run than {run.id}")
        state, word = parse_state(answer)
        compilation = {"name": answer.get("resolvedCompilationResult", "")}
        try:
            result = parse_compilation_name(compilation, self._parent)
        except InvalidResponse:
            result = run.compilation_result
        return replace(run, state=state, status=word, compilation_result=result)

    def _may_exist(self, prepared: Prepared, error: Unusable) -> RunMayExist:
        page = f"locations/{self._location}/repositories/{self._repository}/details/workflows"
        url = f"{_CONSOLE_URL}/{page}?{urlencode({'project': self._project_id})}"
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
            findable=prepared.compilation is not None,
        )

    def _pages(self, path: str, most: int, **parameters: str) -> Iterator[dict[str, Json]]:
        """Yield the pages of a list, all of them up to ``most``."""
        token = ""
        for _ in range(most):
            query = urlencode({"pageSize": _PAGE_SIZE, **parameters, "pageToken": token})
            page = self._send("GET", f"{path}?{query.removesuffix('&pageToken=')}")
            yield page
            token = parse_page_token(page)
            if not token:
                return

    def _send(
        self, method: str, path: str, body: Json = None, *, read_seconds: float | None = None
    ) -> dict[str, Json]:
        seconds = self._read_seconds if read_seconds is None else read_seconds
        try:
            return self._transport.send(method, f"/v1/{path}", body, read_seconds=seconds)
        except CredentialsRefused:
            raise
        except Refused as error:
            # Only for an error, so that a usual start does not pay for the import.
            from dataform_action.google_hints import hint_for

            error.hint = hint_for(error, given_token=self._given_token) or error.hint
            raise

    def _path(self, run: Run) -> str:
        return f"{self._parent}/workflowInvocations/{run.id}"

    def _full_name(self, collection: str, name: str) -> str:
        if not is_segment(name):
            kind = "schedule" if collection == "workflowConfigs" else "environment"
            raise InputError([(kind, _NO_SEGMENT)])
        return f"{self._parent}/{collection}/{quote(name, safe='')}"


def _name_problems(request: RunRequest) -> list[tuple[str, str]]:
    names = (("schedule", request.schedule), ("environment", request.environment))
    return [(name, _NO_SEGMENT) for name, value in names if value and not is_segment(value)]


def _target(name: str) -> dict[str, str]:
    """Return the target of a full name; a project may hold dots, the others none."""
    parts = name.rsplit(".", 2)
    return dict(zip(("database", "schema", "name")[-len(parts) :], parts, strict=True))
