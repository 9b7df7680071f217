"""The critical path of a run, and the waiting of its actions for a slot."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from time import process_time

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.model import Action, ActionState
from dataform_action.report.critical_path import START_UP, CriticalPath, find_critical_path
from tests.support.fakes import make_action

_START = datetime(2026, 1, 1, tzinfo=UTC)
_FAILED, _RUNNING, _SUCCEEDED = ActionState.FAILED, ActionState.RUNNING, ActionState.SUCCEEDED
_SKIPPED, _DISABLED = ActionState.SKIPPED, ActionState.DISABLED

#: A project: the seconds and dependencies of each action. Those depend on earlier ones only.
Project = Mapping[str, tuple[int, tuple[str, ...]]]


def _at(seconds: float) -> datetime:
    return _START + timedelta(seconds=seconds)


def _ran(
    name: str, start: float, end: float, *dependencies: str, state: ActionState = _SUCCEEDED
) -> Action:
    return make_action(
        name, state, started=_at(start), finished=_at(end), dependencies=dependencies
    )


def _idle(name: str, *dependencies: str, state: ActionState = _SKIPPED) -> Action:
    return make_action(name, state, dependencies=dependencies)


def _names(path: CriticalPath | None) -> str:
    return "" if path is None else "".join(action.name for action in path.actions)


def run(project: Project, slots: int) -> tuple[Action, ...]:
    """Return the actions of a run in which at most ``slots`` actions run at once.

    A free slot goes to the action that has waited longest.
    """
    queue = [name for name, (_, others) in project.items() if not others]
    queued = set(queue)
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    running: list[tuple[int, str]] = []
    time = 0
    while queue or running:
        while queue and len(running) < slots:
            name = queue.pop(0)
            starts[name] = time
            heapq.heappush(running, (time + project[name][0], name))
        time, name = heapq.heappop(running)
        ends[name] = time
        for other, (_, dependencies) in project.items():
            if other not in queued and ends.keys() >= set(dependencies):
                queue.append(other)
                queued.add(other)
    return tuple(
        _ran(name, starts[name], ends[name], *others) for name, (_, others) in project.items()
    )


@st.composite
def _projects(draw: st.DrawFn) -> Project:
    """Return a small project; durations are longer than a normal start."""
    project: dict[str, tuple[int, tuple[str, ...]]] = {}
    for name in "abcdefghij"[: draw(st.integers(2, 10))]:
        seconds = draw(st.integers(1, 9)) * 10
        others = draw(st.lists(st.sampled_from(sorted(project)), max_size=3)) if project else []
        project[name] = (seconds, tuple(dict.fromkeys(others)))
    return project


def _longest(project: Project) -> int:
    """Return the largest sum of durations on any path."""

    @cache
    def longest_to(name: str) -> int:
        seconds, others = project[name]
        return seconds + max(map(longest_to, others), default=0)

    return max(map(longest_to, project))


def test_waiting_before_the_path_starts() -> None:
    """The path waits 5m 53s for one of 4 slots: 9m 23s of work take 15m 16s."""
    project = {**{f"x{n}": (353, ()) for n in range(4)}, "a": (120, ()), "b": (443, ("a",))}
    assert find_critical_path(run(project, 4)) == CriticalPath(
        actions=(_ran("a", 353, 473), _ran("b", 473, 916, "a")), work=563, span=916, waiting=353
    )


def test_waiting_beside_the_path() -> None:
    """The longest path can end early, while other actions still wait for one of 4 slots.

    a and b run for 10m 33s without a wait. c is ready at 301 and starts at 610, when x and y end:
    z, c and d are 10m 7s of work and end at 15m 16s.
    """
    project = {
        "a": (300, ()),
        "b": (333, ("a",)),
        "z": (301, ()),
        **{f"x{n}": (610, ()) for n in range(2)},
        "y": (309, ("z",)),
        "c": (150, ("z",)),
        "d": (156, ("c",)),
    }
    path = find_critical_path(run(project, 4))
    assert path is not None
    assert (_names(path), path.work) == ("ab", 633)
    assert (path.span, path.waiting) == (916, 283)


def test_waiting_in_the_middle_of_the_path() -> None:
    """With one slot, all time beside the path is waiting."""
    project = {"a": (60, ()), "b": (30, ()), "c": (60, ("a",)), "d": (30, ("b",)), "e": (9, ())}
    assert find_critical_path(run(project, 1)) == CriticalPath(
        actions=(_ran("a", 0, 60), _ran("c", 99, 159, "a")), work=120, span=189, waiting=69
    )


@given(_projects(), st.integers(1, 4))
def test_work_and_waiting_explain_the_whole_run(project: Project, slots: int) -> None:
    """If actions start as soon as a slot is free, the run is the longest path and waiting."""
    actions = run(project, slots)
    path = find_critical_path(actions)
    if not any(others for _, others in project.values()):
        assert path is None
        return
    assert path is not None
    assert path.work == _longest(project)
    assert path.work == sum(action.seconds or 0 for action in path.actions)
    for before, after in zip(path.actions, path.actions[1:], strict=False):
        assert before.name in after.dependencies
    ends = [action.finished for action in actions if action.finished is not None]
    assert path.span == (max(ends) - _START).total_seconds()
    assert path.waiting == path.span - path.work


@given(_projects())
def test_with_enough_slots_nothing_waits(project: Project) -> None:
    """Then the run is as long as its longest path."""
    path = find_critical_path(run(project, len(project)))
    assert path is None or (path.span, path.waiting) == (path.work, 0)


def test_short_waits_are_a_normal_start() -> None:
    """Some seconds before each action are neither work nor waiting."""
    short = START_UP.total_seconds()
    actions = (_ran("x", 0, 99), _ran("a", short, 20), _ran("b", 20 + short, 99.5, "a"))
    path = find_critical_path(actions)
    assert path is not None
    assert (_names(path), path.work, path.span, path.waiting) == ("x", 99, 99.5, 0)


def test_a_wait_counts_only_while_another_action_runs() -> None:
    """While nothing runs, slots are free, so that is no wait for one."""
    chain = (_ran("a", 0, 10), _ran("b", 30, 40, "a"))
    for others, waiting in [((), 0), ((_ran("x", 12, 15),), 3), ((_ran("x", 5, 35),), 20)]:
        path = find_critical_path((*chain, *others))
        assert path is not None
        assert path.waiting == min(waiting, path.span - path.work)


@pytest.mark.parametrize(
    ("last", "names", "work", "waiting"),
    # b starts at 30. After c ends at 28, that is a normal start.
    [(15, "x", 60, 10), (20, "cb", 60, 10), (22, "cb", 62, 8), (28, "cb", 68, 0)],
)
def test_an_action_waits_from_the_end_of_its_last_dependency(
    last: int, names: str, work: int, waiting: int
) -> None:
    """Before that, it could not start. A dependency outside the run makes no difference."""
    actions = (
        *(_ran("x", 0, 60), _ran("a", 0, 10), _ran("c", 0, last)),
        _ran("b", 30, 70, "a", "c", "outside"),
    )
    path = find_critical_path(actions)
    assert path is not None
    assert (_names(path), path.work, path.span, path.waiting) == (names, work, 70, waiting)


def test_a_wait_for_a_dependency_that_ended_later_is_unknown() -> None:
    """These times make no sense, so no wait before them counts."""
    actions = (_ran("x", 0, 25), _ran("a", 20, 40), _ran("b", 30, 60, "a"))
    path = find_critical_path(actions)
    assert path == CriticalPath(actions=(actions[2],), work=30, span=60, waiting=0)


@pytest.mark.parametrize(
    ("between", "waiting"),
    [
        ((), 20),
        ((_idle("m", "a"),), 20),
        ((_idle("m", "a", state=_DISABLED),), 20),
        # They ran, but it is not known when.
        ((_idle("m", "a", state=_SUCCEEDED),), 0),
        ((_idle("m", "n"), _idle("n", "a", state=_FAILED)), 0),
        ((replace(_ran("m", 11, 12, "a"), finished=None),), 0),
        ((replace(_ran("m", 11, 29, "a"), started=None),), 0),
    ],
)
def test_a_wait_counts_only_if_it_is_known(between: tuple[Action, ...], waiting: int) -> None:
    """If the end of a dependency is unknown, so is the start of the wait."""
    dependencies = ("m",) if between else ("a",)
    actions = (_ran("x", 0, 40), _ran("a", 0, 10), _ran("b", 30, 80, *dependencies), *between)
    path = find_critical_path(actions)
    assert path is not None
    assert (_names(path), path.work, path.span, path.waiting) == ("ab", 60, 80, waiting)


@pytest.mark.parametrize(
    ("actions", "names"),
    [
        # The longest path, not the one that ended last.
        ((_ran("a", 0, 50), _ran("b", 50, 90, "a"), _ran("c", 85, 99)), "ab"),
        ((_ran("a", 0, 50), _ran("b", 60, 90), _ran("c", 90, 99, "a", "b")), "ac"),
        ((_ran("a", 0, 99), _ran("b", 0, 50), _ran("c", 50, 90, "b")), "a"),
        # Failed and cancelled actions took time as well.
        ((_ran("a", 0, 9), _ran("b", 9, 99, "a", state=_FAILED), _ran("c", 9, 50, "a")), "ab"),
        ((_ran("a", 0, 9), _ran("b", 9, 99, "a", state=ActionState.CANCELLED)), "ab"),
        # Through actions that did not run, or that are not in the run.
        ((_ran("a", 0, 9), _idle("m", "a"), _idle("n", "m"), _ran("b", 9, 20, "n")), "ab"),
        ((_ran("a", 0, 9), _idle("m", "a", state=_DISABLED), _ran("b", 9, 20, "m")), "ab"),
        ((_ran("a", 0, 9), _idle("m", "a", state=_SUCCEEDED), _ran("b", 9, 20, "m")), "ab"),
        ((_ran("a", 0, 9, "z"), _ran("b", 9, 20, "a", "y")), "ab"),
        # Not through an action that did not wait for its dependency.
        ((_ran("a", 0, 9), _idle("m", "a", state=_DISABLED), _ran("b", 1, 20, "m")), "b"),
        ((_ran("a", 0, 9), _ran("b", 8, 20, "a")), "ab"),
        # Times of an action that never ran mean nothing.
        ((_ran("a", 0, 9), _ran("b", 9, 20, "a"), _ran("c", 20, 99, "b", state=_DISABLED)), "ab"),
        # An end before the start is an end at the start.
        ((_ran("a", 5, 0), _ran("b", 5, 20, "a")), "ab"),
        # Of equal paths, the one that ends last, then the last name.
        ((_ran("a", 0, 9), _ran("b", 1, 10), _ran("c", 0, 1, "z")), "b"),
        ((_ran("a", 0, 9), _ran("b", 0, 9), _ran("c", 9, 10, "b", "a")), "bc"),
        # Cycles, which no valid project has.
        ((_ran("a", 0, 9, "a"), _ran("b", 9, 20, "a")), "ab"),
        ((_ran("a", 0, 9, "b"), _ran("b", 9, 20, "a")), "ab"),
        ((_ran("b", 0, 9, "a"), _ran("a", 9, 20, "b")), "ba"),
        ((_ran("a", 0, 0, "b"), _ran("b", 0, 0, "a")), "ab"),
        (
            (_ran("a", 0, 9), _idle("m", "n", "a"), _idle("n", "m"), _ran("b", 9, 20, "n", "a")),
            "ab",
        ),
    ],
)
def test_the_path_is_the_longest_through_dependencies(
    actions: tuple[Action, ...], names: str
) -> None:
    """Durations count, whatever the state is, and whatever did not run in between."""
    path = find_critical_path(actions)
    assert _names(path) == names
    assert path is not None
    assert path.work == sum(action.seconds or 0 for action in path.actions)
    assert find_critical_path(actions[::-1]) == path


@pytest.mark.parametrize(
    "actions",
    [
        (),
        (_ran("a", 0, 9, "z"),),
        (_ran("a", 0, 9), _idle("b", "a")),
        (_ran("a", 0, 9), make_action("b", started=_START, dependencies=("a",))),
        (_ran("a", 0, 9), make_action("b", finished=_at(9), dependencies=("a",))),
        # Without any dependency, nothing tells how actions wait for each other.
        (_ran("a", 0, 9), _ran("b", 9, 20)),
    ],
)
def test_there_may_be_no_critical_path(actions: tuple[Action, ...]) -> None:
    """It takes a known dependency, and two actions whose times are known."""
    assert find_critical_path(actions) is None


def test_running_actions_count_up_to_the_last_known_time() -> None:
    """At a timeout of the step, the path leads to a running action, and has no waiting."""
    running = replace(_ran("b", 30, 30, "a", state=_RUNNING), finished=None)
    actions = (_ran("0", 0, 45), _ran("a", 0, 20), running)
    path = find_critical_path(actions)
    assert path == CriticalPath(
        actions=(_ran("a", 0, 20), running), work=35, span=45, waiting=0, ended=False
    )
    other = replace(_ran("c", 5, 5, state=_RUNNING), finished=None)
    path = find_critical_path((*actions, other))
    assert path == CriticalPath(actions=(other,), work=40, span=45, waiting=0, ended=False)


def test_a_running_action_may_have_no_start() -> None:
    """Then the path is that of the others, but it is not complete."""
    actions = (_ran("a", 0, 20), _ran("b", 30, 40, "a"), _idle("c", "b", state=_RUNNING))
    path = find_critical_path((*actions, _ran("x", 0, 40)))
    assert path is not None
    assert (_names(path), path.waiting, path.ended) == ("x", 0, False)


def test_clocks_may_differ_a_little() -> None:
    """If a dependency seems to end after the start of its dependent, the path may be longer."""
    actions = (_ran("a", 0, 10.5), _ran("b", 10, 20, "a"))
    path = find_critical_path(actions)
    assert path == CriticalPath(actions=actions, work=20.5, span=20.5, waiting=0)


def test_time_zones_make_no_difference() -> None:
    """Times are compared as moments."""
    east = timezone(timedelta(hours=9))
    actions = (_ran("a", 0, 10), _ran("b", 10, 20, "a"))
    moved = tuple(
        replace(action, started=action.started and action.started.astimezone(east))
        for action in actions
    )
    path = find_critical_path(moved)
    assert path == CriticalPath(actions=moved, work=20, span=20, waiting=0)


_TIMES = st.none() | st.sampled_from(
    [
        *map(_at, range(0, 40, 4)),
        datetime.min.replace(tzinfo=timezone.max),
        datetime.max.replace(tzinfo=timezone.min),
    ]
)
_ACTIONS = st.lists(
    st.builds(
        make_action,
        st.sampled_from("abcdef"),
        st.sampled_from(ActionState),
        started=_TIMES,
        finished=_TIMES,
        dependencies=st.lists(st.sampled_from("abcdefg"), max_size=3).map(tuple),
    ),
    max_size=8,
).map(tuple)


@given(_ACTIONS)
@example((_ran("a", 0, 9), _ran("b", 9, 20, "a"), _idle("a", "b")))
def test_nonsense_is_read_as_well(actions: tuple[Action, ...]) -> None:
    """Whatever the times, states and dependencies are, the parts are not more than the whole."""
    path = find_critical_path(actions)
    if path is not None:
        names = [action.name for action in path.actions]
        assert len(set(names)) == len(names) >= 1
        assert 0 <= path.waiting <= path.span - path.work
        assert path.work >= 0


def _large(kind: str) -> tuple[Action, ...]:
    if kind == "chain":
        return tuple(
            _ran(f"{n:04}", n, n + 1, *(f"{before:04}" for before in range(max(0, n - 10), n)))
            for n in range(5000)
        )
    hub = _idle("hub", *(f"a{n}" for n in range(2499)), state=_DISABLED)
    before = (_ran(f"a{n}", 0, 10 + n / 1000) for n in range(2499))
    return (*before, hub, *(_ran(f"b{n}", 20 + n, 40 + n, "hub") for n in range(2500)))


@pytest.mark.parametrize(("kind", "length", "work"), [("chain", 5000, 5000), ("hub", 2, 32.498)])
def test_a_large_run_takes_no_time(kind: str, length: int, work: float) -> None:
    """5,000 actions are well under a second, whatever way they depend on each other."""
    actions = _large(kind)
    before = process_time()
    path = find_critical_path(actions)
    assert process_time() - before < 1
    assert path is not None
    assert len(path.actions) == length
    assert path.work == pytest.approx(work)
