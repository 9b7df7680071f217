"""What is done about a run that went out of sight: it is found again, and cancelled."""

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

NO_WAY = CancelUnsupported("No way.")
OVER = Refused("HTTP 400: over", status=400)
SILENT = NoResponse("HTTP 503")
BROKEN = Broken("No credentials.")


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


@pytest.mark.parametrize("error", [Refused("no", status=403), BROKEN])
def test_a_refused_search_is_made_again(clock: FakeClock, error: DataformError) -> None:
    """What is refused now may be allowed at the next look, and nothing else can be done."""
    service = FakeService(clock, finds=[error, "77"])
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) == make_run()


@pytest.mark.parametrize("error", [GaveUp("silence"), WaitTimeout("late")])
def test_a_search_that_was_given_up_is_over(clock: FakeClock, error: DataformError) -> None:
    """When the retries of a look have given up, no other look follows."""
    service = FakeService(clock, finds=[error])
    assert find_run(service, "c/1", pause=lambda: clock.sleep(2)) is None
    assert service.called == ["find"]


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


def test_lost_create_is_found(clock: FakeClock) -> None:
    """A run whose creation had no answer is looked for, adopted and watched, not made again."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=["", "78"])
    seen = Recorder(clock)
    result = run(service, NIGHTLY, on_update=seen, clock=clock)
    assert result.run == make_run("SUCCESSFUL", "78")
    assert service.called == ["prepare", "start", "find", "find", "get", "get", "get"]
    assert seen.of(Created) == [Created(make_run(run_id="78"))]
    assert len(service.prepared) == 1
    assert service.found == ["c/1", "c/1"]


def test_start_finds_a_lost_create(clock: FakeClock) -> None:
    """A run that is not waited for is looked for all the same: its id is an output."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=["78"])
    assert start(service, NIGHTLY, clock=clock) == make_run(run_id="78")
    assert service.called == ["prepare", "start", "find"]


def test_looking_survives_failures(clock: FakeClock) -> None:
    """A look without a usable answer is repeated, and tells of the outage."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=[NoResponse("503"), "77"])
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    kinds = [type(update) for update in seen.updates[1:4]]
    assert kinds == [OutageStarted, OutageEnded, Created]


def test_found_run_may_be_unknown_for_a_while(clock: FakeClock) -> None:
    """The first 30 s of a run that was found count from then on."""
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
    """After three looks the loss is reported as it was, and nothing is made again."""
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
def test_look_that_fails_is_no_other_end(
    clock: FakeClock, error: DataformError, polling: Polling
) -> None:
    """That the run cannot be looked for does not hide that it may exist."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=[error])
    with pytest.raises(RunMayExist) as caught:
        run(service, NIGHTLY, polling, clock=clock)
    assert caught.value is LOST
    assert service.times("start") == [0]
    assert service.times("cancel") == []


@pytest.mark.parametrize("finds", [[Killed()], ["", Killed()]])
def test_kill_while_looking_knows_that_a_run_may_exist(clock: FakeClock, finds: list[Step]) -> None:
    """Whoever reports the kill finds the lost create as its cause."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=finds)
    with pytest.raises(Killed) as caught:
        run(service, NIGHTLY, clock=clock)
    assert caught.value.__cause__ is LOST
    assert "cancel" not in service.called


def test_kill_between_looks_knows_that_a_run_may_exist() -> None:
    """The same goes for a kill during the pause between two looks."""

    class Deadly(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Killed

    clock = Deadly()
    service = FakeService(clock, prepares=["c/1"], creates=[LOST])
    with pytest.raises(Killed) as caught:
        run(service, NIGHTLY, clock=clock)
    assert caught.value.__cause__ is LOST


def test_kill_at_the_news_of_the_found_run_cancels_it(clock: FakeClock) -> None:
    """A run that was found is known from then on: whatever comes, it is not left behind."""
    service = FakeService(clock, prepares=["c/1"], creates=[LOST], finds=["77"])
    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=raise_on(Created, Killed()), clock=clock)
    assert service.called == ["prepare", "start", "find", "cancel"]
