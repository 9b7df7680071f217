"""What earlier runs say about how long a run takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dataform_action.history import History, PastRun
from dataform_action.model import Run, State

_START = datetime(2026, 11, 22, tzinfo=UTC)


def make_past(seconds: float | None, state: State = State.SUCCESS, name: str = "r") -> PastRun:
    finished = None if seconds is None else _START + timedelta(seconds=seconds)
    run = Run(id=name, state=state, status="", log_url="", started=_START, finished=finished)
    return PastRun(run)


def history(*seconds: float) -> History:
    return History("schedule nightly", tuple(map(make_past, seconds)))


@pytest.mark.parametrize(
    ("seconds", "usual"),
    [
        ((), None),
        ((10, 20), None),
        ((30, 10, 20), 20),
        ((40, 10, 30, 20), 25),
        # The eleventh run is too old.
        ((*range(1, 11), 1000), 5.5),
    ],
)
def test_usual_is_the_median_of_the_last_ten(seconds: tuple[float, ...], usual: object) -> None:
    """The usual duration is the median of at most ten runs, and of at least three."""
    assert history(*seconds).usual == usual


def test_only_successful_runs_count() -> None:
    """Failed runs and runs without an end do not count for durations."""
    runs = (make_past(5, State.FAILURE), make_past(None), *map(make_past, (10, 20, 30)))
    assert History("x", runs).durations == (10, 20, 30)
    assert History("x", runs).usual == 20


@pytest.mark.parametrize(
    ("past", "seconds", "is_slow"),
    [
        # Above the maximum of 110, and 20 % above the median of 100: from 130 on, by 30 seconds.
        ((90, 100, 110), 129, False),
        ((90, 100, 110), 130, True),
        # From 20 % on.
        ((900, 1000, 1100), 1199, False),
        ((900, 1000, 1100), 1200, True),
        # It happened before.
        ((900, 1000, 2000), 2000, False),
        ((900, 1000, 2000), 2001, True),
        # Too few runs.
        ((10, 20), 1000, False),
    ],
)
def test_slower_than_usual(past: tuple[float, ...], seconds: float, is_slow: bool) -> None:
    """A slow run is above the maximum, and above the median by 20 % and 30 seconds."""
    assert history(*past).is_slow(seconds) is is_slow


def test_usual_run_is_the_newest_at_the_median() -> None:
    """The actions of the run that is nearest to the median are compared."""
    runs = (make_past(50, name="a"), make_past(20, name="b"), make_past(20, name="c"))
    found = History("x", (*runs, make_past(10))).usual_run
    assert found is not None
    assert found.run.id == "b"
    assert history(1, 2).usual_run is None


def test_failures_since_the_last_success() -> None:
    """The failures in a row end at the last success."""
    fails = make_past(1, State.FAILURE, "f"), make_past(1, State.FAILURE, "g")
    good = make_past(1, name="s")
    last = History("x", (*fails, good, fails[0]))
    assert (last.last_failures, last.last_success) == (fails, good)
    never = History("x", fails)
    assert (never.last_failures, never.last_success) == (fails, None)
    assert History("x", (good,)).last_failures == ()
