"""The comparison with earlier runs, during a run and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dataform_action.errors import DataformError, NoResponse, Refused
from dataform_action.events import Expected, Noted, Progressed, RunOutcome, Update, Waiting
from dataform_action.history import History, PastRun
from dataform_action.model import Polling, Run, State
from dataform_action.runs.api import run, wait
from dataform_action.runs.controller import RunController
from dataform_action.runs.history import HistoryReader
from tests.support.fakes import FakeClock, FakeService, Killed, Recorder, make_action, make_run
from tests.unit.runs.support import DONE, NIGHTLY

_NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


def past(seconds: float, state: State = State.SUCCESS, commit: str = "") -> PastRun:
    start = _NOW - timedelta(days=1)
    return PastRun(
        Run(
            id=f"{seconds:g}",
            state=state,
            status="",
            log_url="",
            started=start,
            finished=start + timedelta(seconds=seconds),
        ),
        commit,
    )


#: Three runs that took 100 seconds, give or take one.
STEADY = History("schedule nightly", (past(99), past(100), past(101)))
FAILED = past(5, State.FAILURE)


class Wall:
    """The time of day: ``ahead`` seconds after ``_NOW``, and as the clock moves on."""

    def __init__(self, clock: FakeClock, ahead: float = 0.0) -> None:
        self._clock, self._start, self._ahead = clock, clock.time, ahead

    def __call__(self) -> datetime:
        return _NOW + timedelta(seconds=self._clock.time - self._start + self._ahead)


def follow(
    service: FakeService,
    clock: FakeClock,
    now: Callable[[], datetime] | None = None,
    **more: Any,  # noqa: ANN401
) -> tuple[RunOutcome, Recorder]:
    """Run to the end; return the outcome and all updates."""
    seen = Recorder(clock)
    reader = HistoryReader(service, now or Wall(clock))
    controller = RunController(service, more.get("polling"), seen, clock, history=reader)
    if "run" in more:
        controller.wait(more["run"])
    else:
        controller.run(NIGHTLY)
    return controller.outcome(), seen


def running(polls: int) -> list[str]:
    return [*["RUNNING"] * polls, "SUCCESSFUL"]


def test_the_end_is_expected_once(clock: FakeClock) -> None:
    """After the first poll, one update says how long runs take, and when this one should end."""
    service = FakeService(clock, polls=running(40), histories=[STEADY])
    outcome, seen = follow(service, clock)
    assert service.called[:4] == ["prepare", "start", "get", "past_runs"]
    assert service.called.count("past_runs") == 1
    expected = Expected(100.0, STEADY, _NOW + timedelta(seconds=100))
    assert seen.of(Expected) == [expected]
    assert str(expected) == (
        "Usually 1m 40s (median of 3 runs of schedule nightly): expected end at 03:01 UTC"
    )
    assert outcome.history == STEADY


def test_heartbeats_say_how_far_the_run_is(clock: FakeClock) -> None:
    """A heartbeat has the share of the usual time, also beyond it."""
    service = FakeService(clock, polls=running(80), histories=[STEADY])
    _, seen = follow(service, clock, polling=Polling(interval=600))
    waiting = [update for update in seen.of(Waiting) if isinstance(update, Waiting)]
    assert waiting[0].share == pytest.approx(waiting[0].elapsed / 100)
    assert str(waiting[0]).endswith(f"(about {waiting[0].elapsed:.0f} % of the usual time)")
    assert waiting[-1].share is not None
    assert waiting[-1].share > 1


def test_progress_says_how_far_the_run_is(clock: FakeClock) -> None:
    """The progress of the actions has the share of the usual time."""
    service = FakeService(
        clock, polls=running(40), histories=[STEADY], queries=[(DONE,)], has_actions=True
    )
    _, seen = follow(service, clock)
    first = next(update for update in seen.updates if isinstance(update, Progressed))
    assert first.share == pytest.approx(first.elapsed / 100)
    assert str(first).startswith("1 of 1 actions done after 15s (about 1")


class Watched(FakeService):
    """A service whose run started at a known time."""

    started: datetime | None = _NOW

    def get(self, run: Run) -> Run:
        return make_run(self._follow("get"), run.id, run.log_url, started=self.started)


@pytest.mark.parametrize(
    ("ahead", "end", "text"),
    [(60.0, _NOW + timedelta(seconds=100), "at 03:01 UTC"), (100.0, None, "taken longer")],
)
def test_a_run_that_is_watched_late(
    clock: FakeClock, ahead: float, end: datetime | None, text: str
) -> None:
    """For a run that is watched, the time before the wait counts as well."""
    service = Watched(clock, polls=running(80), histories=[STEADY])
    slow = Polling(interval=600)
    _, seen = follow(service, clock, Wall(clock, ahead), run=make_run("RUNNING"), polling=slow)
    (expected,) = seen.of(Expected)
    assert isinstance(expected, Expected)
    assert expected.end == end
    assert str(expected).endswith(text)
    waiting = next(update for update in seen.updates if isinstance(update, Waiting))
    assert waiting.share == pytest.approx((waiting.elapsed + ahead) / 100)


def test_a_run_of_days(clock: FakeClock) -> None:
    """For a run that takes a day or more, the date of its end is shown."""
    long = History("schedule nightly", tuple(map(past, (90_000, 90_000, 90_000))))
    _, seen = follow(FakeService(clock, polls=running(3), histories=[long]), clock)
    assert str(seen.of(Expected)[0]).endswith("expected end 2026-11-23 at 04:00 UTC")


@pytest.mark.parametrize(
    ("started", "seconds"),
    [
        (datetime.max.replace(tzinfo=UTC), 100),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))), 100),
        (_NOW, 3e11),
    ],
)
def test_times_that_are_not_real(clock: FakeClock, started: datetime, seconds: float) -> None:
    """Times outside of the calendar do not end the wait."""
    finished = past(0)._replace(
        run=replace(
            past(0).run,
            started=datetime(1, 1, 1, tzinfo=UTC),
            finished=datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds),
        )
    )
    service = Watched(clock, polls=running(30), histories=[History("x", (finished,) * 3)])
    service.started = started
    outcome, seen = follow(service, clock, run=make_run("RUNNING"))
    assert outcome.result is not None
    assert seen.of(Expected) == []


@pytest.mark.parametrize(
    "history", [None, History("x", ()), History("x", (past(1), past(2))), History("x", (FAILED,))]
)
def test_too_few_runs(clock: FakeClock, history: History | None) -> None:
    """Without enough runs that succeeded, the log says nothing."""
    service = FakeService(clock, polls=running(40), histories=[history])
    outcome, seen = follow(service, clock, polling=Polling(interval=600))
    assert seen.of(Expected) == []
    assert {update.share for update in seen.updates if isinstance(update, Waiting)} <= {None}
    assert outcome.history == history


def test_runs_of_no_duration(clock: FakeClock) -> None:
    """If runs take no time, no share is computed."""
    instant = History("x", tuple(map(past, (0, 0, 0))))
    _, seen = follow(FakeService(clock, polls=running(40), histories=[instant]), clock)
    assert seen.of(Expected) == []


def test_a_run_that_ends_at_once(clock: FakeClock) -> None:
    """If the first poll shows the end, the earlier runs are read after the result is known."""
    service = FakeService(clock, polls=["SUCCESSFUL"], histories=[STEADY], has_actions=True)
    outcome, seen = follow(service, clock)
    assert service.called == ["prepare", "start", "get", "actions", "details", "past_runs"]
    assert seen.of(Expected) == []
    assert outcome.history == STEADY


@pytest.mark.parametrize("status", ["CANCELLED", "TIMED_OUT"])
def test_other_ends_are_not_compared(clock: FakeClock, status: str) -> None:
    """A run that neither succeeded nor failed is not compared after its end."""
    service = FakeService(clock, polls=[status], histories=[STEADY])
    outcome, _ = follow(service, clock)
    assert "past_runs" not in service.called
    assert outcome.history is None


def test_a_usual_run_needs_one_request(clock: FakeClock) -> None:
    """After a run that was not slow, nothing more is requested."""
    service = FakeService(clock, polls=running(20), histories=[STEADY], has_actions=True)
    follow(service, clock)
    assert not {"past_actions", "past_commit"} & set(service.called)


def test_a_slow_run_is_compared_with_a_usual_one(clock: FakeClock) -> None:
    """After a slow run, the actions of a usual run are read."""
    usual = (make_action("p.d.a"),)
    service = FakeService(
        clock, polls=running(80), histories=[STEADY], past_queries=[(usual, True)]
    )
    outcome, _ = follow(service, clock)
    assert outcome.result is not None
    assert STEADY.is_slow(outcome.result.duration)
    assert outcome.history == STEADY._replace(usual_actions=usual, has_all_actions=True)
    assert service.called.count("past_actions") == 1


def test_the_commit_of_the_last_success(clock: FakeClock) -> None:
    """After a failure, the commit of the last success is read, unless it is known."""
    history = History("x", (FAILED, past(9), past(10)))
    service = FakeService(clock, polls=["RUNNING", "FAILED"], histories=[history], commits=["c0"])
    outcome, _ = follow(service, clock)
    assert outcome.history == History("x", (FAILED, past(9, commit="c0"), past(10)))
    known = History("x", (FAILED, past(9, commit="c1")))
    service = FakeService(clock, polls=["RUNNING", "FAILED"], histories=[known])
    outcome, _ = follow(service, clock)
    assert "past_commit" not in service.called
    never = History("x", (FAILED,))
    service = FakeService(clock, polls=["RUNNING", "FAILED"], histories=[never])
    follow(service, clock)
    assert "past_commit" not in service.called


_ERRORS = [NoResponse("503"), Refused("HTTP 403: no", status=403)]


@pytest.mark.parametrize("error", _ERRORS)
def test_an_error_changes_nothing(clock: FakeClock, error: DataformError) -> None:
    """If the earlier runs cannot be read, one line says so, and the wait is the same."""
    plain, compared = FakeClock(), clock
    run(FakeService(plain, polls=running(30)), NIGHTLY, clock=plain)
    service = FakeService(clock, polls=running(30), histories=[error])
    outcome, seen = follow(service, compared)
    assert outcome.result is not None
    assert outcome.result.run.state is State.SUCCESS
    assert clock.sleeps == plain.sleeps
    text = f"The earlier runs could not be read. {error.message}"
    assert seen.of(Noted) == [Noted(text)]
    assert service.called.count("past_runs") == 1
    assert outcome.history is None


@pytest.mark.parametrize("error", _ERRORS)
@pytest.mark.parametrize("status", ["SUCCESSFUL", "FAILED"])
def test_an_error_after_the_end(clock: FakeClock, error: DataformError, status: str) -> None:
    """If the explanation cannot be read, the result and the history stay."""
    service = FakeService(
        clock,
        polls=[*["RUNNING"] * 80, status],
        histories=[STEADY],
        past_queries=[error],
        commits=[error],
    )
    outcome, seen = follow(service, clock)
    assert outcome.result is not None
    assert outcome.history == STEADY
    assert seen.of(Noted) == []
    service = FakeService(clock, polls=[status], histories=[error])
    outcome, _ = follow(service, clock)
    assert outcome.history is None


def test_a_signal_while_the_earlier_runs_are_read(clock: FakeClock) -> None:
    """A signal cancels the run at once, also while the earlier runs are read."""
    service = FakeService(clock, histories=[Killed()])
    with pytest.raises(Killed):
        follow(service, clock)
    assert service.called[-2:] == ["past_runs", "cancel"]


def test_a_signal_while_a_usual_run_is_read(clock: FakeClock) -> None:
    """After the end of the run, a signal does not change its result."""
    service = FakeService(
        clock, polls=[*["RUNNING"] * 80, "SUCCESSFUL"], histories=[STEADY], past_queries=[Killed()]
    )
    reader = HistoryReader(service, Wall(clock))
    controller = RunController(service, None, lambda _: None, clock, history=reader)
    with pytest.raises(Killed) as caught:
        controller.run(NIGHTLY)
    outcome = controller.outcome(caught.value)
    assert outcome.result is not None
    assert outcome.result.run.state is State.SUCCESS
    assert "cancel" not in service.called


def test_only_the_first_run_of_a_controller_is_compared(clock: FakeClock) -> None:
    """Another attempt, which repeats a part of the run, is not compared."""
    service = FakeService(clock, polls=[*running(5), *running(80)], histories=[STEADY])
    seen = Recorder(clock)
    reader = HistoryReader(service, Wall(clock))
    controller = RunController(service, Polling(interval=600), seen, clock, history=reader)
    controller.run(NIGHTLY)
    before = len(seen.updates)
    controller.run(NIGHTLY)
    assert service.called.count("past_runs") == 1
    assert "past_actions" not in service.called
    later = [update for update in seen.updates[before:] if isinstance(update, Waiting)]
    assert {update.share for update in later} == {None}


def test_the_library_compares_if_asked(clock: FakeClock) -> None:
    """``run`` and ``wait`` compare only with ``history``."""

    def names(call: Callable[..., object], *what: object, **more: bool) -> list[str]:
        service, updates = FakeService(clock, histories=[STEADY]), list[Update]()
        call(service, *what, on_update=updates.append, clock=clock, **more)
        assert ("past_runs" in service.called) == bool(more)
        return [type(update).__name__ for update in updates]

    assert "Expected" in names(run, NIGHTLY, history=True)
    assert "Expected" in names(wait, make_run("RUNNING"), history=True)
    assert "Expected" not in names(run, NIGHTLY)
    assert "Expected" not in names(wait, make_run("RUNNING"))
