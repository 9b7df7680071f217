"""What each kind of fault does to a response, and to the request behind it."""

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
from tests.emulator.support import RUNS, Client, exchange_raw


def test_every_kind_of_fault_has_a_function() -> None:
    """The table of faults is complete."""
    assert set(EFFECTS) == set(get_args(FaultKind))


def test_status_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A status fault answers 503 in the shape of other errors, with the headers given."""
    emulator.add_fault(Fault("status", headers={"Retry-After": "7"}))
    answer = client.call("GET", run_path)
    message = "The emulator was told to answer 503"
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert answer.data == {"error": message, "code": 14, "message": message}


def test_status_fault_with_a_text(emulator: Emulator, client: Client, run_path: str) -> None:
    """A status fault answers the status, the text and the type given."""
    headers = {"content-type": "text/plain"}
    emulator.add_fault(Fault("status", status=599, headers=headers, body="no \ud800 luck"))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.body) == (599, b"no ? luck")
    assert answer.headers.get_all("Content-Type") == ["text/plain"]


def test_bodiless_status_keeps_the_connection_whole(
    emulator: Emulator, client: Client, run_path: str
) -> None:
    """A 204 comes without a body, so that the next answer is read from its start."""
    emulator.add_fault(Fault("status", status=204, body="never sent", times=2))
    assert client.call("GET", run_path).body == b""
    request = f"GET {run_path} HTTP/1.1\r\n\r\n".encode()
    answers = exchange_raw(emulator.url, request * 2)
    first, second, rest = answers.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert second.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert rest.startswith(b"{")


def test_reset_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A reset fault ends the connection by a TCP reset."""
    emulator.add_fault(Fault("reset"))
    client.send("GET", run_path)
    with pytest.raises(ConnectionResetError) as raised:
        client.receive()
    assert not isinstance(raised.value, http.client.RemoteDisconnected)


def test_close_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A close fault ends the connection without a byte."""
    emulator.add_fault(Fault("close"))
    client.send("GET", run_path)
    with pytest.raises(http.client.RemoteDisconnected):
        client.receive()


def test_short_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A short fault promises more than it sends, and closes."""
    emulator.add_fault(Fault("short", body="12345678"))
    client.send("GET", run_path)
    with pytest.raises(http.client.IncompleteRead) as raised:
        client.receive()
    assert (raised.value.partial, raised.value.expected) == (b"1234", 5)


def test_cut_json_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A cut-json fault answers half of a JSON text, with the right length."""
    emulator.add_fault(Fault("cut-json"))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Content-Length"] == str(len(answer.body))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(answer.body)


def test_html_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """An html fault answers 200 with a page."""
    emulator.add_fault(Fault("html"))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    assert answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize(("body", "expected"), [(None, {}), ("[1]", [1])])
def test_json_fault(
    emulator: Emulator, client: Client, run_path: str, body: str | None, expected: object
) -> None:
    """A json fault answers 200 with the JSON text given, or an empty object."""
    emulator.add_fault(Fault("json", body=body))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.data) == (200, expected)


def test_hang_fault_answers_in_the_end(emulator: Emulator, client: Client, run_path: str) -> None:
    """A hang fault gives the proper answer when its time is over."""
    emulator.add_fault(Fault("hang", seconds=0.05))
    before = time.monotonic()
    assert client.call("GET", run_path).data["status"] == "RUNNING"
    assert time.monotonic() - before >= 0.05
    assert [run.polls for run in emulator.runs] == [1]


@pytest.mark.parametrize("processed", [True, False])
def test_held_answers_do_not_delay_the_end(processed: bool) -> None:
    """Closing ends a hang at once; what was not carried out by then never is."""
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
        assert time.monotonic() - before < 1
        with pytest.raises(http.client.RemoteDisconnected):
            client.receive()
        assert len(emulator.runs) == int(processed)


def test_hang_is_in_vain_when_the_client_has_left() -> None:
    """A held request whose client has left is not carried out; one whose client waits is."""
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
    """A drip fault sends a byte at a time, and never the whole."""
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
    """A huge fault answers exactly as many bytes as it is told: JSON, and blanks behind it."""
    emulator.add_fault(Fault("huge", size=size))
    request = f"GET {run_path} HTTP/1.1\r\nConnection: close\r\n\r\n"
    head, _, body = exchange_raw(emulator.url, request.encode()).partition(b"\r\n\r\n")
    assert f"Content-Length: {size}\r\n".encode() in head
    sample = b'{"id": "1029591293203", "status": "RUNNING"}'
    assert body == sample.ljust(size)[:size]


def test_redirect_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A redirect fault answers 302, or the status given, to the location given."""
    location = {"Location": "http://elsewhere.example/"}
    emulator.add_fault(Fault("redirect", headers=location))
    emulator.add_fault(Fault("redirect", headers=location, status=308))
    answers = [client.call("GET", run_path) for _ in range(2)]
    assert [answer.status for answer in answers] == [302, 308]
    assert {answer.headers["Location"] for answer in answers} == set(location.values())


@pytest.mark.parametrize("kind", sorted(set(get_args(FaultKind)) - {"drip", "hang", "redirect"}))
@pytest.mark.parametrize("processed", [True, False])
def test_processed_says_whether_a_run_is_created(
    emulator: Emulator, client: Client, kind: FaultKind, processed: bool
) -> None:
    """A fault spoils the answer to a create with or without the run."""
    emulator.add_fault(Fault(kind, on="create", processed=processed, size=10))
    client.send("POST", RUNS, {"scheduleName": "nightly"})
    try:
        answer = client.receive()
    except (http.client.HTTPException, ConnectionError):
        pass
    else:
        assert b"nightly" not in answer.body
    assert len(emulator.runs) == int(processed)


def test_a_processed_refusal_keeps_its_status(emulator: Emulator, client: Client) -> None:
    """A spoilt answer that was carried out has the proper answer's status and text."""
    emulator.add_fault(Fault("cut-json", processed=True))
    answer = client.call("GET", f"{RUNS}/42")
    assert (answer.status, answer.text) == (
        404,
        '{"error": "Unknown run \\"42\\" in project 1234", "code',
    )
