"""The emulator's own API at ``/_emulator``, for tests in other processes and languages."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import partial
from urllib.parse import quote

from dataform_action.emulator.dataform_web_runs import RunStore
from dataform_action.emulator.github.api import GitHubApi
from dataform_action.emulator.github.definitions import define_pull_request, render_comments
from dataform_action.emulator.http.endpoint import Endpoint, error_endpoint
from dataform_action.emulator.http.faults import FaultQueue, parse_fault
from dataform_action.emulator.http.recorder import Recorder
from dataform_action.emulator.http.request import Request, parse_object
from dataform_action.emulator.http.response import (
    HttpError,
    Response,
    error_response,
    json_response,
)


def redact(text: str, tokens: Collection[str]) -> str:
    """Hide tokens in a text, including percent-encoded ones."""
    for token in sorted(tokens, key=len, reverse=True):
        for form in (token, quote(token), quote(token, safe="")):
            text = text.replace(form, "***")
    return text


@dataclass(frozen=True, slots=True)
class ControlApi:
    """Serves faults, requests, runs, outcomes, pull requests and comments, without a token."""

    tokens: Collection[str]
    faults: FaultQueue
    recorder: Recorder
    runs: RunStore
    github: GitHubApi

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        if request.segments[:1] != ("_emulator",):
            return None
        handlers: dict[tuple[str, str], Callable[[], Response]] = {
            ("POST", "faults"): partial(self._add_fault, request),
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "requests"): self._list_requests,
            ("GET", "runs"): self._list_runs,
            ("POST", "outcomes"): partial(self._set_outcome, request),
            ("POST", "pull-requests"): partial(self._set_pull_request, request),
            ("GET", "comments"): self._list_comments,
        }
        handle = handlers.get((request.method, "/".join(request.segments[1:])))
        if handle is None:
            message = f"The emulator does not serve {request.method} {request.path}"
            return error_endpoint(None, HttpError(404, message))
        return _endpoint(handle)

    def _add_fault(self, request: Request) -> Response:
        try:
            fault = parse_fault(parse_object(request.body))
        except ValueError as error:
            raise HttpError(400, str(error)) from error
        self.faults.add(fault)
        return json_response({})

    def _clear_faults(self) -> Response:
        self.faults.clear()
        return json_response({})

    def _list_requests(self) -> Response:
        requests = [self._describe(request) for request in self.recorder.requests]
        return json_response({"requests": requests, "connections": self.recorder.connections})

    def _list_runs(self) -> Response:
        return json_response({"runs": [asdict(run) for run in self.runs.snapshot()]})

    def _set_outcome(self, request: Request) -> Response:
        data = parse_object(request.body)
        schedule, statuses = data.get("schedule"), data.get("statuses")
        if (
            set(data) != {"schedule", "statuses"}
            or not isinstance(schedule, str)
            or not isinstance(statuses, list)
            or not all(isinstance(status, str) for status in statuses)
        ):
            wanted = '{"schedule": "<name>", "statuses": ["<status>", ...]}'
            raise HttpError(400, f"An outcome must look like {wanted}")
        self.runs.set_outcome(schedule, statuses)
        return json_response({})

    def _set_pull_request(self, request: Request) -> Response:
        try:
            define_pull_request(self.github, parse_object(request.body))
        except ValueError as error:
            raise HttpError(400, str(error)) from error
        return json_response({})

    def _list_comments(self) -> Response:
        return json_response({"comments": render_comments(self.github)})

    def _describe(self, request: Request) -> dict[str, object]:
        headers = {name: redact(value, self.tokens) for name, value in request.headers.items()}
        for name in headers:
            if name.lower() == "authorization":
                headers[name] = "***"  # An invalid token may be a secret too.
        return {
            "method": request.method,
            "path": redact(request.path, self.tokens),
            "query": redact(request.query, self.tokens),
            "headers": headers,
            "body": redact(request.body.decode("utf-8", "replace"), self.tokens),
            "connection": request.connection,
            "time": request.time,
        }


def _endpoint(handle: Callable[[], Response]) -> Endpoint:
    def respond() -> Response:
        try:
            return handle()
        except HttpError as error:
            return error_response(error)

    return Endpoint(None, respond)
