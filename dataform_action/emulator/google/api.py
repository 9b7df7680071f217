"""Google Cloud Dataform's REST API: find the method of a request, and call it."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from urllib.parse import unquote

from dataform_action.emulator.definitions import Invocation, Rules
from dataform_action.emulator.google.errors import (
    ApiError,
    api_error_response,
    check_token,
    http_error_response,
)
from dataform_action.emulator.google.invocation_spec import Executed
from dataform_action.emulator.google.methods import METHODS, Call, Method
from dataform_action.emulator.google.parameters import (
    Pager,
    RepositoryName,
    parse_query,
    refuse_fields,
    select_fields,
)
from dataform_action.emulator.google.repository import RepositoryStore
from dataform_action.emulator.google.request_bodies import parse_body
from dataform_action.emulator.http.endpoint import Endpoint, Operation
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import Response, json_response
from dataform_action.emulator.status_page import Card, Tone

AcceptToken = Callable[[str | None], bool]
"""Returns whether a bearer token is valid now; None means that the request has no token."""

_RULES = Rules()
_ROOTS = (("v1", "projects"), ("v1beta1", "projects"))
_TONES: Mapping[str, Tone] = MappingProxyType(
    {
        "RUNNING": "running",
        "CANCELING": "running",
        "SUCCEEDED": "success",
        "FAILED": "failure",
        "CANCELLED": "neutral",
    }
)


@dataclass(slots=True)
class GoogleDataform:
    """Serves ``/v1/projects/…`` and ``/v1beta1/projects/…`` for the known repositories."""

    repositories: Sequence[RepositoryStore]
    pager: Pager
    rules: Rules = _RULES
    accept_token: AcceptToken = frozenset[str | None]().__contains__
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        segments = request.segments
        if segments[:2] not in _ROOTS:
            return None
        match segments[2:]:
            case project, "locations", location, "repositories", repository, *inner:
                name = RepositoryName(project, location, repository)
                return self._route_inside(name, inner, request)
            case project, "locations", location, "operations", identifier:
                home = f"projects/{project}/locations/{location}/operations/{identifier}"
                handle = partial(self._get_operation, home, request)
                return self._endpoint("other", json.dumps({"name": home}), handle, request)
        return self._endpoint("other", "", partial(_no_method, request), request)

    def snapshot(self) -> list[Invocation]:
        """List the invocations of all repositories."""
        with self._lock:
            return [
                execution.snapshot()
                for repository in self.repositories
                for execution in repository.invocations.executions
            ]

    def executed(self) -> list[Executed]:
        """List what the invocations of all repositories have executed so far."""
        with self._lock:
            return [
                executed
                for repository in self.repositories
                for execution in repository.invocations.executions
                for executed in execution.executed()
            ]

    def cards(self) -> list[Card]:
        """Describe the invocations for the status page."""
        return [_card(invocation) for invocation in self.snapshot()]

    def close(self) -> None:
        """Stop what the repositories are running."""
        for repository in self.repositories:
            repository.close()

    def _route_inside(
        self, name: RepositoryName, inner: Sequence[str], request: Request
    ) -> Endpoint:
        identifier = verb = ""
        collection = "/".join(inner)
        if len(inner) == 1 and self.rules.has_operations:
            collection, _, verb = collection.partition(":")
        elif len(inner) == 2:
            identifier, _, verb = inner[1].partition(":")
            collection = f"{inner[0]}/*"
        method = METHODS.get((request.method, collection, verb))
        if method is None:
            return self._endpoint("other", "", partial(_no_method, request), request)
        handle = partial(self._call, method, name, identifier, request)
        return self._endpoint(method.operation, _sample(name, inner), handle, request)

    def _endpoint(
        self,
        operation: Operation,
        sample: str,
        handle: Callable[[], Mapping[str, object]],
        request: Request,
    ) -> Endpoint:
        def respond() -> Response:
            try:
                check_token(self.accept_token, request, "dataform.googleapis.com")
                return json_response(handle())
            except ApiError as error:
                return api_error_response(error)

        return Endpoint(operation, respond, http_error_response, sample.encode())

    def _get_operation(self, name: str, request: Request) -> Mapping[str, object]:
        if request.method != "GET" or not self.rules.has_operations:
            return _no_method(request)
        parse_query(request.query, ())
        for repository in self.repositories:
            operation = repository.operations.get(name.rpartition("/")[2])
            if operation is not None and operation.name == name:
                with self._lock:
                    response = operation.render()
                    operation.polls_left -= 1
                return self._selected(request, response)
        raise ApiError("NOT_FOUND", f"{name} does not exist")

    def _selected(self, request: Request, response: Mapping[str, object]) -> Mapping[str, object]:
        honours = self.rules.fields == "honoured"
        return select_fields(request.query, response) if honours else response

    def _call(
        self, method: Method, name: RepositoryName, identifier: str, request: Request
    ) -> Mapping[str, object]:
        query = parse_query(request.query, method.parameters)
        if self.rules.fields == "refused":
            refuse_fields(request.query)
        body = (
            {}
            if request.method == "GET"
            else parse_body(method.body, request.body, method.body_path)
        )
        for repository in self.repositories:
            if repository.name == name:
                path = unquote(request.path)
                call = Call(repository, identifier, path, query, body, self.pager)
                with nullcontext() if method.slow else self._lock:
                    return self._selected(request, method.handle(call))
        raise ApiError("NOT_FOUND", "parent resource not found")


def _no_method(request: Request) -> Mapping[str, object]:
    message = f"Method not found: the emulator does not serve {request.method} {request.path}"
    raise ApiError("NOT_FOUND", message)


def _sample(name: RepositoryName, inner: Sequence[str]) -> str:
    """Return a plausible body, for faults that break a response without processing the request."""
    state = {"state": "RUNNING"} if inner[:1] == ["workflowInvocations"] else {}
    return json.dumps({"name": "/".join([str(name), *inner[:1], "sample"])} | state)


def _card(invocation: Invocation) -> Card:
    states = list(invocation.actions.values())
    counts = [
        f"{states.count(state)} {state or 'without a state'}" for state in dict.fromkeys(states)
    ]
    details = {
        "Repository": invocation.name.partition("/workflowInvocations/")[0],
        "Workflow": (invocation.workflow_config or "none").rpartition("/")[2],
        "Compilation": invocation.compilation_result.rpartition("/")[2],
        "Actions": ", ".join(counts) or "none",
        "Polls": str(invocation.polls),
    }
    return Card(
        anchor=f"/{invocation.name}",
        title=f"Workflow invocation {invocation.name.rpartition('/')[2]}",
        status=invocation.state or "no state",
        tone=_TONES.get(invocation.state, "unknown"),
        started=invocation.started,
        details=details,
    )
