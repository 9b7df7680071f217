"""The real Mermaid accepts every timeline, and finds the right actions in it.

The tests need Node.js and the packages that ``npm ci`` installs in tests/browser; ``make mermaid``
installs them. Without them, these tests are skipped, but they fail in CI.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given, settings, strategies as st

from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import analyse
from dataform_action.report.summary.timeline import MOST_TASKS, drawn, render_timeline
from tests.support.github_markdown import letters_of, read_page
from tests.support.golden import failing, hostile_outcome, outcomes, ran, render
from tests.support.mermaid import BREAKERS, Found, Task, ask_mermaid
from tests.support.runner import hostile_texts

_SECTIONS = {"Critical path", "Failed", "Others"}

#: For each name, a diagram and the actions that it must show.
Runs = dict[str, tuple[str, tuple[Action, ...]]]


def _diagram(actions: tuple[Action, ...]) -> str:
    analysis = analyse(actions)
    return render_timeline(drawn(analysis), analysis.critical_path)


def span_of(action: Action) -> tuple[float, float]:
    """Return when an action ran, in milliseconds; its end is not before its start."""
    assert action.started is not None
    assert action.finished is not None
    start, end = (round(time.timestamp(), 3) for time in (action.started, action.finished))
    return start, max(start, end)


def letters_of_name(text: str) -> str:
    """Return the letters and digits of a name; look-alikes count as their originals."""
    return letters_of(unicodedata.normalize("NFKC", text))


def check(found: Found, actions: Sequence[Action]) -> None:
    """Compare what Mermaid found with the right actions, sorted by their start."""
    assert not found.error
    assert (found.type, found.config, found.links) == ("gantt", {}, {})
    assert {task.section for task in found.tasks} <= _SECTIONS
    timed = [action for action in actions if action.finished is not None]
    expected = sorted(timed, key=lambda action: (span_of(action)[0], action.name))
    assert [(task.start, task.end) for task in found.tasks] == [*map(span_of, expected)]
    for task, action in zip(found.tasks, expected, strict=True):
        assert (task.tags == ["crit"]) == (action.state is ActionState.FAILED)
        assert is_name_of(task, action)
    assert len(set(map(label_of, found.tasks))) == len(found.tasks)


def label_of(task: Task) -> str:
    """Return the label of a bar, which is between its sign and its duration."""
    return task.name.strip().partition(" ")[2].rpartition(" (")[0]


def is_name_of(task: Task, action: Action) -> bool:
    """Tell whether a bar has the name of an action: without its place, cut or numbered."""
    label, whole = label_of(task), letters_of_name(action.name)
    return is_cut_of(label, whole) or is_cut_of(re.sub(r" \([0-9]+\)$", "", label), whole)


def is_cut_of(label: str, whole: str) -> bool:
    """Tell whether the parts of a label are parts of a name, in order, up to its end if shown."""
    parts = [letters_of_name(part) for part in label.split("…")]
    if not any(parts):
        return whole == ""
    return re.fullmatch(".*" + ".*".join(map(re.escape, parts)), whole) is not None


def golden_runs() -> Runs:
    """Return the diagrams of the golden summaries, and the actions of each."""
    runs: Runs = {}
    for name, (outcome, subject) in outcomes().items():
        page = read_page(render(outcome, subject))
        for diagram in page.code_blocks("mermaid"):
            runs[f"golden {name}"] = (diagram, outcome.actions)
    return runs


def hostile_runs() -> Runs:
    """Return diagrams of actions whose names have a meaning to Mermaid."""
    runs: Runs = {}
    names = st.lists(st.sampled_from(BREAKERS) | hostile_texts(), min_size=1, max_size=4)

    # Mermaid takes the time, not the names.
    @settings(max_examples=settings().max_examples // 2)
    @given(names.map(" ".join), names.map("".join))
    def gather(first: str, second: str) -> None:
        actions = hostile_outcome(first)[0].actions + hostile_outcome(second)[0].actions
        runs[f"hostile {len(runs)}"] = (_diagram(actions), actions)

    gather()
    return runs


def odd_runs() -> Runs:
    """Return diagrams of runs whose times are hard to draw."""
    moment = datetime(2026, 3, 29, 1, 30, 0, 250_000, tzinfo=UTC)
    newfoundland = timezone(timedelta(hours=-3, minutes=-30))
    first = replace(ran("a", 0, 1), started=moment, finished=moment)
    others = {
        "odd no length": first,
        "odd end before start": replace(first, finished=moment - timedelta(seconds=9)),
        "odd time zone": replace(first, started=moment.astimezone(newfoundland)),
        "odd year": replace(first, finished=moment + timedelta(days=300)),
    }
    runs = {name: (first, replace(other, name="b")) for name, other in others.items()}
    return {name: (_diagram(actions), actions) for name, actions in runs.items()}


def longest_run() -> tuple[Action, ...]:
    many = (ran(f"marts.{'table_with_a_long_name_' * 4}{n}", n, n) for n in range(5_000))
    return (*many, *failing())


def sibling_runs() -> Runs:
    """Return a diagram of actions with long names in one dataset, as in real projects."""
    names = product(
        ("daily", "weekly"), ("channel", "region"), ("device", "country", "audience_segment")
    )
    actions = tuple(
        ran(f"dataform_prod.int_marketing_campaign_performance_{every}_by_{area}_and_{last}", n, 9)
        for n, (every, area, last) in enumerate(names)
    )
    return {"siblings 1": (_diagram(actions), actions)}


_HEAD = "gantt\n dateFormat YYYY-MM-DD HH:mm:ss\n"
_DAY = "2026-01-01 00:00:00"
_REFUSED = {
    "bad date": f"{_HEAD} a :x, bad, bad",
    "no name": f"{_HEAD} :x, {_DAY}, {_DAY}",
    "lost": f"{_HEAD} section b :x, {_DAY}, {_DAY}",
    "set": f'%%{{init: {{"theme": "dark"}}}}%%\n{_HEAD} a :x, {_DAY}, {_DAY}',
    "linked": f'{_HEAD} a :x, {_DAY}, {_DAY}\n click x href "http://b.example"',
    "long": f"{_HEAD} a :x, {_DAY}, {_DAY}\n" + "%% long\n" * 7_000,
}


@dataclass(frozen=True)
class Answers:
    """All tested diagrams, and what Mermaid found in each."""

    runs: Runs
    found: Mapping[str, Found]

    def check(self, kind: str) -> int:
        """Check the diagrams of a kind, and return their number."""
        names = [name for name in self.runs if name.startswith(f"{kind} ")]
        for name in names:
            check(self.found[name], self.runs[name][1])
        return len(names)


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Run Mermaid once for all texts, since it takes longer to start than to read them."""
    runs = {**golden_runs(), **hostile_runs(), **odd_runs(), **sibling_runs()}
    texts = {name: diagram for name, (diagram, _) in runs.items()}
    texts |= {**_REFUSED, "longest": _diagram(longest_run())}
    return Answers(runs, dict(zip(texts, ask_mermaid(list(texts.values())), strict=True)))


def test_timelines_of_the_summaries(answers: Answers) -> None:
    """Mermaid finds the actions of every golden summary, with their names and times."""
    assert answers.check("golden") >= 3


def test_hostile_names(answers: Answers) -> None:
    """No name breaks a diagram, adds to it, changes its settings or is lost."""
    assert answers.check("hostile") >= 40


def test_odd_times(answers: Answers) -> None:
    """Mermaid draws actions that take no time or months, or end before they start."""
    assert answers.check("odd") == 4


def test_names_of_siblings(answers: Answers) -> None:
    """Mermaid finds a distinct label for each of many long names that start alike."""
    assert answers.check("siblings") == 1


def test_longest_timeline(answers: Answers) -> None:
    """A run of 5,000 actions stays within Mermaid's limit, with its failed and longest actions."""
    found = answers.found["longest"]
    assert not found.error
    assert len(found.tasks) == MOST_TASKS
    tasks = longest_run()
    failed = [action for action in tasks if action.state is ActionState.FAILED]
    longest = max(tasks, key=lambda action: action.seconds or 0)
    spans = {(task.start, task.end) for task in found.tasks}
    assert {span_of(action) for action in (longest, *failed)} <= spans


def test_mermaid_refuses(answers: Answers) -> None:
    """These tests notice texts that Mermaid refuses, loses or follows as a command."""
    found = answers.found
    assert "Invalid date" in found["bad date"].error
    assert "Parse error" in found["no name"].error
    assert found["lost"].tasks == []
    assert found["set"].config == {"theme": "dark"}
    assert found["linked"].links == {"x": "http://b.example/"}
    assert "longer than 50000" in found["long"].error
