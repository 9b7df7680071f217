"""The polls of each contender in simulated time.

The schedule of the action comes from its real wait loop. The schedule of the others is a fixed
pause after each response, as in their scripts.
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.measure.step_without_waiting import InstantClock
from dataform_action import DataformWeb, GoogleDataform, Polling, WaitTimeout, wait
from dataform_action.clock import Retry, once
from dataform_action.model import Action, Run

#: The pause of the peers, in seconds, as in the sample on the API's page.
PAUSE = 10.0
#: The time of a request in a simulation, in seconds; each direction takes half of it.
REQUEST_SECONDS = 0.1
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll: when the service read the state, and when the response arrived."""

    read: float
    received: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """All requests of a wait for an endless run, in seconds since its start."""

    polls: tuple[Poll, ...]
    others: tuple[float, ...] = ()

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
    def requests_in_an_hour(self) -> int:
        """The number of requests in the first hour of waiting."""
        times = (*(poll.read for poll in self.polls), *self.others)
        return sum(time < _HOUR for time in times)


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
    interval: float = PAUSE,
    *,
    until: float,
    request_seconds: float = REQUEST_SECONDS,
    google: bool = False,
) -> Schedule:
    """Return the requests of the action's wait loop, on Google including those for actions."""
    service = (_EndlessGoogle if google else _EndlessWeb)(request_seconds)
    polling = Polling(interval=interval, timeout=until, cancel=False)
    with suppress(WaitTimeout):
        wait(service, service.describe("1"), polling, clock=service.clock)
    return Schedule(tuple(service.polls), tuple(service.others))


class _EndlessWeb(DataformWeb):
    """Dataform Web with an endless run, and without a network."""

    def __init__(self, request_seconds: float) -> None:
        super().__init__(project_id="1234", token="unused")
        self.clock = InstantClock()
        self.polls: list[Poll] = []
        self.others: list[float] = []
        self._request_seconds = request_seconds

    def get(self, run: Run) -> Run:
        read = self.clock.now() + self._request_seconds / 2
        self.clock.sleep(self._request_seconds)
        self.polls.append(Poll(read, self.clock.now()))
        return run


class _EndlessGoogle(_EndlessWeb):
    """The same with actions, which take one request."""

    has_actions = GoogleDataform.has_actions

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:  # noqa: ARG002
        self.others.append(self.clock.now())
        self.clock.sleep(self._request_seconds)
        return ()
