"""One client's connection, as an answer or a fault may use it."""

import socket
import struct
import threading

from dataform_action.emulator.http.messages import Reply, render_head, render_reply

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Wire:
    """Writes to a connection; it never raises anything but OSError, when the client has left."""

    def __init__(
        self, connection: socket.socket, closing: threading.Event, keep_open: bool
    ) -> None:
        """Take the connection, the event that ends all waiting, and whether another may follow."""
        self._connection = connection
        self._closing = closing
        self.keep_open = keep_open

    def send(self, reply: Reply) -> None:
        """Send a whole reply."""
        self.write(render_reply(reply, self.keep_open))

    def write_head(self, reply: Reply, length: int) -> None:
        """Send the head of a reply, which promises a body of ``length`` bytes."""
        self.write(render_head(reply, length, self.keep_open))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(data)

    def hold(self, seconds: float) -> bool:
        """Wait; return whether there still is somebody to answer."""
        return not self._closing.wait(seconds) and not self._client_has_left()

    def close(self) -> None:
        """Let the connection end after this answer."""
        self.keep_open = False

    def reset(self) -> None:
        """Let the connection end by a TCP reset: closing it without lingering does that."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.close()

    def _client_has_left(self) -> bool:
        try:
            return self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
