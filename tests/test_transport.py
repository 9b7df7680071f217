"""One exchange over real sockets: what each failure means, and what is never done."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from dataform_action import transport
from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import (
    DataformError,
    NoAnswer,
    NotConnected,
    NotTrusted,
    OddAnswer,
    Refused,
    Throttled,
)
from dataform_action.transport import Transport

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
        (Fault("reset"), NoAnswer, "Connection reset by peer"),
        (Fault("close"), NoAnswer, "Remote end closed connection without response"),
        (Fault("short"), NoAnswer, "bytes read"),
        (Fault("cut-json"), OddAnswer, "HTTP 200, but no JSON object: {"),
        (Fault("html"), OddAnswer, "HTTP 200, but no JSON object: an HTML page"),
        (Fault("json", body="[1]"), OddAnswer, "HTTP 200, but no JSON object: [1]"),
        (Fault("json", body=""), OddAnswer, "HTTP 200, but no JSON object: an empty body"),
        (Fault("json", body="x" * 600), OddAnswer, f"{'x' * 500}…"),
        (Fault("json", body="[" * 100_000), OddAnswer, "HTTP 200, but no JSON object"),
        (
            Fault("redirect", headers={"Location": "/elsewhere"}),
            OddAnswer,
            "HTTP 302, a redirect, which is not followed",
        ),
        (Fault("status", status=500, body="<html>"), NoAnswer, "HTTP 500: an HTML page"),
        (Fault("status", status=503, body='{"error": "busy"}'), NoAnswer, "HTTP 503: busy"),
        (Fault("status", status=504, body='{"error": {"message": "late"}}'), NoAnswer, "504: late"),
        (Fault("status", status=408, body='{"message": "slow"}'), NoAnswer, "HTTP 408: slow"),
        (Fault("status", status=429, body='{"error": {}}'), Throttled, "HTTP 429"),
        (Fault("status", status=400, body="[]"), Refused, "HTTP 400: []"),
        (Fault("hang", seconds=60), NoAnswer, "timed out"),
        (Fault("drip", seconds=60), NoAnswer, "no whole answer within 0.3 seconds"),
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
        with pytest.raises(NoAnswer):
            client.send("GET", f"{RUNS}/{run_id}", read_seconds=0.1)
        assert client.send("GET", f"{RUNS}/{run_id}")["id"] == run_id


def test_endless_answer_is_cut(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is larger than any real one is not held in memory."""
    monkeypatch.setattr(transport, "_BODY_LIMIT", 100_000)
    emulator.add_fault(Fault("huge"))
    with pytest.raises(OddAnswer, match="the answer is longer than 100000 bytes"):
        connect(emulator).send("GET", f"{RUNS}/1")


def test_connection_that_is_refused(emulator: Emulator) -> None:
    """A closed port is a request that never left."""
    with pytest.raises(NotConnected, match="Connection refused"):
        connect(emulator, "http://127.0.0.1:1").send("GET", RUNS)


def test_connection_that_is_not_accepted(emulator: Emulator) -> None:
    """A connection that is not made in time is a request that never left."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            socket.create_connection(listener.getsockname()),
            pytest.raises(NotConnected, match="timed out"),
        ):
            connect(emulator, url).send("GET", RUNS, read_seconds=0.1)


def test_name_that_is_not_known(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that cannot be resolved is a request that never left."""

    def resolve(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(NotConnected, match="Name or service not known"):
        connect(emulator, "http://nowhere.invalid").send("GET", RUNS)


def test_resolver_that_hangs(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that does not return holds the caller no longer than the whole limit."""
    release = threading.Event()

    def resolve(*_args: object) -> None:
        release.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    try:
        with pytest.raises(NoAnswer, match=r"no whole answer within 0\.1 seconds"):
            connect(emulator).send("GET", RUNS, read_seconds=0.05)
    finally:
        release.set()


@pytest.mark.parametrize(
    ("variable", "value", "error"),
    [
        ("HTTP_PROXY", "http://127.0.0.1:1", NotConnected),
        ("HTTP_PROXY", "http://", NotTrusted),
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
    with pytest.raises(NotTrusted, match="Could not find a suitable TLS CA certificate bundle"):
        connect(emulator, "https://127.0.0.1:1").send("GET", RUNS)


def test_https_to_a_plain_port(emulator: Emulator) -> None:
    """TLS spoken to a server that has none is a matter of set-up, and nothing was sent."""
    with pytest.raises(NotTrusted, match=r"(?i)wrong.version.number"):
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
        with pytest.raises(NotTrusted, match="CERTIFICATE_VERIFY_FAILED"):
            connect(emulator, url).send("GET", RUNS)
        bundle = tmp_path / "bundle.pem"
        authority.cert_pem.write_to_path(str(bundle))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        assert connect(emulator, url).send("GET", RUNS) == {"id": "1"}
    finally:
        thread.join()
        listener.close()


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
        (format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True), 7200.0),
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
    found = transport._retry_after({"Retry-After": value})
    assert found == (None if seconds is None else pytest.approx(seconds, abs=60))


def test_retry_after_of_a_server_error(emulator: Emulator) -> None:
    """A 503 may ask to wait, as a 429 may."""
    emulator.add_fault(Fault("status", status=503, headers={"Retry-After": "7"}))
    with pytest.raises(NoAnswer) as caught:
        connect(emulator).send("GET", RUNS)
    assert caught.value.retry_after == 7


def test_token_is_hidden_at_any_depth(emulator: Emulator) -> None:
    """A token in any string or name of an answer is replaced, and nothing else changes."""
    text = f'{{"a": ["x {emulator.token} y", 1, null], "{emulator.token}": {{"b": true}}}}'
    emulator.add_fault(Fault("json", body=text))
    answer = connect(emulator).send("GET", RUNS)
    assert answer == {"a": ["x *** y", 1, None], "***": {"b": True}}
