"""The timeline of a run, as text. In test_mermaid.py, the real Mermaid reads it."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given

from dataform_action.github.markdown import Page
from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import analyse
from dataform_action.report.summary.timeline import (
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


def _page(*actions: Action, duration: float | None = None) -> str:
    page = Page(100_000)
    add_timeline(page, analyse(actions), duration=duration)
    return page.render()


def _sentence(*actions: Action, duration: float | None = None) -> str:
    """Return the line with the critical path."""
    lines = _page(*actions, duration=duration).splitlines()
    return next((line for line in lines if line.startswith("Critical path")), "")


def _diagram(*actions: Action) -> str:
    analysis = analyse(actions)
    return render_timeline(drawn(analysis), analysis.critical_path)


def _short(action: Action) -> Action:
    """Return an action without its project, as the summary passes it to the timeline."""
    dependencies = tuple(name.removeprefix("my-project.") for name in action.dependencies)
    return replace(action, name=action.name.removeprefix("my-project."), dependencies=dependencies)


def test_a_timeline_has_sections() -> None:
    """Failed actions are red and come first, the critical path comes last, each by start."""
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
    """Nothing tells how the actions wait for each other."""
    text = _page(ran("a", 0, 1), ran("b", 0, 2))
    assert "section Others" in text
    assert "Critical path" not in text


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
def test_actions_without_times_are_not_drawn(others: tuple[Action, ...]) -> None:
    """The action did not run, or its times are unknown or make no sense."""
    actions = (ran("a", 0, 1), *others)
    assert drawn(analyse(actions)) == [ran("a", 0, 1)]
    assert _diagram(*actions) == ""
    assert "mermaid" not in _page(*actions)


def test_times_are_in_utc() -> None:
    """Times of other zones are converted, and no end is before its start."""
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


def test_the_longest_and_the_failed_actions_are_always_drawn() -> None:
    """Of thousands, the ten longest come first, then the failed ones."""
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


def test_the_longest_are_drawn_whatever_failed() -> None:
    """The ten longest have a bar even if more actions failed than can be drawn."""
    longest = [ran(f"long{n}", n, 5000 + n) for n in range(12)]
    failed = [ran(f"failed{n}", n, 1 + n, _FAILED) for n in range(400)]
    tasks = drawn(analyse((*failed, *longest)))
    states = [action.state for action in tasks]
    assert states.count(ActionState.SUCCEEDED) == 10
    assert states.count(_FAILED) == MOST_TASKS - 10


@pytest.mark.parametrize(
    ("duration", "length"), [(None, "4m 13s"), (12.0, "4m 13s"), (260.9, "4m 20s")]
)
def test_the_critical_path_has_its_times(duration: float | None, length: str) -> None:
    """Its work is compared with the run's length, which is not less than what is known of it."""
    assert _sentence(*succeeding(), duration=duration) == (
        f"Critical path (4m 12s of the run's {length}): <code>staging.orders</code> (1m 4s) → "
        "<code>marts.revenue</code> (3m 8s)."
    )


def test_failed_actions_on_the_critical_path_are_marked() -> None:
    """A failed action took its time too, and so did a cancelled one."""
    failed = (ran("d.a", 0, 120), ran("d.b", 120, 443, _FAILED, after="d.a"))
    assert _sentence(*failed) == (
        "Critical path (9m 23s of the run's 9m 23s): <code>a</code> (2m) → "
        "<code>b</code> (7m 23s, failed)."
    )
    cancelled = replace(failed[1], state=ActionState.CANCELLED)
    assert _sentence(failed[0], cancelled).endswith("<code>b</code> (7m 23s, cancelled).")


def test_an_incomplete_critical_path_has_no_length() -> None:
    """While an action is running, neither the path's length nor the run's is known."""
    running = replace(ran("d.b", 120, 0, ActionState.RUNNING, after="d.a"), finished=None)
    actions = (ran("d.a", 0, 120), ran("d.c", 0, 200), running)
    assert _sentence(*actions, duration=3600) == (
        "Critical path so far: <code>a</code> (2m) → <code>b</code> (still running)."
    )


def _queued(waiting: float, path: float) -> tuple[Action, ...]:
    """Return actions of which two wait until a long one ends."""
    first, last = path * 0.2, path * 0.8
    return (
        ran("d.x", 0, waiting),
        ran("d.a", waiting, first),
        ran("d.b", waiting + first, last, after="d.a"),
    )


def test_waiting_for_a_slot_is_counted() -> None:
    """The reader sees how much of the run was work, and how much was waiting."""
    assert _sentence(*_queued(353, 563), duration=916) == (
        "Critical path (9m 23s of the run's 15m 16s): <code>a</code> (1m 52s) → "
        "<code>b</code> (7m 30s). 5m 53s were spent waiting for a free slot."
    )


@pytest.mark.parametrize(
    ("waiting", "path", "duration", "said"),
    [(51, 950, 1001, True), (49, 950, 999, False), (51, 950, 1100, False), (6, 20, 26, True)],
)
def test_short_waiting_is_not_worth_a_sentence(
    waiting: float, path: float, duration: float, said: bool
) -> None:
    """If the run is hardly longer than its critical path, nothing is said of waiting."""
    assert ("waiting" in _sentence(*_queued(waiting, path), duration=duration)) is said


def test_a_few_seconds_of_waiting_are_not_worth_a_sentence() -> None:
    """Also of a short run, of which they are a large part."""
    actions = (ran("d.a", 0, 22), ran("d.b", 6, 20, after="d.z"))
    path = analyse(actions).critical_path
    assert path is not None
    assert path.waiting == 4
    assert "waiting" not in _sentence(*actions)


def test_a_long_critical_path_is_cut_in_its_middle() -> None:
    """The first and last five are named, the others counted."""
    actions = [ran(f"d.a{n}", n, 1, after=f"d.a{n - 1}") for n in range(13)]
    text = _sentence(*actions)
    assert "a4</code> (1s) → 3 more → <code>a8" in text
    assert text.startswith("Critical path (13s of the run's 13s): <code>a0</code> (1s) → ")


_SIBLINGS = [
    f"int_marketing_campaign_performance_{every}_by_{area}_and_{last}"
    for every in ("daily", "weekly")
    for area in ("channel", "region", "account")
    for last in ("device", "country", "device_v2", "audience_segment")
]


def test_bars_of_siblings_have_distinct_labels() -> None:
    """Names of real projects are long, start alike, and differ at their end."""
    actions = [ran(f"dataform_prod.{name}", n, 60) for n, name in enumerate(_SIBLINGS)]
    tasks = _tasks(_diagram(*actions))
    labels = [task.split()[1] for task in tasks]
    assert len(set(labels)) == len(_SIBLINGS) == 24
    assert max(map(len, labels)) <= 40
    assert labels[:3] == [
        "int_…daily_by_channel_and_device",
        "int_…daily_by_channel_and_country",
        "int_…daily_by_channel_and_device_v2",
    ]
    assert "Times are UTC. All bars are in <code>my-project.dataform_prod</code>.\n" in _page(
        *actions
    )


def test_bars_of_several_datasets_have_theirs() -> None:
    """What all bars share is left out, and no more than that."""
    actions = [ran(f"{place}.{_SIBLINGS[0]}", n, 60) for n, place in enumerate(("core", "staging"))]
    labels = [task.split()[1] for task in _tasks(_diagram(*actions))]
    assert labels == [f"{place}.…daily_by_channel_and_device" for place in ("core", "staging")]
    assert "All bars are in <code>my-project</code>." in _page(*actions)
    other = replace(actions[0], name="other.core.a")
    assert "All bars are in" not in _page(*actions, other)


def test_actions_on_the_critical_path_have_distinct_names() -> None:
    """They stand without the dataset of the bars, and are cut only if they are very long."""
    names = [f"{name}_{'x' * 40}_{name}" for name in _SIBLINGS[:2]]
    actions = (
        ran(f"d.{names[0]}", 0, 60),
        ran(f"d.{names[1]}", 60, 60, after=f"d.{names[0]}"),
    )
    assert _names(_sentence(*actions)) == [f"int_…{name}" for name in _SIBLINGS[:2]]
    short = (ran("d.a", 0, 60), ran(f"d.{_SIBLINGS[0]}", 60, 60, after="d.a"))
    assert _names(_sentence(*short)) == ["a", _SIBLINGS[0]]


def _names(sentence: str) -> list[str]:
    """Return the names in code as a reader sees them."""
    return re.findall("<code>(.*?)</code>", html.unescape(sentence).replace("<wbr>", ""))


def test_actions_elsewhere_keep_their_dataset_on_the_critical_path() -> None:
    """An action that has no bar may be in another dataset than all bars."""
    failed = [ran(f"d.f{n}", 0, 50, _FAILED) for n in range(MOST_TASKS)]
    path = (ran("e.a", 0, 49), ran("d.b", 49, 49, after="e.a"))
    assert _sentence(*failed, *path) == (
        "Critical path (1m 38s of the run's 1m 38s): <code>my-project.e.a</code> (49s) → "
        "<code>b</code> (49s)."
    )


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("d.a_b-c/(d)", "d.a_b-c/(d)"),
        ("données.日本.שלום ✅", "données.日本.שלום ✅"),
        (" a\u202e\nb\ud800 ", "a b"),
        ("ﬂ°°35¶ß", "fl°°35¶ ß"),
        (" \u200b", "…"),
    ],
)
def test_names_are_legible(name: str, safe: str) -> None:
    """Letters of all scripts stay. A name has one line and is never empty."""
    assert safe_name(name) == safe


def test_characters_with_a_meaning_become_look_alikes() -> None:
    """No special character of Mermaid is left, and each looks as before."""
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
def test_every_bar_is_one_line(text: str) -> None:
    """Whatever the names are, each bar has one line of the right form, and no line is added."""
    actions = hostile_outcome(text)[0].actions
    diagram = _diagram(*actions)
    tasks = _tasks(diagram)
    assert len(tasks) == 3
    assert all(_TASK.fullmatch(task) for task in tasks)
    assert len(diagram.splitlines()) == 5 + 3 + sum(
        "    section " in x for x in diagram.split("\n")
    )


def test_a_timeline_is_much_shorter_than_mermaids_limit() -> None:
    """Mermaid on GitHub refuses texts of more than 50,000 characters."""
    actions = tuple(ran("\U0001f389" * 300 + str(n), n, n) for n in range(5000))
    diagram = _diagram(*actions)
    assert len(diagram.encode("utf-16-le")) / 2 < 10_000
