"""What each kind of fault does to a response: one function for each kind, and their table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from dataform_action.emulator.http.connection import Connection
from dataform_action.emulator.http.endpoint import Endpoint
from dataform_action.emulator.http.faults import Fault, FaultKind
from dataform_action.emulator.http.response import HttpError, Response

DRIP_SECONDS = 0.05
"""The time between two bytes of a drip."""

_PAGE = b"<!doctype html><html><title>Welcome</title><h1>Please sign in</h1></html>"
_BLANKS = b" " * 65_536


@dataclass(frozen=True, slots=True)
class FaultyRequest:
    """A request with a fault.

    The first call of ``process`` processes the request; each call returns the correct response.
    """

    fault: Fault
    endpoint: Endpoint
    process: Callable[[], Response]
    connection: Connection

    def response(
        self, body: bytes, status: int = 200, content_type: str = "application/json"
    ) -> Response:
        """Make a response from the fields of the fault; the arguments are defaults."""
        fault = self.fault
        return Response(
            status=status if fault.status is None else fault.status,
            body=body if fault.body is None else fault.body.encode("utf-8", "replace"),
            content_type=content_type,
            headers=fault.headers,
        )

    def plausible_response(self) -> Response:
        """Make a plausible response: the correct one if processed, otherwise a sample."""
        if not self.fault.processed:
            return self.response(self.endpoint.sample_body)
        correct = self.process()
        return self.response(correct.body, correct.status)


def apply_fault(
    fault: Fault, endpoint: Endpoint, process: Callable[[], Response], connection: Connection
) -> None:
    """Respond to a request as its fault says; ``process`` is called at most once."""
    request = FaultyRequest(fault, endpoint, cache(process), connection)
    if fault.processed:
        request.process()
    EFFECTS[fault.kind](request)


def _send_status(request: FaultyRequest) -> None:
    status = 503 if request.fault.status is None else request.fault.status
    error = HttpError(status, f"The emulator injected the status {status}")
    request.connection.send(request.response(request.endpoint.render_error(error).body, status))


def _reset(request: FaultyRequest) -> None:
    request.connection.reset()


def _close(request: FaultyRequest) -> None:
    request.connection.close()


def _send_short(request: FaultyRequest) -> None:
    response = request.plausible_response()
    request.connection.close()
    request.connection.write_head(response, len(response.body) + 1)
    request.connection.write(response.body[: len(response.body) // 2])


def _send_cut_json(request: FaultyRequest) -> None:
    response = request.plausible_response()
    request.connection.send(replace(response, body=response.body[: len(response.body) // 2]))


def _send_html(request: FaultyRequest) -> None:
    request.connection.send(request.response(_PAGE, content_type="text/html; charset=utf-8"))


def _send_json(request: FaultyRequest) -> None:
    request.connection.send(request.response(b"{}"))


def _hang(request: FaultyRequest) -> None:
    if request.connection.hold(request.fault.seconds):
        request.connection.send(request.process())


def _drip(request: FaultyRequest) -> None:
    count = max(1, round(request.fault.seconds / DRIP_SECONDS))
    request.connection.close()
    request.connection.write_head(request.response(b""), count + 1)
    for _ in range(count):
        if not request.connection.hold(DRIP_SECONDS):
            break
        request.connection.write(b" ")


def _send_huge(request: FaultyRequest) -> None:
    size = request.fault.size
    response = request.plausible_response()
    request.connection.write_head(response, size)
    request.connection.write(response.body[:size])
    missing = size - len(response.body)
    while missing > 0:
        request.connection.write(_BLANKS[:missing])
        missing -= len(_BLANKS)


def _redirect(request: FaultyRequest) -> None:
    request.connection.send(request.response(b"", 302, content_type="text/plain"))


EFFECTS: Mapping[FaultKind, Callable[[FaultyRequest], None]] = MappingProxyType(
    {
        "status": _send_status,
        "reset": _reset,
        "close": _close,
        "short": _send_short,
        "cut-json": _send_cut_json,
        "html": _send_html,
        "json": _send_json,
        "hang": _hang,
        "drip": _drip,
        "huge": _send_huge,
        "redirect": _redirect,
    }
)
