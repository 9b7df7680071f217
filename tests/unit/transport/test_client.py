"""One exchange over real sockets: what each failure means, and what is never done."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests
import trustme

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import (
    DataformError,
    InputError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Refused,
    Throttled,
)
from dataform_action.transport import client as transport, response as answers
from dataform_action.transport.client import Transport
from dataform_action.transport.exceptions import LOOPBACK_HINT, hint_of

RUNS = "/v1/project/1234/run"


def connect(emulator: Emulator, url: str | None = None) -> Transport:
    return Transport(url or emulator.url, lambda: emulator.token)


def test_exchange(emulator: Emulator) -> None:
    """A request carries the token, JSON and the package's name, and returns the object."""
    answer = connect(emulator).send("POST", RUNS, {"scheduleName": "nightly"})
    assert set(answer) == {"id"}
    request = emulator.requests[0]
    assert request.headers["Authorization"] == f"Bearer {emulator.token}"
    assert request.headers["User-Agent"].startswith("dataform-action/")
    assert request.body == b'{"scheduleName": "nightly"}'


def test_one_connection_serves_all(emulator: Emulator) -> None:
    """A hundred requests, refused ones among them, go over one kept-alive connection."""
    client = connect(emulator)
    client.send("POST", RUNS, {"scheduleName": "endless"})
    run_id = emulator.runs[0].id
    for _ in range(49):
        client.send("GET", f"{RUNS}/{run_id}")
        with pytest.raises(Refused):
            client.send("GET", f"{RUNS}/0")
    assert len(emulator.requests) == 99
    assert emulator.connections == 1


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault("reset"), NoResponse, "Connection reset by peer"),
        (Fault("close"), NoResponse, "Remote end closed connection without response"),
        (Fault("short"), NoResponse, "bytes read"),
        (Fault("cut-json"), InvalidResponse, "HTTP 200, but no JSON object: {"),
        (Fault("html"), InvalidResponse, "HTTP 200, but no JSON object: an HTML page"),
        (Fault("json", body="[1]"), InvalidResponse, "HTTP 200, but no JSON object: [1]"),
        (Fault("json", body=""), InvalidResponse, "HTTP 200, but no JSON object: an empty body"),
        (Fault("json", body="x" * 600), InvalidResponse, f"{'x' * 500}…"),
        (Fault("json", body="[" * 100_000), InvalidResponse, "HTTP 200, but no JSON object"),
        (
            Fault("redirect", headers={"Location": "/elsewhere"}),
            InvalidResponse,
            "HTTP 302, a redirect, which is not followed",
        ),
        (Fault("status", status=500, body="<html>"), NoResponse, "HTTP 500: an HTML page"),
        (Fault("status", status=503, body='{"error": "busy"}'), NoResponse, "HTTP 503: busy"),
        (
            Fault("status", status=504, body='{"error": {"message": "late"}}'),
            NoResponse,
            "504: late",
        ),
        (Fault("status", status=408, body='{"message": "slow"}'), NoResponse, "HTTP 408: slow"),
        (Fault("status", status=429, body='{"error": {}}'), Throttled, "HTTP 429"),
        (Fault("status", status=400, body="[]"), Refused, "HTTP 400: []"),
        (Fault("hang", seconds=60), NoResponse, "timed out"),
        (Fault("drip", seconds=60), NoResponse, "no whole answer within 0.3 seconds"),
    ],
)
def test_what_a_failure_means(
    emulator: Emulator, fault: Fault, error: type[DataformError], words: str
) -> None:
    """Each way to fail is told apart, in words that name the request and the cause."""
    emulator.add_fault(fault)
    with pytest.raises(error) as caught:
        connect(emulator).send("GET", f"{RUNS}/1", read_seconds=0.15)
    assert type(caught.value) is error
    assert caught.value.message.startswith(f"GET {emulator.url}{RUNS}/1: ")
    assert words in caught.value.message
    assert len(emulator.requests) == 1


def test_connection_is_used_again_after_a_failure(emulator: Emulator) -> None:
    """A failed exchange does not spoil the next one."""
    client = connect(emulator)
    client.send("POST", RUNS, {})
    run_id = emulator.runs[0].id
    for kind in ("reset", "close", "short", "hang", "drip"):
        emulator.add_fault(Fault(kind, seconds=60))
        with pytest.raises(NoResponse):
            client.send("GET", f"{RUNS}/{run_id}", read_seconds=0.1)
        assert client.send("GET", f"{RUNS}/{run_id}")["id"] == run_id


def test_endless_answer_is_cut(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is larger than any real one is not held in memory."""
    monkeypatch.setattr(transport, "_BODY_LIMIT", 100_000)
    emulator.add_fault(Fault("huge"))
    with pytest.raises(InvalidResponse, match="the answer is longer than 100000 bytes"):
        connect(emulator).send("GET", f"{RUNS}/1")


def test_connection_that_is_refused(emulator: Emulator) -> None:
    """A closed port is a request that never left."""
    with pytest.raises(NotConnected, match="Connection refused"):
        connect(emulator, "http://127.0.0.1:1").send("GET", RUNS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.7.0.1", "localhost", "[::1]"])
def test_loopback_that_refuses(emulator: Emulator, host: str) -> None:
    """A loopback address where nothing listens is perhaps that of a container."""
    with pytest.raises(NotConnected) as caught:
        connect(emulator, f"http://{host}:1").send("GET", RUNS)
    assert caught.value.hint == LOOPBACK_HINT
    assert "Inside a container, " in LOOPBACK_HINT


@pytest.mark.parametrize("url", ["http://192.0.2.1:1", "http://emulator:1", "https://api.invalid"])
def test_other_addresses_that_refuse(url: str) -> None:
    """What is not on loopback has the hint of every connection that is not made."""
    request = requests.Request("GET", url).prepare()
    error = requests.ConnectionError(ConnectionRefusedError("Connection refused"), request=request)
    assert hint_of(error) is None


def test_proxy_that_refuses(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy stands between, so that nothing is known of the address behind it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(NotConnected, match="Connection refused") as caught:
        connect(emulator).send("GET", RUNS)
    assert caught.value.hint == NotConnected.hint


def test_connection_that_is_not_accepted(emulator: Emulator) -> None:
    """A connection that is not made in time is a request that never left."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            socket.create_connection(listener.getsockname()),
            pytest.raises(NotConnected, match="timed out") as caught,
        ):
            connect(emulator, url).send("GET", RUNS, read_seconds=0.1)
    assert caught.value.hint == NotConnected.hint


def test_name_that_is_not_known(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that cannot be resolved is a request that never left."""

    def resolve(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(NotConnected, match="Name or service not known"):
            connect(emulator, "https://nowhere.invalid").send("GET", RUNS)


def test_resolver_that_hangs(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that does not return holds the caller no longer than the whole limit."""
    release = threading.Event()

    def resolve(*_args: object) -> None:
        release.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        try:
            with pytest.raises(NoResponse, match=r"no whole answer within 0\.1 seconds"):
                connect(emulator).send("GET", RUNS, read_seconds=0.05)
        finally:
            release.set()


@pytest.mark.parametrize(
    ("variable", "value", "error"),
    [
        ("HTTP_PROXY", "http://127.0.0.1:1", NotConnected),
        ("HTTP_PROXY", "http://", Misconfigured),
    ],
)
def test_proxy_that_fails(
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    error: type[DataformError],
) -> None:
    """A proxy from the environment is used; one that fails is a request that never left."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(NotConnected) as caught:
        connect(emulator).send("GET", RUNS)
    assert type(caught.value) is error
    assert emulator.requests == []


def test_bundle_that_is_not_there(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle of certificates that does not exist is a matter of this machine's set-up."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(Misconfigured, match="Could not find a suitable TLS CA certificate bundle"):
        connect(emulator, "https://127.0.0.1:1").send("GET", RUNS)


def test_https_to_a_plain_port(emulator: Emulator) -> None:
    """A broken TLS record may come after the request: it never counts as not sent."""
    with pytest.raises(NoResponse, match=r"(?i)wrong.version.number"):
        connect(emulator, emulator.url.replace("http", "https")).send("GET", RUNS)


def test_private_certificate_authority(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server of a private authority is refused, and accepted with REQUESTS_CA_BUNDLE."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            connection = listener.accept()[0]
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(10_000)
                    secured.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"id": "1"}')
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with pytest.raises(Misconfigured, match="CERTIFICATE_VERIFY_FAILED"):
            connect(emulator, url).send("GET", RUNS)
        bundle = tmp_path / "bundle.pem"
        authority.cert_pem.write_to_path(str(bundle))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        assert connect(emulator, url).send("GET", RUNS) == {"id": "1"}
    finally:
        thread.join()
        listener.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 403 Forbidden\r\n\r\n"])
def test_tunnel_of_a_proxy(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """A tunnel that is declined was never one; a connection that ends in it proves nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        with listener.accept()[0] as connection:
            connection.recv(10_000)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with pytest.raises(NotConnected if answer else NoResponse) as caught:
            connect(emulator, "https://api.example").send("POST", RUNS, {})
        assert type(caught.value) in (NotConnected, NoResponse)
    finally:
        thread.join()
        listener.close()


def test_answer_lost_behind_a_proxy(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that passed the request on and then lost the answer is no proof of anything."""
    monkeypatch.setenv("HTTP_PROXY", emulator.url)
    emulator.add_fault(Fault("close", processed=True))
    with pytest.raises(NoResponse, match=r"Remote end closed connection without response$"):
        connect(emulator, "http://api").send("POST", RUNS, {})


def test_body_of_a_redirect_is_not_read(emulator: Emulator) -> None:
    """A redirect's body counts against the same limit as any other."""
    headers = {"Location": "/elsewhere"}
    emulator.add_fault(Fault("huge", status=302, size=40_000_000, headers=headers))
    with pytest.raises(InvalidResponse, match="the answer is longer than"):
        connect(emulator).send("GET", RUNS)


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


def test_netrc_is_not_used(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A .netrc entry for the host does not replace the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password evil\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    connect(emulator).send("POST", RUNS, {})
    assert emulator.requests[0].headers["Authorization"] == f"Bearer {emulator.token}"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("25", 25.0),
        (" 0 ", 0.0),
        ("9" * 50, 999999999.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        pytest.param(
            format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True),
            7200.0,
            id="in two hours",
        ),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("٣", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("", None),
    ],
)
def test_retry_after(emulator: Emulator, value: str, seconds: float | None) -> None:
    """Retry-After is read as seconds or as a date; anything else asks for nothing."""
    found = answers.parse_retry_after({"Retry-After": value})
    assert found == (None if seconds is None else pytest.approx(seconds, abs=900))


def test_retry_after_of_a_server_error(emulator: Emulator) -> None:
    """A 503 may ask to wait, as a 429 may."""
    emulator.add_fault(Fault("status", status=503, headers={"Retry-After": "7"}))
    with pytest.raises(NoResponse) as caught:
        connect(emulator).send("GET", RUNS)
    assert caught.value.retry_after == 7


def test_token_is_hidden_at_any_depth(emulator: Emulator) -> None:
    """A token in any string or name of an answer is replaced, and nothing else changes."""
    text = f'{{"a": ["x {emulator.token} y", 1, null], "{emulator.token}": {{"b": true}}}}'
    emulator.add_fault(Fault("json", body=text))
    answer = connect(emulator).send("GET", RUNS)
    assert answer == {"a": ["x *** y", 1, None], "***": {"b": True}}


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


def _observed(emulator: Emulator) -> tuple[Transport, list[str]]:
    told: list[str] = []
    return Transport(emulator.url, lambda: emulator.token, on_exchange=told.append), told


def test_each_exchange_is_told(emulator: Emulator) -> None:
    """Method, path, status, time and size are told of an answer, good or bad."""
    client, told = _observed(emulator)
    client.send("POST", RUNS, {"scheduleName": "nightly"})
    with pytest.raises(Refused):
        client.send("GET", f"{RUNS}/0?secret=1")
    created, refused = told
    url = re.escape(f"{emulator.url}{RUNS}")
    assert re.fullmatch(rf"POST {url}: HTTP 200 in \d+\.\d\d s, \d+ bytes", created)
    assert re.fullmatch(rf"GET {url}/0: HTTP 404 in \d+\.\d\d s, \d+ bytes", refused)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("close"), "NoResponse after"),
        (Fault("status", status=503), "HTTP 503 in"),
        (Fault("status", status=429), "HTTP 429 in"),
        (Fault("html"), "HTTP 200 in"),
    ],
)
def test_each_failure_is_told(emulator: Emulator, fault: Fault, words: str) -> None:
    """A failure shows its status or, without an answer, its kind."""
    client, told = _observed(emulator)
    emulator.add_fault(fault)
    with pytest.raises(DataformError):
        client.send("GET", RUNS)
    assert f"GET {emulator.url}{RUNS}: {words} " in told[0]
    assert len(told) == 1


def test_what_is_told_holds_no_token(emulator: Emulator) -> None:
    """A token in the address or in what a server echoes is hidden, and bodies are not shown."""
    client, told = _observed(emulator)
    long = "x" * 99 + emulator.token
    for value in (emulator.token, f"id-{emulator.token}", long, "a b", "ok-1"):
        headers = {"X-Request-Id": value}
        emulator.add_fault(Fault("status", status=400, headers=headers, body=emulator.token))
        with pytest.raises(Refused):
            client.send("GET", f"/v1/{emulator.token}?token={emulator.token}")
    parts = [line.partition(" bytes")[2] for line in told]
    assert parts == [
        ", X-Request-Id: ***",
        ", X-Request-Id: id-***",
        "",
        "",
        ", X-Request-Id: ok-1",
    ]
    assert all(line.startswith(f"GET {emulator.url}/v1/***: HTTP 400 in ") for line in told)


def test_observer_that_fails_loses_no_answer(emulator: Emulator) -> None:
    """What was asked for has been carried out: it is returned, whatever the observer does."""

    def fail(_line: str) -> None:
        raise ValueError

    client = Transport(emulator.url, lambda: emulator.token, on_exchange=fail)
    assert set(client.send("POST", RUNS, {})) == {"id"}


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
