"""Steps that run at the same time and share a quota, in simulated time.

The requests of each step come from its real wait loop. The service counts the requests about runs,
and refuses those that are over the quota with HTTP 429.
"""

from __future__ import annotations

import heapq
import random
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from benchmarks.measure.simulated_polls import PAUSE, REQUEST_SECONDS, Poll, Schedule
from dataform_action import Polling, RunRequest, run
from dataform_action.clock import Retry, once
from dataform_action.errors import Throttled
from dataform_action.history import History
from dataform_action.model import Action, ActionState, Prepared, Run, State
from dataform_action.services.base import Service

#: The quota of Google Cloud Dataform, for a project and a region.
QUOTA = 60
MINUTE, HOUR = 60.0, 3600.0
#: The jobs of a matrix start within so many seconds.
_START_SECONDS = 5.0
#: Their runs end at any time in the last part of the hour, which has so many seconds.
_END_SECONDS = 3000.0
_REQUEST = RunRequest(schedule="nightly")


@dataclass(slots=True)
class Traffic:
    """The requests of all steps: when they were sent, and when they were refused."""

    sent: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    #: The polls that had a response, of each step, in seconds since its run was created.
    schedules: list[Schedule] = field(default_factory=list)

    @property
    def most_in_a_minute(self) -> int:
        """The most requests that were sent in any 60 seconds."""
        times = sorted(self.sent)
        return max(bisect_left(times, time + MINUTE) - index for index, time in enumerate(times))

    def mean_delay(self, length: float) -> float:
        """Return the mean time until the end of a run of about this length is noticed."""
        delays = [schedule.mean_delay(length) for schedule in self.schedules]
        return sum(delays) / len(delays)


def simulate(steps: int, polling: Polling, *, actions: int = 80, begin: float = 0.0) -> Traffic:
    """Return the traffic of some steps, whose runs take up to an hour.

    They start at about the same time, ``begin`` seconds after the start of a minute of the quota.
    Each run has so many ``actions``.
    """

    def follow(service: _Warehouse) -> None:
        run(service, _REQUEST, polling, clock=service.clock, history=True)

    return _simulate(steps, follow, actions, begin)


def simulate_loops(steps: int) -> Traffic:
    """Return the traffic of loops with a fixed pause. A 429 ends a loop, because it is an error."""

    def follow(service: _Warehouse) -> None:
        with suppress(Throttled):
            created = service.start(service.prepare(_REQUEST))
            while service.get(created).state is State.RUNNING:
                service.clock.sleep(PAUSE)

    return _simulate(steps, follow, actions=0, begin=0.0)


def _simulate(
    steps: int, follow: Callable[[_Warehouse], None], actions: int, begin: float
) -> Traffic:
    state = random.getstate()
    random.seed(1)
    clock, traffic = SharedClock(), Traffic()
    limit = _Quota(clock, traffic)

    def step(start: float) -> None:
        clock.sleep(start)
        end = HOUR - random.uniform(0.0, _END_SECONDS)
        service = _Warehouse(clock, limit, actions, end)
        follow(service)
        traffic.schedules.append(Schedule(tuple(service.polls)))

    starts = [begin + random.uniform(0.0, _START_SECONDS) for _ in range(steps)]
    clock.run([partial(step, start) for start in starts])
    random.setstate(state)
    return traffic


class SharedClock:
    """A clock for several threads: one of them works, and the others sleep."""

    def __init__(self) -> None:
        self._time = 0.0
        self._order = count()
        self._sleeping: list[tuple[float, int, threading.Event]] = []

    def now(self) -> float:
        """Return the seconds since the start."""
        return self._time

    def sleep(self, seconds: float) -> None:
        """Sleep while the other threads work."""
        woken = self._add_sleeper(seconds)
        self._wake_next()
        woken.wait()

    def run(self, works: Sequence[Callable[[], object]]) -> None:
        """Call each function in a thread of its own, until all have returned."""

        def start(work: Callable[[], object], woken: threading.Event) -> None:
            woken.wait()
            try:
                work()
            finally:
                self._wake_next()

        threads = [
            threading.Thread(target=start, args=(work, self._add_sleeper(0.0))) for work in works
        ]
        for thread in threads:
            thread.start()
        self._wake_next()
        for thread in threads:
            thread.join()

    def _add_sleeper(self, seconds: float) -> threading.Event:
        woken = threading.Event()
        heapq.heappush(self._sleeping, (self._time + seconds, next(self._order), woken))
        return woken

    def _wake_next(self) -> None:
        if self._sleeping:
            self._time, _, woken = heapq.heappop(self._sleeping)
            woken.set()


class _Quota:
    """The quota of requests in each minute of the clock."""

    def __init__(self, clock: SharedClock, traffic: Traffic) -> None:
        self._clock = clock
        self._traffic = traffic
        self._used: Counter[int] = Counter()

    def take(self) -> None:
        """Count a request.

        Raises:
            Throttled: the quota of this minute is used up.
        """
        now = self._clock.now()
        self._traffic.sent.append(now)
        minute = int(now // MINUTE)
        if self._used[minute] >= QUOTA:
            self._traffic.refused.append(now)
            raise Throttled("HTTP 429: the quota is used up")
        self._used[minute] += 1


class _Warehouse(Service):
    """Google Cloud Dataform with one run, and without a network."""

    name = "Google Cloud Dataform"
    has_actions = True

    def __init__(self, clock: SharedClock, quota: _Quota, actions: int, end: float) -> None:
        self.polls: list[Poll] = []
        self.clock = clock
        self._quota = quota
        self._actions = actions
        self._end = end
        self._created = 0.0

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:  # noqa: ARG002
        return Prepared(request=request, body={})

    def start(self, prepared: Prepared) -> Run:  # noqa: ARG002
        self._created = self._request()
        return self.describe("1")

    def describe(self, run_id: str) -> Run:
        return Run(id=run_id, state=State.RUNNING, status="", log_url="")

    def get(self, run: Run) -> Run:
        read = self._request() - self._created
        self.polls.append(Poll(read, self.clock.now() - self._created))
        return replace(run, state=State.SUCCESS) if self.clock.now() >= self._end else run

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:  # noqa: ARG002
        for _ in range(0, self._actions, 1000):
            retry(self._request)
        return (Action(name="p.d.a", state=ActionState.RUNNING),) * self._actions

    def past_runs(self, run: Run) -> History | None:  # noqa: ARG002
        # Two pages, which is the most.
        self._request()
        self._request()
        return None

    def _request(self) -> float:
        """Make a request, and return when the service received it."""
        self.clock.sleep(REQUEST_SECONDS / 2)
        received = self.clock.now()
        try:
            self._quota.take()
        finally:
            self.clock.sleep(REQUEST_SECONDS / 2)
        return received
