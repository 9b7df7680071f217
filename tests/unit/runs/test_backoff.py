"""Outages: how long to try again, how long to wait in between, and what to tell."""

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
    """Fail once, now, and wait for the next attempt."""
    error = error or NoResponse("503")
    backoff.failed(error, backoff.now(), "It is as it was.")
    backoff.pause(None, error)


def standing(backoff: Backoff) -> tuple[bool, bool]:
    """Return whether there ever was an answer, and whether there is an outage."""
    return backoff.has_succeeded, backoff.in_outage


def test_pause_follows_the_time_gone_by(clock: FakeClock, seen: Recorder) -> None:
    """A wait is 1/22 of the time gone by, from a second to the interval."""
    backoff = Backoff(Polling(interval=10), seen, clock)
    waits = []
    for elapsed in (0.0, 10.0, 110.0, 1000.0):
        clock.time = 1000 + elapsed
        backoff.pause(None)
        waits.append(clock.now() - 1000 - elapsed)
    assert waits == pytest.approx([1, 1, 5, 10])


def test_time_counts_from_the_beginning(clock: FakeClock, seen: Recorder) -> None:
    """Beginning anew counts the time, and with it the timeout, from then on."""
    backoff = Backoff(Polling(timeout=60), seen, clock)
    clock.time += 59
    assert (backoff.elapsed, backoff.is_over) == (59, False)
    clock.time += 1
    assert backoff.is_over
    backoff.begin()
    assert (backoff.elapsed, backoff.is_over) == (0, False)


def test_pause_ends_at_the_timeout(clock: FakeClock, seen: Recorder) -> None:
    """No wait goes on after the timeout, in an outage or out of one."""
    backoff = Backoff(Polling(interval=600, timeout=1000), seen, clock)
    clock.time += 990
    backoff.pause(None)
    assert clock.now() == 2000
    assert backoff.is_over
    backoff.pause(None)
    assert clock.now() == 2000
    clock.time -= 1
    fail(backoff, Throttled("429", retry_after=200))
    assert clock.now() == 2000


def test_outage_is_told_once(clock: FakeClock, seen: Recorder) -> None:
    """An outage has one beginning and one end, however many attempts failed."""
    backoff = Backoff(Polling(outage_timeout=600), seen, clock)
    error = NoResponse("503")
    for _ in range(3):
        fail(backoff, error)
    assert standing(backoff) == (False, True)
    since = clock.now() - 1000
    backoff.succeeded()
    backoff.succeeded()
    assert standing(backoff) == (True, False)
    assert seen.updates == [OutageStarted(error, 600), OutageEnded(since)]


def test_waits_grow_in_an_outage(clock: FakeClock, seen: Recorder) -> None:
    """Each wait in an outage is twice the one before with a jitter, up to a minute."""
    backoff = Backoff(Polling(interval=1, outage_timeout=3600), seen, clock)
    for number in range(1, 13):
        before = clock.now()
        fail(backoff)
        least = min(2**number, 60)
        # Late in a wait, the share of the time gone by is what grows.
        assert least <= clock.now() - before <= 75
        assert number > 4 or clock.now() - before <= least * 1.25


def test_waits_are_short_again_after_an_answer(clock: FakeClock, seen: Recorder) -> None:
    """The waits of a new outage begin anew."""
    backoff = Backoff(Polling(interval=1), seen, clock)
    for _ in range(4):
        fail(backoff)
    backoff.succeeded()
    fail(backoff)
    assert 2 <= clock.sleeps[-1] <= 2.5


@pytest.mark.parametrize(("asked", "least", "most"), [(0, 2, 2.5), (25, 25, 32), (9e8, 300, 375)])
def test_retry_after_is_honoured(
    clock: FakeClock, seen: Recorder, asked: float, least: float, most: float
) -> None:
    """The service may ask for a longer wait, of five minutes at most, and for no shorter one."""
    backoff = Backoff(Polling(), seen, clock)
    fail(backoff, Throttled("429", retry_after=asked))
    assert least <= clock.now() - 1000 <= most


def test_retry_after_without_an_outage_is_not_waited_for(clock: FakeClock, seen: Recorder) -> None:
    """An error that was not counted changes nothing about the wait."""
    backoff = Backoff(Polling(), seen, clock)
    backoff.pause(None, Throttled("429", retry_after=200))
    assert clock.now() == 1001


def test_giving_up(clock: FakeClock, seen: Recorder) -> None:
    """After the outage timeout the wait ends, with the consequence and the last failure."""
    backoff = Backoff(Polling(outage_timeout=90), seen, clock)
    error = NoResponse("503: busy", hint="Ask them.")
    while clock.now() < 1090:
        fail(backoff, error)
    assert clock.now() == pytest.approx(1090)
    with pytest.raises(GaveUp) as caught:
        fail(backoff, error)
    assert caught.value.message == (
        "The API gave no usable answer for 1m 30s. It is as it was.\nThe last failure: 503: busy"
    )
    assert caught.value.hint == "Ask them."
    assert caught.value.__cause__ is error


def test_time_of_the_failed_request_counts(clock: FakeClock, seen: Recorder) -> None:
    """An outage begins when the request that failed first was sent."""
    backoff = Backoff(Polling(outage_timeout=60), seen, clock)
    clock.time += 60
    with pytest.raises(GaveUp):
        backoff.failed(NoResponse("late"), 1000, "")
    assert len(seen.of(OutageStarted)) == 1


def test_signs_of_life(clock: FakeClock, seen: Recorder) -> None:
    """In a long wait something is told every minute, with the run, the time and the outage."""
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


def test_sign_of_life_before_a_run(clock: FakeClock, seen: Recorder) -> None:
    """A sign of life tells no run as long as there is none."""
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
    interval: float, timeout: float, outage: float, start: float, asked: list[float | None]
) -> None:
    """Whatever the times, every wait comes to its end, and at no deadline too late."""
    clock = FakeClock(start)
    polling = Polling(interval=interval, timeout=timeout, outage_timeout=outage)
    backoff = Backoff(polling, lambda _update: None, clock)
    try:
        for retry_after in asked:
            before = len(clock.sleeps)
            fail(backoff, Throttled("429", retry_after=retry_after))
            assert clock.now() <= start + min(timeout, outage) + 1e-3
            assert len(clock.sleeps) - before <= max(375, 1.25 * interval) / HEARTBEAT + 2
    except GaveUp:
        assert clock.now() >= start + outage
