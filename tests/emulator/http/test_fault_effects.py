"""What each kind of fault does to a request and its response."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import get_args

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.emulator.http.connection import Connection
from dataform_action.emulator.http.fault_effects import EFFECTS
from dataform_action.emulator.http.faults import FaultKind
from tests.emulator.support import RUNS, Client, send_raw


def test_every_kind_of_fault_has_a_function() -> None:
    """The table of faults is complete."""
    assert set(EFFECTS) == set(get_args(FaultKind))


def test_status_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A status fault sends 503 like other errors, with the given headers."""
    emulator.add_fault(Fault("status", headers={"Retry-After": "7"}))
    response = client.call("GET", run_path)
    message = "The emulator injected the status 503"
    assert (response.status, response.headers["Retry-After"]) == (503, "7")
    assert response.data == {"error": message, "code": 14, "message": message}


def test_status_fault_with_a_body(emulator: Emulator, client: Client, run_path: str) -> None:
    """A status fault sends the given status, body and type."""
    headers = {"content-type": "text/plain"}
    emulator.add_fault(Fault("status", status=599, headers=headers, body="no \ud800 luck"))
    response = client.call("GET", run_path)
    assert (response.status, response.body) == (599, b"no ? luck")
    assert response.headers.get_all("Content-Type") == ["text/plain"]


def test_bodiless_status_keeps_the_connection_usable(
    emulator: Emulator, client: Client, run_path: str
) -> None:
    """A 204 has no body, so that the client reads the next response from its start."""
    emulator.add_fault(Fault("status", status=204, body="never sent", times=2))
    assert client.call("GET", run_path).body == b""
    request = f"GET {run_path} HTTP/1.1\r\n\r\n".encode()
    responses = send_raw(emulator.url, request * 2)
    first, second, rest = responses.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert second.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert rest.startswith(b"{")


def test_reset_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A reset fault ends the connection with a TCP reset."""
    emulator.add_fault(Fault("reset"))
    client.send("GET", run_path)
    with pytest.raises(ConnectionResetError) as raised:
        client.receive()
    assert not isinstance(raised.value, http.client.RemoteDisconnected)


def test_close_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A close fault ends the connection without a response."""
    emulator.add_fault(Fault("close"))
    client.send("GET", run_path)
    with pytest.raises(http.client.RemoteDisconnected):
        client.receive()


def test_short_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A short fault sends less than it announces, and closes the connection."""
    emulator.add_fault(Fault("short", body="12345678"))
    client.send("GET", run_path)
    with pytest.raises(http.client.IncompleteRead) as raised:
        client.receive()
    assert (raised.value.partial, raised.value.expected) == (b"1234", 5)


def test_cut_json_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A cut-json fault sends half of a JSON text, with the correct length."""
    emulator.add_fault(Fault("cut-json"))
    response = client.call("GET", run_path)
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    assert response.headers["Content-Length"] == str(len(response.body))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(response.body)


def test_html_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """An html fault sends a page with 200."""
    emulator.add_fault(Fault("html"))
    response = client.call("GET", run_path)
    assert (response.status, response.headers.get_content_type()) == (200, "text/html")
    assert response.text.startswith("<!doctype html>")


@pytest.mark.parametrize(("body", "expected"), [(None, {}), ("[1]", [1])])
def test_json_fault(
    emulator: Emulator, client: Client, run_path: str, body: str | None, expected: object
) -> None:
    """A json fault sends the given JSON text, or an empty object, with 200."""
    emulator.add_fault(Fault("json", body=body))
    response = client.call("GET", run_path)
    assert (response.status, response.data) == (200, expected)


def test_hang_fault_responds_at_the_end(emulator: Emulator, client: Client, run_path: str) -> None:
    """A hang fault sends the correct response after its time."""
    emulator.add_fault(Fault("hang", seconds=0.05))
    before = time.monotonic()
    assert client.call("GET", run_path).data["status"] == "RUNNING"
    assert time.monotonic() - before >= 0.05
    assert [run.polls for run in emulator.runs] == [1]


@pytest.mark.parametrize("processed", [True, False])
def test_closing_ends_a_hang(processed: bool) -> None:
    """Closing ends a hang at once; a request that is not yet processed stays unprocessed."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("hang", seconds=600, processed=processed))
        client = Client(emulator.url)
        client.send("POST", RUNS, {})
        if processed:
            assert emulator.wait_for(lambda: emulator.runs)[0].status == "RUNNING"
        else:
            emulator.wait_for(lambda: emulator.requests)
        before = time.monotonic()
        emulator.close()
        assert time.monotonic() - before < 60
        with pytest.raises(http.client.RemoteDisconnected):
            client.receive()
        assert len(emulator.runs) == int(processed)


def test_hang_ends_when_the_client_has_disconnected() -> None:
    """A held request is processed only if its client is still connected."""
    server_side, client_side = socket.socketpair()
    with server_side, client_side:
        connection = Connection(server_side, threading.Event(), keep_open=True)
        assert connection.hold(0)
        client_side.sendall(b"the next request")
        assert connection.hold(0)
        server_side.recv(100)
        client_side.close()
        assert not connection.hold(0)


def test_drip_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A drip fault sends single bytes, and never the whole body."""
    emulator.add_fault(Fault("drip", seconds=0.1))
    client.send("GET", run_path)
    with pytest.raises(http.client.IncompleteRead) as raised:
        client.receive()
    assert (raised.value.partial, raised.value.expected) == (b"  ", 1)


def test_drip_ends_with_the_emulator(emulator: Emulator, client: Client, run_path: str) -> None:
    """Closing ends a drip at once."""
    emulator.add_fault(Fault("drip", seconds=600))
    client.send("GET", run_path)
    response = client.connection.getresponse()
    emulator.close()
    with pytest.raises(http.client.IncompleteRead):
        response.read()


@pytest.mark.parametrize("size", [200_000, 65_536, 50, 3, 0])
def test_huge_fault(emulator: Emulator, run_path: str, size: int) -> None:
    """A huge fault sends exactly the given number of bytes: JSON, and then blanks."""
    emulator.add_fault(Fault("huge", size=size))
    request = f"GET {run_path} HTTP/1.1\r\nConnection: close\r\n\r\n"
    head, _, body = send_raw(emulator.url, request.encode()).partition(b"\r\n\r\n")
    assert f"Content-Length: {size}\r\n".encode() in head
    sample = b'{"id": "1029591293203", "status": "RUNNING"}'
    assert body == sample.ljust(size)[:size]


def test_redirect_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A redirect fault sends 302, or the given status, with the given location."""
    location = {"Location": "http://elsewhere.example/"}
    emulator.add_fault(Fault("redirect", headers=location))
    emulator.add_fault(Fault("redirect", headers=location, status=308))
    responses = [client.call("GET", run_path) for _ in range(2)]
    assert [response.status for response in responses] == [302, 308]
    assert {response.headers["Location"] for response in responses} == set(location.values())


@pytest.mark.parametrize("kind", sorted(set(get_args(FaultKind)) - {"drip", "hang", "redirect"}))
@pytest.mark.parametrize("processed", [True, False])
def test_processed_decides_whether_a_run_is_created(
    emulator: Emulator, client: Client, kind: FaultKind, processed: bool
) -> None:
    """A fault breaks the response to a create request, which does or does not create a run."""
    emulator.add_fault(Fault(kind, on="create", processed=processed, size=10))
    client.send("POST", RUNS, {"scheduleName": "nightly"})
    try:
        response = client.receive()
    except (http.client.HTTPException, ConnectionError):
        pass
    else:
        assert b"nightly" not in response.body
    assert len(emulator.runs) == int(processed)


def test_a_processed_error_keeps_its_status(emulator: Emulator, client: Client) -> None:
    """The broken response to a processed request has the correct status and body."""
    emulator.add_fault(Fault("cut-json", processed=True))
    response = client.call("GET", f"{RUNS}/42")
    assert (response.status, response.text) == (
        404,
        '{"error": "Unknown run \\"42\\" in project 1234", "code',
    )
