"""HTTP responses: make and render them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import responses
from types import MappingProxyType

_BODILESS = frozenset({204, 304})
# The codes of google.rpc.Code that a gRPC gateway sends for each HTTP status.
_GATEWAY_CODES = MappingProxyType(
    {400: 3, 401: 16, 404: 5, 405: 12, 409: 10, 429: 8, 499: 1, 501: 12, 503: 14, 504: 4}
)
_UNKNOWN_CODE = 2


@dataclass(frozen=True, slots=True)
class Response:
    """A response; ``headers`` are added to the type and the length, or replace them."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class HttpError(Exception):
    """A request that an API refuses: the HTTP status, the message, and additional headers."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(data: object, status: int = 200) -> Response:
    """Make a response from JSON data."""
    return Response(status, json.dumps(data).encode())


def error_response(error: HttpError) -> Response:
    """Make an error response as gRPC gateways do: ``error``, ``code``, ``message``."""
    code = _GATEWAY_CODES.get(error.status, _UNKNOWN_CODE)
    body = {"error": error.message, "code": code, "message": error.message}
    return Response(error.status, json.dumps(body).encode(), headers=error.headers)


def render_head(response: Response, length: int, keep_open: bool) -> bytes:
    """Render the status line and the header fields of a response with a body of that length."""
    fields = {"Content-Type": response.content_type, "Content-Length": str(length)}
    if not keep_open:
        fields["Connection"] = "close"
    fields |= {name.title(): value for name, value in response.headers.items()}
    lines = [f"HTTP/1.1 {response.status} {responses.get(response.status, '')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def render_response(response: Response, keep_open: bool = True) -> bytes:
    """Render a whole response; 204 and 304 have no body."""
    body = b"" if response.status in _BODILESS else response.body
    return render_head(response, len(body), keep_open) + body
