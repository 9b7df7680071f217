"""When a request counts as sent, and how a connection is made, over real sockets."""

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
    by_tls,
    end,
    reply,
    reset,
    say,
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
    """The context of a server that a client trusts."""
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
    [end, reset, say(b""), say(_PLAIN), say(b"SSH-2.0-OpenSSH\r\n"), say(b"\x15\x03\x01\x00\x02")],
    ids=["closed", "reset", "closed later", "plain HTTP", "SSH", "cut record"],
)
def test_handshake_that_fails(tls: ssl.SSLContext, broken: Behaviour) -> None:
    """Nothing is sent before the handshake is complete: the same may be sent again, and works."""
    with serve(broken, by_tls(tls, reply)) as server:
        url = f"https://{server.host}"
        with pytest.raises(NotConnected) as caught:
            _post(url)
        assert caught.value.unprocessed
        assert caught.value.retryable
        assert caught.value.message.startswith(f"POST {url}{PATH}: ")
        assert _post(url) == {"id": "1"}


def test_handshake_that_takes_too_long(tls: ssl.SSLContext) -> None:
    """A server that says nothing to a handshake got no request either."""

    def wait(connection: socket.socket) -> None:
        # Until the client has left.
        while connection.recv(100_000):
            pass

    with serve(wait) as server, pytest.raises(NotConnected) as caught:
        _post(f"https://{server.host}", seconds=0.1)
    assert caught.value.unprocessed


@pytest.mark.parametrize("broken", [end, reset, say(b"")], ids=["closed", "reset", "later"])
def test_response_that_is_lost(tls: ssl.SSLContext, broken: Behaviour) -> None:
    """After the handshake, the same failures say nothing about what became of the request."""
    for behave, scheme in ((by_tls(tls, broken), "https"), (broken, "http")):
        with serve(behave) as server, pytest.raises(NoResponse) as caught:
            _post(f"{scheme}://{server.host}")
        assert not caught.value.unprocessed


def test_kept_connection_that_is_lost(emulator: Emulator) -> None:
    """A request on a connection that is there already is sent at once, and may be lost."""
    client = connect(emulator)
    client.send("POST", RUNS, {})
    emulator.add_fault(Fault("close", processed=True))
    with pytest.raises(NoResponse):
        client.send("POST", RUNS, {})
    assert len(emulator.requests) == 2


def test_https_to_a_plain_port(emulator: Emulator) -> None:
    """An https address of a server without TLS: nothing was sent, and the hint says what to do."""
    with pytest.raises(NotConnected) as caught:
        connect(emulator, emulator.url.replace("http", "https")).send("POST", RUNS, {})
    assert emulator.requests == []
    assert "does not speak TLS" in caught.value.hint
    assert "https by mistake" in caught.value.hint


@pytest.mark.parametrize(
    "broken",
    [
        end,
        reset,
        say(b""),
        say(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        say(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
        say(b"nonsense\r\n\r\n"),
        tunnel(end),
        tunnel(reset),
        tunnel(say(_PLAIN)),
    ],
    ids=["closed", "reset", "later", "403", "502", "nonsense", "in it", "reset in it", "plain"],
)
def test_tunnel_that_is_not_made(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, broken: Behaviour
) -> None:
    """A proxy that drops or declines CONNECT, or loses the handshake in it, passed nothing on."""
    with serve(broken, tunnel(by_tls(tls, reply))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with pytest.raises(NotConnected) as caught:
            _post("https://api.example")
        assert caught.value.unprocessed
        assert caught.value.retryable
        assert "the proxy that HTTPS_PROXY names" in caught.value.message
        assert "HTTPS_PROXY" in caught.value.hint
        assert _post("https://api.example") == {"id": "1"}


def test_tls_proxy(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may itself be spoken to by TLS; one that speaks plain HTTP got no request."""
    with serve(by_tls(tls, reply), say(_PLAIN)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"https://{proxy.host}")
        assert _post("http://api") == {"id": "1"}
        with pytest.raises(NotConnected) as caught:
            _post("http://api")
    assert caught.value.unprocessed
    assert caught.value.hint == (
        "If the proxy speaks plain HTTP, write http:// in HTTP_PROXY, not https://."
    )


def test_tls_proxy_of_a_tls_service_that_speaks_plain_http(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same in front of a tunnel."""
    with serve(say(_PLAIN)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{proxy.host}")
        with pytest.raises(NotConnected) as caught:
            _post("https://api.example")
    assert "write http:// in HTTPS_PROXY" in caught.value.hint


def test_response_lost_behind_a_tunnel(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside of a tunnel, a request that was sent may have been carried out."""
    with serve(tunnel(by_tls(tls, end))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with pytest.raises(NoResponse):
            _post("https://api.example")


def test_certificate_that_is_not_trusted(authority: trustme.CA) -> None:
    """A handshake that we end ourselves is a matter of this machine's set-up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serve(by_tls(context, reply)) as server, pytest.raises(Misconfigured) as caught:
        _post(f"https://{server.host}")
    assert caught.value.unprocessed


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address that accepts no connection and refuses none, as one behind a firewall."""
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


def test_addresses_that_do_not_answer(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, silent: tuple[str, int]
) -> None:
    """A host of which eight addresses are dead is reached by the ninth within the same limit."""
    good = ("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    places = [*[(socket.AF_INET, silent)] * 8, (socket.AF_INET, good)]
    with monkeypatch.context() as patched:
        _resolving(patched, *places)
        client = connect(emulator, "http://service:80")
        assert set(client.send("POST", RUNS, {}, read_seconds=9)) == {"id"}
    assert len(emulator.requests) == 1


def test_no_address_that_answers(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, silent: tuple[str, int]
) -> None:
    """All addresses together may take as long as one: then no connection was made."""
    with monkeypatch.context() as patched:
        _resolving(patched, *[(socket.AF_INET, silent)] * 20)
        started = time.monotonic()
        with pytest.raises(NotConnected) as caught:
            connect(emulator, "http://service:80").send("POST", RUNS, {}, read_seconds=0.4)
    assert caught.value.unprocessed
    assert time.monotonic() - started < 5
    assert emulator.requests == []


def test_address_that_fails_is_left_at_once(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal, or a family that this machine does not have, is not waited for."""
    good = ("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    strange = socket.AddressFamily.AF_APPLETALK
    bad = [(socket.AF_INET, ("127.0.0.1", 1)), (strange, ("", 0)), (socket.AF_INET6, ("::1", 1))]
    with monkeypatch.context() as patched:
        _resolving(patched, *bad * 20, (socket.AF_INET, good))
        client = connect(emulator, "http://service:80")
        assert set(client.send("POST", RUNS, {}, read_seconds=1)) == {"id"}


@pytest.mark.parametrize("found", [[], [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("::1", 1))]])
def test_host_without_a_usable_address(found: list[tuple[object, ...]]) -> None:
    """What cannot be connected to at all is an error of the operating system."""
    with pytest.raises(OSError, match=r"(?i)address"):
        connect_first(found, 1, ())


def test_families_take_turns() -> None:
    """The family that the resolver prefers comes first, and the other one second."""
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(six, 1), (six, 2), (six, 3), (four, 4)]
    assert in_turns(found) == [(six, 1), (four, 4), (six, 2), (six, 3)]
    assert in_turns([]) == []
