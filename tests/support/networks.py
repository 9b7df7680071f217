"""Networks between the action and the emulator: TLS, proxies, and a machine with problems.

Each is a context manager that takes the emulator and returns the address that the action must use.
The first connections may fail. The others work.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import trustme

from dataform_action.emulator import Emulator

Serve = Callable[[socket.socket], None]
"""Serves one connection, which is closed afterwards."""
Network = Callable[[Emulator], AbstractContextManager[str]]

_RESET = struct.pack("ii", 1, 0)
#: The start of a TLS record with a ServerHello. The rest is never sent.
_HALF_A_HELLO = bytes.fromhex("160303007a020000760303") + bytes(16)
_NOWHERE = "/nowhere/keys.log"


class Gate:
    """A server on loopback with one function for each connection. The last function repeats."""

    def __init__(self, *serve: Serve) -> None:
        self._serve = deque(serve)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._connections: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        # The threads that relay bytes end with the emulator.
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            serve = self._serve.popleft() if len(self._serve) > 1 else self._serve[0]
            self._connections.append(connection)
            threading.Thread(target=self._run, args=(serve, connection), daemon=True).start()

    @staticmethod
    def _run(serve: Serve, connection: socket.socket) -> None:
        with suppress(OSError):
            serve(connection)
        connection.close()


def hang_up(connection: socket.socket) -> None:
    """Read the start of the client's data, and close the connection."""
    connection.recv(10_000)


def reset(connection: socket.socket) -> None:
    """Read the start of the client's data, and reset the connection."""
    connection.recv(10_000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def hang_up_in_the_handshake(connection: socket.socket) -> None:
    """Send a part of the TLS handshake, and close the connection."""
    connection.recv(10_000)
    connection.sendall(_HALF_A_HELLO)


def respond(response: bytes, connection: socket.socket) -> None:
    """Send the same response to any request."""
    connection.recv(10_000)
    connection.sendall(response)


def tunnel(port: int, connection: socket.socket) -> None:
    """Act as a proxy that opens every tunnel to the same port."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(10_000)
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    relay(port, connection)


def serve_tls(port: int, connection: socket.socket) -> None:
    """Complete a TLS handshake with the client, and relay its data."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert("127.0.0.1").configure_cert(context)
    with context.wrap_socket(connection, server_side=True) as secured:
        relay(port, secured)


def relay(port: int, client: socket.socket) -> None:
    """Relay data in both directions until one side closes the connection."""
    with socket.create_connection(("127.0.0.1", port)) as server:
        other = {client: server, server: client}
        while True:
            is_buffered = isinstance(client, ssl.SSLSocket) and client.pending() > 0
            ready = [client] if is_buffered else select.select([client, server], [], [])[0]
            for source in ready:
                data = source.recv(65_536)
                if not data:
                    return
                other[source].sendall(data)


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables, including the one that makes the test certificates trusted."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder, "bundle.pem")
        _authority().cert_pem.write_to_path(str(bundle))
        with patch.dict(os.environ, {"REQUESTS_CA_BUNDLE": str(bundle), **variables}):
            yield


@contextmanager
def over_tls(*first: Serve, emulator: Emulator, **variables: str) -> Iterator[str]:
    """Put TLS before the emulator, with faults in the first connections."""
    port = int(emulator.url.rpartition(":")[2])
    with Gate(*first, partial(serve_tls, port)) as gate, _environment(**variables):
        yield f"https://127.0.0.1:{gate.port}"


@contextmanager
def behind_a_proxy(
    *first: Serve, emulator: Emulator, scheme: str = "http", forever: bool = False
) -> Iterator[str]:
    """Put a proxy and TLS before the emulator, with faults in the first tunnels."""
    port = int(emulator.url.rpartition(":")[2])
    with ExitStack() as stack:
        secured = stack.enter_context(Gate(partial(serve_tls, port)))
        last = () if forever else (partial(tunnel, secured.port),)
        proxy = stack.enter_context(Gate(*first, *last))
        stack.enter_context(_environment(HTTPS_PROXY=f"{scheme}://127.0.0.1:{proxy.port}"))
        yield f"https://127.0.0.1:{secured.port}"


@contextmanager
def no_tls(emulator: Emulator) -> Iterator[str]:
    """Use an https address for a port with plain HTTP."""
    yield emulator.url.replace("http:", "https:")


@contextmanager
def no_proxy_there(emulator: Emulator) -> Iterator[str]:
    """Set a proxy on loopback, where nothing listens, as it happens in a container."""
    with _environment(HTTPS_PROXY="http://127.0.0.1:1"):
        yield "https://127.0.0.1:2"


@contextmanager
def no_thread(which: Iterable[int], emulator: Emulator) -> Iterator[str]:
    """Let the threads of some requests fail, as on a machine with too many processes."""
    start, numbers = threading.Thread.start, set(which)
    count = 0

    def refuse(thread: threading.Thread) -> None:
        nonlocal count
        if thread.name.startswith("dataform"):
            count += 1
            if count in numbers:
                raise RuntimeError("can't start new thread")
        start(thread)

    with patch.object(threading.Thread, "start", refuse):
        yield emulator.url


@contextmanager
def dead_addresses(count: int, emulator: Emulator) -> Iterator[str]:
    """Let the host name resolve to IPv6 addresses that do not respond, and to the emulator."""
    port = int(emulator.url.rpartition(":")[2])
    usual = socket.getaddrinfo

    def resolve(host: Any, *more: Any, **options: Any) -> Any:  # noqa: ANN401
        if host != "dataform":
            return usual(host, *more, **options)
        dead = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        good = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [*[dead] * count, good]

    with ExitStack() as stack:
        # With a full queue, the port does not respond. Without IPv6, it does not respond either.
        with suppress(OSError):
            listener = stack.enter_context(socket.socket(socket.AF_INET6))
            listener.bind(("::1", port))
            listener.listen(0)
            stack.enter_context(socket.create_connection(("::1", port), timeout=1))
        stack.enter_context(patch.object(socket, "getaddrinfo", resolve))
        yield f"http://dataform:{port}"


_PROXY_AUTHENTICATION = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b"Proxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
)
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


def _named(network: Callable[..., AbstractContextManager[str]], *args: Any, **more: Any) -> Network:  # noqa: ANN401
    return lambda emulator: network(*args, emulator=emulator, **more)


NETWORKS: Mapping[str, Network] = {
    "TLS": _named(over_tls),
    "handshake ends": _named(over_tls, hang_up),
    "handshake is reset": _named(over_tls, reset),
    "handshake is cut": _named(over_tls, hang_up_in_the_handshake),
    "no TLS": _named(no_tls),
    "no key log": _named(over_tls, SSLKEYLOGFILE=_NOWHERE),
    "proxy": _named(behind_a_proxy),
    "proxy drops one": _named(behind_a_proxy, hang_up),
    "proxy fails once": _named(behind_a_proxy, partial(respond, _BAD_GATEWAY)),
    "proxy drops all": _named(behind_a_proxy, hang_up, forever=True),
    "proxy wants a password": _named(
        behind_a_proxy, partial(respond, _PROXY_AUTHENTICATION), forever=True
    ),
    "proxy speaks http": _named(
        behind_a_proxy, partial(respond, _BAD_GATEWAY), scheme="https", forever=True
    ),
    "no proxy there": _named(no_proxy_there),
    "no thread for the create": _named(no_thread, (1,)),
    "no thread for a poll": _named(no_thread, (3,)),
    "dead addresses": _named(dead_addresses, 8),
}
