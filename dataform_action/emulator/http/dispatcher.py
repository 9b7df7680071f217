"""The way of a request: find its endpoint, record it, look for a fault, answer."""

from collections.abc import Callable, Sequence

from dataform_action.emulator.http.connection import Wire
from dataform_action.emulator.http.fault_effects import spoil
from dataform_action.emulator.http.faults import FaultQueue
from dataform_action.emulator.http.messages import Api, Endpoint, Refusal, Reply, Request, refusing
from dataform_action.emulator.http.recorder import Recorder


class Dispatcher:
    """Answers requests by the first API that knows their path."""

    def __init__(
        self,
        apis: Sequence[Api],
        faults: FaultQueue,
        recorder: Recorder,
        log: Callable[[str], None] | None,
    ) -> None:
        """Take the APIs, and what they share; ``log`` gets a line for each recorded request."""
        self._apis = apis
        self._faults = faults
        self._recorder = recorder
        self._log = log

    def respond(self, request: Request, wire: Wire) -> None:
        """Answer one request, properly or by a fault."""
        endpoint = self._route(request)
        if endpoint.operation is None:
            wire.send(endpoint.answer())
            return
        self._recorder.record(request)
        fault = self._faults.take(endpoint.operation)

        def carry_out() -> Reply:
            reply = endpoint.answer()
            self._recorder.wake()
            return reply

        if fault is None:
            reply = carry_out()
            self._tell(request, str(reply.status))
            wire.send(reply)
        else:
            self._tell(request, f"fault {fault.kind}")
            spoil(fault, endpoint, carry_out, wire)

    def _route(self, request: Request) -> Endpoint:
        for api in self._apis:
            endpoint = api.route(request)
            if endpoint is not None:
                return endpoint
        return refusing("other", Refusal(404, f"Nothing is served at {request.path}"))

    def _tell(self, request: Request, outcome: str) -> None:
        if self._log is not None:
            path = request.path.encode("unicode_escape").decode()
            self._log(f"{request.method} {path} -> {outcome}")
