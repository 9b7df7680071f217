"""The legacy Dataform Web REST API: RunCreate and RunGet."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from dataform_action.emulator.dataform_web_runs import NOT_FOUND, Run, RunStore
from dataform_action.emulator.http.endpoint import Endpoint, Operation, error_endpoint
from dataform_action.emulator.http.request import Request, parse_object
from dataform_action.emulator.http.response import (
    HttpError,
    Response,
    error_response,
    json_response,
)
from dataform_action.emulator.status_page import Card, Tone

T = TypeVar("T")

_TONES: Mapping[str, Tone] = MappingProxyType(
    {
        "RUNNING": "running",
        "QUEUED": "running",
        "SUCCESSFUL": "success",
        "FAILED": "failure",
        "TIMED_OUT": "failure",
        "CANCELLED": "neutral",
        NOT_FOUND: "neutral",
    }
)


@dataclass(frozen=True, slots=True)
class DataformWeb:
    """Serves ``/v1/project/{project}/run`` for the known projects and environments."""

    token: str
    projects: Collection[str]
    environments: Collection[str]
    runs: RunStore

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        match request.method, request.segments:
            case "POST", ("v1", "project", project, "run"):
                return self._endpoint("create", request, partial(self._create, project, request))
            case "GET", ("v1", "project", project, "run", run_id):
                return self._endpoint("get", request, partial(self._get, project, run_id, request))
            case method, ("v1", "project", _, "run"):
                return _wrong_method(method, "POST")
            case method, ("v1", "project", _, "run", _):
                return _wrong_method(method, "GET")
        return None

    def cards(self) -> list[Card]:
        """Describe the runs for the status page."""
        return [_card(run) for run in self.runs.snapshot()]

    def _endpoint(
        self, operation: Operation, request: Request, handle: Callable[[], Response]
    ) -> Endpoint:
        def respond() -> Response:
            try:
                self._check_token(request)
                return handle()
            except HttpError as error:
                return error_response(error)

        return Endpoint(operation, respond)

    def _check_token(self, request: Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise HttpError(
                401,
                "The request has no valid API token: send Authorization: Bearer <token>",
                {"WWW-Authenticate": "Bearer"},
            )

    def _check_project(self, project: str) -> None:
        if project not in self.projects:
            raise HttpError(404, f'Unknown project "{project}"')

    def _create(self, project: str, request: Request) -> Response:
        self._check_project(project)
        body = _parse_create_body(request.body)
        if body.environment is not None and body.environment not in self.environments:
            raise HttpError(404, f'Unknown environment "{body.environment}" in project {project}')
        try:
            run = self.runs.create(project, body.schedule, body.environment, body.tags)
        except KeyError as error:
            message = f'Unknown schedule "{body.schedule}" in project {project}'
            raise HttpError(404, message) from error
        return json_response({"id": run.id})

    def _get(self, project: str, run_id: str, request: Request) -> Response:
        self._check_project(project)
        try:
            run = self.runs.poll(project, run_id)
        except KeyError as error:
            raise HttpError(404, f'Unknown run "{run_id}" in project {project}') from error
        url = f"{request.origin}/#{_anchor(run)}"
        return json_response({"id": run.id, "status": run.status, "runLogUrl": url})


def _wrong_method(method: str, allowed: str) -> Endpoint:
    message = f"This path does not support {method}, only {allowed}"
    return error_endpoint("other", HttpError(405, message, {"Allow": allowed}))


def _anchor(run: Run) -> str:
    return f"/{run.project_id}/run/{run.id}"


def _card(run: Run) -> Card:
    details = {
        "Schedule": run.schedule or "none",
        "Environment": run.environment or "none",
        "Tags": ", ".join(run.tags) or "all",
        "Polls": str(run.polls),
    }
    return Card(
        anchor=_anchor(run),
        title=f"Run {run.id} of project {run.project_id}",
        status=run.status,
        tone=_TONES.get(run.status, "unknown"),
        started=run.started,
        details=details,
    )


@dataclass(frozen=True, slots=True)
class _CreateBody:
    """The body of a RunCreate."""

    schedule: str | None
    environment: str | None
    tags: tuple[str, ...]


def _parse_create_body(body: bytes) -> _CreateBody:
    data = parse_object(body)
    _check_names(data, {"scheduleName", "environmentName", "runConfig"}, "")
    config = _get_field(data, "runConfig", dict, "an object") or {}
    _check_names(config, {"tags"}, " in runConfig")
    tags = _get_field(config, "tags", list, "a list of strings") or []
    if not all(isinstance(tag, str) for tag in tags):
        raise HttpError(400, "tags must be a list of strings")
    return _CreateBody(
        schedule=_get_field(data, "scheduleName", str, "a string"),
        environment=_get_field(data, "environmentName", str, "a string"),
        tags=tuple(tags),
    )


def _check_names(data: Mapping[str, object], known: set[str], where: str) -> None:
    unknown = ", ".join(sorted(set(data) - known))
    if unknown:
        names = ", ".join(sorted(known))
        raise HttpError(400, f"Unknown fields{where}: {unknown}. Known fields: {names}")


def _get_field(data: Mapping[str, object], name: str, kind: type[T], wanted: str) -> T | None:
    """Return a field of the body; None if it is absent."""
    if name not in data:
        return None
    value = data[name]
    if not isinstance(value, kind):
        raise HttpError(400, f"{name} must be {wanted}")
    return value
