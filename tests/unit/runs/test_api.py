"""The functions of the library, and the poller for other hosts."""

from __future__ import annotations

import pytest

from dataform_action.errors import GaveUp, InvalidResponse, NoResponse, Refused, WaitTimeout
from dataform_action.events import Compiled, Created
from dataform_action.model import Compilation, Polling, Result, State
from dataform_action.runs.api import Poller, prepare, run, start, wait
from tests.support.fakes import FakeClock, FakeService, Recorder, Step, make_run
from tests.unit.runs.support import NIGHTLY


def test_run_creates_once_and_waits(clock: FakeClock) -> None:
    """A run that succeeds is created once and polled until it ends."""
    service = FakeService(clock)
    result = run(service, NIGHTLY, clock=clock)
    assert result == Result(run=make_run("SUCCESSFUL"), duration=2.0)
    assert service.requests == [NIGHTLY]
    assert service.called == ["prepare", "start", "get", "get", "get"]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("SUCCESSFUL", State.SUCCESS),
        ("FAILED", State.FAILURE),
        ("CANCELLED", State.CANCELLED),
        ("TIMED_OUT", State.TIMED_OUT),
    ],
)
def test_every_final_status_ends_the_wait(clock: FakeClock, status: str, state: State) -> None:
    """Each final status ends the wait at the poll that reports it, and cancels nothing."""
    service = FakeService(clock, polls=["RUNNING", status])
    assert run(service, NIGHTLY, clock=clock).run.state is state
    assert service.called == ["prepare", "start", "get", "get"]


def test_prepare_compiles_and_runs_nothing(clock: FakeClock) -> None:
    """A request to compile is prepared once, reported, and not started."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    prepared = prepare(service, NIGHTLY, on_update=seen, clock=clock)
    assert (prepared.request, prepared.compilation) == (NIGHTLY, Compilation(name="c/1"))
    assert seen.of(Compiled) == seen.updates == [Compiled(Compilation(name="c/1"))]
    assert service.called == ["prepare"]


def test_start_runs_the_prepared_compilation(clock: FakeClock) -> None:
    """The run executes the request's compilation, which is reported before the run."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    assert start(service, NIGHTLY, on_update=seen, clock=clock) == make_run()
    assert seen.updates == [Compiled(Compilation(name="c/1")), Created(make_run())]
    assert [type(update) for update in seen.updates] == [Compiled, Created]
    assert [prepared.compilation for prepared in service.prepared] == [Compilation(name="c/1")]


def test_start_does_not_wait(clock: FakeClock) -> None:
    """A run that is only started is reported and not polled."""
    service, seen = FakeService(clock), Recorder(clock)
    assert start(service, NIGHTLY, on_update=seen, clock=clock) == make_run()
    assert seen.of(Created) == seen.updates == [Created(make_run())]
    assert service.called == ["prepare", "start"]


def test_wait_creates_nothing(clock: FakeClock) -> None:
    """An existing run is polled until it ends, and nothing is created."""
    service, seen = FakeService(clock), Recorder(clock)
    assert wait(service, make_run(), on_update=seen, clock=clock).run.state is State.SUCCESS
    assert service.times("start") == []
    assert seen.of(Created) == seen.updates[:1] == [Created(make_run())]


def test_wait_ends_immediately_if_the_run_does_not_exist(clock: FakeClock) -> None:
    """If a run that was not just created is not found, the wait ends immediately."""
    error = Refused("not found", status=404)
    service = FakeService(clock, polls=[error])
    with pytest.raises(Refused):
        wait(service, make_run(), clock=clock)
    assert service.called == ["get"]


def _poll_until_the_end(poller: Poller, clock: FakeClock) -> Result:
    while not isinstance(outcome := poller.poll(), Result):
        clock.sleep(outcome)
    return outcome


def test_poller_waits_as_wait_does(clock: FakeClock) -> None:
    """A host that sleeps itself polls at the times of ``wait``, also in an outage."""
    script: list[Step] = [
        *["RUNNING"] * 30,
        InvalidResponse("HTML", retry_after=40),
        "RUNNING",
        "SUCCESSFUL",
    ]
    waited = FakeService(FakeClock(), polls=script)
    wait(waited, make_run(), clock=waited.clock)
    polled = FakeService(clock, polls=script)
    result = _poll_until_the_end(Poller(polled, make_run(), clock=clock), clock)
    assert result.run.state is State.SUCCESS
    assert polled.times("get") == pytest.approx(waited.times("get"), abs=10)


def test_poller_gives_up_without_a_cancel(clock: FakeClock) -> None:
    """A long outage ends the polls and leaves the run running."""
    service = FakeService(clock, polls=[NoResponse("503")])
    poller = Poller(service, make_run(), Polling(outage_timeout=60), clock=clock)
    with pytest.raises(GaveUp):
        _poll_until_the_end(poller, clock)
    assert "cancel" not in service.called


def test_poller_cancels_at_the_timeout(clock: FakeClock) -> None:
    """The poller cancels the run at the timeout and raises."""
    service = FakeService(clock, polls=["RUNNING"])
    poller = Poller(service, make_run(), Polling(timeout=60), clock=clock)
    with pytest.raises(WaitTimeout):
        _poll_until_the_end(poller, clock)
    assert service.called[-2:] == ["cancel", "get"]
    assert clock.now() == pytest.approx(1060)


def test_poller_sees_an_end_at_the_timeout(clock: FakeClock) -> None:
    """A run that has ended by the timeout gives its own result."""
    service = FakeService(clock, polls=["RUNNING"], cancels=["SUCCESSFUL"])
    poller = Poller(service, make_run(), Polling(timeout=60), clock=clock)
    assert _poll_until_the_end(poller, clock).run.state is State.SUCCESS


def test_poller_tolerates_a_404_for_a_new_run(clock: FakeClock) -> None:
    """A 404 just after the creation ends nothing; later it does."""
    missing = Refused("not found", status=404)
    service = FakeService(clock, polls=[missing, "SUCCESSFUL"])
    poller = Poller(service, make_run(), fresh=True, clock=clock)
    assert _poll_until_the_end(poller, clock).run.state is State.SUCCESS
    with pytest.raises(Refused):
        Poller(FakeService(clock, polls=[missing]), make_run(), clock=clock).poll()


def test_poller_does_not_request_progress(clock: FakeClock) -> None:
    """Actions are requested only at the end."""
    service = FakeService(clock, polls=[*["RUNNING"] * 60, "SUCCESSFUL"], has_actions=True)
    _poll_until_the_end(Poller(service, make_run(), clock=clock), clock)
    assert service.called.index("actions") == service.called.index("get") + 61
