"""A bound on the time of an exchange, whatever it waits for."""

from __future__ import annotations

import socket
import threading

import pytest

from dataform_action.emulator import Emulator
from dataform_action.errors import NotConnected
from tests.unit.transport.support import RUNS, connect


def test_resolver_that_hangs(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that does not return holds the caller no longer than the whole limit."""
    release = threading.Event()

    def resolve(*_args: object) -> None:
        release.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        try:
            with pytest.raises(NotConnected, match=r"no connection within 0\.1 seconds"):
                connect(emulator).send("GET", RUNS, read_seconds=0.05)
        finally:
            release.set()
