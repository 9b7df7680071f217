"""What cancels a run: the timeout, a kill, and an observer that fails."""

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
    """At the timeout the run is cancelled, once, and the error says so."""
    service, seen = FakeService(clock, polls=["RUNNING"]), Recorder(clock)
    with pytest.raises(WaitTimeout) as caught:
        run(service, NIGHTLY, Polling(timeout=60), on_update=seen, clock=clock)
    assert caught.value.message == (
        "Run 77 did not end within the timeout of 1m. The service was asked to cancel it."
    )
    assert len(service.times("cancel")) == 1
    assert seen.of(CancelRequested) == seen.updates[-1:] == [CancelRequested(make_run("RUNNING"))]


def test_timeout_without_cancel(clock: FakeClock) -> None:
    """With cancel off, the timeout leaves the run alone and says so."""
    service, seen = FakeService(clock, polls=["RUNNING"]), Recorder(clock)
    with pytest.raises(WaitTimeout, match="It may go on"):
        run(service, NIGHTLY, Polling(timeout=60, cancel=False), on_update=seen, clock=clock)
    assert service.times("cancel") == []
    assert seen.updates[-1] == LeftRunning(make_run("RUNNING"), None)


@pytest.mark.parametrize("error", [CancelUnsupported("no"), NoResponse("lost"), Broken("odd")])
def test_cancel_that_fails_is_told(clock: FakeClock, error: DataformError) -> None:
    """A cancel that is not possible or fails is told, and the timeout still ends the wait."""
    service, seen = FakeService(clock, polls=["RUNNING"], cancels=[error]), Recorder(clock)
    with pytest.raises(WaitTimeout, match="It may go on"):
        run(service, NIGHTLY, Polling(timeout=60), on_update=seen, clock=clock)
    assert seen.updates[-1] == LeftRunning(make_run("RUNNING"), error)
    # Only one that had no answer is sent again: nobody is about to kill the wait.
    assert len(service.times("cancel")) == (3 if isinstance(error, NoResponse) else 1)


@pytest.mark.parametrize("polls", [[Killed()], ["RUNNING", Killed()], [RuntimeError()]])
def test_kill_cancels(clock: FakeClock, polls: list[str | BaseException]) -> None:
    """An exception that is not the service's own cancels the run and goes on its way."""
    service = FakeService(clock, polls=polls)
    with pytest.raises((Killed, RuntimeError)):
        run(service, NIGHTLY, clock=clock)
    assert len(service.times("cancel")) == 1


def test_kill_while_sleeping_cancels() -> None:
    """A kill in the middle of a sleep cancels the run."""

    class Deadly(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Killed

    clock = Deadly()
    service = FakeService(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock)
    assert service.called == ["prepare", "start", "get", "cancel"]


def test_kill_with_cancel_off(clock: FakeClock) -> None:
    """With cancel off, a kill leaves the run alone."""
    service, seen = FakeService(clock, polls=[Killed()]), Recorder(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, Polling(cancel=False), on_update=seen, clock=clock)
    assert service.times("cancel") == []
    assert seen.updates[-1] == LeftRunning(make_run(), None)


def test_failing_observer_cancels(clock: FakeClock) -> None:
    """An observer that fails, even while the run is cancelled, leaves no run behind."""
    service = FakeService(clock)

    def fail(_update: object) -> None:
        raise Broken("the observer is broken")

    with pytest.raises(Broken, match="the observer is broken"):
        run(service, NIGHTLY, on_update=fail, clock=clock)
    assert service.called == ["prepare", "start", "cancel"]


def test_failing_observer_at_the_end_of_an_outage_cancels(clock: FakeClock) -> None:
    """An observer that fails on the news that follows the creation leaves no run behind."""
    service = FakeService(clock, creates=[Throttled("429"), ""])

    def fail(update: object) -> None:
        if isinstance(update, OutageEnded):
            raise Broken("the observer is broken")

    with pytest.raises(Broken):
        run(service, NIGHTLY, on_update=fail, clock=clock)
    assert len(service.times("cancel")) == 1


def test_run_is_cancelled_once(clock: FakeClock) -> None:
    """A kill after the cancel at the timeout does not cancel the run again."""
    service = FakeService(clock, polls=["RUNNING"])

    def fail(update: object) -> None:
        if isinstance(update, CancelRequested):
            raise Killed

    with pytest.raises(Killed):
        run(service, NIGHTLY, Polling(timeout=60), on_update=fail, clock=clock)
    assert len(service.times("cancel")) == 1


def test_run_that_ended_is_not_cancelled(clock: FakeClock) -> None:
    """An observer that fails on the news of the end cancels nothing: there is nothing left."""
    service = FakeService(clock, polls=["FAILED"])

    def fail(update: object) -> None:
        if isinstance(update, Changed):
            raise Killed

    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=fail, clock=clock)
    assert service.times("cancel") == []


def test_cancel_of_a_run_that_is_over(clock: FakeClock) -> None:
    """A run that ended just before it was to be cancelled is told as what it became."""
    service = FakeService(clock, polls=["RUNNING", Killed()], cancels=["SUCCESSFUL"])
    seen = Recorder(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=seen, clock=clock)
    assert seen.of(CancelRequested)[-1:] == seen.updates[-1:]
    assert seen.updates[-1] == CancelRequested(make_run("SUCCESSFUL"))
    assert len(service.times("cancel")) == 1
