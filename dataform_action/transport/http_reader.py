"""The reader of HTTP responses, which is stricter than that of the standard library."""

from __future__ import annotations

import io
import socket
from http.client import HTTPException, HTTPResponse, LineTooLong, parse_headers
from typing import Any

#: An argument that an overridden method passes on unchanged.
Argument = Any

#: The longest line of a header, trailer or chunk size, as in the standard library.
_LONGEST_LINE = 65_536
_SWITCHING_PROTOCOLS = 101


class Reader(io.BufferedReader):
    """A buffered reader of a socket in which each read and each line has a limit.

    The HTTP libraries accept a negative chunk size, and would read to the end of the stream. They
    also read a trailer of any length.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, or less at the end of the stream."""
        if size is None or size < 0:
            raise HTTPException("the length of a chunk is negative")
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line of at most ``size`` bytes."""
        if size is not None and size >= 0:
            return super().readline(size)
        line = super().readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise LineTooLong("trailer")
        return line


class StrictResponse(HTTPResponse):
    """A response that is read with limits, and that follows interim responses.

    RFC 9110, section 15.2: a client must be able to parse responses 1xx before the final one. Only
    101 is final, because it ends HTTP on the connection.
    """

    def __init__(self, sock: socket.socket, *arguments: Argument, **options: Argument) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = Reader(self.fp.detach())

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if not 100 <= found[1] < 200 or found[1] == _SWITCHING_PROTOCOLS:
                return found
            parse_headers(self.fp)
