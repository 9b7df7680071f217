"""Requests with a token: what is sent, to which address, and what an invalid or late token does."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import NoneType

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import InputError, InvalidResponse, NotConnected, Refused
from dataform_action.transport import client as transport
from dataform_action.transport.client import Transport
from tests.unit.transport.support import RUNS, connect


def test_request(emulator: Emulator) -> None:
    """A request has the token, a JSON body and a User-Agent, and returns the JSON object."""
    response = connect(emulator).send("POST", RUNS, {"scheduleName": "nightly"})
    assert set(response) == {"id"}
    request = emulator.requests[0]
    assert request.headers["Authorization"] == f"Bearer {emulator.token}"
    assert request.headers["User-Agent"].startswith("dataform-action/")
    assert request.body == b'{"scheduleName": "nightly"}'


@pytest.mark.parametrize(
    ("expected", "body", "status"),
    [(dict, '{"a": 1}', 200), (list, "[1, {}]", 200), (NoneType, "", 204)],
)
def test_kinds_of_values(emulator: Emulator, expected: type, body: str, status: int) -> None:
    """The caller says whether it expects an object, a list or nothing, and gets the headers."""
    fault = Fault("json", body=body, status=status, headers={"Link": "<x>"}, times=2)
    emulator.add_fault(fault)
    value, headers = connect(emulator).exchange("GET", RUNS, expected=expected)
    assert isinstance(value, expected)
    assert headers["link"] == "<x>"
    others: dict[type, tuple[type, str]] = {
        dict: (list, "JSON list"),
        list: (NoneType, "empty body"),
        NoneType: (dict, "JSON object"),
    }
    other, name = others[expected]
    with pytest.raises(InvalidResponse, match=f"HTTP {status}, but no {name}: "):
        connect(emulator).exchange("GET", RUNS, expected=other)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.example.com", "would send the token unencrypted"),
        ("https://user:password@api.example.com", "is not an API address"),
        ("https://api.example.com/v1", "must not end with the API version"),
    ],
)
def test_refused_address(url: str, words: str) -> None:
    """The library refuses the same addresses as the action."""
    with pytest.raises(InputError, match="api_url") as caught:
        Transport(url, lambda: "token")
    assert words in caught.value.message
    assert "password" not in caught.value.message


@pytest.mark.parametrize("token", ["", "a b", "a\n", "“a”", "é"])
def test_invalid_token(emulator: Emulator, token: str) -> None:
    """If the token is invalid, nothing is sent, and the message does not show the token."""
    with pytest.raises(NotConnected, match=r": the token is empty or contains an invalid char.+r$"):
        Transport(emulator.url, lambda: token).send("GET", RUNS)
    assert emulator.requests == []


def test_token_function_that_fails(emulator: Emulator) -> None:
    """An error of the token function is an outage. An error of this package passes unchanged."""

    def fail(error: Exception) -> str:
        raise error

    with pytest.raises(NotConnected, match="no token is available: no route"):
        Transport(emulator.url, lambda: fail(OSError("no route"))).send("GET", RUNS)
    for missing in (FileNotFoundError(2, "No such file", "hunter2"), ValueError("no token")):
        with pytest.raises(NotConnected, match=r"no token is available: [Nn]o [a-z ]+$"):
            Transport(emulator.url, lambda: fail(missing)).send("GET", RUNS)  # noqa: B023
    with pytest.raises(Refused):
        Transport(emulator.url, lambda: fail(Refused("x", status=1))).send("GET", RUNS)
    with pytest.raises(InputError):
        Transport(emulator.url, lambda: fail(InputError([("a", "b")]))).send("GET", RUNS)
    assert emulator.requests == []


def _join_workers() -> None:
    for thread in threading.enumerate():
        if thread.name == "dataform-request":
            thread.join(60)


def test_late_token(emulator: Emulator) -> None:
    """A slow token function does not exceed the time limit, and its late token is not sent."""
    release = threading.Event()

    def get_token() -> str:
        release.wait(60)
        return emulator.token

    client = Transport(emulator.url, get_token)
    with pytest.raises(NotConnected) as caught:
        client.send("POST", RUNS, {}, read_seconds=0.05)
    assert type(caught.value) is NotConnected
    assert caught.value.message == f"POST {emulator.url}{RUNS}: no token within 0.1 seconds"
    release.set()
    _join_workers()
    assert emulator.requests == []
    client.send("POST", RUNS, {})
    assert len(emulator.requests) == 1


class _Stop(Exception):
    pass


def test_signal_during_the_wait_for_a_token(emulator: Emulator) -> None:
    """If a signal interrupts the caller, no request is sent afterwards."""
    release = threading.Event()

    def stop(*_: object) -> None:
        raise _Stop

    def get_token() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        release.wait(60)
        return emulator.token

    signal.signal(signal.SIGTERM, stop)
    with pytest.raises(_Stop):
        Transport(emulator.url, get_token).send("POST", RUNS, {})
    release.set()
    _join_workers()
    assert emulator.requests == []


def test_token_of_a_failed_request_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt hides its own token in the error message, and those of earlier attempts."""
    tokens = iter(("token-one", "token-two"))
    client = Transport("https://nowhere.invalid", lambda: next(tokens))

    def resolve(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "token-one, token-two")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for words in (r"\*\*\*, token-two$", r"\*\*\*, \*\*\*$"):
        with pytest.raises(NotConnected, match=words):
            client.send("GET", RUNS)


def test_authorizing_sends_nothing(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """``authorize`` only gets the token. A late token is a NotConnected error."""
    connect(emulator).authorize()
    release = threading.Event()

    def wait() -> str:
        release.wait()
        return "too late"

    monkeypatch.setattr(transport, "READ_SECONDS", 0.05)
    try:
        with pytest.raises(NotConnected, match=r"no token within 0\.05 seconds"):
            Transport(emulator.url, wait).authorize()
    finally:
        release.set()
    assert emulator.requests == []


class _Renewable:
    """A token function. ``invalidate`` replaces its token with the next one."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.invalidated: list[str] = []

    def __call__(self) -> str:
        return self._tokens[0]

    def invalidate(self, token: str) -> None:
        self.invalidated.append(token)
        if len(self._tokens) > 1:
            self._tokens.pop(0)


def test_token_that_is_not_accepted_is_renewed(emulator: Emulator) -> None:
    """A token that is not accepted is renewed once, and the same request is made again."""
    source, lines = _Renewable("old-token", emulator.token), list[str]()
    client = Transport(emulator.url, source, on_exchange=lines.append)
    assert set(client.send("POST", RUNS, {"scheduleName": "nightly"})) == {"id"}
    assert source.invalidated == ["old-token"]
    assert [request.body for request in emulator.requests] == 2 * [b'{"scheduleName": "nightly"}']
    assert [line.split(" in ")[0].rpartition(" ")[2] for line in lines] == ["401", "200"]


def test_token_that_is_not_accepted_twice(emulator: Emulator) -> None:
    """A second 401 is a refusal, and the message hides both tokens."""
    echo = '{"error": "first-token and second-token"}'
    emulator.add_fault(Fault("status", status=401, times=2, body=echo))
    source = _Renewable("first-token", "second-token", "third-token")
    with pytest.raises(Refused) as caught:
        Transport(emulator.url, source).send("GET", RUNS)
    assert caught.value.status == 401
    assert caught.value.message.endswith("HTTP 401: *** and ***")
    assert len(emulator.requests) == 2


@pytest.mark.parametrize("creates", [True, False])
def test_token_that_is_not_renewed(emulator: Emulator, creates: bool) -> None:
    """A create is not repeated after a 401. A plain token function cannot be renewed."""
    source: Callable[[], str] = _Renewable("old", emulator.token) if creates else lambda: "old"
    with pytest.raises(Refused):
        Transport(emulator.url, source).send("POST", RUNS, {}, creates=creates)
    assert len(emulator.requests) == 1


def test_renewal_that_fails(emulator: Emulator) -> None:
    """If the renewal fails, the error is that of the renewal: an outage, not a refusal."""

    class Failing(_Renewable):
        def __call__(self) -> str:
            if self.invalidated:
                raise NotConnected("no response")
            return "old"

    with pytest.raises(NotConnected, match="no response"):
        Transport(emulator.url, Failing("old")).send("POST", RUNS)
    assert len(emulator.requests) == 1


def test_late_renewal(emulator: Emulator) -> None:
    """Both attempts together keep the time limit of one request."""
    release = threading.Event()

    class Slow(_Renewable):
        def __call__(self) -> str:
            if self.invalidated:
                release.wait(60)
            return "old"

    with pytest.raises(NotConnected, match=r"no token within 0\.[0-9]+ seconds"):
        Transport(emulator.url, Slow("old")).send("POST", RUNS, read_seconds=0.4)
    release.set()
    _join_workers()
    assert len(emulator.requests) == 1


def test_requests_of_several_threads(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """Eight requests at a time have a connection each, and all of these stay open."""
    together = threading.Barrier(8, timeout=60)

    def token() -> str:
        together.wait()
        return emulator.token

    client = Transport(emulator.url, token)
    found: list[object] = []

    def work() -> None:
        for _ in range(2):
            found.append(client.send("POST", RUNS, {"scheduleName": "nightly"})["id"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(map(str, found))) == 16
    assert "pool is full" not in caplog.text
