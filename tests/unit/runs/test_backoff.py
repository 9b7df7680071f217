"""Outages: how long to retry, how long to wait in between, and what to report."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from dataform_action.errors import GaveUp, NoResponse, Throttled
from dataform_action.events import OutageEnded, OutageStarted, Waiting
from dataform_action.model import Polling, Run, State
from dataform_action.runs.backoff import HEARTBEAT, Backoff
from tests.support.fakes import FakeClock, Recorder

RUN = Run(id="77", state=State.RUNNING, status="RUNNING", log_url="https://x.example/77")


@pytest.fixture
def seen(clock: FakeClock) -> Recorder:
    return Recorder(clock)


def fail(backoff: Backoff, error: NoResponse | Throttled | None = None) -> None:
    """Record a failure now, and wait for the next attempt."""
    error = error or NoResponse("503")
    backoff.failed(error, backoff.now(), "Nothing changed.")
    backoff.pause(None, error)


def progress_of(backoff: Backoff) -> tuple[bool, bool]:
    """Return whether there was a usable response, and whether there is an outage."""
    return backoff.has_succeeded, backoff.in_outage


def test_pause_grows_with_the_elapsed_time(clock: FakeClock, seen: Recorder) -> None:
    """A wait is 1/22 of the elapsed time, at least a second and at most the interval."""
    backoff = Backoff(Polling(interval=10), seen, clock)
    waits = []
    for elapsed in (0.0, 10.0, 110.0, 1000.0):
        clock.time = 1000 + elapsed
        backoff.pause(None)
        waits.append(clock.now() - 1000 - elapsed)
    assert waits == pytest.approx([1, 1, 5, 10])


def test_begin_restarts_the_time(clock: FakeClock, seen: Recorder) -> None:
    """``begin`` restarts the elapsed time and the timeout."""
    backoff = Backoff(Polling(timeout=60), seen, clock)
    clock.time += 59
    assert (backoff.elapsed, backoff.timed_out) == (59, False)
    clock.time += 1
    assert backoff.timed_out
    backoff.begin()
    assert (backoff.elapsed, backoff.timed_out) == (0, False)


def test_pause_ends_at_the_timeout(clock: FakeClock, seen: Recorder) -> None:
    """No wait continues after the timeout, with or without an outage."""
    backoff = Backoff(Polling(interval=600, timeout=1000), seen, clock)
    clock.time += 990
    backoff.pause(None)
    assert clock.now() == 2000
    assert backoff.timed_out
    backoff.pause(None)
    assert clock.now() == 2000
    clock.time -= 1
    fail(backoff, Throttled("429", retry_after=200))
    assert clock.now() == 2000


def test_outage_is_reported_once(clock: FakeClock, seen: Recorder) -> None:
    """An outage has one start and one end, no matter how many attempts fail."""
    backoff = Backoff(Polling(outage_timeout=600), seen, clock)
    error = NoResponse("503")
    for _ in range(3):
        fail(backoff, error)
    assert progress_of(backoff) == (False, True)
    since = clock.now() - 1000
    backoff.succeeded()
    backoff.succeeded()
    assert progress_of(backoff) == (True, False)
    assert seen.updates == [OutageStarted(error, 600), OutageEnded(since)]


def test_waits_grow_in_an_outage(clock: FakeClock, seen: Recorder) -> None:
    """Each wait in an outage is twice the previous one plus jitter, up to a minute."""
    backoff = Backoff(Polling(interval=1, outage_timeout=3600), seen, clock)
    for number in range(1, 13):
        before = clock.now()
        fail(backoff)
        least = min(2**number, 60)
        # Later in a wait, 1/22 of the elapsed time is longer.
        assert least <= clock.now() - before <= 75
        assert number > 4 or clock.now() - before <= least * 1.25


def test_waits_are_short_again_after_a_response(clock: FakeClock, seen: Recorder) -> None:
    """A new outage starts with short waits."""
    backoff = Backoff(Polling(interval=1), seen, clock)
    for _ in range(4):
        fail(backoff)
    backoff.succeeded()
    fail(backoff)
    assert 2 <= clock.sleeps[-1] <= 2.5


@pytest.mark.parametrize(
    ("requested", "least", "most"), [(0, 2, 2.5), (25, 25, 32), (9e8, 300, 375)]
)
def test_retry_after_is_obeyed(
    clock: FakeClock, seen: Recorder, requested: float, least: float, most: float
) -> None:
    """The service may request a longer wait, up to five minutes, but not a shorter one."""
    backoff = Backoff(Polling(), seen, clock)
    fail(backoff, Throttled("429", retry_after=requested))
    assert least <= clock.now() - 1000 <= most


def test_retry_after_without_an_outage_is_ignored(clock: FakeClock, seen: Recorder) -> None:
    """An error that was not recorded does not change the wait."""
    backoff = Backoff(Polling(), seen, clock)
    backoff.pause(None, Throttled("429", retry_after=200))
    assert clock.now() == 1001


def test_giving_up(clock: FakeClock, seen: Recorder) -> None:
    """After the outage timeout the wait ends, with the consequence and the last error."""
    backoff = Backoff(Polling(outage_timeout=90), seen, clock)
    error = NoResponse("503: busy", hint="Wait.")
    while clock.now() < 1090:
        fail(backoff, error)
    assert clock.now() == pytest.approx(1090)
    with pytest.raises(GaveUp) as caught:
        fail(backoff, error)
    assert caught.value.message == (
        "No usable response from the API for 1m 30s. Nothing changed.\nLast error: 503: busy"
    )
    assert caught.value.hint == "Wait."
    assert caught.value.__cause__ is error


def test_time_of_the_failed_request_counts(clock: FakeClock, seen: Recorder) -> None:
    """An outage starts when the first failed request was sent."""
    backoff = Backoff(Polling(outage_timeout=60), seen, clock)
    clock.time += 60
    with pytest.raises(GaveUp):
        backoff.failed(NoResponse("late"), 1000, "")
    assert len(seen.of(OutageStarted)) == 1


def test_waiting_is_reported_every_minute(clock: FakeClock, seen: Recorder) -> None:
    """A long wait reports the run, the time and the outage every minute."""
    backoff = Backoff(Polling(interval=600, timeout=10**6), seen, clock)
    clock.time += 3960
    backoff.notify(OutageEnded(0))
    backoff.pause(RUN)
    assert seen.updates[1:] == [Waiting(RUN, 4020, None), Waiting(RUN, 4080, None)]
    assert [b - a for a, b in pairwise(seen.moments)] == [HEARTBEAT, HEARTBEAT]
    assert clock.now() == 1000 + 4140
    backoff.failed(NoResponse("503"), backoff.now() - 30, "")
    backoff.pause(RUN, NoResponse("503"))
    first = seen.of(Waiting)[2]
    assert first == Waiting(RUN, 4200, 90)


def test_waiting_without_a_run(clock: FakeClock, seen: Recorder) -> None:
    """Before there is a run, ``Waiting`` has none."""
    backoff = Backoff(Polling(), seen, clock)
    clock.time += 61
    backoff.pause(None)
    assert seen.updates == [Waiting(None, 61, None)]


@given(
    st.floats(1, 1e6),
    st.floats(1, 1e6),
    st.floats(1, 1e6),
    st.floats(0, 1e7),
    st.lists(st.none() | st.floats(0, 1e9), max_size=30),
)
def test_no_wait_is_endless_or_late(
    interval: float, timeout: float, outage: float, start: float, retries: list[float | None]
) -> None:
    """Every wait ends, and never after a deadline."""
    clock = FakeClock(start)
    polling = Polling(interval=interval, timeout=timeout, outage_timeout=outage)
    backoff = Backoff(polling, lambda _update: None, clock)
    try:
        for retry_after in retries:
            before = len(clock.sleeps)
            fail(backoff, Throttled("429", retry_after=retry_after))
            assert clock.now() <= start + min(timeout, outage) + 1e-3
            assert len(clock.sleeps) - before <= max(375, 1.25 * interval) / HEARTBEAT + 2
    except GaveUp:
        assert clock.now() >= start + outage


def test_slow_requests_in_a_row(clock: FakeClock, seen: Recorder) -> None:
    """A long list of slow pages has an update each minute."""
    retry = Backoff(Polling(), seen, clock).retrying("No run was created.")
    for _ in range(4):
        retry(lambda: clock.sleep(40))
    assert seen.updates == [Waiting(None, 80.0, None)]
