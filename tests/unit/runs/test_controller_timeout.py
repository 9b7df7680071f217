"""A run that ended before the timeout was noticed: its own outcome counts."""

from __future__ import annotations

import pytest

from dataform_action.errors import CancelUnsupported, NoResponse, WaitTimeout
from dataform_action.events import CancelRequested, Changed, LeftRunning, OutageEnded, RunOutcome
from dataform_action.model import Polling, RunRequest, State
from dataform_action.runs.api import run
from dataform_action.runs.controller import RunController
from tests.support.fakes import FakeClock, FakeService, Recorder, Step, make_action, make_run
from tests.unit.runs.support import NIGHTLY

MINUTE = Polling(timeout=60)
LOST = NoResponse("HTTP 503")


def _polls_of_a_minute() -> list[Step]:
    """Return the polls of a running run, the last of them at the timeout."""
    service = FakeService(FakeClock(), polls=["RUNNING"])
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, Polling(timeout=60, cancel=False), clock=service.clock)
    return ["RUNNING"] * len(service.times("get"))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("SUCCESSFUL", State.SUCCESS),
        ("FAILED", State.FAILURE),
        ("CANCELLED", State.CANCELLED),
        ("TIMED_OUT", State.TIMED_OUT),
    ],
)
def test_a_cancel_that_finds_an_ended_run(clock: FakeClock, status: str, state: State) -> None:
    """The run's own outcome, with its actions, is returned without an error."""
    action = make_action("p.d.a")
    service = FakeService(
        clock, polls=["RUNNING"], cancels=[status], queries=[(action,)], has_actions=True
    )
    seen = Recorder(clock)
    result = run(service, NIGHTLY, MINUTE, on_update=seen, clock=clock)
    assert (result.run.state, result.actions) == (state, (action,))
    assert seen.updates[-2:] == [
        CancelRequested(make_run(status)),
        Changed(make_run(status), 60.0),
    ]


@pytest.mark.parametrize("status", ["SUCCESSFUL", "FAILED"])
@pytest.mark.parametrize("cancels", [[""], [LOST]], ids=["accepted", "lost"])
def test_an_end_that_the_cancel_response_does_not_report(
    clock: FakeClock, status: str, cancels: list[Step]
) -> None:
    """After the cancel request, the run is requested once more."""
    polls = _polls_of_a_minute()
    service = FakeService(clock, polls=[*polls, status], cancels=cancels)
    assert run(service, NIGHTLY, MINUTE, clock=clock).run == make_run(status)
    assert service.called[-1] == "get"


@pytest.mark.parametrize("cancels", [[""], [LOST], [LOST, "CANCELLED"]])
def test_a_run_that_this_step_cancelled_is_a_timeout(clock: FakeClock, cancels: list[Step]) -> None:
    """A run that this step may have cancelled did not end by itself."""
    polls = _polls_of_a_minute()
    service = FakeService(clock, polls=[*polls, "CANCELLED"], cancels=cancels)
    with pytest.raises(WaitTimeout, match="did not end within the timeout of 1m"):
        run(service, NIGHTLY, MINUTE, clock=clock)


@pytest.mark.parametrize("polling", [MINUTE, Polling(timeout=60, cancel=False)])
@pytest.mark.parametrize("cancels", [["RUNNING"], [CancelUnsupported("no")]])
def test_a_last_poll_without_a_response(
    clock: FakeClock, polling: Polling, cancels: list[Step]
) -> None:
    """In an outage, the run is requested before it is cancelled, and may have ended."""
    at_the_timeout: list[float] = []

    def poll() -> str:
        if clock.now() >= 1060:
            at_the_timeout.append(clock.now())
        if len(at_the_timeout) < 2:
            raise LOST
        return "SUCCESSFUL"

    service = FakeService(clock, polls=["RUNNING", poll], cancels=cancels)
    seen = Recorder(clock)
    assert run(service, NIGHTLY, polling, on_update=seen, clock=clock).run.state is State.SUCCESS
    assert "cancel" not in service.called
    assert seen.of(LeftRunning) == []
    assert len(seen.of(OutageEnded)) == 1


def test_a_success_at_the_timeout_is_promoted(clock: FakeClock) -> None:
    """A success found at the timeout is promoted like any other."""
    service = FakeService(clock, polls=["RUNNING"], prepares=["c/1"], cancels=["SUCCESSFUL"])
    run(service, RunRequest(environment="production", promote=True), MINUTE, clock=clock)
    assert service.called[-1] == "promote"


def test_nothing_is_left_to_cancel(clock: FakeClock) -> None:
    """The outcome has the final state of the run and no error."""
    service = FakeService(clock, polls=["RUNNING"], cancels=["FAILED"])
    controller = RunController(service, MINUTE, lambda update: None, clock)
    result = controller.run(NIGHTLY)
    outcome = controller.outcome()
    assert outcome == RunOutcome(
        run=make_run("FAILED"),
        elapsed=60.0,
        prepared=outcome.prepared,
        result=result,
        cancellation=CancelRequested(make_run("FAILED")),
        attempts=(result,),
    )
    assert not outcome.may_need_cancel
