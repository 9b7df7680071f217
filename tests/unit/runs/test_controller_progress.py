"""The progress of a run's actions while it is waited for."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dataform_action.errors import DataformError, NoResponse, Refused
from dataform_action.events import OutageStarted, Progressed
from dataform_action.runs.api import run
from dataform_action.runs.controller import ACTIONS_INTERVAL
from tests.support.fakes import Broken, FakeClock, FakeService, Recorder
from tests.unit.runs.support import DONE, GOING, NIGHTLY, raise_on


def test_actions_are_asked_for_every_15_seconds_at_most(clock: FakeClock) -> None:
    """However often the run is polled, its actions are not asked for any more often."""
    service = FakeService(
        clock,
        polls=[*["RUNNING"] * 60, "SUCCESSFUL"],
        queries=[(DONE, GOING)],
        has_actions=True,
    )
    seen = Recorder(clock)
    run(service, NIGHTLY, on_update=seen, clock=clock)
    *during, _last = service.times("actions")
    assert during[0] == pytest.approx(ACTIONS_INTERVAL)
    gaps = [after - before for before, after in pairwise(during)]
    assert len(gaps) > 3
    assert ACTIONS_INTERVAL == 15 <= min(gaps)
    assert max(gaps) < 25
    assert seen.of(Progressed) == [Progressed((DONE, GOING), moment) for moment in during]


def test_actions_are_asked_for_only_of_a_run_that_was_seen(clock: FakeClock) -> None:
    """An outage is not filled with questions for actions."""
    service = FakeService(
        clock,
        polls=["RUNNING", *[NoResponse("503")] * 6, "RUNNING", "SUCCESSFUL"],
        has_actions=True,
    )
    run(service, NIGHTLY, clock=clock)
    polled = service.times("get")
    assert service.times("actions") == [polled[-2], polled[-1]]


def test_service_without_actions_is_not_asked_for_them(clock: FakeClock) -> None:
    """Where the service knows no actions, the result has none."""
    service, seen = FakeService(clock, polls=[*["RUNNING"] * 60, "SUCCESSFUL"]), Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).actions == ()
    assert set(service.called) == {"prepare", "start", "get"}
    assert seen.of(Progressed) == []


@pytest.mark.parametrize("error", [NoResponse("503"), Refused("no", status=403), Broken("odd")])
def test_progress_is_a_courtesy(clock: FakeClock, error: DataformError) -> None:
    """Actions that cannot be asked for end no wait, and are no outage."""
    service = FakeService(
        clock, polls=[*["RUNNING"] * 40, "SUCCESSFUL"], queries=[error, (DONE,)], has_actions=True
    )
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).actions == (DONE,)
    assert len(seen.of(Progressed)) == len(service.times("actions")) - 2
    assert seen.of(OutageStarted) == []


def test_observer_that_fails_on_progress_cancels(clock: FakeClock) -> None:
    """That progress is a courtesy hides no failure of the observer."""
    service = FakeService(clock, polls=["RUNNING"], has_actions=True)
    with pytest.raises(Broken):
        run(service, NIGHTLY, on_update=raise_on(Progressed, Broken("x")), clock=clock)
    assert service.called[-2:] == ["actions", "cancel"]
