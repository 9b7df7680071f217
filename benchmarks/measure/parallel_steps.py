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
from dataclasses import dataclass, field
from itertools import count

from benchmarks.measure.simulated_polls import REQUEST_SECONDS, Poll, Schedule
from dataform_action import Polling, RunRequest, WaitTimeout, run
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
_LENGTHS = (20.0, 65.0, 600.0)


@dataclass(slots=True)
class Traffic:
    """The requests of all steps: when they were sent, and when they were refused."""

    sent: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    #: The polls that had a response, of each step, in seconds since its run was created.
    schedules: list[Schedule] = field(default_factory=list)

    @property
    def most_in_a_minute(self) -> int:
        """The most requests that were sent in any 60 seconds of the first hour."""
        times = sorted(time for time in self.sent if time < HOUR)
        return max(bisect_left(times, time + MINUTE) - index for index, time in enumerate(times))

    def mean_delay(self, length: float) -> float:
        """Return the mean time until the end of a run of about this length is noticed."""
        delays = [schedule.mean_delay(length) for schedule in self.schedules]
        return sum(delays) / len(delays)


def simulate(
    steps: int,
    parallel: int,
    *,
    actions: int = 80,
    quota: int = QUOTA,
    until: float = HOUR + 2 * MINUTE,
    begin: float = 0.0,
    seed: int = 1,
) -> Traffic:
    """Return the traffic of some steps, each of which knows of ``parallel`` ones.

    The steps start at about the same time, ``begin`` seconds after the start of a minute of the
    quota. Each run has so many ``actions`` and does not end.
    """
    random.seed(seed)
    clock, traffic = SharedClock(), Traffic()
    limit = _Quota(quota, clock, traffic)

    def step(start: float) -> None:
        clock.sleep(start)
        service = _Endless(clock, limit, actions)
        polling = Polling(parallel=parallel, timeout=until, cancel=False)
        with suppress(WaitTimeout):
            run(service, RunRequest(schedule="nightly"), polling, clock=clock, history=True)
        traffic.schedules.append(Schedule(tuple(service.polls)))

    starts = [begin + random.uniform(0.0, _START_SECONDS) for _ in range(steps)]
    clock.run([lambda start=start: step(start) for start in starts])  # type: ignore[misc]
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
    """A number of requests for each minute of the clock."""

    def __init__(self, size: int, clock: SharedClock, traffic: Traffic) -> None:
        self._size = size
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
        if self._used[minute] >= self._size:
            self._traffic.refused.append(now)
            raise Throttled("HTTP 429: the quota is used up")
        self._used[minute] += 1


class _Endless(Service):
    """Google Cloud Dataform with an endless run, and without a network."""

    name = "Google Cloud Dataform"
    has_actions = True

    def __init__(self, clock: SharedClock, quota: _Quota, actions: int) -> None:
        self.polls: list[Poll] = []
        self._clock = clock
        self._quota = quota
        self._actions = actions
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
        self.polls.append(Poll(read, self._clock.now() - self._created))
        return run

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:  # noqa: ARG002
        for _ in range(0, self._actions, 1000):
            retry(self._request)
        return (Action(name="p.d.a", state=ActionState.RUNNING),) * self._actions

    def past_runs(self, run: Run) -> History | None:  # noqa: ARG002
        self._request()
        return None

    def _request(self) -> float:
        """Make a request, and return when the service received it."""
        self._clock.sleep(REQUEST_SECONDS / 2)
        received = self._clock.now()
        try:
            self._quota.take()
        finally:
            self._clock.sleep(REQUEST_SECONDS / 2)
        return received
