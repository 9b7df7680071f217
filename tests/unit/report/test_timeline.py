"""The timeline of a run, as text; test_mermaid.py has the real Mermaid read it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given

from dataform_action.github.markdown import Page
from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import analyse
from dataform_action.report.timeline import (
    MOST_TASKS,
    add_timeline,
    drawn,
    render_timeline,
    safe_name,
)
from tests.support.golden import failing, hostile_outcome, ran, skipped, succeeding
from tests.support.runner import BOUNDED, hostile_texts

_FAILED = ActionState.FAILED
_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
_TASK = re.compile(rf"    [✓✗•] [^:;#%{{}}\"<>\n]+ \(.*\) :(crit, )?t[0-9]+, {_TIME}, {_TIME}")


def _tasks(diagram: str) -> list[str]:
    return [line for line in diagram.splitlines() if line.startswith(("    ✓", "    ✗", "    •"))]


def _page(*actions: Action, succeeded: bool = True) -> str:
    page = Page(100_000)
    add_timeline(page, analyse(actions), succeeded=succeeded)
    return page.render()


def _diagram(*actions: Action) -> str:
    analysis = analyse(actions)
    return render_timeline(drawn(analysis), analysis.critical_path)


def _short(action: Action) -> Action:
    """Return an action as the summary gives it to the timeline, without its project."""
    dependencies = tuple(name.removeprefix("my-project.") for name in action.dependencies)
    return replace(action, name=action.name.removeprefix("my-project."), dependencies=dependencies)


def test_a_timeline_has_sections() -> None:
    """What failed is red and comes first, the critical path comes last, each by start."""
    assert _diagram(*map(_short, failing())) == (
        "gantt\n"
        "    title Actions by start and end (UTC)\n"
        "    dateFormat YYYY-MM-DD HH:mm:ss.SSS\n"
        "    axisFormat %H:%M:%S\n"
        "    todayMarker off\n"
        "    section Failed\n"
        "    ✗ staging.customers (12s) :crit, t3, "
        "2026-01-01 02:00:00.200, 2026-01-01 02:00:12.700\n"
        "    ✗ staging.countries_unique (2s) :crit, t4, "
        "2026-01-01 02:00:04.000, 2026-01-01 02:00:06.000\n"
        "    ✗ staging.no_reason (2s) :crit, t5, "
        "2026-01-01 02:00:04.000, 2026-01-01 02:00:06.000\n"
        "    section Others\n"
        "    ✓ staging.countries (3s) :t2, "
        "2026-01-01 02:00:00.200, 2026-01-01 02:00:03.200\n"
        "    section Critical path\n"
        "    ✓ staging.orders (1m 4s) :t1, "
        "2026-01-01 02:00:00.000, 2026-01-01 02:01:04.000\n"
        "    ✓ marts.revenue (3m 8s) :t6, "
        "2026-01-01 02:01:05.000, 2026-01-01 02:04:13.000"
    )


def test_without_dependencies_there_is_no_critical_path() -> None:
    """The action that finished last alone says nothing of why."""
    actions = (ran("a", 0, 1), ran("b", 0, 2))
    text = _page(*actions)
    assert "section Others" in text
    assert "Critical path" not in text
    assert "because of" not in text


@pytest.mark.parametrize(
    "others",
    [
        (),
        (skipped("b", "a"),),
        (replace(ran("b", 0, 1), finished=None),),
        (replace(ran("b", 0, 1), started=None),),
        (replace(ran("b", 0, 1), started=datetime.min.replace(tzinfo=timezone.max)),),
        (replace(ran("b", 0, 1), finished=datetime.max.replace(tzinfo=timezone.min)),),
    ],
)
def test_what_has_no_times_has_no_place(others: tuple[Action, ...]) -> None:
    """An action that did not run, whose times are not known or make no sense, is not drawn."""
    actions = (ran("a", 0, 1), *others)
    assert drawn(analyse(actions)) == [ran("a", 0, 1)]
    assert _diagram(*actions) == ""
    assert "mermaid" not in _page(*actions)


def test_times_are_of_utc() -> None:
    """Whatever zone a time is given in, the diagram has its UTC; no end is before its start."""
    east = timezone(timedelta(hours=5, minutes=45))
    start = datetime(2026, 1, 1, 1, 0, 0, 999_999, tzinfo=east)
    action = replace(ran("a", 0, 1), started=start, finished=start - timedelta(hours=1))
    [task, _] = _tasks(_diagram(action, ran("b", 9, 1)))
    assert task.endswith(":t1, 2025-12-31 19:15:00.999, 2025-12-31 19:15:00.999")


@pytest.mark.parametrize(
    ("seconds", "axis"),
    [(1799, "%H:%M:%S"), (1800, "%H:%M"), (86399, "%H:%M"), (86400, "%m-%d %H:%M")],
)
def test_the_axis_fits_the_run(seconds: int, axis: str) -> None:
    """Seconds matter in a short run, and dates in one of days."""
    diagram = _diagram(ran("a", 0, 1), ran("b", 0, seconds))
    assert f"    axisFormat {axis}\n" in diagram


def test_the_longest_and_what_failed_are_always_drawn() -> None:
    """Of thousands, the ten longest and then the failed ones have their places first."""
    longest = [ran(f"long{n}", n, 5000 + n) for n in range(10)]
    failed = [ran(f"failed{n}", n, 1, _FAILED) for n in range(20)]
    others = [ran(f"other{n}", n, 100 + n) for n in range(2000)]
    tasks = drawn(analyse((*others, *failed, *longest)))
    assert len(tasks) == MOST_TASKS
    assert {action.name for action in (*longest, *failed, *others[-10:])} == {
        action.name for action in tasks
    }
    assert f"Not shown: {2030 - MOST_TASKS:,} of 2,030 actions that ran." in _page(
        *others, *tasks[:30]
    )


def test_many_failures_leave_the_longest_their_places() -> None:
    """When more failed than can be drawn, the longest of all are there still."""
    longest = [ran(f"long{n}", n, 5000 + n) for n in range(12)]
    failed = [ran(f"failed{n}", n, 1 + n, _FAILED) for n in range(400)]
    tasks = drawn(analyse((*failed, *longest)))
    states = [action.state for action in tasks]
    assert states.count(ActionState.SUCCEEDED) == 10
    assert states.count(_FAILED) == MOST_TASKS - 10


def test_the_critical_path_is_told() -> None:
    """Its actions are named with their times, and the sum is what the run cannot be under."""
    assert (
        "This run could not be shorter than 4m 12s, because of: "
        "<code>my-project.staging.orders</code> (1m 4s) → "
        "<code>my-project.marts.revenue</code> (3m 8s)\n"
    ) in _page(*succeeding())
    assert "What ran took at least 4m 12s, because of: " in _page(*succeeding(), succeeded=False)


def test_a_long_critical_path_is_cut_in_its_middle() -> None:
    """The first and last five are named, the others counted."""
    actions = [ran(f"a{n}", n, 1, after=f"a{n - 1}") for n in range(13)]
    text = _page(*actions)
    assert "a4</code> (1s) → 3 more → <code>my-project.a8</code>" in text
    assert "shorter than 13s," in text


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("d.a_b-c/(d)", "d.a_b-c/(d)"),
        ("données.日本.שלום ✅", "données.日本.שלום ✅"),
        (" a\u202e\nb\ud800 ", "a b"),
        ("ﬂ°°35¶ß", "fl°°35¶ ß"),
        ("x" * 41, "x" * 39 + "…"),
        (" \u200b", "…"),
    ],
)
def test_names_are_legible(name: str, safe: str) -> None:
    """Letters of all scripts stay, on one line that is never empty."""
    assert safe_name(name) == safe


def test_what_means_something_becomes_a_look_alike() -> None:
    """No sign of Mermaid's is left, and each can be read as what it was."""
    signs = "!\"#$%&'*+,:;<=>?@[\\]^`{|}~"
    shown = safe_name(signs)
    assert not set(shown) & set(signs)
    assert unicodedata.normalize("NFKC", shown) == signs


@BOUNDED
@given(hostile_texts())
@example("section a")
@example("click t1 href x")
@example("%%{init: {}}%%")
@example("")
def test_every_task_is_a_line_of_its_own_form(text: str) -> None:
    """Whatever the names are, each task is one line, and nothing else is one."""
    actions = hostile_outcome(text)[0].actions
    diagram = _diagram(*actions)
    tasks = _tasks(diagram)
    assert len(tasks) == 3
    assert all(_TASK.fullmatch(task) for task in tasks)
    assert len(diagram.splitlines()) == 5 + 3 + sum(
        "    section " in x for x in diagram.split("\n")
    )


def test_a_timeline_stays_far_inside_mermaids_limit() -> None:
    """GitHub's Mermaid refuses texts of over 50,000 characters."""
    actions = tuple(ran("\U0001f389" * 300 + str(n), n, n) for n in range(5000))
    diagram = _diagram(*actions)
    assert len(diagram.encode("utf-16-le")) / 2 < 10_000
