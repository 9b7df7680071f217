"""When each contender asks for a run's state, in time that passes at once.

The action's own schedule is taken from its real wait loop. That of the others is a fixed
pause after each answer, as in their scripts.
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.measure.step_without_waiting import InstantClock
from dataform_action import DataformWeb, GoogleDataform, Polling, WaitTimeout, wait
from dataform_action.model import Action, Run
from dataform_action.services.base import Retry, once

#: The pause of the peers, in seconds: that of the API page's sample.
PAUSE = 10.0
#: How long a request takes in a simulation, in seconds, half of it each way.
REQUEST_SECONDS = 0.1
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll: the moment when the service looked, and that when its answer was there."""

    looked: float
    answered: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """All polls and other requests of a wait for a run without end, in seconds since its start."""

    polls: tuple[Poll, ...]
    others: tuple[float, ...] = ()

    def delay(self, end: float) -> float:
        """Return how long after its end a run is known to be over.

        Raises:
            ValueError: the schedule does not reach that far.
        """
        index = bisect_left(self.polls, end, key=lambda poll: poll.looked)
        if index == len(self.polls):
            raise ValueError(f"No poll after {end} s: the last is at {self.polls[-1].looked} s")
        return self.polls[index].answered - end

    def mean_delay(self, length: float, width: float = PAUSE + REQUEST_SECONDS) -> float:
        """Return the mean of ``delay`` over all ends in a window around a run's length.

        With the time between two polls of a peer as ``width``, the end meets each moment
        between two of its polls alike. The window never begins before the run does.
        """
        first = max(0.0, length - width / 2)
        last = first + width
        area, begin = 0.0, first
        while begin < last:
            # Up to its next poll, the delay falls by a second each second.
            answered = self.delay(begin) + begin
            index = bisect_left(self.polls, begin, key=lambda poll: poll.looked)
            end = min(self.polls[index].looked, last)
            if end == begin:
                # A poll exactly here: what ends an instant later waits for the next one.
                answered = self.polls[index + 1].answered
                end = min(self.polls[index + 1].looked, last)
            area += (end - begin) * (answered - (begin + end) / 2)
            begin = end
        return area / width

    @property
    def requests_in_an_hour(self) -> int:
        """Count the requests that are sent in the first hour of waiting."""
        moments = (*(poll.looked for poll in self.polls), *self.others)
        return sum(moment < _HOUR for moment in moments)


def fixed_pause(
    pause: float = PAUSE, *, until: float, request_seconds: float = REQUEST_SECONDS
) -> Schedule:
    """Return the polls of a script that pauses for the same time after each answer."""
    polls, now = [], 0.0
    while now <= until:
        polls.append(Poll(now + request_seconds / 2, now + request_seconds))
        now += request_seconds + pause
    return Schedule(tuple(polls))


def of_the_action(
    interval: float = PAUSE,
    *,
    until: float,
    request_seconds: float = REQUEST_SECONDS,
    google: bool = False,
) -> Schedule:
    """Return what the action's wait loop sends, which on Google asks for the actions too."""
    service = (_EndlessGoogle if google else _EndlessWeb)(request_seconds)
    polling = Polling(interval=interval, timeout=until, cancel=False)
    with suppress(WaitTimeout):
        wait(service, service.describe("1"), polling, clock=service.clock)
    return Schedule(tuple(service.polls), tuple(service.others))


class _EndlessWeb(DataformWeb):
    """Dataform Web with a run without end, and no network."""

    def __init__(self, request_seconds: float) -> None:
        super().__init__(project_id="1234", token="unused")
        self.clock = InstantClock()
        self.polls: list[Poll] = []
        self.others: list[float] = []
        self._request_seconds = request_seconds

    def get(self, run: Run) -> Run:
        looked = self.clock.now() + self._request_seconds / 2
        self.clock.sleep(self._request_seconds)
        self.polls.append(Poll(looked, self.clock.now()))
        return run


class _EndlessGoogle(_EndlessWeb):
    """The same with actions to be asked for, in one request."""

    has_actions = GoogleDataform.has_actions

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:  # noqa: ARG002
        self.others.append(self.clock.now())
        self.clock.sleep(self._request_seconds)
        return ()
