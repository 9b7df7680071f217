"""The comparison with earlier runs in the job summary."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.history import History
from dataform_action.model import State
from dataform_action.report.comparison.words import Comparison
from tests.support.github_markdown import read_page
from tests.support.golden import (
    COMMIT,
    FILES_URL,
    LAST_COMMIT,
    REPOSITORY_URL,
    outcomes,
    past_run,
    render,
)
from tests.unit.report.support import make_outcome, render_nightly


def compared(**more: object) -> Comparison:
    plain = Comparison(source="schedule nightly", usual=60.0, count=3)
    return replace(plain, **more)  # type: ignore[arg-type]


def test_a_usual_run_has_one_fact() -> None:
    """A run that was not slow has its usual duration among the facts, and nothing else."""
    page = render_nightly(make_outcome(comparison=compared()))
    assert "**Usual duration** 1m (3 runs)" in page
    assert "Slower" not in page
    assert page.count("<details>") == 0
    assert "Usual duration" not in render_nightly(make_outcome(comparison=compared(usual=None)))
    assert "Usual duration" not in render_nightly(make_outcome())


def test_a_slow_run_has_no_second_fact() -> None:
    """The line on a slow run has the usual duration, so the facts do not repeat it."""
    page = render(*outcomes()["google-slower"])
    assert "Usual duration" not in page
    assert page.index("Slower than usual") < page.index("**Service**")


def test_a_slow_run_without_actions() -> None:
    """If no action is to blame, there is no table."""
    page = render_nightly(make_outcome(comparison=compared(is_slow=True, duration=120.0)))
    assert "Slower than usual: 2m instead of 1m" in page
    assert "<details>" not in page


def test_commits_are_links_like_those_of_the_report() -> None:
    """The last commit that succeeded is a link if the repository is known."""
    address = f"{REPOSITORY_URL}/commit/{LAST_COMMIT}"
    assert address in read_page(render(*outcomes()["google-failure-lasts"])).addresses
    good = past_run(1, 5, commit=LAST_COMMIT)
    failed = compared(failures=1, last_success=good, runs=(good,))
    outcome = make_outcome(comparison=failed)
    assert f"commit <code>{LAST_COMMIT[:7]}</code>." in render_nightly(outcome)
    known = replace(outcome, commit=COMMIT, files_url=FILES_URL)
    assert f"](<{address}>)." in render_nightly(known)


def test_ten_rows_at_most() -> None:
    """The table has the last ten runs."""
    runs = tuple(past_run(days, 5, State.FAILURE) for days in range(1, 15))
    history = compared(failures=15, first_failure=runs[-1], runs=runs)
    page = render_nightly(make_outcome(comparison=history))
    assert page.count("| ❌ failed |") == 10
    assert "more runs are not shown" not in page


def test_a_run_without_times() -> None:
    """A run whose times are not known is shown by its id."""
    past = past_run(1, 5)
    past = past._replace(run=replace(past.run, started=None, log_url=""))
    failed = compared(failures=1, last_success=past, runs=(past,))
    page = render_nightly(make_outcome(comparison=failed))
    assert "| <code>1651</code> | ✅ succeeded |  |  |" in page


def test_names_are_short() -> None:
    """Names of actions omit the project, which the facts name."""
    page = render(*outcomes()["google-slower"])
    assert "| <code>marts.revenue</code> | 3m 8s | 2m 20s | 48s |" in page


def test_a_history_without_runs() -> None:
    """A first failure has no table."""
    assert History("x", ()).last_success is None
    assert "<details>" not in render_nightly(make_outcome(comparison=compared(failures=1)))
