"""Servers on loopback that fail before, during or after a TLS handshake, and proxies."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

#: What a server does with a connection.
Behaviour = Callable[[socket.socket], object]

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"id": "1"}'


class Server:
    """A server with one behaviour for each connection. The last one repeats."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self._behaviours = list(behaviours)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        #: The number of connections so far.
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.connections += 1
                behave = self._behaviours[min(self.connections, len(self._behaviours)) - 1]
                with suppress(OSError), connection:
                    connection.settimeout(30)
                    behave(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)


@contextmanager
def serve(*behaviours: Behaviour) -> Iterator[Server]:
    server = Server(*behaviours)
    try:
        yield server
    finally:
        server.close()


def hang_up(connection: socket.socket) -> None:
    """Close the connection after the first byte."""
    connection.recv(1)


def reset(connection: socket.socket) -> None:
    """Reset the connection after the first byte."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def respond(*texts: bytes) -> Behaviour:
    """Read something before each text is sent. Then close the connection."""

    def behave(connection: socket.socket) -> None:
        for text in texts:
            connection.recv(100_000)
            connection.sendall(text)

    return behave


def reply(connection: socket.socket) -> None:
    """Read a request with its body, and return success."""
    recording([])(connection)


def recording(requests: list[bytes]) -> Behaviour:
    """Read a request with its body, record it, and return success."""

    def behave(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"}"):
            request += connection.recv(100_000)
        requests.append(request)
        connection.sendall(OK)

    return behave


def over_tls(context: ssl.SSLContext, behave: Behaviour) -> Behaviour:
    """Complete a TLS handshake before ``behave``."""

    def secured(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            behave(wrapped)

    return secured


def tunnel(behave: Behaviour) -> Behaviour:
    """Accept a CONNECT request. Then ``behave`` inside the tunnel."""

    def tunnelled(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        behave(connection)

    return tunnelled
