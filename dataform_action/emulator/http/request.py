"""An HTTP request."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from dataform_action.emulator.http.response import HttpError

_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


class Headers(Mapping[str, str]):
    """Header fields by case-insensitive name; a comma joins repeated fields."""

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
    """A request as it arrived.

    ``path`` is percent-encoded and has no query; ``query`` is the text after the question mark.
    ``connection`` is the number of the TCP connection, from 1. ``time`` is ``time.monotonic()`` at
    arrival.
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
        """The address at which the client reached this server, from its Host header."""
        host = self.headers.get("Host", "")
        return f"http://{host}" if _HOST.fullmatch(host) is not None else "http://localhost"


def parse_object(body: bytes) -> dict[str, object]:
    """Parse a JSON object; raise a 400 ``HttpError`` for anything else."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"The body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise HttpError(400, f"The body must be a JSON object, not {type(data).__name__}")
    return data
