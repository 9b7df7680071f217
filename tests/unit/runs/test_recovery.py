"""What is done about a run that went out of sight: it is found again, and cancelled."""

from __future__ import annotations

import pytest

from dataform_action.errors import CancelUnsupported, DataformError, NoResponse, Refused
from dataform_action.events import CancelRequested, LeftRunning
from dataform_action.runs.recovery import cancel_run, find_run
from tests.support.fakes import Broken, FakeClock, FakeService, Step, make_run


def test_a_search_without_a_response_is_made_again(clock: FakeClock) -> None:
    """A failure of the search is not the end of it."""
    service = FakeService(clock, finds=[NoResponse("HTTP 503"), "77"])
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) == make_run()
    assert clock.now() == 1002


def test_a_run_that_is_not_listed_is_looked_for_three_times(clock: FakeClock) -> None:
    """A run that was just created may be listed late; later than that, there is none."""
    service = FakeService(clock)
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) is None
    assert service.found == ["c/1"] * 3


def test_a_refused_search_is_not_made_again(clock: FakeClock) -> None:
    """Where the list may not be read, another look is in vain."""
    service = FakeService(clock, finds=[Refused("no", status=403)])
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) is None
    assert service.called == ["find"]


NO_WAY = CancelUnsupported("No way.")
OVER = Refused("HTTP 400: over", status=400)
SILENT = NoResponse("HTTP 503")
BROKEN = Broken("No credentials.")


@pytest.mark.parametrize(
    ("cancels", "expected", "calls"),
    [
        ([""], CancelRequested(make_run()), 1),
        ([NO_WAY], LeftRunning(make_run(), NO_WAY), 1),
        ([OVER], LeftRunning(make_run(), OVER), 1),
        ([SILENT, ""], CancelRequested(make_run()), 2),
        ([SILENT], LeftRunning(make_run(), SILENT), 3),
        ([BROKEN], LeftRunning(make_run(), BROKEN), 1),
    ],
)
@pytest.mark.parametrize("poll", ["RUNNING", SILENT, Refused("no", status=401)])
def test_cancelling(
    clock: FakeClock,
    cancels: list[Step],
    expected: CancelRequested | LeftRunning,
    calls: int,
    poll: str | DataformError,
) -> None:
    """A run that is not known to be over is cancelled, three times at most."""
    service = FakeService(clock, polls=[poll], cancels=cancels)
    run = service.describe("77")
    cancellation = cancel_run(service, run, pause=lambda: clock.sleep(2), look_first=True)
    assert (type(cancellation), cancellation) == (type(expected), expected)
    assert len(service.times("cancel")) == calls
    assert clock.now() == 1000 + 2 * (calls - 1)


def test_a_run_that_is_over_is_not_cancelled(clock: FakeClock) -> None:
    """A look before the request shows that there is nothing to cancel."""
    service = FakeService(clock, polls=["SUCCESSFUL"])
    run = service.describe("77")
    cancellation = cancel_run(service, run, pause=clock.now, look_first=True)
    assert isinstance(cancellation, CancelRequested)
    assert cancellation.run == make_run("SUCCESSFUL")
    assert service.called == ["get"]


def test_a_run_that_ends_between_the_look_and_the_request(clock: FakeClock) -> None:
    """A run that ended in the meantime is over, too."""
    service = FakeService(clock, polls=["RUNNING"], cancels=["SUCCESSFUL"])
    cancellation = cancel_run(service, service.describe("77"), pause=clock.now, look_first=True)
    assert cancellation.run.state.ended
    assert service.called == ["get", "cancel"]
