"""What a failed exchange says: whether the request ever left, and where the cause lies."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import requests
import trustme

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import DataformError, Misconfigured, NoResponse, NotConnected
from dataform_action.transport.exceptions import LOOPBACK_HINT, hint_of
from tests.unit.transport.support import RUNS, connect


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
