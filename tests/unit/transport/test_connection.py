"""Whether a request counts as sent, and how a connection is made, over real sockets."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import Misconfigured, NoResponse, NotConnected
from dataform_action.transport.client import Transport
from dataform_action.transport.connection import connect_first, in_turns
from tests.unit.transport.servers import (
    Behaviour,
    hang_up,
    over_tls,
    reply,
    reset,
    respond,
    serve,
    tunnel,
)
from tests.unit.transport.support import RUNS, connect

PATH = "/v1/x"
_PLAIN = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS context of a server that the client trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "api.example").configure_cert(context)
    bundle = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    return context


def _post(url: str, seconds: float = 10) -> object:
    return Transport(url, lambda: "token").send("POST", PATH, {"a": 1}, read_seconds=seconds)


@pytest.mark.parametrize(
    "broken",
    [
        hang_up,
        reset,
        respond(b""),
        respond(_PLAIN),
        respond(b"SSH-2.0-OpenSSH\r\n"),
        respond(b"\x15\x03\x01\x00\x02"),
    ],
    ids=["closed", "reset", "closed later", "plain HTTP", "SSH", "cut record"],
)
def test_handshake_that_fails(tls: ssl.SSLContext, broken: Behaviour) -> None:
    """If the handshake fails, nothing was sent. Another attempt succeeds."""
    with serve(broken, over_tls(tls, reply)) as server:
        url = f"https://{server.host}"
        with pytest.raises(NotConnected) as caught:
            _post(url)
        assert caught.value.unprocessed
        assert caught.value.retryable
        assert caught.value.message.startswith(f"POST {url}{PATH}: ")
        assert _post(url) == {"id": "1"}


def test_handshake_that_takes_too_long(tls: ssl.SSLContext) -> None:
    """If the server does not respond to the handshake, nothing was sent."""

    def wait(connection: socket.socket) -> None:
        # Until the client closes the connection.
        while connection.recv(100_000):
            pass

    with serve(wait) as server, pytest.raises(NotConnected) as caught:
        _post(f"https://{server.host}", seconds=0.1)
    assert caught.value.unprocessed


@pytest.mark.parametrize("broken", [hang_up, reset, respond(b"")], ids=["closed", "reset", "later"])
def test_lost_response(tls: ssl.SSLContext, broken: Behaviour) -> None:
    """After the handshake, the same failures mean that the request may have been processed."""
    for behave, scheme in ((over_tls(tls, broken), "https"), (broken, "http")):
        with serve(behave) as server, pytest.raises(NoResponse) as caught:
            _post(f"{scheme}://{server.host}")
        assert not caught.value.unprocessed


def test_lost_response_on_a_kept_connection(emulator: Emulator) -> None:
    """A request on an existing connection counts as sent."""
    client = connect(emulator)
    client.send("POST", RUNS, {})
    emulator.add_fault(Fault("close", processed=True))
    with pytest.raises(NoResponse):
        client.send("POST", RUNS, {})
    assert len(emulator.requests) == 2


def test_https_to_a_plain_port(emulator: Emulator) -> None:
    """If a server without TLS has an https address, nothing is sent, and the hint says so."""
    with pytest.raises(NotConnected) as caught:
        connect(emulator, emulator.url.replace("http", "https")).send("POST", RUNS, {})
    assert emulator.requests == []
    assert "The server does not use TLS" in caught.value.hint
    assert "http:// instead of https://" in caught.value.hint


@pytest.mark.parametrize(
    "broken",
    [
        hang_up,
        reset,
        respond(b""),
        respond(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        respond(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
        respond(b"nonsense\r\n\r\n"),
        tunnel(hang_up),
        tunnel(reset),
        tunnel(respond(_PLAIN)),
    ],
    ids=["closed", "reset", "later", "403", "502", "nonsense", "in it", "reset in it", "plain"],
)
def test_tunnel_that_fails(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, broken: Behaviour
) -> None:
    """If a proxy refuses CONNECT, or the handshake in the tunnel fails, nothing was sent."""
    with serve(broken, tunnel(over_tls(tls, reply))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with pytest.raises(NotConnected) as caught:
            _post("https://api.example")
        assert caught.value.unprocessed
        assert caught.value.retryable
        assert "the proxy set in HTTPS_PROXY failed: " in caught.value.message
        assert "HTTPS_PROXY" in caught.value.hint
        assert _post("https://api.example") == {"id": "1"}


def test_tls_proxy(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may use TLS itself. If it uses plain HTTP instead, nothing is sent."""
    with serve(over_tls(tls, reply), respond(_PLAIN)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"https://{proxy.host}")
        assert _post("http://api") == {"id": "1"}
        with pytest.raises(NotConnected) as caught:
            _post("http://api")
    assert caught.value.unprocessed
    assert caught.value.hint == (
        "If the proxy uses plain HTTP, write http:// in HTTP_PROXY, not https://."
    )


def test_tls_proxy_of_a_tls_service_that_speaks_plain_http(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same is true if the service itself uses TLS."""
    with serve(respond(_PLAIN)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{proxy.host}")
        with pytest.raises(NotConnected) as caught:
            _post("https://api.example")
    assert "write http:// in HTTPS_PROXY" in caught.value.hint


def test_response_lost_behind_a_tunnel(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that was sent in a tunnel may have been processed."""
    with serve(tunnel(over_tls(tls, hang_up))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with pytest.raises(NoResponse):
            _post("https://api.example")


def test_certificate_that_is_not_trusted(authority: trustme.CA) -> None:
    """An untrusted certificate is an error of this machine's configuration."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serve(over_tls(context, reply)) as server, pytest.raises(Misconfigured) as caught:
        _post(f"https://{server.host}")
    assert caught.value.unprocessed


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address that neither accepts nor refuses connections, as behind a firewall."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener.getsockname()


def _resolving(
    monkeypatch: pytest.MonkeyPatch, *places: tuple[socket.AddressFamily, tuple[str, int]]
) -> None:
    found = [(family, socket.SOCK_STREAM, 6, "", place) for family, place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)


def test_addresses_that_do_not_respond(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, silent: tuple[str, int]
) -> None:
    """If eight addresses of a host do not respond, the ninth is reached within the same limit."""
    good = ("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    places = [*[(socket.AF_INET, silent)] * 8, (socket.AF_INET, good)]
    with monkeypatch.context() as patched:
        _resolving(patched, *places)
        client = connect(emulator, "http://service:80")
        assert set(client.send("POST", RUNS, {}, read_seconds=9)) == {"id"}
    assert len(emulator.requests) == 1


def test_no_address_responds(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, silent: tuple[str, int]
) -> None:
    """All addresses together keep the time limit of one connection."""
    with monkeypatch.context() as patched:
        _resolving(patched, *[(socket.AF_INET, silent)] * 20)
        started = time.monotonic()
        with pytest.raises(NotConnected) as caught:
            connect(emulator, "http://service:80").send("POST", RUNS, {}, read_seconds=0.4)
    assert caught.value.unprocessed
    assert time.monotonic() - started < 5
    assert emulator.requests == []


def test_address_that_fails_is_skipped_immediately(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an address refuses or its family is not supported, the next one is tried immediately."""
    good = ("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    unsupported = socket.AddressFamily.AF_APPLETALK
    bad = [
        (socket.AF_INET, ("127.0.0.1", 1)),
        (unsupported, ("", 0)),
        (socket.AF_INET6, ("::1", 1)),
    ]
    with monkeypatch.context() as patched:
        _resolving(patched, *bad * 20, (socket.AF_INET, good))
        client = connect(emulator, "http://service:80")
        assert set(client.send("POST", RUNS, {}, read_seconds=9)) == {"id"}


@pytest.mark.parametrize("found", [[], [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("::1", 1))]])
def test_host_without_a_usable_address(found: list[tuple[object, ...]]) -> None:
    """If a host has no usable address, the error is an OSError."""
    with pytest.raises(OSError, match=r"(?i)address"):
        connect_first(found, 1, ())


def test_families_take_turns() -> None:
    """Addresses alternate between the families, starting with the family of the first one."""
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(six, 1), (six, 2), (six, 3), (four, 4)]
    assert in_turns(found) == [(six, 1), (four, 4), (six, 2), (six, 3)]
    assert in_turns([]) == []
