"""The time limit of a request, whatever it waits for."""

from __future__ import annotations

import errno
import socket
import threading

import pytest

from dataform_action.emulator import Emulator
from dataform_action.errors import NotConnected
from tests.unit.transport.support import RUNS, connect


def test_resolver_that_hangs(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name lookup that hangs does not exceed the time limit."""
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


@pytest.mark.parametrize(
    "failure",
    [
        RuntimeError("can't start new thread"),
        BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
        MemoryError(),
    ],
)
def test_no_free_thread(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """If no thread can be started, nothing is sent. Another attempt succeeds when one is free."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("dataform-"):
            raise failure
        start(thread)

    client = connect(emulator)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for attempt in (lambda: client.send("POST", RUNS, {}), client.authorize):
            with pytest.raises(NotConnected) as caught:
                attempt()
            assert type(caught.value) is NotConnected
            assert caught.value.message.startswith("Cannot start a thread for a request")
            assert "--pids-limit" in caught.value.hint
    assert emulator.requests == []
    assert set(client.send("POST", RUNS, {})) == {"id"}
