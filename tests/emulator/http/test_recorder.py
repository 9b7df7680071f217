"""Recorded requests, and waiting for requests."""

from __future__ import annotations

import threading
import time

import pytest

from dataform_action.emulator import Emulator
from tests.emulator.support import RUNS, Client, HeldClock


def test_connections_are_counted_by_requests(emulator: Emulator) -> None:
    """Only connections that send requests to the emulated APIs count."""
    clients = [Client(emulator.url) for _ in range(4)]
    silent, observer, once, twice = clients
    silent.connection.connect()
    observer.call("GET", "/")
    observer.call("GET", "/_emulator/runs")
    once.create()
    twice.create()
    twice.create()
    assert emulator.connections == 2
    assert len(emulator.requests) == 3
    for client in clients:
        client.close()


def test_waiting_checks_when_requests_arrive_and_are_processed() -> None:
    """The condition is checked at the start, when a request arrives, and after it is processed."""
    clock = HeldClock()
    has_checked = threading.Event()
    counts: list[int] = []
    with Emulator(clock=clock) as emulator:
        clock.hold()

        def create() -> None:
            has_checked.wait(30)
            client = Client(emulator.url)
            client.create()
            client.close()

        def check() -> bool:
            counts.append(len(emulator.requests))
            has_checked.set()
            if len(counts) == 2:
                clock.release()
            return len(counts) == 3

        thread = threading.Thread(target=create)
        thread.start()
        before = time.monotonic()
        assert emulator.wait_for(check, seconds=60)
        assert time.monotonic() - before < 55, "the waiting thread was not notified"
        thread.join()
        assert counts == [0, 1, 1]
        assert [run.status for run in emulator.wait_for(lambda: emulator.runs)] == ["RUNNING"]


def test_a_wait_that_times_out_lists_the_requests(emulator: Emulator, client: Client) -> None:
    """A wait that times out raises an error that lists the requests so far."""
    with pytest.raises(TimeoutError, match=r"^Still false after 0 s\. Requests: none$"):
        emulator.wait_for(lambda: False, seconds=0)
    client.create()
    with pytest.raises(TimeoutError, match=rf"^Still false after 0\.01 s\. Requests: POST {RUNS}$"):
        emulator.wait_for(lambda: len(emulator.requests) == 2, seconds=0.01)
