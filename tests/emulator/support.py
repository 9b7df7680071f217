"""Shared by the tests of the emulator: an HTTP client, and a clock that a test moves."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataform_action.emulator import DEFAULT_TOKEN

RUNS = "/v1/project/1234/run"


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self.seconds


class HeldClock:
    """The time, which is not known while a test holds it: requests that need it wait."""

    def __init__(self) -> None:
        self._is_known = threading.Event()
        self.release()

    def hold(self) -> None:
        """Let requests wait from now on."""
        self._is_known.clear()

    def release(self) -> None:
        """Let requests continue."""
        self._is_known.set()

    def now(self) -> float:
        """Wait, and return the seconds since the epoch."""
        self._is_known.wait(60)
        return time.time()


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response with its whole body."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def data(self) -> Any:  # noqa: ANN401
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body, read as UTF-8."""
        return self.body.decode()


class Client:
    """A client of the emulator that keeps one connection."""

    def __init__(self, url: str, token: str = DEFAULT_TOKEN) -> None:
        self.address = url.removeprefix("http://")
        self.token = token
        self.connection = http.client.HTTPConnection(self.address, timeout=60)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a request, by default with the token: bytes as they are, other bodies as JSON."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        self.connection.request(method, path, raw, dict(given))

    def receive(self) -> Response:
        """Read the response to the request that was sent."""
        with self.connection.getresponse() as response:
            return Response(response.status, response.headers, response.read())

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request, and read its response."""
        self.send(method, path, body, headers)
        return self.receive()

    def create(self, schedule: str | None = None) -> str:
        """Create a run; return its id."""
        response = self.call("POST", RUNS, {} if schedule is None else {"scheduleName": schedule})
        assert response.status == 200
        return str(response.data["id"])

    def poll(self, run_id: str, times: int) -> list[str | int]:
        """GET a run ``times`` times; return the statuses of the run, or of HTTP errors."""
        responses = [self.call("GET", f"{RUNS}/{run_id}") for _ in range(times)]
        return [response.data.get("status", response.status) for response in responses]

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def send_raw(url: str, data: bytes) -> bytes:
    """Send bytes as they are, close the sending side, and read until the server closes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            return stream.read()
