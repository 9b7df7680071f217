"""The time limit of a request, whatever it waits for."""

from __future__ import annotations

import errno
import gc
import socket
import threading
import weakref
from contextlib import suppress

import pytest

from dataform_action.emulator import Emulator
from dataform_action.errors import NotConnected
from dataform_action.transport.deadline import in_time
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


def test_an_error_keeps_nothing_in_memory() -> None:
    """What failed work held is free as soon as its error is, without the garbage collector."""

    class Large:
        pass

    held: list[weakref.ref[Large]] = []

    def fail() -> None:
        large = Large()
        held.append(weakref.ref(large))
        raise ValueError

    gc.disable()
    try:
        with suppress(ValueError):
            in_time(30, fail, name="test")
        assert held[0]() is None
    finally:
        gc.enable()
