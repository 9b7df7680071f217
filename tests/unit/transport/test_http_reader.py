"""Responses that are valid but rare, or hostile."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest

from dataform_action.errors import InvalidResponse, NoResponse, NotConnected, TooLarge
from dataform_action.transport import http as http_module
from dataform_action.transport.client import Transport
from tests.unit.transport.servers import OK, Behaviour, respond, serve, tunnel
from tests.unit.transport.support import RUNS

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _join_workers() -> None:
    for thread in threading.enumerate():
        if thread.name == "dataform-request":
            thread.join(10)
            assert not thread.is_alive()


def _endless(start: bytes, piece: bytes) -> tuple[Behaviour, list[int]]:
    """Send a start, and then pieces until the client closes. Count the bytes."""
    sent = [0]

    def behave(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(start)
        with suppress(OSError):
            while sent[0] < 300_000_000:
                sent[0] += connection.send(piece)

    return behave, sent


@pytest.mark.parametrize("size", [b"-1", b"-ffff", b"-0x1"])
def test_negative_chunk(size: bytes) -> None:
    """A negative chunk size ends the response. It does not mean the rest of the stream."""
    behave, sent = _endless(_CHUNKED + size + b"\r\n", b"x" * 65_536)
    with serve(behave) as server, pytest.raises(NoResponse, match="chunk is negative"):
        Transport(f"http://{server.host}", lambda: "token").send("GET", RUNS)
    assert sent[0] < 50_000_000


def test_endless_trailer() -> None:
    """A trailer has a limit, as the headers have."""
    behave, sent = _endless(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"x" * 65_536)
    with serve(behave) as server, pytest.raises(NoResponse, match="trailer"):
        Transport(f"http://{server.host}", lambda: "token").send("GET", RUNS)
    assert sent[0] < 50_000_000


def test_chunks() -> None:
    """Chunks of several sizes, an extension and a trailer are valid."""
    body = b'2;a=b\r\n{"\r\n0008\r\nid":"1"}\r\n0\r\nTrailer: x\r\n\r\n'
    with serve(respond(_CHUNKED + body)) as server:
        assert Transport(f"http://{server.host}", lambda: "token").send("GET", RUNS) == {"id": "1"}


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints", b"199"])
def test_interim_responses(status: bytes) -> None:
    """Responses 1xx come before the final one, which counts."""
    interim = b"HTTP/1.1 " + status + b"\r\nLink: </x>\r\n\r\n"
    with serve(respond(2 * interim + OK)) as server:
        assert Transport(f"http://{server.host}", lambda: "token").send("GET", RUNS) == {"id": "1"}


def test_interim_response_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may send an interim response before it opens a tunnel."""
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        tunnel(lambda inner: received.append(inner.recv(1)))(connection)

    with serve(behave) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{server.host}")
        with pytest.raises(NotConnected):
            Transport("https://api.invalid", lambda: "token").send("GET", RUNS)
    # The start of a TLS handshake.
    assert received == [b"\x16"]


def test_switching_protocols() -> None:
    """101 is final, because the connection is no longer HTTP."""
    text = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    with serve(respond(text + OK)) as server, pytest.raises(InvalidResponse, match="HTTP 101"):
        Transport(f"http://{server.host}", lambda: "token").send("GET", RUNS)


@pytest.mark.parametrize(
    "start", [b"", _CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"]
)
def test_worker_ends_with_the_wait(start: bytes) -> None:
    """When the time is up, the connection is closed, and the worker does not continue to read."""
    closed = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(start)
        # A drop from time to time resets the timeout of a read.
        with suppress(OSError):
            while not closed.wait(0.02):
                connection.sendall(b"H" if not start else b"1\r\nx\r\n")

    with serve(behave) as server:
        try:
            with pytest.raises(NoResponse, match="no complete response within 0"):
                Transport(f"http://{server.host}", lambda: "token").send(
                    "GET", RUNS, read_seconds=0.4
                )
            _join_workers()
        finally:
            closed.set()


def test_no_memory_for_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the memory is used up while a body is read, the response is unusable."""

    def fail(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(http_module, "_read_body", fail)
    with (
        serve(respond(OK)) as server,
        pytest.raises(TooLarge, match="does not fit into the memory") as caught,
    ):
        Transport(f"http://{server.host}", lambda: "token").send("GET", RUNS)
    assert caught.value.has_remedy
