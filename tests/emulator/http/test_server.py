"""The HTTP server: malformed requests, old clients, and many clients at once."""

from __future__ import annotations

import json
import threading

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.emulator.http.server import BODY_LIMIT
from tests.emulator.support import Client, send_raw


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n", b""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"400"),
        (b"GET\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"HEAD / HTTP/1.1\r\n\r\n", b"501"),
        (b"GET http://[/ HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET /%ff%00/%2e%2e HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort", b""),
    ],
)
def test_malformed_requests_are_survived(
    emulator: Emulator,
    client: Client,
    capfd: pytest.CaptureFixture[str],
    data: bytes,
    status: bytes,
) -> None:
    """A malformed request gets an error or no response; the server serves the next client."""
    response = send_raw(emulator.url, data)
    assert response[9:12] == status
    assert status == b"" or b"\r\nConnection: close\r\n" in response
    assert client.call("GET", "/").status == 200
    assert capfd.readouterr() == ("", "")


def test_malformed_requests_get_json(emulator: Emulator) -> None:
    """Framing errors look like other errors."""
    response = send_raw(emulator.url, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    message = "Content-Length must be one whole number"
    body = response.partition(b"\r\n\r\n")[2]
    assert json.loads(body) == {"error": message, "code": 3, "message": message}


def test_old_clients_are_served_and_closed(emulator: Emulator) -> None:
    """An HTTP/1.0 client gets its response, and the server closes the connection."""
    response = send_raw(emulator.url, b"GET / HTTP/1.0\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in response


def test_clients_can_disconnect_at_any_time(
    emulator: Emulator, run_path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that disconnects in the middle of its response causes no error."""
    emulator.add_fault(Fault("huge", size=50_000_000))
    client = Client(emulator.url)
    client.send("GET", run_path)
    client.connection.getresponse().close()
    client.close()
    emulator.close()
    assert capfd.readouterr() == ("", "")


def test_many_clients_are_served_at_once(emulator: Emulator) -> None:
    """Runs that are created at the same time have different ids."""
    ids: list[str] = []

    def create() -> None:
        client = Client(emulator.url)
        ids.extend(client.create() for _ in range(5))
        client.close()

    threads = [threading.Thread(target=create) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 50
    assert emulator.connections == 10
    assert sorted(ids) == [run.id for run in emulator.runs]


def test_paths_without_a_slash_are_not_found(emulator: Emulator) -> None:
    """A request target without a leading slash is not found."""
    response = send_raw(emulator.url, b"GET v1 HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 404 ")
