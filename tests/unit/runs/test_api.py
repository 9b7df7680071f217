"""The wait loop, over a scripted service and a clock that only sleeps move."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from dataform_action.errors import (
    CancelUnsupported,
    DataformError,
    GaveUp,
    InputError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
    WaitTimeout,
)
from dataform_action.events import (
    CancelRequested,
    Changed,
    Compiled,
    Created,
    LeftRunning,
    OutageEnded,
    OutageStarted,
    Progressed,
    Promoted,
    Update,
    Waiting,
)
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    CompileFailed,
    Polling,
    Result,
    Run,
    RunRequest,
    State,
)
from dataform_action.runs.api import Poller, prepare, run, start, wait
from dataform_action.runs.backoff import HEARTBEAT
from dataform_action.runs.controller import ACTIONS_INTERVAL
from tests.support.fakes import (
    LOG_URL,
    ActionsStep,
    Broken,
    FakeClock,
    FakeService,
    Killed,
    Recorder,
    Step,
    make_action,
    make_run,
)

NIGHTLY = RunRequest(schedule="nightly")
PROMOTING = RunRequest(environment="production", promote=True)
LOST = RunMayExist("lost", hint="Look.")


def test_run_ends_with_the_run(clock: FakeClock) -> None:
    """A run that succeeds is created once and looked at until it ends."""
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
def test_every_end_is_an_end(clock: FakeClock, status: str, state: State) -> None:
    """Each final status ends the wait at the poll that shows it, and cancels nothing."""
    service = FakeService(clock, polls=["RUNNING", status])
    assert run(service, NIGHTLY, clock=clock).run.state is state
    assert service.called == ["prepare", "start", "get", "get"]


def test_polls_follow_the_time_gone_by(clock: FakeClock) -> None:
    """A wait is 1/22 of the time gone by, at least 1 s and at most the interval."""
    service = FakeService(clock, polls=["RUNNING"])
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, Polling(interval=10, timeout=1000), clock=clock)
    times = service.times("get")
    waits = [after - before for before, after in pairwise(times)]
    assert times[0] == 0
    for moment, waited in zip(times[:-2], waits[:-1], strict=True):
        assert waited == pytest.approx(min(max(moment / 22, 1), 10))
    assert max(waits) == pytest.approx(10)


def test_the_last_poll_is_at_the_timeout(clock: FakeClock) -> None:
    """The run is looked at once more when the timeout is reached, and not after it."""
    service = FakeService(clock, polls=["RUNNING"])
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, Polling(timeout=90), clock=clock)
    assert service.times("get")[-1] == pytest.approx(90)


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


def test_set_up_that_never_worked_ends_the_wait(clock: FakeClock) -> None:
    """A connection that this machine's set-up forbids ends a wait that never had an answer."""
    service = FakeService(clock, polls=[Misconfigured("self-signed")])
    with pytest.raises(Misconfigured):
        wait(service, make_run(), clock=clock)
    assert service.called == ["get"]


def test_set_up_that_worked_is_an_outage(clock: FakeClock) -> None:
    """The same in the middle of a wait is an outage like any other."""
    service = FakeService(clock, polls=["RUNNING", Misconfigured("expired"), "SUCCESSFUL"])
    assert run(service, NIGHTLY, clock=clock).run.state is State.SUCCESS


def test_outage_counts_from_the_request_that_failed(clock: FakeClock) -> None:
    """The time that a failing request takes is part of its outage."""
    service = FakeService(
        clock, polls=["RUNNING", NoResponse("late")], seconds={"get": 40.0, "start": 40.0}
    )
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=100), clock=clock)
    times = service.times("get")
    assert clock.now() - 1000 - times[1] == pytest.approx(140)


def test_grace_and_wait_count_from_the_creation(clock: FakeClock) -> None:
    """A create that took long shortens neither the grace nor the wait."""
    missing = Refused("not found", status=404)
    service = FakeService(
        clock, polls=[missing, "RUNNING", "SUCCESSFUL"], seconds={"start": 50.0, "get": 29.0}
    )
    result = run(service, NIGHTLY, Polling(timeout=100), clock=clock)
    assert result.duration == pytest.approx(29 * 3 + 3, abs=2)


def test_backoff_may_be_longer_than_a_minute(clock: FakeClock) -> None:
    """With an interval above a minute, polls of a long run in an outage stay that far apart."""
    script: list[Step] = [*["RUNNING"] * 150, NoResponse("503"), "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    run(service, NIGHTLY, Polling(interval=600, timeout=10**6), clock=clock)
    times = service.times("get")
    assert times[-1] - times[-2] >= times[-2] / 22 > 60


def test_jitter_differs(clock: FakeClock) -> None:
    """Two waits of the same back-off are not of the same length."""
    service = FakeService(clock, polls=["RUNNING", NoResponse("503")])
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=1200), clock=clock)
    times = service.times("get")
    late = [b - a for a, b in pairwise(times) if b - a > 60]
    assert len(set(late)) > 5


def test_run_that_ended_is_not_cancelled(clock: FakeClock) -> None:
    """An observer that fails on the news of the end cancels nothing: there is nothing left."""
    service = FakeService(clock, polls=["FAILED"])

    def fail(update: object) -> None:
        if isinstance(update, Changed):
            raise Killed

    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=fail, clock=clock)
    assert service.times("cancel") == []


def test_shield_covers_each_attempt_and_the_news_of_it(clock: FakeClock) -> None:
    """The shield is around each attempt to create and the news of it, but not the sleeps."""
    log: list[str] = []

    @contextmanager
    def shielded() -> Iterator[None]:
        log.append("shield")
        yield
        log.append("open")

    def attempt() -> str:
        log.append("attempt")
        return ""

    def refuse() -> str:
        log.append("attempt")
        raise NotConnected("no route")

    service = FakeService(clock, creates=[refuse, attempt], polls=["SUCCESSFUL"])
    run(
        service,
        NIGHTLY,
        on_update=lambda update: log.append(type(update).__name__),
        clock=clock,
        shielded=shielded,
    )
    assert log == [
        *("shield", "attempt", "open", "OutageStarted"),
        *("shield", "attempt", "Created", "OutageEnded", "open", "Changed"),
    ]


def test_kill_at_the_shield_cancels(clock: FakeClock) -> None:
    """A kill that the shield held back until the run was known cancels that run."""

    @contextmanager
    def shielded() -> Iterator[None]:
        yield
        raise Killed

    service = FakeService(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock, shielded=shielded)
    assert service.called == ["prepare", "start", "cancel"]


@pytest.mark.parametrize("error", [NotConnected("no route"), Throttled("slow down")])
def test_create_is_repeated_when_surely_not_processed(
    clock: FakeClock, error: DataformError
) -> None:
    """A create is repeated when no connection was made or the answer was 429."""
    service = FakeService(clock, creates=[error, error, ""])
    assert run(service, NIGHTLY, clock=clock).run.state is State.SUCCESS
    assert len(service.times("start")) == 3


@pytest.mark.parametrize(
    "error", [RunMayExist("lost"), Refused("no", status=403), Misconfigured("self-signed")]
)
def test_create_is_not_repeated_otherwise(clock: FakeClock, error: DataformError) -> None:
    """A create whose answer was lost, refused or never possible is not sent again."""
    service = FakeService(clock, creates=[error])
    with pytest.raises(type(error)) as caught:
        run(service, NIGHTLY, clock=clock)
    assert caught.value is error
    assert service.called == ["prepare", "start"]


def test_create_gives_up_after_the_outage_timeout(clock: FakeClock) -> None:
    """A create that never gets through ends after the outage timeout, with no run made."""
    service, seen = FakeService(clock, creates=[NotConnected("no route")]), Recorder(clock)
    with pytest.raises(GaveUp) as caught:
        run(service, NIGHTLY, Polling(outage_timeout=120), on_update=seen, clock=clock)
    assert caught.value.message == (
        "The API gave no usable answer for 2m. No run was created.\nThe last failure: no route"
    )
    assert service.times("start")[-1] == pytest.approx(120)
    assert len(seen.of(OutageStarted)) == 1


def test_create_ends_at_the_timeout(clock: FakeClock) -> None:
    """A timeout shorter than the outage timeout ends a create that never gets through."""
    service = FakeService(clock, creates=[NotConnected("no route")])
    with pytest.raises(WaitTimeout) as caught:
        run(service, NIGHTLY, Polling(timeout=60), clock=clock)
    assert caught.value.message == (
        "No run was created. The timeout of 1m is over. The last failure: no route"
    )
    assert caught.value.hint == NotConnected.hint
    assert service.times("start")[-1] == pytest.approx(60)


def test_start_does_not_wait(clock: FakeClock) -> None:
    """A run that is only started is told of, not looked at, and not cancelled by a kill."""
    service, seen = FakeService(clock), Recorder(clock)
    assert start(service, NIGHTLY, on_update=seen, clock=clock) == make_run()
    assert seen.of(Created) == seen.updates == [Created(make_run())]
    assert service.called == ["prepare", "start"]


def test_wait_watches_a_run_that_exists(clock: FakeClock) -> None:
    """A run that exists is watched to its end and nothing is created."""
    service, seen = FakeService(clock), Recorder(clock)
    assert wait(service, make_run(), on_update=seen, clock=clock).run.state is State.SUCCESS
    assert service.times("start") == []
    assert seen.of(Created) == seen.updates[:1] == [Created(make_run())]


def test_wait_ends_at_once_for_a_run_that_is_not_there(clock: FakeClock) -> None:
    """A run that was not created just now and is not found ends the wait at once."""
    error = Refused("not found", status=404)
    service = FakeService(clock, polls=[error])
    with pytest.raises(Refused):
        wait(service, make_run(), clock=clock)
    assert service.called == ["get"]


def test_new_run_may_be_unknown_for_a_while(clock: FakeClock) -> None:
    """A run that is not found in its first 30 s is asked for again, without a warning."""
    missing = Refused("not found", status=404)
    service = FakeService(clock, polls=[missing, missing, missing, "SUCCESSFUL"])
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    assert seen.of(OutageStarted) == []


def test_run_that_stays_unknown_ends_the_wait(clock: FakeClock) -> None:
    """A run that is not found after its first 30 s ends the wait, and is not cancelled."""
    script: list[Step] = [*["RUNNING"] * 27, Refused("not found", status=404)]
    service = FakeService(clock, polls=script)
    with pytest.raises(Refused):
        run(service, NIGHTLY, clock=clock)
    moments = service.times("get")
    assert moments[-2] < 30 <= moments[-1]
    assert service.times("cancel") == []


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_refusal_ends_the_wait(clock: FakeClock, status: int) -> None:
    """A refusal ends the wait at the first poll, and the run is left alone."""
    service = FakeService(clock, polls=["RUNNING", Refused("no", status=status)])
    with pytest.raises(Refused):
        run(service, NIGHTLY, clock=clock)
    assert service.called == ["prepare", "start", "get", "get"]


@pytest.mark.parametrize(
    "error", [NoResponse("503"), InvalidResponse("HTML"), NotConnected("no"), Throttled("429")]
)
def test_wait_survives_failures(clock: FakeClock, error: DataformError) -> None:
    """A few polls without a usable answer are one warning, one line at their end, no more."""
    service = FakeService(clock, polls=["RUNNING", error, error, "SUCCESSFUL"])
    seen = Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    assert [type(update) for update in seen.updates] == [
        *(Created, Changed, OutageStarted, OutageEnded, Changed)
    ]


def test_outage_ends_the_wait(clock: FakeClock) -> None:
    """An outage of its full timeout ends the wait, with the link and without a cancel."""
    service, seen = FakeService(clock, polls=["RUNNING", NoResponse("HTTP 503")]), Recorder(clock)
    with pytest.raises(GaveUp) as caught:
        run(service, NIGHTLY, Polling(outage_timeout=300), on_update=seen, clock=clock)
    assert caught.value.message == (
        f"The API gave no usable answer for 5m. Run 77 may still be going: {LOG_URL}\n"
        "The last failure: HTTP 503"
    )
    times = service.times("get")
    assert times[-1] - times[1] == pytest.approx(300)
    assert service.times("cancel") == []
    assert len(seen.of(OutageStarted)) == 1


def test_outage_counts_from_its_last_start(clock: FakeClock) -> None:
    """A usable answer between two outages starts the count again."""
    outage: list[Step] = [NoResponse("503")] * 5
    script = ["RUNNING", *outage, "RUNNING", *outage, "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    result = run(service, NIGHTLY, Polling(outage_timeout=200), clock=clock)
    assert result.run.state is State.SUCCESS


def test_backoff_grows_with_jitter_and_is_reset(clock: FakeClock) -> None:
    """Waits in an outage grow from the usual one, by at most a quarter more than doubling."""
    outage: list[Step] = [NoResponse("503")] * 4
    script = ["RUNNING", *outage, "RUNNING", "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    run(service, NIGHTLY, clock=clock)
    times = service.times("get")
    waits = [after - before for before, after in pairwise(times)]
    for number, waited in enumerate(waits[1:5], start=1):
        assert 2**number <= waited <= 1.25 * 2**number * max(1, times[number + 1] / 22)
    assert waits[5] == pytest.approx(max(1, times[5] / 22))


def test_backoff_has_an_end(clock: FakeClock) -> None:
    """Back-off stops growing at a minute, or at the interval where that is longer."""
    service = FakeService(clock, polls=["RUNNING", NoResponse("503")])
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=1800), clock=clock)
    times = service.times("get")
    assert max(b - a for a, b in pairwise(times)) <= 75
    assert len(times) > 1800 / 75


@pytest.mark.parametrize(("asked", "waited"), [(25.0, 25.0), (0.0, 2.0), (100_000.0, 300.0)])
def test_retry_after_is_honoured_within_bounds(
    clock: FakeClock, asked: float, waited: float
) -> None:
    """What Retry-After asks for is waited, never less than the back-off, at most 5 min."""
    script: list[Step] = ["RUNNING", Throttled("429", retry_after=asked), "SUCCESSFUL"]
    service = FakeService(clock, polls=script)
    run(service, NIGHTLY, clock=clock)
    times = service.times("get")
    assert waited <= times[2] - times[1] <= 1.25 * waited


@pytest.mark.parametrize(
    ("polling", "error"),
    [(Polling(timeout=60), WaitTimeout), (Polling(outage_timeout=60), GaveUp)],
)
def test_no_wait_passes_a_deadline(
    clock: FakeClock, polling: Polling, error: type[DataformError]
) -> None:
    """Retry-After sleeps past neither the timeout nor the outage timeout."""
    service = FakeService(clock, polls=[Throttled("429", retry_after=299)])
    with pytest.raises(error):
        run(service, NIGHTLY, polling, clock=clock)
    assert clock.now() == pytest.approx(1060)


def test_sign_of_life_once_a_minute(clock: FakeClock) -> None:
    """The observer hears something at least once a minute, however long a poll waits."""
    service, seen = FakeService(clock, polls=["RUNNING"]), Recorder(clock)
    polling = Polling(interval=600, timeout=7200)
    with pytest.raises(WaitTimeout):
        run(service, NIGHTLY, polling, on_update=seen, clock=clock)
    gaps = [b - a for a, b in pairwise(seen.moments)]
    assert max(gaps) == pytest.approx(HEARTBEAT)
    assert seen.of(Waiting)[0] == Waiting(make_run("RUNNING"), 60.0, None)
    assert len(seen.of(Waiting)) == 119


def test_sign_of_life_in_an_outage(clock: FakeClock) -> None:
    """During an outage the sign of life tells how long it has lasted."""
    service, seen = FakeService(clock, creates=[NotConnected("no route")]), Recorder(clock)
    with pytest.raises(GaveUp):
        run(service, NIGHTLY, Polling(outage_timeout=100), on_update=seen, clock=clock)
    assert seen.of(Waiting) == [Waiting(None, 60.0, 60.0)]


def test_new_link_is_told(clock: FakeClock) -> None:
    """A link that differs from the one known before is told even when the status is the same."""

    class Relinking(FakeService):
        def get(self, run: Run) -> Run:
            status = super().get(run).status
            return make_run(status, log_url=f"{LOG_URL}?{len(self.calls)}")

    service, seen = Relinking(clock), Recorder(clock)
    run(service, NIGHTLY, on_update=seen, clock=clock)
    assert len(seen.of(Changed)) == 3


def _raise_on(kind: type, error: BaseException) -> Callable[[Update], None]:
    """Return an observer that fails on one kind of update."""

    def observe(update: Update) -> None:
        if isinstance(update, kind):
            raise error

    return observe


def test_prepare_compiles_and_runs_nothing(clock: FakeClock) -> None:
    """What only has to compile is prepared once, told of, and not started."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    prepared = prepare(service, NIGHTLY, on_update=seen, clock=clock)
    assert (prepared.request, prepared.compilation) == (NIGHTLY, Compilation(name="c/1"))
    assert seen.of(Compiled) == seen.updates == [Compiled(Compilation(name="c/1"))]
    assert service.called == ["prepare"]


def test_what_is_prepared_is_what_is_started(clock: FakeClock) -> None:
    """The compilation of the request is that of the run, and is told before the run is."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    assert start(service, NIGHTLY, on_update=seen, clock=clock) == make_run()
    assert seen.updates == [Compiled(Compilation(name="c/1")), Created(make_run())]
    assert [type(update) for update in seen.updates] == [Compiled, Created]
    assert [prepared.compilation for prepared in service.prepared] == [Compilation(name="c/1")]


@pytest.mark.parametrize(
    "error", [NoResponse("503"), InvalidResponse("HTML"), NotConnected("no"), Throttled("429")]
)
def test_prepare_is_repeated(clock: FakeClock, error: DataformError) -> None:
    """To compile twice does no harm, so whatever gave no usable answer is asked for again."""
    service, seen = FakeService(clock, prepares=[error, error, "c/1"]), Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    assert service.called[:4] == ["prepare", "prepare", "prepare", "start"]
    assert [type(update) for update in seen.updates[:4]] == [
        *(OutageStarted, OutageEnded, Compiled, Created)
    ]


def test_prepare_gives_up_after_the_outage_timeout(clock: FakeClock) -> None:
    """A compilation that never has an answer ends after the outage timeout, with no run made."""
    service = FakeService(clock, prepares=[NoResponse("HTTP 503")])
    with pytest.raises(GaveUp) as caught:
        run(service, NIGHTLY, Polling(outage_timeout=120), clock=clock)
    assert caught.value.message == (
        "The API gave no usable answer for 2m. No run was created.\nThe last failure: HTTP 503"
    )
    assert service.times("prepare")[-1] == pytest.approx(120)
    assert set(service.called) == {"prepare"}


def test_prepare_ends_at_the_timeout(clock: FakeClock) -> None:
    """A timeout shorter than the outage timeout ends a compilation without an answer."""
    service = FakeService(clock, prepares=[NoResponse("HTTP 503")])
    with pytest.raises(WaitTimeout, match=r"No run was created\. The timeout of 1m is over\."):
        prepare(service, NIGHTLY, Polling(timeout=60), clock=clock)
    assert service.times("prepare")[-1] == pytest.approx(60)


@pytest.mark.parametrize(
    "error",
    [
        CompileFailed("1 error", errors=[], compilation_result="c/1"),
        InputError([("schedule", "belongs to another release")]),
        Refused("no", status=403),
        Misconfigured("self-signed"),
        Broken("no credentials"),
    ],
)
def test_prepare_is_not_repeated_in_vain(clock: FakeClock, error: DataformError) -> None:
    """What trying again cannot mend ends the step at once, and nothing is started."""
    service, seen = FakeService(clock, prepares=[error]), Recorder(clock)
    with pytest.raises(type(error)) as caught:
        run(service, NIGHTLY, on_update=seen, clock=clock)
    assert caught.value is error
    assert service.called == ["prepare"]
    assert seen.updates == []


def test_kill_while_preparing_cancels_nothing(clock: FakeClock) -> None:
    """Before there is a run, a kill just goes on its way."""
    service = FakeService(clock, prepares=[Killed()])
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock)
    assert service.called == ["prepare"]


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
        run(service, NIGHTLY, on_update=_raise_on(Created, Killed()), clock=clock)
    assert service.called == ["prepare", "start", "find", "cancel"]


def test_promote_after_success(clock: FakeClock) -> None:
    """The compilation is promoted once, after the run succeeded, and told last."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    run(service, PROMOTING, on_update=seen, clock=clock)
    assert service.called == ["prepare", "start", "get", "get", "get", "promote"]
    assert seen.of(Promoted) == seen.updates[-1:] == [Promoted(Compilation(name="c/1"))]
    assert service.prepared[1] == service.prepared[0]


def test_promote_without_a_compilation_tells_nothing(clock: FakeClock) -> None:
    """Where nothing was compiled there is nothing to tell of."""
    service, seen = FakeService(clock), Recorder(clock)
    run(service, PROMOTING, on_update=seen, clock=clock)
    assert seen.of(Promoted) == []


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "TIMED_OUT"])
def test_only_success_is_promoted(clock: FakeClock, status: str) -> None:
    """Code whose run did not succeed never becomes that of scheduled runs."""
    service = FakeService(clock, prepares=["c/1"], polls=["RUNNING", status])
    assert run(service, PROMOTING, clock=clock).run.status == status
    assert "promote" not in service.called


def test_nothing_is_promoted_unasked(clock: FakeClock) -> None:
    """Without promote, success changes nothing in the project."""
    service = FakeService(clock, prepares=["c/1"])
    run(service, RunRequest(environment="production"), clock=clock)
    assert "promote" not in service.called


def test_promote_is_repeated(clock: FakeClock) -> None:
    """To promote twice does no harm, and it has time of its own after a run that took all."""
    service = FakeService(
        clock,
        polls=["SUCCESSFUL"],
        promotes=[NoResponse("503"), NoResponse("503"), ""],
        seconds={"get": 59.0},
    )
    seen = Recorder(clock)
    result = run(service, PROMOTING, Polling(timeout=60), on_update=seen, clock=clock)
    assert result.duration == 59
    assert len(service.times("promote")) == 3
    assert seen.of(OutageStarted) != []


@pytest.mark.parametrize(
    ("error", "polling", "kind", "message"),
    [
        (Refused("HTTP 403", status=403), Polling(), Refused, "HTTP 403"),
        (Misconfigured("self-signed"), Polling(), Misconfigured, "self-signed"),
        (
            NoResponse("HTTP 503"),
            Polling(outage_timeout=60),
            GaveUp,
            "The API gave no usable answer for 1m. The run succeeded, but its compilation was not "
            "promoted.\nThe last failure: HTTP 503",
        ),
        (
            NoResponse("HTTP 503"),
            Polling(timeout=60),
            WaitTimeout,
            "The run succeeded, but its compilation was not promoted. The timeout of 1m is over. "
            "The last failure: HTTP 503",
        ),
        (Killed("stop"), Polling(), Killed, "stop"),
    ],
)
def test_promote_that_fails(
    clock: FakeClock,
    error: BaseException,
    polling: Polling,
    kind: type[BaseException],
    message: str,
) -> None:
    """What could not be promoted is an error of its own; the run is over and is left alone."""
    service, seen = FakeService(clock, prepares=["c/1"], promotes=[error]), Recorder(clock)
    with pytest.raises(kind) as caught:
        run(service, PROMOTING, polling, on_update=seen, clock=clock)
    assert str(caught.value) == message
    assert seen.of(Promoted) == seen.of(LeftRunning) == seen.of(CancelRequested) == []
    assert "cancel" not in service.called


DONE, GOING = make_action("p.d.a"), make_action("p.d.b", ActionState.RUNNING)


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
        run(service, NIGHTLY, on_update=_raise_on(Progressed, Broken("x")), clock=clock)
    assert service.called[-2:] == ["actions", "cancel"]


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
def test_actions_of_a_run_that_is_over(
    clock: FakeClock,
    status: str,
    queries: list[ActionsStep],
    details: list[ActionsStep],
    actions: tuple[Action, ...],
    calls: list[str],
) -> None:
    """The result has the actions as far as three attempts tell; without them it is the same."""
    service = FakeService(
        clock, polls=[status], queries=queries, details_of=details, has_actions=True
    )
    result = run(service, NIGHTLY, clock=clock)
    assert result == Result(run=make_run(status), duration=0, actions=actions)
    assert service.called == ["prepare", "start", "get", *calls]


def test_what_is_told_of_an_end_does_not_wait_for_the_interval(clock: FakeClock) -> None:
    """However rarely a long run is polled, its end is told within seconds of being seen."""
    service = FakeService(
        clock, polls=["RUNNING"] * 60 + ["FAILED"], queries=[NoResponse("503")], has_actions=True
    )
    run(service, NIGHTLY, Polling(interval=600, timeout=86400), clock=clock)
    assert service.times("actions")[-1] - service.times("get")[-1] == 10


def test_result_has_the_compilation(clock: FakeClock) -> None:
    """What the run executed is told with its end, where the service knows it."""
    made = Compilation(name="c1", commit="0a1b2c3", files_url="https://github.com/o/r/blob/0")
    service = FakeService(clock, polls=["FAILED"], compilation=made, has_actions=True)
    assert run(service, NIGHTLY, clock=clock).compilation == made
    failing = FakeService(
        clock, polls=["FAILED"], details_of=[NoResponse("503")], compilation=made, has_actions=True
    )
    assert run(failing, NIGHTLY, clock=clock).compilation is None


def test_kill_while_asking_for_the_last_actions_cancels_nothing(clock: FakeClock) -> None:
    """The run is over by then."""
    service = FakeService(clock, polls=["FAILED"], queries=[Killed()], has_actions=True)
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock)
    assert "cancel" not in service.called


def test_cancel_of_a_run_that_is_over(clock: FakeClock) -> None:
    """A run that ended just before it was to be cancelled is told as what it became."""
    service = FakeService(clock, polls=["RUNNING", Killed()], cancels=["SUCCESSFUL"])
    seen = Recorder(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, on_update=seen, clock=clock)
    assert seen.of(CancelRequested)[-1:] == seen.updates[-1:]
    assert seen.updates[-1] == CancelRequested(make_run("SUCCESSFUL"))
    assert len(service.times("cancel")) == 1


@pytest.mark.parametrize(
    "error", [Refused("HTTP 403", status=403), Misconfigured("self-signed"), NoResponse("503")]
)
def test_promotion_that_fails_says_that_the_run_succeeded(
    clock: FakeClock, error: DataformError
) -> None:
    """Whatever kept the compilation from being promoted, the run's own success is told."""
    service = FakeService(clock, promotes=[error])
    with pytest.raises((Refused, Misconfigured, GaveUp)) as caught:
        run(service, PROMOTING, clock=clock)
    words = "The run succeeded, but its compilation was not promoted."
    assert caught.value.message.count(words) == 1


def _poll_to_the_end(poller: Poller, clock: FakeClock) -> Result:
    while not isinstance(outcome := poller.poll(), Result):
        clock.sleep(outcome)
    return outcome


def test_an_outage_may_last_for_ever(clock: FakeClock) -> None:
    """Without a limit an outage is told like any other, and ends nothing."""
    service = FakeService(clock, polls=[NoResponse("503"), "SUCCESSFUL"])
    polling = Polling(timeout=math.inf, outage_timeout=math.inf)
    told: list[str] = []
    wait(
        service, make_run(), polling, on_update=lambda update: told.append(str(update)), clock=clock
    )
    assert any("for up to an unlimited time. 503" in text for text in told)
    assert "cancel" not in service.called


def test_poller_waits_as_wait_does(clock: FakeClock) -> None:
    """A host that sleeps by itself polls at the moments of ``wait``, through an outage too."""
    script: list[Step] = [
        *["RUNNING"] * 30,
        InvalidResponse("HTML", retry_after=40),
        "RUNNING",
        "SUCCESSFUL",
    ]
    waited = FakeService(FakeClock(), polls=script)
    wait(waited, make_run(), clock=waited.clock)
    polled = FakeService(clock, polls=script)
    result = _poll_to_the_end(Poller(polled, make_run(), clock=clock), clock)
    assert result.run.state is State.SUCCESS
    assert polled.times("get") == pytest.approx(waited.times("get"), abs=10)


def test_poller_gives_up_without_a_cancel(clock: FakeClock) -> None:
    """An outage that lasts ends the polls, and leaves the run alone."""
    service = FakeService(clock, polls=[NoResponse("503")])
    poller = Poller(service, make_run(), Polling(outage_timeout=60), clock=clock)
    with pytest.raises(GaveUp):
        _poll_to_the_end(poller, clock)
    assert "cancel" not in service.called


def test_poller_cancels_at_the_timeout(clock: FakeClock) -> None:
    """The timeout ends the polls and cancels the run, at its moment."""
    service = FakeService(clock, polls=["RUNNING"])
    poller = Poller(service, make_run(), Polling(timeout=60), clock=clock)
    with pytest.raises(WaitTimeout):
        _poll_to_the_end(poller, clock)
    assert service.called[-1] == "cancel"
    assert clock.now() == pytest.approx(1060)


def test_poller_bears_a_new_run_that_is_not_found_yet(clock: FakeClock) -> None:
    """Just after the creation a 404 is no verdict; later it is."""
    missing = Refused("not found", status=404)
    service = FakeService(clock, polls=[missing, "SUCCESSFUL"])
    poller = Poller(service, make_run(), fresh=True, clock=clock)
    assert _poll_to_the_end(poller, clock).run.state is State.SUCCESS
    with pytest.raises(Refused):
        Poller(FakeService(clock, polls=[missing]), make_run(), clock=clock).poll()


def test_poller_does_not_ask_for_progress(clock: FakeClock) -> None:
    """Actions are asked for at the end only."""
    service = FakeService(clock, polls=[*["RUNNING"] * 60, "SUCCESSFUL"], has_actions=True)
    _poll_to_the_end(Poller(service, make_run(), clock=clock), clock)
    assert service.called.index("actions") == service.called.index("get") + 61
