"""The steps of a request: find its endpoint, record it, apply a fault, send the response."""

from collections.abc import Callable, Sequence

from dataform_action.emulator.http.compression import compress
from dataform_action.emulator.http.connection import Connection
from dataform_action.emulator.http.endpoint import Api, Endpoint, error_endpoint
from dataform_action.emulator.http.fault_effects import apply_fault
from dataform_action.emulator.http.faults import FaultQueue
from dataform_action.emulator.http.recorder import Recorder
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import HttpError, Response


class Dispatcher:
    """Passes each request to the first API that knows its path."""

    def __init__(
        self,
        apis: Sequence[Api],
        faults: FaultQueue,
        recorder: Recorder,
        log: Callable[[str], None] | None,
        compresses: bool,
    ) -> None:
        """Take the APIs and what they share; ``log`` gets a line for each recorded request."""
        self._apis = apis
        self._faults = faults
        self._recorder = recorder
        self._write_log = log
        self._compresses = compresses

    def respond(self, request: Request, connection: Connection) -> None:
        """Send the response to one request, or apply the fault that is due."""
        endpoint = self._route(request)
        if endpoint.operation is None:
            connection.send(endpoint.respond())
            return
        self._recorder.record(request)
        fault = self._faults.take(endpoint.operation)

        def process() -> Response:
            response = endpoint.respond()
            if self._compresses and fault is None:
                response = compress(response, request.headers)
            self._recorder.notify(len(response.body))
            return response

        if fault is None:
            response = process()
            self._log(request, str(response.status))
            connection.send(response)
        else:
            self._log(request, f"fault {fault.kind}")
            apply_fault(fault, endpoint, process, connection)

    def _route(self, request: Request) -> Endpoint:
        for api in self._apis:
            endpoint = api.route(request)
            if endpoint is not None:
                return endpoint
        return error_endpoint("other", HttpError(404, f"Nothing is served at {request.path}"))

    def _log(self, request: Request, outcome: str) -> None:
        if self._write_log is not None:
            path = request.path.encode("unicode_escape").decode()
            self._write_log(f"{request.method} {path} -> {outcome}")
