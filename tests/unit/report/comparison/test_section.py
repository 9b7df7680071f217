"""The comparison with earlier runs in the job summary."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.history import History, PastRun
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

_USUAL = tuple(past_run(days, 60) for days in range(1, 4))


def compared(*runs: PastRun) -> Comparison:
    return Comparison(history=History("schedule nightly", runs))


def failed(*runs: PastRun) -> Comparison:
    return replace(compared(*runs), has_failed=True)


def test_a_usual_run_has_one_fact() -> None:
    """A run that was not slow has its usual duration among the facts, and nothing else."""
    page = render_nightly(make_outcome(comparison=compared(*_USUAL)))
    assert "**Usual duration** 1m (3 runs)" in page
    assert "Slower" not in page
    assert page.count("<details>") == 0
    few = make_outcome(comparison=compared(*_USUAL[:2]))
    assert "Usual duration" not in render_nightly(few)
    assert "Usual duration" not in render_nightly(make_outcome())


def test_a_slow_run_has_no_second_fact() -> None:
    """The line on a slow run has the usual duration, so the facts do not repeat it."""
    page = render(*outcomes()["google-slower"])
    assert "Usual duration" not in page
    assert page.index("Slower than usual") < page.index("**Service**")


def test_a_slow_run_without_actions() -> None:
    """If no action is to blame, there is no table."""
    slow = replace(compared(*_USUAL), is_slow=True, duration=120.0)
    page = render_nightly(make_outcome(comparison=slow))
    assert "Slower than usual: 2m instead of 1m" in page
    assert "<details>" not in page


def test_commits_are_links_like_those_of_the_report() -> None:
    """The last commit that succeeded is a link if the repository is known."""
    address = f"{REPOSITORY_URL}/commit/{LAST_COMMIT}"
    assert address in read_page(render(*outcomes()["google-failure-lasts"])).addresses
    good = past_run(1, 5, commit=LAST_COMMIT)
    outcome = make_outcome(comparison=failed(good))
    assert f"commit <code>{LAST_COMMIT[:7]}</code>." in render_nightly(outcome)
    known = replace(outcome, commit=COMMIT, files_url=FILES_URL)
    assert f"](<{address}>)." in render_nightly(known)


def test_ten_rows_at_most() -> None:
    """The table has the last ten runs."""
    runs = (past_run(days, 5, State.FAILURE) for days in range(1, 15))
    page = render_nightly(make_outcome(comparison=failed(*runs)))
    assert page.count("| ❌ failed |") == 10
    assert "more runs are not shown" not in page


def test_a_run_without_times() -> None:
    """A run whose times are not known is shown by its id."""
    past = past_run(1, 5)
    past = past._replace(run=replace(past.run, started=None, log_url=""))
    page = render_nightly(make_outcome(comparison=failed(past)))
    assert "| <code>1651</code> | ✅ succeeded |  |  |" in page


def test_names_are_short() -> None:
    """Names of actions omit the project, which the facts name."""
    page = render(*outcomes()["google-slower"])
    assert "| <code>marts.revenue</code> | 3m 8s | 2m 20s | 48s |" in page
