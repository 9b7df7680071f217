"""Outages during the creation and the wait: what they end, and how polls back off."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from dataform_action.errors import (
    DataformError,
    GaveUp,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Throttled,
    WaitTimeout,
)
from dataform_action.events import Changed, Created, OutageEnded, OutageStarted, Waiting
from dataform_action.model import Polling, RunRequest, State
from dataform_action.runs.api import run, wait
from dataform_action.runs.backoff import Backoff
from tests.support.fakes import LOG_URL, FakeClock, FakeService, Recorder, Step, make_run
from tests.unit.runs.support import NIGHTLY


@pytest.mark.parametrize(
    "error", [NoResponse("503"), InvalidResponse("HTML"), NotConnected("no"), Throttled("429")]
)
def test_wait_survives_failures(clock: FakeClock, error: DataformError) -> None:
    """A few polls without a usable response give one warning and one line at the end."""
    service = FakeService(clock, polls=["RUNNING", error, error, "SUCCESSFUL"])
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    assert [type(update) for update in seen.updates] == [
        *(Created, Changed, OutageStarted, OutageEnded, Changed)
    ]


def test_outage_ends_the_wait(clock: FakeClock) -> None:
    """An outage of ``outage_timeout`` ends the wait, with the link and without a cancel."""
    service, seen = FakeService(clock, polls=["RUNNING", NoResponse("HTTP 503")]), Recorder(clock)
    with pytest.raises(GaveUp) as caught:
        run(service, NIGHTLY, Polling(outage_timeout=300), on_update=seen, clock=clock)
    assert caught.value.message == (
        f"No usable response from the API for 5m. Run 77 may still be running: {LOG_URL}\n"
        "Last error: HTTP 503"
    )
    times = service.times("get")
    assert times[-1] - times[1] == pytest.approx(300)
    assert service.times("cancel") == []
    assert len(seen.of(OutageStarted)) == 1


def test_outage_counts_from_the_request_that_failed(clock: FakeClock) -> None:
    """The duration of a failed request is part of the outage."""
    service = FakeService(
        clock, polls=["RUNNING", NoResponse("late")], seconds={"get": 40.0, "start": 40.0}
    )
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=100), clock=clock)
    times = service.times("get")
    assert clock.now() - 1000 - times[1] == pytest.approx(140)


def test_outage_counts_from_its_last_start(clock: FakeClock) -> None:
    """A usable response between two outages restarts the count."""
    outage: list[Step] = [NoResponse("503")] * 5
    script = ["RUNNING", *outage, "RUNNING", *outage, "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    result = run(service, NIGHTLY, Polling(outage_timeout=200), clock=clock)
    assert result.run.state is State.SUCCESS


def test_an_outage_may_last_forever(clock: FakeClock) -> None:
    """Without a limit, an outage is reported like any other, and ends nothing."""
    service = FakeService(clock, polls=[NoResponse("503"), "SUCCESSFUL"])
    polling = Polling(timeout=math.inf, outage_timeout=math.inf)
    reported: list[str] = []
    wait(
        service,
        make_run(),
        polling,
        on_update=lambda update: reported.append(str(update)),
        clock=clock,
    )
    assert any("for up to an unlimited time. 503" in text for text in reported)
    assert "cancel" not in service.called


def test_misconfiguration_before_any_response_ends_the_wait(clock: FakeClock) -> None:
    """A connection that this machine's setup prevents ends a wait without any response yet."""
    service = FakeService(clock, polls=[Misconfigured("self-signed")])
    with pytest.raises(Misconfigured):
        wait(service, make_run(), clock=clock)
    assert service.called == ["get"]


_ONCE = Misconfigured("HTTP 407")


@pytest.mark.parametrize(
    "script",
    [
        {"polls": ["RUNNING", _ONCE, "SUCCESSFUL"]},
        {"prepares": ["c/1"], "creates": [_ONCE, ""]},
        {"prepares": ["c/1"], "promotes": [_ONCE, ""]},
    ],
)
def test_misconfiguration_after_a_response_is_an_outage(
    clock: FakeClock, script: dict[str, list[Step]]
) -> None:
    """After a usable response, the same error is an ordinary outage in every stage."""
    service = FakeService(clock, **script)  # type: ignore[arg-type]
    request = RunRequest(environment="production", promote="promotes" in script)
    assert run(service, request, clock=clock).run.state is State.SUCCESS


def test_misconfiguration_during_the_preparation() -> None:
    """One request of a preparation may fail in this way after another one succeeded."""
    clock = FakeClock()
    backoff = Backoff(Polling(), lambda _update: None, clock)
    script: list[Misconfigured | str | None] = [None, _ONCE, "compiled", _ONCE, "selected"]

    def request() -> str | None:
        step = script.pop(0)
        if isinstance(step, Misconfigured):
            raise step
        return step

    retry = backoff.retrying("No run was created.")
    assert retry(request) is None
    with pytest.raises(Misconfigured):
        retry(request)
    assert [retry(request), retry(request)] == ["compiled", "selected"]


def test_backoff_grows_with_jitter_and_is_reset(clock: FakeClock) -> None:
    """Waits double in an outage, plus at most a quarter of jitter."""
    outage: list[Step] = [NoResponse("503")] * 4
    script = ["RUNNING", *outage, "RUNNING", "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    run(service, NIGHTLY, clock=clock)
    times = service.times("get")
    waits = [after - before for before, after in pairwise(times)]
    for number, waited in enumerate(waits[1:5], start=1):
        assert 2**number <= waited <= 1.25 * 2**number * max(1, times[number + 1] / 22)
    assert waits[5] == pytest.approx(max(1, times[5] / 22))


def test_backoff_has_a_limit(clock: FakeClock) -> None:
    """Backoff stops growing at a minute, or at the interval if that is longer."""
    service = FakeService(clock, polls=["RUNNING", NoResponse("503")])
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=1800), clock=clock)
    times = service.times("get")
    assert max(b - a for a, b in pairwise(times)) <= 75
    assert len(times) > 1800 / 75


def test_backoff_may_be_longer_than_a_minute(clock: FakeClock) -> None:
    """With an interval above a minute, polls in an outage keep that interval."""
    script: list[Step] = [*["RUNNING"] * 150, NoResponse("503"), "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    run(service, NIGHTLY, Polling(interval=600, timeout=10**6), clock=clock)
    times = service.times("get")
    assert times[-1] - times[-2] >= times[-2] / 22 > 60


def test_jitter_differs(clock: FakeClock) -> None:
    """Two waits of the same backoff have different lengths."""
    service = FakeService(clock, polls=["RUNNING", NoResponse("503")])
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=1200), clock=clock)
    times = service.times("get")
    late = [b - a for a, b in pairwise(times) if b - a > 60]
    assert len(set(late)) > 5


@pytest.mark.parametrize(("requested", "waited"), [(25.0, 25.0), (0.0, 2.0), (100_000.0, 300.0)])
def test_retry_after_is_obeyed_within_limits(
    clock: FakeClock, requested: float, waited: float
) -> None:
    """Retry-After is obeyed, but never less than the backoff and at most 5 min."""
    script: list[Step] = ["RUNNING", Throttled("429", retry_after=requested), "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    run(service, NIGHTLY, clock=clock)
    times = service.times("get")
    assert waited <= times[2] - times[1] <= 1.25 * waited


@pytest.mark.parametrize(
    ("polling", "error"),
    [(Polling(timeout=60), WaitTimeout), (Polling(outage_timeout=60), GaveUp)],
)
def test_no_wait_passes_a_deadline(
    clock: FakeClock, polling: Polling, error: type[DataformError]
) -> None:
    """Retry-After sleeps past neither the timeout nor the outage timeout."""
    service = FakeService(clock, polls=[Throttled("429", retry_after=299)])
    with pytest.raises(error):
        run(service, NIGHTLY, polling, clock=clock)
    assert clock.now() == pytest.approx(1060)


def test_waiting_reports_the_outage(clock: FakeClock) -> None:
    """During an outage, ``Waiting`` has its duration."""
    service, seen = FakeService(clock, creates=[NotConnected("no route")]), Recorder(clock)
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=100), on_update=seen, clock=clock)
    assert seen.of(Waiting) == [Waiting(None, 60.0, 60.0)]
