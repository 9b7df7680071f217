"""Connections that report when a request is about to be sent, and that try several addresses.

A request may be repeated only if its first byte was not written. urllib3's exceptions do not show
that: a failed TLS handshake and a lost response raise the same ones. So the connection itself
reports when it is complete, including its tunnel and its TLS handshake.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, zip_longest
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from dataform_action.transport.http_reader import Argument, StrictResponse

Address = tuple[Any, ...]
Options = Sequence[tuple[int, int, int | bytes]]

#: If an address does not respond within this time, the next one is tried as well (RFC 8305).
STAGGER_SECONDS = 0.25
#: The limit of a connection that has no timeout, in seconds.
_NO_LIMIT = 600.0


#: It is called just before the first byte of a request is sent. If it raises, nothing is sent. Its
#: argument is a function that ends the connection, for any thread.
OnSend = Callable[[Callable[[], object]], object]


class Sending:
    """Whether a request may have been sent."""

    def __init__(self, call: OnSend) -> None:
        self._call = call
        self._is_watched = False
        self._has_begun = False

    def watch(self) -> None:
        """Record that the request uses a connection of this module, which calls ``begin``."""
        self._is_watched = True

    def begin(self, end: Callable[[], object] = lambda: None) -> None:
        """Record that the request is sent from now on. ``end`` ends its connection."""
        self._call(end)
        self._has_begun = True

    @property
    def is_unsent(self) -> bool:
        """Tell whether it is certain that nothing was sent."""
        return self._is_watched and not self._has_begun


class _Current(threading.local):
    """The request that a thread is about to send."""

    sending: Sending


_current = _Current()


@contextmanager
def sending(call: OnSend) -> Iterator[Sending]:
    """Watch the request that this thread makes inside the ``with`` block."""
    _current.sending = Sending(call)
    try:
        yield _current.sending
    finally:
        del _current.sending


def watch() -> None:
    """Record that this thread's request uses a connection of this module."""
    _current.sending.watch()


def use_connections(manager: urllib3.PoolManager) -> None:
    """Make a pool manager use the connections of this module."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Connection(HTTPConnection):
    """A connection to the first address that accepts; a request begins when it is complete."""

    response_class = StrictResponse

    def _new_conn(self) -> socket.socket:
        # It replaces urllib3's method, and raises the same exceptions.
        seconds = self.timeout if isinstance(self.timeout, int | float) else _NO_LIMIT
        try:
            host = self._dns_host.strip("[]")
            found = socket.getaddrinfo(host, self.port, 0, socket.SOCK_STREAM)
            connected = connect_first(found, seconds, self.socket_options or ())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the connection timed out") from error
        except OSError as error:
            text = f"Failed to establish a new connection: {error}"
            raise NewConnectionError(self, text) from error
        connected.settimeout(self.timeout)
        return connected

    def request(self, *arguments: Argument, **options: Argument) -> None:
        """Send a request."""
        if self.sock is None:
            self.connect()
        _current.sending.begin(partial(_end, self.sock))
        super().request(*arguments, **options)


def _end(connection: socket.socket) -> None:
    """End a connection, so that a thread that waits for it continues."""
    with suppress(OSError):
        # Not the method of a TLS socket, which is not for use by another thread.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def connect_first(addresses: Sequence[Address], seconds: float, options: Options) -> socket.socket:
    """Return a socket that is connected to the first address that accepts.

    ``addresses`` come from ``socket.getaddrinfo``, and ``options`` are arguments of ``setsockopt``.
    The next address is tried when one fails or does not respond soon. IPv4 and IPv6 addresses
    take turns. All attempts together take at most ``seconds``.

    Raises:
        TimeoutError: no address responded in time.
        OSError: every address failed.
    """
    race = _Race(options)
    try:
        return race.run(in_turns(addresses), time.monotonic() + seconds)
    finally:
        race.close()


def in_turns(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses in an order that alternates between their families."""
    families = dict.fromkeys(address[0] for address in addresses)
    groups = [[each for each in addresses if each[0] == family] for family in families]
    return [each for each in chain(*zip_longest(*groups)) if each is not None]


class _Race:
    """Parallel attempts to connect. The first one that succeeds wins."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._selector = selectors.DefaultSelector()
        self._connecting: set[socket.socket] = set()
        self._error = OSError(errno.EADDRNOTAVAIL, "the host has no address")

    def close(self) -> None:
        """Close the sockets that did not win."""
        for candidate in self._connecting:
            candidate.close()
        self._selector.close()

    def run(self, addresses: list[Address], deadline: float) -> socket.socket:
        """Return the socket that wins."""
        next_start = time.monotonic()
        while addresses or self._connecting:
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError("timed out")
            if addresses and (now >= next_start or not self._connecting):
                self._start(addresses.pop(0))
                next_start = now + STAGGER_SECONDS
            until = min(deadline, next_start) if addresses else deadline
            winner = self._wait(until - time.monotonic())
            if winner is not None:
                return winner
        raise self._error

    def _start(self, address: Address) -> None:
        family, kind, protocol, _, endpoint = address
        try:
            candidate = socket.socket(family, kind, protocol)
        except OSError as error:
            # For example, this machine does not support the address family.
            self._error = error
            return
        self._connecting.add(candidate)
        try:
            candidate.setblocking(False)
            for option in self._options:
                candidate.setsockopt(*option)
            with suppress(BlockingIOError):
                candidate.connect(endpoint)
            self._selector.register(candidate, selectors.EVENT_WRITE)
        except OSError as error:
            self._discard(candidate, error)

    def _wait(self, seconds: float) -> socket.socket | None:
        if not self._connecting:
            return None
        for key, _ in self._selector.select(max(0.0, seconds)):
            candidate = key.fileobj
            assert isinstance(candidate, socket.socket)  # noqa: S101
            self._selector.unregister(candidate)
            code = candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                self._connecting.remove(candidate)
                return candidate
            self._discard(candidate, OSError(code, os.strerror(code)))
        return None

    def _discard(self, candidate: socket.socket, error: OSError) -> None:
        self._error = error
        self._connecting.remove(candidate)
        candidate.close()
