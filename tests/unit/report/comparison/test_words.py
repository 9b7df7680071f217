"""Whether a run was slow, which actions are to blame, and whether its failure is new."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from dataform_action.history import History
from dataform_action.model import Action, Result, State
from dataform_action.report.comparison.words import (
    SlowAction,
    compare,
    describe_usual,
    renamed,
    render_for_log,
    start_of,
)
from tests.support.fakes import make_run
from tests.support.golden import (
    LAST_COMMIT,
    failing_history,
    past_run,
    ran,
    skipped,
    succeeding,
    usual_history,
)


def result(
    status: str = "SUCCESSFUL", seconds: float = 253.0, actions: tuple[Action, ...] = ()
) -> Result:
    return Result(run=make_run(status), duration=seconds, actions=actions)


def lines(history: History, ended: Result, *, is_whole: bool = True) -> list[str]:
    compared = compare(history, ended, is_whole=is_whole)
    assert compared is not None
    return render_for_log(compared)


_SLOWER = "Slower than usual: 4m 13s instead of 3m 22s (median of 8 runs of schedule nightly)."


def test_a_slow_run() -> None:
    """The line says how slow the run was, and which actions took the most of the extra time."""
    assert lines(usual_history(), result(actions=succeeding())) == [
        f"{_SLOWER} What took longer: my-project.marts.revenue (+48s), "
        "my-project.marts.customers (+31s)."
    ]


def test_five_actions_at_most() -> None:
    """At most five actions are listed, the ones with the most extra time first."""
    actions = tuple(ran(f"d.{number}", 0, 60 + number) for number in range(9))
    history = usual_history()._replace(
        usual_actions=tuple(replace(action, finished=action.started) for action in actions)
    )
    compared = compare(history, result(actions=actions), is_whole=True)
    assert compared is not None
    assert compared.slow_actions == tuple(
        SlowAction(f"my-project.d.{number}", 60 + number, 0.0) for number in (8, 7, 6, 5, 4)
    )


@pytest.mark.parametrize(
    ("now", "usual", "has_all", "named"),
    [
        # A tenth of the extra time of 50.5 seconds.
        (ran("d.a", 0, 15.1), ran("d.a", 0, 10), True, True),
        (ran("d.a", 0, 15), ran("d.a", 0, 10), True, False),
        (ran("d.a", 0, 5), ran("d.a", 0, 500), True, False),
        # New, or not among those that were read.
        (ran("d.a", 0, 6), ran("d.b", 0, 10), True, True),
        (ran("d.a", 0, 60), ran("d.b", 0, 10), False, False),
        (ran("d.a", 0, 60), skipped("d.a", ""), True, True),
        (skipped("d.a", ""), ran("d.a", 0, 10), True, False),
    ],
)
def test_actions_to_blame(now: Action, usual: Action, has_all: bool, named: bool) -> None:
    """An action is blamed for a tenth of the extra time; a new one only if it surely is new."""
    history = usual_history()._replace(usual_actions=(usual,), has_all_actions=has_all)
    (line,) = lines(history, result(actions=(now,)))
    assert ("What took longer: my-project.d.a (+" in line) is named
    assert line.startswith(_SLOWER)


@pytest.mark.parametrize(
    ("ended", "is_whole"),
    [(result(seconds=200.0), True), (result(), False), (result("CANCELLED"), True)],
)
def test_nothing_to_say(ended: Result, is_whole: bool) -> None:
    """There is no line on a usual run, on one that was repeated in part, and on a cancelled one."""
    compared = compare(usual_history(), ended, is_whole=is_whole)
    assert compared is not None
    assert render_for_log(compared) == []
    assert describe_usual(compared) == "3m 22s (8 runs)"


def test_without_history() -> None:
    """Without earlier runs, there is no comparison."""
    assert compare(None, result(), is_whole=True) is None
    assert compare(History("x", ()), result("FAILED"), is_whole=True) is None


def test_without_a_result() -> None:
    """If the wait ended early, only the usual duration is known."""
    compared = compare(usual_history(), None, is_whole=True)
    assert compared is not None
    assert (compared.has_failed, compared.is_slow) == (False, False)
    assert describe_usual(compared) == "3m 22s (8 runs)"


def test_too_few_runs_for_a_usual_duration() -> None:
    """With too few runs, no usual duration is named."""
    compared = compare(History("x", (past_run(1, 5),)), result(), is_whole=True)
    assert compared is not None
    assert describe_usual(compared) == ""


def test_a_new_failure() -> None:
    """A failure is new if the last completed run succeeded."""
    history = History("git ref main", (past_run(4, 201, commit=LAST_COMMIT),))
    assert lines(history, result("FAILED")) == [
        "The failure is new: the last completed run of git ref main succeeded. "
        f"Last success: 2025-12-28 02:00 UTC, commit {LAST_COMMIT}."
    ]


def test_a_failure_that_lasts() -> None:
    """A failure lasts since the first failed run after the last success."""
    assert lines(failing_history(), result("FAILED"), is_whole=False) == [
        "The last 4 completed runs of schedule nightly failed, the first one at "
        f"2025-12-29 02:00 UTC. Last success: 2025-12-28 02:00 UTC, commit {LAST_COMMIT}."
    ]


def test_a_failure_that_may_last_longer() -> None:
    """If no success is known, there may be more failures. Without a commit, none is named."""
    failures = (past_run(1, 5, State.FAILURE), past_run(2, 5, State.FAILURE))
    assert lines(History("x", failures), result("FAILED")) == [
        "At least the last 3 completed runs of x failed, the first one at 2025-12-30 02:00 UTC."
    ]
    (line,) = lines(History("x", (past_run(1, 5),)), result("FAILED"))
    assert line.endswith("Last success: 2025-12-31 02:00 UTC.")


def test_long_names_are_cut() -> None:
    """A name in the log has a limited length."""
    history = usual_history()
    (line,) = lines(history, result(actions=(ran("d." + "x" * 5000, 0, 60),)))
    assert len(line) < 400


def test_times_in_other_zones() -> None:
    """Times are shown in UTC; without one, the run is shown by its id."""
    past = past_run(1, 5)
    started = past.run.started
    assert started is not None
    zone = timezone(timedelta(hours=5))
    moved = past._replace(run=replace(past.run, started=started.astimezone(zone)))
    assert start_of(moved) == "2025-12-31 02:00 UTC"
    assert start_of(past._replace(run=replace(past.run, started=None))) == "1651"


def test_shorter_names() -> None:
    """Actions can be renamed."""
    compared = compare(usual_history(), result(actions=succeeding()), is_whole=True)
    assert compared is not None
    names = [action.name for action in renamed(compared, str.upper).slow_actions]
    assert names == ["MY-PROJECT.MARTS.REVENUE", "MY-PROJECT.MARTS.CUSTOMERS"]
