"""The records of requests, and waiting for requests."""

from __future__ import annotations

import threading
import time

import pytest

from dataform_action.emulator import Emulator
from tests.emulator.support import RUNS, Client, ManualClock


def test_connections_are_counted_by_requests(emulator: Emulator) -> None:
    """A connection counts once it has sent a request to an API; control and page do not count."""
    clients = [Client(emulator.url) for _ in range(4)]
    silent, looking, once, twice = clients
    silent.connection.connect()
    looking.call("GET", "/")
    looking.call("GET", "/_emulator/runs")
    once.create()
    twice.create()
    twice.create()
    assert emulator.connections == 2
    assert len(emulator.requests) == 3
    for client in clients:
        client.close()


class WaitingClock(ManualClock):
    """A clock that blocks its callers until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        # Not blocked at first: the emulator reads the time while it starts.
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def now(self) -> float:
        """Wait, and return the seconds since the epoch."""
        self.may_go_on.wait(30)
        return super().now()


def test_waiting_checks_when_requests_arrive_and_when_they_are_processed() -> None:
    """The condition is checked at the start, when a request arrives, and when it is processed."""
    clock = WaitingClock()
    has_looked = threading.Event()
    looks: list[int] = []
    with Emulator(clock=clock) as emulator:
        clock.may_go_on.clear()

        def create() -> None:
            has_looked.wait(30)
            client = Client(emulator.url)
            client.create()
            client.close()

        def look() -> bool:
            looks.append(len(emulator.requests))
            has_looked.set()
            if len(looks) == 2:
                clock.may_go_on.set()
            return len(looks) == 3

        thread = threading.Thread(target=create)
        thread.start()
        before = time.monotonic()
        assert emulator.wait_for(look, seconds=10)
        assert time.monotonic() - before < 9, "it was not woken"
        thread.join()
        assert looks == [0, 1, 1]
        assert [run.status for run in emulator.wait_for(lambda: emulator.runs)] == ["RUNNING"]


def test_waiting_in_vain_lists_the_requests(emulator: Emulator, client: Client) -> None:
    """Waiting in vain raises an error that lists the requests so far."""
    with pytest.raises(TimeoutError, match=r"^Not so within 0 s; requests so far: none$"):
        emulator.wait_for(lambda: False, seconds=0)
    client.create()
    with pytest.raises(TimeoutError, match=rf"^Not so within 0\.01 s; .*: POST {RUNS}$"):
        emulator.wait_for(lambda: len(emulator.requests) == 2, seconds=0.01)
