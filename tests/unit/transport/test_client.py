"""A request with a token: what is sent, to which address, and what a bad or late token means."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import InputError, NotConnected, Refused
from dataform_action.transport import client as transport
from dataform_action.transport.client import Transport
from tests.unit.transport.support import RUNS, connect


def test_exchange(emulator: Emulator) -> None:
    """A request carries the token, JSON and the package's name, and returns the object."""
    answer = connect(emulator).send("POST", RUNS, {"scheduleName": "nightly"})
    assert set(answer) == {"id"}
    request = emulator.requests[0]
    assert request.headers["Authorization"] == f"Bearer {emulator.token}"
    assert request.headers["User-Agent"].startswith("dataform-action/")
    assert request.body == b'{"scheduleName": "nightly"}'


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.example.com", "would send the token in the clear"),
        ("https://user:password@api.example.com", "is not an API address"),
        ("https://api.example.com/v1", "must not end in the API's version"),
    ],
)
def test_address_that_no_token_goes_to(url: str, words: str) -> None:
    """A library's user is refused the same addresses as a workflow's."""
    with pytest.raises(InputError, match="api_url") as caught:
        Transport(url, lambda: "token")
    assert words in caught.value.message
    assert "password" not in caught.value.message


@pytest.mark.parametrize("token", ["", "a b", "a\n", "“a”", "é"])
def test_token_that_is_none_is_not_sent(emulator: Emulator, token: str) -> None:
    """A token function that returns what is no token sends nothing, and shows none of it."""
    with pytest.raises(NotConnected, match=r"what was given as a token is none$"):
        Transport(emulator.url, lambda: token).send("GET", RUNS)
    assert emulator.requests == []


def test_token_that_is_not_to_be_had(emulator: Emulator) -> None:
    """A token function that fails is an outage, unless it says otherwise in our own terms."""

    def fail(error: Exception) -> str:
        raise error

    with pytest.raises(NotConnected, match="no token to be had: no route"):
        Transport(emulator.url, lambda: fail(OSError("no route"))).send("GET", RUNS)
    for missing in (FileNotFoundError(2, "No such file", "hunter2"), ValueError("no token")):
        with pytest.raises(NotConnected, match=r"no token to be had: [Nn]o [a-z ]+$"):
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


def test_token_that_is_late(emulator: Emulator) -> None:
    """A token function holds no call beyond its limit, and what it brings later is not sent."""
    release = threading.Event()

    def ask() -> str:
        release.wait(60)
        return emulator.token

    client = Transport(emulator.url, ask)
    with pytest.raises(NotConnected) as caught:
        client.send("POST", RUNS, {}, read_seconds=0.05)
    assert type(caught.value) is NotConnected
    assert caught.value.message == (
        f"POST {emulator.url}{RUNS}: no token to be had within 0.1 seconds"
    )
    release.set()
    _join_workers()
    assert emulator.requests == []
    client.send("POST", RUNS, {})
    assert len(emulator.requests) == 1


class _Stop(Exception):
    pass


def test_signal_while_a_token_is_waited_for(emulator: Emulator) -> None:
    """A caller that is called away leaves no request behind."""
    release = threading.Event()

    def stop(*_: object) -> None:
        raise _Stop

    def ask() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        release.wait(60)
        return emulator.token

    signal.signal(signal.SIGTERM, stop)
    with pytest.raises(_Stop):
        Transport(emulator.url, ask).send("POST", RUNS, {})
    release.set()
    _join_workers()
    assert emulator.requests == []


def test_token_of_a_failed_exchange_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt hides the token that it was made with, in the words of a failure as well."""
    tokens = iter(("token-one", "token-two"))
    client = Transport("https://nowhere.invalid", lambda: next(tokens))

    def resolve(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "token-one, token-two")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for words in ("\\*\\*\\*, token-two$", "token-one, \\*\\*\\*$"):
        with pytest.raises(NotConnected, match=words):
            client.send("GET", RUNS)


def test_authorizing_sends_nothing(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token alone may be asked for; one that does not come is no connection."""
    connect(emulator).authorize()
    release = threading.Event()

    def wait() -> str:
        release.wait()
        return "too late"

    monkeypatch.setattr(transport, "READ_SECONDS", 0.05)
    try:
        with pytest.raises(NotConnected, match=r"no token to be had within 0\.05 seconds"):
            Transport(emulator.url, wait).authorize()
    finally:
        release.set()
    assert emulator.requests == []


class _Renewable:
    """A source of tokens, of which each can be replaced by the next one."""

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
    """Credentials that can be renewed are, once, and the same request is made again."""
    source, told = _Renewable("old-token", emulator.token), list[str]()
    client = Transport(emulator.url, source, on_exchange=told.append)
    assert set(client.send("POST", RUNS, {"scheduleName": "nightly"})) == {"id"}
    assert source.invalidated == ["old-token"]
    assert [request.body for request in emulator.requests] == 2 * [b'{"scheduleName": "nightly"}']
    assert [line.split(" in ")[0].rpartition(" ")[2] for line in told] == ["401", "200"]


def test_token_that_is_not_accepted_twice(emulator: Emulator) -> None:
    """A second 401 is a refusal, and neither token is shown."""
    echo = '{"error": "first-token and second-token"}'
    emulator.add_fault(Fault("status", status=401, times=2, body=echo))
    source = _Renewable("first-token", "second-token", "third-token")
    with pytest.raises(Refused) as caught:
        Transport(emulator.url, source).send("GET", RUNS)
    assert caught.value.status == 401
    assert caught.value.message.endswith("HTTP 401: first-token and ***")
    assert len(emulator.requests) == 2


@pytest.mark.parametrize("creates", [True, False])
def test_token_that_is_not_renewed(emulator: Emulator, creates: bool) -> None:
    """A create is never made a second time, and a function has only the token that it returns."""
    source: Callable[[], str] = _Renewable("old", emulator.token) if creates else lambda: "old"
    with pytest.raises(Refused):
        Transport(emulator.url, source).send("POST", RUNS, {}, creates=creates)
    assert len(emulator.requests) == 1


def test_renewal_that_fails(emulator: Emulator) -> None:
    """Without another token there is an outage: the first one may have been good until now."""

    class Failing(_Renewable):
        def __call__(self) -> str:
            if self.invalidated:
                raise NotConnected("no answer")
            return "old"

    with pytest.raises(NotConnected, match="no answer"):
        Transport(emulator.url, Failing("old")).send("POST", RUNS)
    assert len(emulator.requests) == 1


def test_renewal_that_is_late(emulator: Emulator) -> None:
    """Both requests together take no longer than one may."""
    release = threading.Event()

    class Slow(_Renewable):
        def __call__(self) -> str:
            if self.invalidated:
                release.wait(60)
            return "old"

    with pytest.raises(NotConnected, match=r"no token to be had within 0\.[0-9]+ seconds"):
        Transport(emulator.url, Slow("old")).send("POST", RUNS, read_seconds=0.2)
    release.set()
    _join_workers()
    assert len(emulator.requests) == 1
