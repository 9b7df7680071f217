"""What the server and the APIs hand to each other: requests, replies, and the ``Api`` protocol."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.client import responses
from types import MappingProxyType
from typing import Literal, Protocol
from urllib.parse import unquote

Operation = Literal["get", "create", "cancel", "compile", "query", "list", "other"]
"""What a request asks for: the classes by which faults choose their requests.

``get``, ``create`` and ``cancel`` are about a run or a workflow invocation; ``compile`` creates a
compilation result, ``query`` asks for actions, ``list`` for a page of any other list.
"""

_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")
_BODILESS = frozenset({204, 304})
# The codes of google.rpc.Code that a gRPC gateway answers with.
_GATEWAY_CODES = MappingProxyType({400: 3, 401: 16, 404: 5, 405: 12, 429: 8, 501: 12, 503: 14})
_UNKNOWN_CODE = 2


class Headers(Mapping[str, str]):
    """Header fields by name, in any case; repeated ones are joined by a comma."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        """Keep the fields in their order."""
        self._fields: dict[str, tuple[str, str]] = {}
        for name, value in fields:
            first_name, before = self._fields.get(name.lower(), (name, None))
            joined = value if before is None else f"{before}, {value}"
            self._fields[name.lower()] = (first_name, joined)

    def __getitem__(self, name: str) -> str:
        """Return the value of a field."""
        return self._fields[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names as they were sent."""
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        """Count the names."""
        return len(self._fields)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived.

    ``path`` is as sent, still percent-encoded and without the query; ``query`` is the text after
    the question mark. ``connection`` numbers the TCP connections from 1, ``time`` is
    ``time.monotonic()`` at arrival.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    connection: int
    time: float

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded parts of the path between its slashes."""
        return tuple(unquote(part) for part in self.path.split("/")[1:])

    @property
    def origin(self) -> str:
        """Where the client found this server, by its Host header."""
        host = self.headers.get("Host", "")
        return f"http://{host}" if _HOST.fullmatch(host) is not None else "http://localhost"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; ``headers`` come on top of the type and the length, or replace them."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Refusal(Exception):
    """A request that an API refuses, with the HTTP status and the text to say so."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


def gateway_error(refusal: Refusal) -> Reply:
    """Make an error reply in the shape of gRPC gateways: ``error``, ``code``, ``message``."""
    code = _GATEWAY_CODES.get(refusal.status, _UNKNOWN_CODE)
    body = {"error": refusal.message, "code": code, "message": refusal.message}
    return Reply(refusal.status, json.dumps(body).encode(), headers=refusal.headers)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an API found for a request.

    ``answer`` carries the request out, and may be called once or never. An ``operation`` of None
    belongs to the emulator itself: it is neither recorded nor spoiled by faults. ``refuse`` makes
    the API's answer of an HTTP status, and ``sample`` is a body that looks right: for faults.
    """

    operation: Operation | None
    answer: Callable[[], Reply]
    refuse: Callable[[Refusal], Reply] = gateway_error
    sample: bytes = b'{"id": "1029591293203", "status": "RUNNING"}'


class Api(Protocol):
    """One API that the server serves."""

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request without carrying it out; None: not this API's path."""


def json_reply(data: object, status: int = 200) -> Reply:
    """Make a reply of plain data."""
    return Reply(status, json.dumps(data).encode())


def refusing(operation: Operation | None, refusal: Refusal) -> Endpoint:
    """Make the endpoint of a request that has none."""
    return Endpoint(operation, partial(gateway_error, refusal))


def parse_object(body: bytes) -> dict[str, object]:
    """Read a JSON object; raise a 400 ``Refusal`` for anything else."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"The body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Refusal(400, f"The body must be a JSON object, not {type(data).__name__}")
    return data


def render_head(reply: Reply, length: int, keep_open: bool) -> bytes:
    """Write the status line and the header fields of a reply whose body has a length."""
    fields = {"Content-Type": reply.content_type, "Content-Length": str(length)}
    if not keep_open:
        fields["Connection"] = "close"
    fields |= {name.title(): value for name, value in reply.headers.items()}
    lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def render_reply(reply: Reply, keep_open: bool = True) -> bytes:
    """Write a whole reply; 204 and 304 go without a body."""
    body = b"" if reply.status in _BODILESS else reply.body
    return render_head(reply, len(body), keep_open) + body
