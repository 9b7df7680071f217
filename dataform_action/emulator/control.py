"""Control over HTTP, for tests in other processes and languages: ``/_emulator/…``, no token."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import partial
from urllib.parse import quote

from dataform_action.emulator.http.faults import FaultQueue, parse_fault
from dataform_action.emulator.http.messages import (
    Endpoint,
    Refusal,
    Reply,
    Request,
    gateway_error,
    json_reply,
    parse_object,
    refusing,
)
from dataform_action.emulator.http.recorder import Recorder
from dataform_action.emulator.runs import RunStore


def redact(text: str, tokens: Collection[str]) -> str:
    """Replace tokens in a text, also where they are percent-encoded."""
    for token in sorted(tokens, key=len, reverse=True):
        for form in (token, quote(token), quote(token, safe="")):
            text = text.replace(form, "***")
    return text


@dataclass(frozen=True, slots=True)
class Control:
    """Serves faults, requests, runs and outcomes."""

    tokens: Collection[str]
    faults: FaultQueue
    recorder: Recorder
    runs: RunStore

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        if request.segments[:1] != ("_emulator",):
            return None
        handlers: dict[tuple[str, str], Callable[[], Reply]] = {
            ("POST", "faults"): partial(self._add_fault, request),
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "requests"): self._list_requests,
            ("GET", "runs"): self._list_runs,
            ("POST", "outcomes"): partial(self._set_outcome, request),
        }
        handle = handlers.get((request.method, "/".join(request.segments[1:])))
        if handle is None:
            message = f"The emulator has no control {request.method} {request.path}"
            return refusing(None, Refusal(404, message))
        return _endpoint(handle)

    def _add_fault(self, request: Request) -> Reply:
        try:
            fault = parse_fault(parse_object(request.body))
        except ValueError as error:
            raise Refusal(400, str(error)) from error
        self.faults.add(fault)
        return json_reply({})

    def _clear_faults(self) -> Reply:
        self.faults.clear()
        return json_reply({})

    def _list_requests(self) -> Reply:
        requests = [self._describe(request) for request in self.recorder.requests]
        return json_reply({"requests": requests, "connections": self.recorder.connections})

    def _list_runs(self) -> Reply:
        return json_reply({"runs": [asdict(run) for run in self.runs.snapshot()]})

    def _set_outcome(self, request: Request) -> Reply:
        data = parse_object(request.body)
        schedule, statuses = data.get("schedule"), data.get("statuses")
        if (
            set(data) != {"schedule", "statuses"}
            or not isinstance(schedule, str)
            or not isinstance(statuses, list)
            or not all(isinstance(status, str) for status in statuses)
        ):
            wanted = '{"schedule": "<name>", "statuses": ["<status>", ...]}'
            raise Refusal(400, f"An outcome looks like {wanted}")
        self.runs.set_outcome(schedule, statuses)
        return json_reply({})

    def _describe(self, request: Request) -> dict[str, object]:
        headers = {name: redact(value, self.tokens) for name, value in request.headers.items()}
        for name in headers:
            if name.lower() == "authorization":
                headers[name] = "***"  # Also what is no valid token may be a secret.
        return {
            "method": request.method,
            "path": redact(request.path, self.tokens),
            "query": redact(request.query, self.tokens),
            "headers": headers,
            "body": redact(request.body.decode("utf-8", "replace"), self.tokens),
            "connection": request.connection,
            "time": request.time,
        }


def _endpoint(handle: Callable[[], Reply]) -> Endpoint:
    def answer() -> Reply:
        try:
            return handle()
        except Refusal as refusal:
            return gateway_error(refusal)

    return Endpoint(None, answer)
