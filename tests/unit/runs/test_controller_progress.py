"""The progress of a run's actions during the wait."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dataform_action.errors import DataformError, NoResponse, Refused
from dataform_action.events import OutageStarted, Progressed
from dataform_action.runs.api import run
from dataform_action.runs.pace import ACTIONS_INTERVAL
from tests.support.fakes import Broken, FakeClock, FakeService, Recorder
from tests.unit.runs.support import ACTIVE, DONE, NIGHTLY, raise_on


def test_actions_are_requested_every_15_seconds_at_most(clock: FakeClock) -> None:
    """Frequent polls do not request the actions more often."""
    service = FakeService(
        clock,
        polls=[*["RUNNING"] * 60, "SUCCESSFUL"],
        queries=[(DONE, ACTIVE)],
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
    assert seen.of(Progressed) == [Progressed((DONE, ACTIVE), moment) for moment in during]


def test_actions_are_not_requested_in_an_outage(clock: FakeClock) -> None:
    """Actions are requested only after a poll with a usable response."""
    service = FakeService(
        clock,
        polls=["RUNNING", *[NoResponse("503")] * 6, "RUNNING", "SUCCESSFUL"],
        has_actions=True,
    )
    run(service, NIGHTLY, clock=clock)
    polled = service.times("get")
    assert service.times("actions") == [polled[-2], polled[-1]]


def test_service_without_actions_gets_no_request(clock: FakeClock) -> None:
    """If the service knows no actions, the result has none."""
    service, seen = FakeService(clock, polls=[*["RUNNING"] * 60, "SUCCESSFUL"]), Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).actions == ()
    assert set(service.called) == {"prepare", "start", "get"}
    assert seen.of(Progressed) == []


@pytest.mark.parametrize("error", [NoResponse("503"), Refused("no", status=403), Broken("odd")])
def test_progress_is_optional(clock: FakeClock, error: DataformError) -> None:
    """Failed requests for actions do not end the wait, and are not an outage."""
    service = FakeService(
        clock, polls=[*["RUNNING"] * 40, "SUCCESSFUL"], queries=[error, (DONE,)], has_actions=True
    )
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).actions == (DONE,)
    assert len(seen.of(Progressed)) == len(service.times("actions")) - 2
    assert seen.of(OutageStarted) == []


def test_observer_that_fails_on_progress_cancels(clock: FakeClock) -> None:
    """Only errors of the service are ignored, not those of the observer."""
    service = FakeService(clock, polls=["RUNNING"], has_actions=True)
    with pytest.raises(Broken):
        run(service, NIGHTLY, on_update=raise_on(Progressed, Broken("x")), clock=clock)
    assert service.called[-2:] == ["actions", "cancel"]
