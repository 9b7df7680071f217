"""Runs at the same time, which share the quota of the API."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.measure.parallel_steps import MINUTE, QUOTA, simulate
from benchmarks.measure.simulated_polls import action_schedule
from dataform_action import Polling
from dataform_action.errors import InputError, NoResponse, Throttled, WaitTimeout
from dataform_action.events import Progressed
from dataform_action.runs.api import run, wait
from tests.support.fakes import FakeClock, FakeService, Recorder, make_action, make_run
from tests.unit.runs.support import NIGHTLY

_TEN = Polling(parallel=10)
#: The mean time until a loop with pauses of 10 s notices the end of a run.
_LOOP = 5.1


@pytest.mark.parametrize("begin", [0.0, 20.0, 45.0])
@pytest.mark.parametrize("actions", [80, 5000])
def test_steps_of_a_matrix_stay_within_the_quota(begin: float, actions: int) -> None:
    """Ten steps that know of each other get no 429 in an hour, whenever the minute starts.

    They send all requests of their runs, from the creation to the report.
    """
    traffic = simulate(10, _TEN, actions=actions, begin=begin)
    assert traffic.refused == []
    assert traffic.most_in_a_minute >= QUOTA * 0.8


@pytest.mark.parametrize("length", [5.0, 20.0, 65.0, 600.0])
def test_steps_of_a_matrix_notice_the_end_soon(length: float) -> None:
    """Ten steps notice the end of a run almost as soon as a loop with pauses of 10 seconds."""
    assert simulate(10, _TEN).mean_delay(length) <= 1.2 * _LOOP


def test_many_actions_do_not_hide_the_end() -> None:
    """A read of many pages takes about a minute, even if each page waits for its turn."""
    for schedule in simulate(10, _TEN, actions=10_000).schedules:
        gaps = [after.read - before.read for before, after in pairwise(schedule.polls)]
        assert 60 < max(gaps) < 100


@pytest.mark.parametrize("begin", [0.0, 20.0, 45.0])
def test_steps_that_do_not_know_of_each_other_slow_down(begin: float) -> None:
    """Ten independent steps get a 429 only in their first minute, because they slow down."""
    traffic = simulate(10, Polling(), begin=begin)
    assert traffic.refused
    assert {time // MINUTE for time in traffic.refused} == {begin // MINUTE}
    assert traffic.mean_delay(600.0) <= 1.2 * _LOOP


def test_one_step_is_as_fast_as_before() -> None:
    """A step that is alone polls without regard to the quota, and stays within it."""
    [schedule] = simulate(1, Polling()).schedules
    alone = action_schedule(until=600.0)
    for length in (5.0, 20.0, 65.0):
        assert schedule.mean_delay(length) <= 1.05 * alone.mean_delay(length)
    assert simulate(1, Polling(), actions=5000).most_in_a_minute <= QUOTA


def test_first_poll_waits_for_its_turn(clock: FakeClock) -> None:
    """The create request is a turn as well, so the first poll of ten runs is 10 seconds later."""
    service = FakeService(clock, polls=["RUNNING"] * 3 + ["SUCCESSFUL"])
    run(service, NIGHTLY, _TEN, clock=clock)
    created, *polls = (*service.times("start"), *service.times("get"))
    assert all(10 <= after - before <= 12 for before, after in pairwise([created, *polls]))


def test_existing_run_is_polled_at_once(clock: FakeClock) -> None:
    """A run that was not created here may have ended, so the first poll does not wait."""
    service = FakeService(clock, polls=["SUCCESSFUL"])
    wait(service, make_run(), _TEN, clock=clock)
    assert service.times("get") == [0.0]


def test_long_matrix_polls_once_a_minute(clock: FakeClock) -> None:
    """The pause is never longer than a minute, however many runs there are."""
    service = FakeService(clock, polls=["RUNNING"] * 3 + ["SUCCESSFUL"])
    run(service, NIGHTLY, Polling(parallel=256), clock=clock)
    gaps = [after - before for before, after in pairwise(service.times("get"))]
    assert all(60 <= gap <= 72 for gap in gaps)


def test_429_for_actions_slows_the_polls_down(clock: FakeClock) -> None:
    """A 429 that ends no wait counts as well: the next polls are at the poll interval."""
    service = FakeService(
        clock,
        polls=["RUNNING"] * 20 + ["SUCCESSFUL"],
        queries=[Throttled("HTTP 429"), ()],
        has_actions=True,
    )
    run(service, NIGHTLY, Polling(interval=30), clock=clock)
    refused = service.times("actions")[0]
    polls = [time for time in service.times("get") if time >= refused]
    assert all(30 <= after - before <= 36 for before, after in pairwise(polls))


def test_second_429_halves_the_rate(clock: FakeClock) -> None:
    """After each outage with a 429, the polls are half as frequent, also in the next outage."""
    throttled = (Throttled("429"), Throttled("429"))
    polls = ("RUNNING", *throttled, "RUNNING", "RUNNING", "RUNNING")
    service = FakeService(clock, polls=(*polls, *polls, "SUCCESSFUL"))
    run(service, NIGHTLY, Polling(interval=4), clock=clock)
    gaps = [after - before for before, after in pairwise(service.times("get"))]
    assert all(4 <= gap <= 4.8 for gap in gaps[3:6])
    assert all(gap >= 8 for gap in gaps[7:9])
    assert all(8 <= gap <= 9.6 for gap in gaps[9:])


def test_share_counts_in_an_outage(clock: FakeClock) -> None:
    """Retries of one of ten runs are not more frequent than its polls."""
    polls = ("RUNNING", Throttled("429"), NoResponse("503"), "SUCCESSFUL")
    service = FakeService(clock, polls=polls)
    run(service, NIGHTLY, _TEN, clock=clock)
    gaps = [after - before for before, after in pairwise(service.times("get"))]
    assert min(gaps) >= 10


def test_progress_ends_at_the_timeout(clock: FakeClock) -> None:
    """Pages that are due after the timeout are not requested."""
    service = FakeService(clock, polls=["RUNNING"], has_actions=True)
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, Polling(parallel=10, timeout=155), clock=clock)
    assert service.times("actions") == []


@pytest.mark.parametrize(("count", "seconds"), [(375, 15), (1000, 40), (5000, 200)])
def test_actions_of_a_large_run_are_read_less_often(
    clock: FakeClock, count: int, seconds: float
) -> None:
    """A run with more actions is read less often, so a minute downloads about the same."""
    actions = (make_action("p.d.a"),) * count
    service = FakeService(
        clock, polls=["RUNNING"] * 150 + ["SUCCESSFUL"], queries=[actions], has_actions=True
    )
    seen = Recorder(clock)
    run(service, NIGHTLY, Polling(interval=5), clock=clock, on_update=seen)
    reads = service.times("actions")[:-1]
    gaps = [after - before for before, after in pairwise(reads)]
    assert reads[0] == pytest.approx(15)
    assert all(seconds <= gap <= seconds + 5 for gap in gaps)
    assert len(seen.of(Progressed)) == len(reads)


def test_parallel_runs_must_be_positive() -> None:
    """No number below 1 is accepted."""
    with pytest.raises(InputError, match="parallel 0 is not at least 1"):
        Polling(parallel=0)
