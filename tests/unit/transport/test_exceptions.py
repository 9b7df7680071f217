"""The errors of failed requests: whether the request was sent, and the cause."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import Misconfigured, NoResponse, NotConnected
from dataform_action.transport.exceptions import LOOPBACK_HINT
from tests.unit.transport.support import RUNS, connect


def test_refused_connection(emulator: Emulator) -> None:
    """If the port is closed, nothing was sent."""
    with pytest.raises(NotConnected, match="Connection refused"):
        connect(emulator, "http://127.0.0.1:1").send("GET", RUNS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.7.0.1", "localhost", "[::1]"])
def test_refused_connection_to_loopback(emulator: Emulator, host: str) -> None:
    """If nothing listens on loopback, the hint explains loopback in a container."""
    with pytest.raises(NotConnected) as caught:
        connect(emulator, f"http://{host}:1").send("GET", RUNS)
    assert caught.value.hint == LOOPBACK_HINT
    assert "Inside a container, " in LOOPBACK_HINT


def test_connection_that_times_out(emulator: Emulator) -> None:
    """If no connection is made in time, nothing was sent."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            socket.create_connection(listener.getsockname()),
            pytest.raises(NotConnected, match=r"timed out|no connection within") as caught,
        ):
            connect(emulator, url).send("GET", RUNS, read_seconds=0.1)
    assert caught.value.hint == NotConnected.hint


def test_unknown_host(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the host name cannot be resolved, nothing was sent."""

    def resolve(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(NotConnected, match="Name or service not known"):
            connect(emulator, "https://nowhere.invalid").send("GET", RUNS)


def test_response_lost_behind_a_proxy(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a proxy closes the connection without a response, the request may have been processed."""
    monkeypatch.setenv("HTTP_PROXY", emulator.url)
    emulator.add_fault(Fault("close", processed=True))
    with pytest.raises(NoResponse, match=r"Remote end closed connection without response$"):
        connect(emulator, "http://api").send("POST", RUNS, {})


def test_private_certificate_authority(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A certificate of a private authority is accepted only with REQUESTS_CA_BUNDLE."""
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
