"""What became of a run's actions, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import (
    analyse,
    find_blocked,
    find_critical_path,
    renamed,
)
from tests.support.fakes import make_action

_START = datetime(2026, 1, 1, tzinfo=UTC)
_NAMES = "abcdefg"
#: Small runs of any shape, circles and unknown names among them.
_RUNS = st.dictionaries(
    st.sampled_from(_NAMES),
    st.builds(
        lambda state, end, dependencies: {
            "state": state,
            "started": _START,
            "finished": None if end is None else _START + timedelta(seconds=end),
            "dependencies": tuple(dependencies),
        },
        st.sampled_from(ActionState),
        st.none() | st.integers(0, 4),
        st.lists(st.sampled_from(_NAMES), max_size=3),
    ),
).map(lambda actions: tuple(Action(name=name, **more) for name, more in actions.items()))


def _skipped(name: str, *dependencies: str) -> Action:
    return make_action(name, ActionState.SKIPPED, dependencies=dependencies)


def _ran(
    name: str, end: float, *dependencies: str, state: ActionState = ActionState.SUCCEEDED
) -> Action:
    finished = _START + timedelta(seconds=end)
    return make_action(name, state, started=_START, finished=finished, dependencies=dependencies)


def _failed(name: str, *dependencies: str) -> Action:
    return make_action(name, ActionState.FAILED, dependencies=dependencies)


def test_failed_actions_come_by_weight() -> None:
    """Those that blocked the most come first, then the others by name."""
    actions = (_failed("d.b"), make_action("d.c"), _skipped("d.d", "d.z"), _failed("d.a"))
    assert analyse(actions).failed == (_failed("d.a"), _failed("d.b"))
    assert analyse((*actions, _failed("d.z"))).failed[0] == _failed("d.z")
    assert analyse(()).failed == ()


def test_the_slowest_come_first_after_those_that_failed() -> None:
    """What did not run comes last, what went wrong before the rest, each by name."""
    actions = (
        *(make_action(name, ActionState.DISABLED) for name in ("d.z", "d.y")),
        make_action("d.x", ActionState.CANCELLED),
        _ran("d.a", 1),
        _ran("d.b", 2),
        _failed("d.c"),
        _ran("d.d", 1, state=ActionState.FAILED),
    )
    names = [action.name for action in analyse(actions).slowest_first]
    assert names == ["d.d", "d.c", "d.b", "d.a", "d.x", "d.y", "d.z"]


def test_states_are_counted_with_what_went_wrong_first() -> None:
    """States that no action is in are left out."""
    actions = (make_action("d.a"), _failed("d.b"), make_action("d.c"), _skipped("d.d"))
    assert list(analyse(actions).counts.items()) == [
        (ActionState.FAILED, 1),
        (ActionState.SKIPPED, 1),
        (ActionState.SUCCEEDED, 2),
    ]


def test_without_dependencies_there_is_no_critical_path() -> None:
    """The action that finished last alone says nothing of why."""
    assert analyse((_ran("a", 1), _ran("b", 2))).critical_path == ()
    actions = (_ran("a", 1), _ran("b", 2, "a"))
    assert analyse(actions).critical_path == actions


def test_other_names_are_other_names_everywhere() -> None:
    """An analysis with other names is that of actions that have them, in their order."""
    actions = (
        _failed("p.d.c"),
        _failed("p.d.b"),
        _failed("o.d.a"),
        _skipped("p.d.e", "p.d.c", "o.d.a"),
        _skipped("o.d.f", "p.d.c"),
        _ran("o.d.g", 1),
        _ran("p.d.h", 2, "o.d.g"),
    )

    def short(name: str) -> str:
        return name.removeprefix("p.")

    shortened = tuple(
        replace(
            action,
            name=short(action.name),
            dependencies=tuple(map(short, action.dependencies)),
        )
        for action in actions
    )
    found, meant = renamed(analyse(actions), short), analyse(shortened)
    assert [action.name for action in found.failed] == ["d.c", "o.d.a", "d.b"]
    assert found.blocked == {"d.b": (), "d.c": ("d.e", "o.d.f"), "o.d.a": ("d.e",)}
    assert list(found.blocked) == list(meant.blocked)
    assert found.blockers == meant.blockers == {"d.e": ("d.c", "o.d.a"), "o.d.f": ("d.c",)}
    assert found.counts == meant.counts
    for own, other in (
        (found.actions, meant.actions),
        (found.slowest_first, meant.slowest_first),
        (found.failed, meant.failed),
        (found.critical_path, meant.critical_path),
    ):
        assert [action.name for action in own] == [action.name for action in other]


@pytest.mark.parametrize(
    ("actions", "names"),
    [
        ((_failed("a"),), []),
        ((_failed("a"), _skipped("c", "a"), _skipped("b", "a")), ["b", "c"]),
        ((_failed("a"), _skipped("b", "a"), _skipped("c", "b")), ["b", "c"]),
        ((_failed("a"), _skipped("b"), _skipped("c", "x")), []),
        ((_failed("a"), make_action("b", dependencies=("a",)), _skipped("c", "b")), []),
        ((_failed("a"), _failed("b", "a"), _skipped("c", "b")), []),
        (
            (_failed("a"), _skipped("b", "a", "x"), _skipped("c", "a", "b"), _skipped("d", "b")),
            ["b", "c", "d"],
        ),
        ((_failed("a"), _skipped("b", "a", "c"), _skipped("c", "b")), ["b", "c"]),
    ],
)
def test_what_an_action_blocks(actions: tuple[Action, ...], names: list[str]) -> None:
    """What was skipped for its sake, through any number of skipped actions, each named once."""
    assert find_blocked(actions)["a"] == tuple(names)


def test_each_failed_action_has_what_it_blocks() -> None:
    """An action that waits for two is blocked by both, and only failed actions have an entry."""
    actions = (
        _skipped("c", "a", "b"),
        _failed("b"),
        _failed("a"),
        _skipped("d", "a"),
        _ran("e", 1),
    )
    analysis = analyse(actions)
    assert analysis.blocked == {"a": ("c", "d"), "b": ("c",)}
    assert analysis.blockers == {"c": ("a", "b"), "d": ("a",)}
    assert analyse(()).blocked == analyse(()).blockers == {}


@given(_RUNS)
def test_what_is_blocked_is_found_step_by_step(actions: tuple[Action, ...]) -> None:
    """A skipped action is blocked by what it depends on, and by what that is blocked by."""
    found = find_blocked(actions)
    skipped = {action.name: action for action in actions if action.state is ActionState.SKIPPED}
    for cause, names in found.items():
        expected: set[str] = set()
        for _ in skipped:
            expected |= {
                name
                for name, action in skipped.items()
                if {cause, *expected} & set(action.dependencies)
            }
        assert names == tuple(sorted(expected))


def test_a_long_chain_is_followed_to_its_end() -> None:
    """5,000 actions in a row are no problem."""
    chain = tuple(_skipped(f"{n:04}", f"{n - 1:04}") for n in range(1, 5000))
    assert len(find_blocked((_failed("0000"), *chain))["0000"]) == 4999


def test_a_circle_costs_no_more_than_some_rounds() -> None:
    """With a circle beside it, a long chain is followed for a while, and not for minutes."""
    chain = tuple(_skipped(f"{n:04}", *[f"{n + 1:04}"] * 50) for n in range(2000))
    circle = (_skipped("x", "y"), _skipped("y", "x"))
    names = find_blocked((*chain, *circle, _failed("2000")))["2000"]
    assert 10 < len(names) < 100
    assert names[-1] == "1999"


@pytest.mark.parametrize(
    ("actions", "names"),
    [
        ((), ""),
        ((make_action("a"),), ""),
        ((make_action("a", started=_START),), ""),
        ((_ran("a", 1),), "a"),
        ((_ran("a", 1), _ran("b", 2), _ran("c", 3, "a", "b")), "bc"),
        ((_ran("a", 1), _ran("b", 2, "a"), _ran("c", 5), _ran("d", 4, "b")), "c"),
        # Not by way of what ran itself.
        ((_ran("a", 3), _ran("b", 2, "a"), _ran("c", 4, "b")), "abc"),
        # By way of what did not run, or is not known.
        ((_ran("a", 1), make_action("b", dependencies=("a",)), _ran("c", 2, "b", "x")), "ac"),
        ((_ran("a", 1), _skipped("b", "a"), _skipped("c", "b"), _ran("d", 2, "c")), "ad"),
        ((_ran("a", 3, state=ActionState.DISABLED), _ran("b", 2)), "b"),
        ((_ran("a", 3, state=ActionState.FAILED), _ran("b", 2)), "a"),
        # At the same moment, the name decides.
        ((_ran("a", 1), _ran("b", 1), _ran("c", 2, "b", "a"), _ran("d", 2)), "d"),
        ((_ran("a", 1), _ran("b", 1), _ran("c", 2, "b", "a")), "bc"),
        # Circles, which no real project has.
        ((_ran("a", 1, "a"),), "a"),
        ((_ran("a", 1, "b"), _ran("b", 2, "a")), "ab"),
        ((_ran("a", 1), _skipped("b", "c", "a"), _skipped("c", "b"), _ran("d", 2, "c")), "ad"),
    ],
)
def test_what_a_runs_length_came_from(actions: tuple[Action, ...], names: str) -> None:
    """The path goes back from the last end, each time to the last end that was waited for."""
    assert "".join(action.name for action in find_critical_path(actions)) == names
    assert "".join(action.name for action in find_critical_path(actions[::-1])) == names


@given(_RUNS)
def test_a_critical_path_is_found_step_by_step(actions: tuple[Action, ...]) -> None:
    """The path is the one that looking at every dependency of every action leads to."""
    known = {action.name: action for action in actions}
    idle = (ActionState.SKIPPED, ActionState.DISABLED)

    def ran(name: str) -> bool:
        return known[name].seconds is not None and known[name].state not in idle

    def end(name: str) -> tuple[datetime | None, str]:
        return known[name].finished, name

    def waited_for(name: str) -> set[str]:
        names = set(known[name].dependencies) & set(known)
        for _ in known:
            through = [known[other].dependencies for other in names if not ran(other)]
            names = names.union(*through) & set(known)
        return {other for other in names if ran(other)}

    expected: list[str] = []
    candidates = {name for name in known if ran(name)}
    while candidates:
        name = max(candidates, key=end)
        if name in expected:
            break
        expected.append(name)
        candidates = waited_for(name)
    assert [action.name for action in find_critical_path(actions)] == expected[::-1]


def test_a_large_run_is_explained_at_once() -> None:
    """The critical path through 5,000 actions in a row is no problem."""
    chain = tuple(
        _ran(f"{n:04}", n, *(f"{before:04}" for before in range(max(0, n - 10), n)))
        for n in range(5000)
    )
    assert find_critical_path(chain) == chain
