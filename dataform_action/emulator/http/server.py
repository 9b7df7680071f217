"""The TCP server and the HTTP framing: a thread for each connection, keep-alive, fast shutdown."""

import contextlib
import itertools
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from dataform_action.emulator.http.connection import Connection
from dataform_action.emulator.http.request import Headers, Request
from dataform_action.emulator.http.response import HttpError, error_response

BODY_LIMIT = 1_000_000
"""The longest request body that is read, in bytes."""

Respond = Callable[[Request, Connection], None]

_LENGTH = re.compile(r"[0-9]{1,15}")
_JOIN_SECONDS = 5.0


class Server(socketserver.TCPServer):
    """Serves from its creation until ``close``."""

    allow_reuse_address = True
    request_queue_size = 128
    timeout = 0.5  # A safety net: close() ends the wait for connections.

    def __init__(self, host: str, port: int, respond: Respond) -> None:
        """Listen; raise OSError if the address is not available."""
        self.respond = respond
        self.closing = threading.Event()
        self.numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        super().__init__((host, port), _Handler)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Start a thread for a new connection."""
        assert isinstance(request, socket.socket), "only UDP servers get a tuple"  # noqa: S101
        thread = threading.Thread(
            target=self._serve_connection, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def close(self) -> None:
        """End all connections, even those that a fault holds open, and wait for the threads."""
        if self.closing.is_set():
            return
        self.closing.set()
        with contextlib.suppress(OSError):
            socket.create_connection((str(self.server_address[0]), self.port), timeout=1).close()
        self._thread.join()
        self.server_close()
        with self._lock:
            connections = dict(self._connections)
        for connection, thread in connections.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(_JOIN_SECONDS)

    def _accept(self) -> None:
        while not self.closing.is_set():
            self.handle_request()

    def _serve_connection(self, connection: socket.socket, client_address: object) -> None:
        # Close without shutdown(), which would send a FIN before the reset of a fault.
        try:
            with contextlib.suppress(OSError):
                self.finish_request(connection, client_address)
        finally:
            connection.close()
            with self._lock:
                del self._connections[connection]


class _Handler(BaseHTTPRequestHandler):
    """Reads and dispatches the requests of one connection; framing errors end it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    server: Server
    connection: socket.socket
    _number: int | None = None

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error response to a malformed request, and end the connection."""
        self.close_connection = True
        error = HttpError(int(code), message or explain or "The request is malformed")
        self._connection().send(error_response(error))

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        if self._number is None:
            self._number = next(self.server.numbers)
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            headers=Headers(self.headers.items()),
            body=body,
            connection=self._number,
            time=time.monotonic(),
        )
        connection = self._connection()
        self.server.respond(request, connection)
        self.close_connection = not connection.keep_open

    # The base class calls methods of these names.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _connection(self) -> Connection:
        return Connection(self.connection, self.server.closing, keep_open=not self.close_connection)

    def _read_body(self) -> bytes | None:
        """Read the body; return None if the request cannot be served."""
        if "Transfer-Encoding" in self.headers:
            self.send_error(411, "Send the body with a Content-Length, not chunked")
            return None
        length = ", ".join(self.headers.get_all("Content-Length", ["0"])).strip()
        if _LENGTH.fullmatch(length) is None:
            self.send_error(400, "Content-Length must be one whole number")
            return None
        if int(length) > BODY_LIMIT:
            self.send_error(413, f"The body is longer than {BODY_LIMIT} bytes")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body
