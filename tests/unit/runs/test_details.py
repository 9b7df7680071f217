"""What is read after a run has ended."""

from __future__ import annotations

import pytest

from dataform_action.clock import Retry, once
from dataform_action.errors import DataformError, NoResponse, Refused
from dataform_action.events import Noted
from dataform_action.model import (
    Action,
    Compilation,
    IncompleteActions,
    Polling,
    Result,
    Run,
    State,
)
from dataform_action.runs.api import run
from dataform_action.runs.controller import RunController
from tests.support.fakes import (
    ActionsStep,
    Broken,
    FakeClock,
    FakeService,
    Killed,
    Recorder,
    make_action,
    make_run,
)
from tests.unit.runs.support import DONE, NIGHTLY

PLACED = make_action("p.d.a", file="definitions/a.sqlx")


@pytest.mark.parametrize(
    ("queries", "details", "actions", "calls"),
    [
        ([(DONE,)], [(PLACED,)], (PLACED,), ["actions", "details"]),
        ([()], [()], (), ["actions", "details"]),
        (
            [NoResponse("503"), (DONE,)],
            [(PLACED,)],
            (PLACED,),
            ["actions", "actions", "details"],
        ),
        (
            [(DONE,)],
            [NoResponse("503"), (PLACED,)],
            (PLACED,),
            ["actions", "details", "details"],
        ),
        ([(DONE,)], [NoResponse("503")], (DONE,), ["actions", "details", "details", "details"]),
        ([(DONE,)], [Refused("no", status=403)], (DONE,), ["actions", "details"]),
        ([(DONE,)], [Broken("odd")], (DONE,), ["actions", "details"]),
        ([NoResponse("503")], [()], (), ["actions"] * 3),
        ([Refused("no", status=403)], [()], (), ["actions"]),
    ],
)
@pytest.mark.parametrize("status", ["SUCCESSFUL", "FAILED"])
def test_actions_of_an_ended_run(
    clock: FakeClock,
    status: str,
    queries: list[ActionsStep],
    details: list[ActionsStep],
    actions: tuple[Action, ...],
    calls: list[str],
) -> None:
    """The result has the actions that three attempts can read, and is complete without them."""
    service = FakeService(
        clock, polls=[status], queries=queries, details_of=details, has_actions=True
    )
    result = run(service, NIGHTLY, clock=clock)
    assert (result.run, result.duration, result.actions) == (make_run(status), 0, actions)
    assert service.called == ["prepare", "start", "get", *calls]


@pytest.mark.parametrize("error", [NoResponse("503"), Refused("no", status=403), Broken("odd")])
def test_unread_actions_are_reported(clock: FakeClock, error: DataformError) -> None:
    """Actions that cannot be read differ from no actions and from actions without files."""
    unread = FakeService(clock, polls=["FAILED"], queries=[error], has_actions=True)
    assert run(unread, NIGHTLY, clock=clock) == Result(
        run=make_run("FAILED"), duration=0, actions_error=error
    )
    bare = FakeService(
        clock, polls=["FAILED"], queries=[(DONE,)], details_of=[error], has_actions=True
    )
    assert run(bare, NIGHTLY, clock=clock) == Result(
        run=make_run("FAILED"), duration=0, actions=(DONE,), details_error=error
    )
    none = FakeService(clock, polls=["FAILED"], has_actions=True)
    assert run(none, NIGHTLY, clock=clock) == Result(run=make_run("FAILED"), duration=0)


def test_details_do_not_wait_for_the_interval(clock: FakeClock) -> None:
    """With any poll interval, the result follows within seconds of the end."""
    service = FakeService(
        clock, polls=["RUNNING"] * 60 + ["FAILED"], queries=[NoResponse("503")], has_actions=True
    )
    run(service, NIGHTLY, Polling(interval=600, timeout=86400), clock=clock)
    assert service.times("actions")[-1] - service.times("get")[-1] == 10


def test_result_has_the_compilation(clock: FakeClock) -> None:
    """The result has the compilation of the run, if the service knows it."""
    compilation = Compilation(
        name="c1", commit="0a1b2c3", files_url="https://github.com/o/r/blob/0"
    )
    service = FakeService(clock, polls=["FAILED"], compilation=compilation, has_actions=True)
    assert run(service, NIGHTLY, clock=clock).compilation == compilation
    failing = FakeService(
        clock,
        polls=["FAILED"],
        details_of=[NoResponse("503")],
        compilation=compilation,
        has_actions=True,
    )
    assert run(failing, NIGHTLY, clock=clock).compilation is None


def test_kill_while_reading_details_cancels_nothing(clock: FakeClock) -> None:
    """The run has already ended."""
    service = FakeService(clock, polls=["FAILED"], queries=[Killed()], has_actions=True)
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock)
    assert "cancel" not in service.called


def test_kill_while_reading_details_keeps_the_result(clock: FakeClock) -> None:
    """The run is known to have ended before its actions are read."""
    service = FakeService(clock, polls=["SUCCESSFUL"], queries=[Killed()], has_actions=True)
    controller = RunController(service, None, lambda _update: None, clock)
    with pytest.raises(Killed) as caught:
        controller.run(NIGHTLY)
    result = controller.outcome(caught.value).result
    assert result is not None
    assert result.run.state is State.SUCCESS
    assert isinstance(result.actions_error, NoResponse)


class PagedService(FakeService):
    """A service whose list of actions has one action on each page, without end."""

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:
        read: list[Action] = []
        try:
            while True:
                read += retry(lambda: self._follow_actions("actions"))
        except NoResponse as error:
            raise IncompleteActions(tuple(read), error) from error


@pytest.mark.parametrize(("outage_timeout", "seconds"), [(600, 300), (120, 120)])
def test_pages_without_end(clock: FakeClock, outage_timeout: float, seconds: int) -> None:
    """All pages together take limited time, with a line each minute."""
    service = PagedService(
        clock, polls=["SUCCESSFUL"], queries=[(DONE,)], has_actions=True, seconds={"actions": 10}
    )
    recorder = Recorder(clock)
    polling = Polling(outage_timeout=outage_timeout)
    result = run(service, NIGHTLY, polling, on_update=recorder, clock=clock)
    assert result.actions == (DONE,) * (seconds // 10)
    assert result.actions_error is not None
    assert result.actions_error.message == (
        f"Only {seconds // 10} of the run's actions could be read. "
        f"Reading the actions of the run took longer than {seconds // 60}m."
    )
    assert service.called[-1] == "actions"
    assert len(recorder.of(Noted)) == seconds // 60


def test_slow_details(clock: FakeClock) -> None:
    """The time is limited for the actions and the compilation together."""
    service = FakeService(
        clock, polls=["FAILED"], queries=[(DONE,)], has_actions=True, seconds={"actions": 300}
    )
    result = run(service, NIGHTLY, clock=clock)
    assert (result.actions, result.actions_error) == ((DONE,), None)
    assert isinstance(result.details_error, NoResponse)
    assert "details" not in service.called
