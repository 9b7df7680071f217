"""The connection to one client, for responses and faults."""

import socket
import struct
import threading

from dataform_action.emulator.http.response import Response, render_head, render_response

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Connection:
    """Writes to a client; raises only OSError, if the client has disconnected."""

    def __init__(self, client: socket.socket, closing: threading.Event, keep_open: bool) -> None:
        """Take the socket; ``closing`` ends all waiting, ``keep_open`` allows more requests."""
        self._socket = client
        self._closing = closing
        self.keep_open = keep_open

    def send(self, response: Response) -> None:
        """Send a whole response."""
        self.write(render_response(response, self.keep_open))

    def write_head(self, response: Response, length: int) -> None:
        """Send the head of a response that announces a body of ``length`` bytes."""
        self.write(render_head(response, length, self.keep_open))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def hold(self, seconds: float) -> bool:
        """Wait; return whether the client still waits for a response."""
        return not self._closing.wait(seconds) and not self._client_has_left()

    def close(self) -> None:
        """Close the connection after this response."""
        self.keep_open = False

    def reset(self) -> None:
        """End the connection with a TCP reset: a close with a linger time of 0 sends one."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.close()

    def _client_has_left(self) -> bool:
        try:
            return self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
