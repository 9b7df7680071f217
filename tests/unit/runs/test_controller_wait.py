"""The wait for a run: when it is polled, what ends the wait, and what is reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from dataform_action.errors import Refused, WaitTimeout
from dataform_action.events import Changed, OutageStarted, Waiting
from dataform_action.model import Polling, Run, State
from dataform_action.runs.api import run, wait
from dataform_action.runs.backoff import HEARTBEAT
from tests.support.fakes import LOG_URL, FakeClock, FakeService, Recorder, Step, make_run
from tests.unit.runs.support import NIGHTLY


def test_polls_slow_down_with_the_elapsed_time(clock: FakeClock) -> None:
    """A wait is 1/22 of the elapsed time, at least 1 s and at most the interval."""
    service = FakeService(clock, polls=["RUNNING"])
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, Polling(interval=10, timeout=1000), clock=clock)
    # The last request follows the cancel request.
    times = service.times("get")[:-1]
    waits = [after - before for before, after in pairwise(times)]
    assert times[0] == 0
    for moment, waited in zip(times[:-2], waits[:-1], strict=True):
        assert waited == pytest.approx(min(max(moment / 22, 1), 10))
    assert max(waits) == pytest.approx(10)


def test_the_last_poll_is_at_the_timeout(clock: FakeClock) -> None:
    """The last poll is exactly at the timeout."""
    service = FakeService(clock, polls=["RUNNING"])
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, Polling(timeout=90), clock=clock)
    assert service.times("get")[-1] == pytest.approx(90)


def test_grace_and_wait_count_from_the_creation(clock: FakeClock) -> None:
    """A slow create request shortens neither the grace period nor the wait."""
    missing = Refused("not found", status=404)
    service = FakeService(
        clock, polls=[missing, "RUNNING", "SUCCESSFUL"], seconds={"start": 50.0, "get": 29.0}
    )
    result = run(service, NIGHTLY, Polling(timeout=100), clock=clock)
    assert result.duration == pytest.approx(29 * 3 + 3, abs=2)


_START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("started", "finished", "duration"),
    [
        (_START, _START + timedelta(hours=2), 7200.0),
        (_START, _START, 0.0),
        (_START, None, 2.0),
        (None, _START, 2.0),
    ],
)
def test_the_services_times_come_first(
    clock: FakeClock, started: datetime | None, finished: datetime | None, duration: float
) -> None:
    """The duration is the service's if it reports one, else that of the wait."""

    class Timed(FakeService):
        def get(self, run: Run) -> Run:
            status = super().get(run).status
            ended = status != "RUNNING"
            return make_run(status, started=started, finished=finished if ended else None)

    service, seen = Timed(clock), Recorder(clock)
    result = wait(service, make_run(), on_update=seen, clock=clock)
    assert result.duration == duration
    changes = [update for update in seen.of(Changed) if isinstance(update, Changed)]
    assert [change.elapsed for change in changes] == [0.0, duration]


def test_new_run_may_be_unknown_for_a_while(clock: FakeClock) -> None:
    """A 404 in the first 30 s is retried without a warning."""
    missing = Refused("not found", status=404)
    service = FakeService(clock, polls=[missing, missing, missing, "SUCCESSFUL"])
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    assert seen.of(OutageStarted) == []


def test_run_that_stays_unknown_ends_the_wait(clock: FakeClock) -> None:
    """A 404 after the first 30 s ends the wait, and cancels nothing."""
    script: list[Step] = [*["RUNNING"] * 27, Refused("not found", status=404)]
    service = FakeService(clock, polls=script)
    with pytest.raises(Refused):
        run(service, NIGHTLY, clock=clock)
    moments = service.times("get")
    assert moments[-2] < 30 <= moments[-1]
    assert service.times("cancel") == []


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_refusal_ends_the_wait(clock: FakeClock, status: int) -> None:
    """A refusal ends the wait at the first poll, and leaves the run running."""
    service = FakeService(clock, polls=["RUNNING", Refused("no", status=status)])
    with pytest.raises(Refused):
        run(service, NIGHTLY, clock=clock)
    assert service.called == ["prepare", "start", "get", "get"]


def test_new_link_is_reported(clock: FakeClock) -> None:
    """A changed link is reported even if the status is the same."""

    class Relinking(FakeService):
        def get(self, run: Run) -> Run:
            status = super().get(run).status
            return make_run(status, log_url=f"{LOG_URL}?{len(self.calls)}")

    service, seen = Relinking(clock), Recorder(clock)
    run(service, NIGHTLY, on_update=seen, clock=clock)
    assert len(seen.of(Changed)) == 3


def test_an_update_once_a_minute(clock: FakeClock) -> None:
    """The observer gets an update at least once a minute, even between distant polls."""
    service, seen = FakeService(clock, polls=["RUNNING"]), Recorder(clock)
    polling = Polling(interval=600, timeout=7200)
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, polling, on_update=seen, clock=clock)
    gaps = [b - a for a, b in pairwise(seen.moments)]
    assert max(gaps) == pytest.approx(HEARTBEAT)
    assert seen.of(Waiting)[0] == Waiting(make_run("RUNNING"), 60.0, None)
    assert len(seen.of(Waiting)) == 119
