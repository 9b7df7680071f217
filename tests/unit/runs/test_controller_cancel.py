"""What cancels a run: the timeout, a signal, and an observer that raises."""

from __future__ import annotations

import pytest

from dataform_action.errors import (
    CancelUnsupported,
    DataformError,
    NoResponse,
    Throttled,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, Changed, LeftRunning, OutageEnded
from dataform_action.model import Polling
from dataform_action.runs.api import run
from tests.support.fakes import Broken, FakeClock, FakeService, Killed, Recorder, make_run
from tests.unit.runs.support import NIGHTLY


def test_timeout_cancels(clock: FakeClock) -> None:
    """At the timeout the run is cancelled once, and the error says so."""
    service, seen = FakeService(clock, polls=["RUNNING"]), Recorder(clock)
    with pytest.raises(WaitTimeout) as caught:
        run(service, NIGHTLY, Polling(timeout=60), on_update=seen, clock=clock)
    assert caught.value.message == (
        "Run 77 did not end within the timeout of 1m. Cancellation was requested."
    )
    assert len(service.times("cancel")) == 1
    assert seen.of(CancelRequested) == seen.updates[-1:] == [CancelRequested(make_run("RUNNING"))]


def test_timeout_without_cancel(clock: FakeClock) -> None:
    """If cancellation is disabled, the timeout leaves the run running and says so."""
    service, seen = FakeService(clock, polls=["RUNNING"]), Recorder(clock)
    with pytest.raises(WaitTimeout, match="It may still be running"):
        run(service, NIGHTLY, Polling(timeout=60, cancel=False), on_update=seen, clock=clock)
    assert service.times("cancel") == []
    assert seen.updates[-1] == LeftRunning(make_run("RUNNING"), None)


@pytest.mark.parametrize("error", [CancelUnsupported("no"), NoResponse("lost"), Broken("odd")])
def test_failed_cancel_is_reported(clock: FakeClock, error: DataformError) -> None:
    """A cancellation that fails is reported, and the timeout still ends the wait."""
    service, seen = FakeService(clock, polls=["RUNNING"], cancels=[error]), Recorder(clock)
    with pytest.raises(WaitTimeout, match="It may still be running"):
        run(service, NIGHTLY, Polling(timeout=60), on_update=seen, clock=clock)
    assert seen.updates[-1] == LeftRunning(make_run("RUNNING"), error)
    # Only a request without a response is repeated.
    assert len(service.times("cancel")) == (3 if isinstance(error, NoResponse) else 1)


@pytest.mark.parametrize("polls", [[Killed()], ["RUNNING", Killed()], [RuntimeError()]])
def test_kill_cancels(clock: FakeClock, polls: list[str | BaseException]) -> None:
    """An exception that is not the service's own cancels the run and is raised."""
    service = FakeService(clock, polls=polls)
    with pytest.raises((Killed, RuntimeError)):
        run(service, NIGHTLY, clock=clock)
    assert len(service.times("cancel")) == 1


def test_kill_while_sleeping_cancels() -> None:
    """A kill during a sleep cancels the run."""

    class Deadly(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Killed

    clock = Deadly()
    service = FakeService(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock)
    assert service.called == ["prepare", "start", "get", "cancel"]


def test_kill_with_cancel_disabled(clock: FakeClock) -> None:
    """If cancellation is disabled, a kill leaves the run running."""
    service, seen = FakeService(clock, polls=[Killed()]), Recorder(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, Polling(cancel=False), on_update=seen, clock=clock)
    assert service.times("cancel") == []
    assert seen.updates[-1] == LeftRunning(make_run(), None)


def test_failing_observer_cancels(clock: FakeClock) -> None:
    """An observer that raises, even during the cancellation, leaves no run behind."""
    service = FakeService(clock)

    def fail(_update: object) -> None:
        raise Broken("the observer is broken")

    with pytest.raises(Broken, match="the observer is broken"):
        run(service, NIGHTLY, on_update=fail, clock=clock)
    assert service.called == ["prepare", "start", "cancel"]


def test_failing_observer_at_the_end_of_an_outage_cancels(clock: FakeClock) -> None:
    """An observer that raises just after the creation leaves no run behind."""
    service = FakeService(clock, creates=[Throttled("429"), ""])

    def fail(update: object) -> None:
        if isinstance(update, OutageEnded):
            raise Broken("the observer is broken")

    with pytest.raises(Broken):
        run(service, NIGHTLY, on_update=fail, clock=clock)
    assert len(service.times("cancel")) == 1


def test_run_is_cancelled_once(clock: FakeClock) -> None:
    """A kill after the cancellation at the timeout does not cancel the run again."""
    service = FakeService(clock, polls=["RUNNING"])

    def fail(update: object) -> None:
        if isinstance(update, CancelRequested):
            raise Killed

    with pytest.raises(Killed):
        run(service, NIGHTLY, Polling(timeout=60), on_update=fail, clock=clock)
    assert len(service.times("cancel")) == 1


def test_run_that_ended_is_not_cancelled(clock: FakeClock) -> None:
    """An observer that raises when the run has ended cancels nothing."""
    service = FakeService(clock, polls=["FAILED"])

    def fail(update: object) -> None:
        if isinstance(update, Changed):
            raise Killed

    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=fail, clock=clock)
    assert service.times("cancel") == []


def test_cancel_of_an_ended_run(clock: FakeClock) -> None:
    """A run that ended just before its cancellation is reported with its final status."""
    service = FakeService(clock, polls=["RUNNING", Killed()], cancels=["SUCCESSFUL"])
    seen = Recorder(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=seen, clock=clock)
    assert seen.of(CancelRequested)[-1:] == seen.updates[-1:]
    assert seen.updates[-1] == CancelRequested(make_run("SUCCESSFUL"))
    assert len(service.times("cancel")) == 1
