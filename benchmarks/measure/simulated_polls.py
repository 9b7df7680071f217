"""When the action and its peers poll, in simulated time.

The schedule of the action comes from its real wait loop. The schedule of the others is a fixed
pause after each response, as in their scripts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from bisect import bisect_left
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from dataform_action import DataformWeb, Polling, WaitTimeout, wait
from dataform_action.model import Run

#: The pause of the peers, in seconds, as in the sample on the API's page.
PAUSE = 10.0
#: The time of a request in a simulation, in seconds; each direction takes half of it.
REQUEST_SECONDS = 0.1
_HOUR = 3600.0
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll: when the service read the state, and when the response arrived."""

    read: float
    received: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """The polls of a wait for an endless run, in seconds since its start."""

    polls: tuple[Poll, ...]

    def delay(self, end: float) -> float:
        """Return the time from the end of a run until the response that shows it.

        Raises:
            ValueError: the schedule is too short.
        """
        index = bisect_left(self.polls, end, key=lambda poll: poll.read)
        if index == len(self.polls):
            raise ValueError(f"No poll after {end} s: the last is at {self.polls[-1].read} s")
        return self.polls[index].received - end

    def mean_delay(self, length: float, width: float = PAUSE + REQUEST_SECONDS) -> float:
        """Return the mean of ``delay`` over all ends in a window around a run's length.

        If ``width`` is the time between two polls of a peer, the window covers all positions of
        the end between two of its polls. The window never starts before the run.
        """
        first = max(0.0, length - width / 2)
        last = first + width
        area, begin = 0.0, first
        while begin < last:
            # Until the next poll, the delay decreases by a second per second.
            received = self.delay(begin) + begin
            index = bisect_left(self.polls, begin, key=lambda poll: poll.read)
            end = min(self.polls[index].read, last)
            if end == begin:
                # There is a poll at this time: a run that ends later waits for the next poll.
                received = self.polls[index + 1].received
                end = min(self.polls[index + 1].read, last)
            area += (end - begin) * (received - (begin + end) / 2)
            begin = end
        return area / width

    @property
    def polls_in_an_hour(self) -> int:
        """The number of polls in the first hour of waiting."""
        return sum(poll.read < _HOUR for poll in self.polls)


def fixed_pause(
    pause: float = PAUSE, *, until: float, request_seconds: float = REQUEST_SECONDS
) -> Schedule:
    """Return the polls of a script with a fixed pause after each response."""
    polls, now = [], 0.0
    while now <= until:
        polls.append(Poll(now + request_seconds / 2, now + request_seconds))
        now += request_seconds + pause
    return Schedule(tuple(polls))


def action_schedule(
    interval: float = PAUSE, *, until: float, request_seconds: float = REQUEST_SECONDS
) -> Schedule:
    """Return the polls of the action's wait loop."""
    service = _EndlessRun(request_seconds)
    polling = Polling(interval=interval, timeout=until, cancel=False)
    with suppress(WaitTimeout):
        wait(service, service.describe("1"), polling, clock=service.clock)
    return Schedule(tuple(service.polls))


def earlier_schedule(root: Path, until: float) -> Schedule:
    """Return the polls of the action whose package is in a folder."""
    polls = json.loads(call_with(root, f"{__name__}.print_polls({until!r})"))
    return Schedule(tuple(Poll(*times) for times in polls))


def call_with(root: Path, call: str) -> str:
    """Return what ``module.function(…)`` prints if it uses the package in another folder."""
    module = call.partition("(")[0].rpartition(".")[0]
    program = (
        f"import sys; sys.path[:0] = [{str(root)!r}, {str(_REPOSITORY)!r}]; import {module}; {call}"
    )
    command = (sys.executable, "-I", "-c", program)
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return done.stdout


def print_polls(until: float) -> None:
    """Print the polls of the action as JSON."""
    print(json.dumps([astuple(poll) for poll in action_schedule(until=until).polls]))


class InstantClock:
    """A clock that only ``sleep`` moves, without waiting."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds slept so far."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self._now += seconds


class _EndlessRun(DataformWeb):
    """Dataform Web with an endless run, and without a network."""

    def __init__(self, request_seconds: float) -> None:
        super().__init__(project_id="1234", token="unused")
        self.clock = InstantClock()
        self.polls: list[Poll] = []
        self._request_seconds = request_seconds

    def get(self, run: Run) -> Run:
        read = self.clock.now() + self._request_seconds / 2
        self.clock.sleep(self._request_seconds)
        self.polls.append(Poll(read, self.clock.now()))
        return run
