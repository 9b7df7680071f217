"""Connections that say when a request is about to be sent, and that do not hang on one address.

Whether a request may be made again depends on whether its first byte was written. urllib3's
exceptions do not tell: the same ones come from a TLS handshake and from a lost response. So the
connection itself tells when it is complete, with its tunnel and its TLS handshake.
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
from itertools import chain, zip_longest
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

Address = tuple[Any, ...]
#: What an overridden method passes on as it is.
Argument = Any
Options = Sequence[tuple[int, int, int | bytes]]

#: An address that has not answered within this time is no longer waited for alone (RFC 8305).
STAGGER_SECONDS = 0.25
#: What a connection without a limit may take, in seconds.
_NO_LIMIT = 600.0


class Sending:
    """Whether a request may have been sent. ``call`` is called just before its first byte is.

    What ``call`` raises leaves the request unsent.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._is_watched = False
        self._has_begun = False

    def watch(self) -> None:
        """Take note that a connection of this module is used, which tells when it begins."""
        self._is_watched = True

    def begin(self) -> None:
        """Take note that the request is written from now on."""
        self._call()
        self._has_begun = True

    @property
    def is_unsent(self) -> bool:
        """Tell whether it is proved that nothing was sent."""
        return self._is_watched and not self._has_begun


class _Current(threading.local):
    """The request that a thread is about to send."""

    sending: Sending


_current = _Current()


@contextmanager
def sending(call: Callable[[], object]) -> Iterator[Sending]:
    """Watch the request that is made in the block, on this thread."""
    _current.sending = Sending(call)
    try:
        yield _current.sending
    finally:
        del _current.sending


def watch() -> None:
    """Take note that the request goes over a connection of this module."""
    _current.sending.watch()


def use_connections(manager: urllib3.PoolManager) -> None:
    """Have a pool manager make connections of the kinds below."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Connection(HTTPConnection):
    """A connection whose requests begin when it is complete, to whichever address is first."""

    def _new_conn(self) -> socket.socket:
        # As urllib3's own, with the same exceptions.
        seconds = self.timeout if isinstance(self.timeout, int | float) else _NO_LIMIT
        try:
            host = self._dns_host.strip("[]")
            found = socket.getaddrinfo(host, self.port, 0, socket.SOCK_STREAM)
            connected = connect_first(found, seconds, self.socket_options or ())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time: timed out") from error
        except OSError as error:
            text = f"Failed to establish a new connection: {error}"
            raise NewConnectionError(self, text) from error
        connected.settimeout(self.timeout)
        return connected

    def request(self, *arguments: Argument, **options: Argument) -> None:
        """Send a request."""
        if self.sock is None:
            self.connect()
        _current.sending.begin()
        super().request(*arguments, **options)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same by TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def connect_first(addresses: Sequence[Address], seconds: float, options: Options) -> socket.socket:
    """Return a socket that is connected to the first of some addresses that accepts.

    ``addresses`` are those of ``socket.getaddrinfo``, and ``options`` what ``setsockopt`` takes.
    Another address is tried when one fails, and when the last one does not answer soon; the
    families take turns. All of it takes ``seconds`` at most.

    Raises:
        TimeoutError: no address answered in time.
        OSError: every address failed.
    """
    race = _Race(options)
    try:
        return race.run(in_turns(addresses), time.monotonic() + seconds)
    finally:
        race.close()


def in_turns(addresses: Sequence[Address]) -> list[Address]:
    """Return addresses in an order in which their families take turns."""
    families = dict.fromkeys(address[0] for address in addresses)
    groups = [[each for each in addresses if each[0] == family] for family in families]
    return [each for each in chain(*zip_longest(*groups)) if each is not None]


class _Race:
    """Attempts to connect, of which the first to succeed wins."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._selector = selectors.DefaultSelector()
        self._running: set[socket.socket] = set()
        self._error = OSError(errno.EADDRNOTAVAIL, "the host has no address")

    def close(self) -> None:
        """Close the sockets that did not win."""
        for runner in self._running:
            runner.close()
        self._selector.close()

    def run(self, addresses: list[Address], deadline: float) -> socket.socket:
        """Return the socket that wins."""
        next_start = time.monotonic()
        while addresses or self._running:
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError("timed out")
            if addresses and (now >= next_start or not self._running):
                self._start(addresses.pop(0))
                next_start = now + STAGGER_SECONDS
            until = min(deadline, next_start) if addresses else deadline
            winner = self._wait(until - time.monotonic())
            if winner is not None:
                return winner
        raise self._error

    def _start(self, address: Address) -> None:
        family, kind, protocol, _, place = address
        try:
            runner = socket.socket(family, kind, protocol)
        except OSError as error:
            # For instance a family that this machine does not have.
            self._error = error
            return
        self._running.add(runner)
        try:
            runner.setblocking(False)
            for option in self._options:
                runner.setsockopt(*option)
            with suppress(BlockingIOError):
                runner.connect(place)
            self._selector.register(runner, selectors.EVENT_WRITE)
        except OSError as error:
            self._lose(runner, error)

    def _wait(self, seconds: float) -> socket.socket | None:
        if not self._running:
            return None
        for key, _ in self._selector.select(max(0.0, seconds)):
            runner = key.fileobj
            assert isinstance(runner, socket.socket)  # noqa: S101
            self._selector.unregister(runner)
            code = runner.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                self._running.remove(runner)
                return runner
            self._lose(runner, OSError(code, os.strerror(code)))
        return None

    def _lose(self, runner: socket.socket, error: OSError) -> None:
        self._error = error
        self._running.remove(runner)
        runner.close()
