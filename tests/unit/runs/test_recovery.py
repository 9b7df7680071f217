"""Finding a run again, and cancelling it."""

from __future__ import annotations

import pytest

from dataform_action.errors import (
    CancelUnsupported,
    DataformError,
    GaveUp,
    Misconfigured,
    NoResponse,
    Refused,
    RunMayExist,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, Created, LeftRunning, OutageEnded, OutageStarted
from dataform_action.model import Polling, State
from dataform_action.runs.api import run, start
from dataform_action.runs.recovery import cancel_run, find_run
from tests.support.fakes import Broken, FakeClock, FakeService, Killed, Recorder, Step, make_run
from tests.unit.runs.support import LOST, NIGHTLY, raise_on

UNSUPPORTED = CancelUnsupported("Unsupported.")
REFUSED = Refused("HTTP 400: ended", status=400)
SERVER_ERROR = NoResponse("HTTP 503")
BROKEN = Broken("No credentials.")


def test_a_search_without_a_response_is_repeated(clock: FakeClock) -> None:
    """A failed search is repeated."""
    service = FakeService(clock, finds=[NoResponse("HTTP 503"), "77"])
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) == make_run()
    assert clock.now() == 1002


def test_a_run_that_is_not_listed_is_searched_three_times(clock: FakeClock) -> None:
    """A new run may be listed late, but not later than three searches."""
    service = FakeService(clock)
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) is None
    assert service.found == ["c/1"] * 3


@pytest.mark.parametrize("error", [Refused("no", status=403), BROKEN])
def test_a_refused_search_is_repeated(clock: FakeClock, error: DataformError) -> None:
    """The next search may be allowed."""
    service = FakeService(clock, finds=[error, "77"])
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) == make_run()


@pytest.mark.parametrize("error", [GaveUp("silence"), WaitTimeout("late")])
def test_a_search_that_gave_up_is_not_repeated(clock: FakeClock, error: DataformError) -> None:
    """If the retries of a search gave up, no other search follows."""
    service = FakeService(clock, finds=[error])
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) is None
    assert service.called == ["find"]


@pytest.mark.parametrize(
    ("cancels", "expected", "calls"),
    [
        ([""], CancelRequested(make_run()), 1),
        ([UNSUPPORTED], LeftRunning(make_run(), UNSUPPORTED), 1),
        ([REFUSED], LeftRunning(make_run(), REFUSED), 1),
        ([SERVER_ERROR, ""], CancelRequested(make_run()), 2),
        ([SERVER_ERROR], LeftRunning(make_run(), SERVER_ERROR), 3),
        ([BROKEN], LeftRunning(make_run(), BROKEN), 1),
    ],
)
@pytest.mark.parametrize("poll", ["RUNNING", SERVER_ERROR, Refused("no", status=401)])
def test_cancelling(
    clock: FakeClock,
    cancels: list[Step],
    expected: CancelRequested | LeftRunning,
    calls: int,
    poll: str | DataformError,
) -> None:
    """A run that is not known to have ended is cancelled, with at most three requests."""
    service = FakeService(clock, polls=[poll], cancels=cancels)
    run = service.describe("77")
    cancellation = cancel_run(service, run, pause=lambda: clock.sleep(2), look_first=True)
    assert (type(cancellation), cancellation) == (type(expected), expected)
    assert len(service.times("cancel")) == calls
    assert clock.now() == 1000 + 2 * (calls - 1)


def test_an_ended_run_is_not_cancelled(clock: FakeClock) -> None:
    """``look_first`` shows that there is nothing to cancel."""
    service = FakeService(clock, polls=["SUCCESSFUL"])
    run = service.describe("77")
    cancellation = cancel_run(service, run, pause=clock.now, look_first=True)
    assert isinstance(cancellation, CancelRequested)
    assert cancellation.run == make_run("SUCCESSFUL")
    assert service.called == ["get"]


def test_a_run_that_ends_between_the_look_and_the_request(clock: FakeClock) -> None:
    """A run that ended in the meantime is reported as ended."""
    service = FakeService(clock, polls=["RUNNING"], cancels=["SUCCESSFUL"])
    cancellation = cancel_run(service, service.describe("77"), pause=clock.now, look_first=True)
    assert cancellation.run.state.ended
    assert service.called == ["get", "cancel"]


def test_lost_create_is_found(clock: FakeClock) -> None:
    """A run whose create response was lost is found and polled, and not created again."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=["", "78"])
    seen = Recorder(clock)
    result = run(service, NIGHTLY, on_update=seen, clock=clock)
    assert result.run == make_run("SUCCESSFUL", "78")
    assert service.called == ["prepare", "start", "find", "find", "get", "get", "get"]
    assert seen.of(Created) == [Created(make_run(run_id="78"))]
    assert len(service.prepared) == 1
    assert service.found == ["c/1", "c/1"]


def test_start_finds_a_lost_create(clock: FakeClock) -> None:
    """A run that is not waited for is found as well, because its id is an output."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=["78"])
    assert start(service, NIGHTLY, clock=clock) == make_run(run_id="78")
    assert service.called == ["prepare", "start", "find"]


def test_a_search_survives_an_outage(clock: FakeClock) -> None:
    """A search without a usable response is repeated, and the outage is reported."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=[NoResponse("503"), "77"])
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    kinds = [type(update) for update in seen.updates[1:4]]
    assert kinds == [OutageStarted, OutageEnded, Created]


def test_found_run_may_be_unknown_for_a_while(clock: FakeClock) -> None:
    """The 30 s grace period of a found run starts when it is found."""
    missing = Refused("not found", status=404)
    service = FakeService(
        clock,
        prepares=["c/1"],
        creates=[LOST],
        finds=["77"],
        polls=[missing, "SUCCESSFUL"],
        seconds={"find": 50.0},
    )
    assert run(service, NIGHTLY, clock=clock).run.state is State.SUCCESS


def test_lost_create_that_is_not_found(clock: FakeClock) -> None:
    """After three searches the original error is raised, and nothing is created again."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST])
    with pytest.raises(RunMayExist) as caught:
        run(service, NIGHTLY, clock=clock)
    assert caught.value is LOST
    assert service.called == ["prepare", "start", "find", "find", "find"]
    assert clock.now() > 1000


@pytest.mark.parametrize(
    "error",
    [
        Refused("no", status=403),
        Misconfigured("self-signed"),
        NoResponse("HTTP 503"),
        Broken("no credentials"),
    ],
)
@pytest.mark.parametrize("polling", [Polling(outage_timeout=60), Polling(timeout=60)])
def test_a_failed_search_keeps_the_original_error(
    clock: FakeClock, error: DataformError, polling: Polling
) -> None:
    """A failed search does not hide that the run may exist."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=[error])
    with pytest.raises(RunMayExist) as caught:
        run(service, NIGHTLY, polling, clock=clock)
    assert caught.value is LOST
    assert service.times("start") == [0]
    assert service.times("cancel") == []


@pytest.mark.parametrize("finds", [[Killed()], ["", Killed()]])
def test_kill_during_the_search_has_the_lost_create(clock: FakeClock, finds: list[Step]) -> None:
    """The lost create request is the cause of the kill's exception."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=finds)
    with pytest.raises(Killed) as caught:
        run(service, NIGHTLY, clock=clock)
    assert caught.value.__cause__ is LOST
    assert "cancel" not in service.called


def test_kill_between_searches_has_the_lost_create() -> None:
    """The same is true for a kill during the pause between two searches."""

    class Deadly(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Killed

    clock = Deadly()
    service = FakeService(clock, prepares=["c/1"], creates=[LOST])
    with pytest.raises(Killed) as caught:
        run(service, NIGHTLY, clock=clock)
    assert caught.value.__cause__ is LOST


def test_kill_after_the_run_is_found_cancels_it(clock: FakeClock) -> None:
    """A found run is known from then on, so a kill does not leave it behind."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=["77"])
    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=raise_on(Created, Killed()), clock=clock)
    assert service.called == ["prepare", "start", "find", "cancel"]
