"""The HTTP server: malformed requests, old clients, and many clients at once."""

from __future__ import annotations

import json
import threading

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.emulator.http.server import BODY_LIMIT
from tests.emulator.support import Client, exchange_raw


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
def test_malformed_requests_do_no_harm(
    emulator: Emulator,
    client: Client,
    capfd: pytest.CaptureFixture[str],
    data: bytes,
    status: bytes,
) -> None:
    """A malformed request is answered as one, or not at all, and the next client is served."""
    answer = exchange_raw(emulator.url, data)
    assert answer[9:12] == status
    assert status == b"" or b"\r\nConnection: close\r\n" in answer
    assert client.call("GET", "/").status == 200
    assert capfd.readouterr() == ("", "")


def test_malformed_requests_are_answered_in_json(emulator: Emulator) -> None:
    """Errors of framing have the shape of the other errors."""
    answer = exchange_raw(emulator.url, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    message = "Content-Length must be one whole number"
    body = answer.partition(b"\r\n\r\n")[2]
    assert json.loads(body) == {"error": message, "code": 3, "message": message}


def test_old_clients_are_answered_and_closed(emulator: Emulator) -> None:
    """A client of HTTP/1.0 gets its answer, and the end of the connection."""
    answer = exchange_raw(emulator.url, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_clients_may_leave_at_any_time(
    emulator: Emulator, run_path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that leaves in the middle of its answer is no error."""
    emulator.add_fault(Fault("huge", size=50_000_000))
    client = Client(emulator.url)
    client.send("GET", run_path)
    client.connection.getresponse().close()
    client.close()
    emulator.close()
    assert capfd.readouterr() == ("", "")


def test_many_clients_are_served_at_once(emulator: Emulator) -> None:
    """Runs that are created at the same time all get ids of their own."""
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


def test_paths_without_a_slash_do_no_harm(emulator: Emulator) -> None:
    """A request target that is no path is not found."""
    answer = exchange_raw(emulator.url, b"GET v1 HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
