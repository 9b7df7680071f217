"""What became of a run's actions, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import count_words, critical_path, failed_actions, held_up
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


def test_failed_actions_come_by_name() -> None:
    """Only those that failed count, in an order that does not depend on the service."""
    actions = (_failed("d.b"), make_action("d.c"), _skipped("d.d"), _failed("d.a"))
    assert failed_actions(actions) == [_failed("d.a"), _failed("d.b")]
    assert failed_actions(()) == []


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
def test_what_an_action_holds_up(actions: tuple[Action, ...], names: list[str]) -> None:
    """What was skipped for its sake, through any number of skipped actions, each named once."""
    assert held_up(actions)["a"] == names


def test_each_failed_action_has_what_it_holds_up() -> None:
    """An action that waits for two is held up by both, and only failed actions have an entry."""
    actions = (
        _skipped("c", "a", "b"),
        _failed("b"),
        _failed("a"),
        _skipped("d", "a"),
        _ran("e", 1),
    )
    assert held_up(actions) == {"a": ["c", "d"], "b": ["c"]}
    assert held_up(()) == {}


@given(_RUNS)
def test_who_is_held_up_is_found_step_by_step(actions: tuple[Action, ...]) -> None:
    """A skipped action is held up by what it depends on, and by what that is held up by."""
    found = held_up(actions)
    skipped = {action.name: action for action in actions if action.state is ActionState.SKIPPED}
    for cause, names in found.items():
        expected: set[str] = set()
        for _ in skipped:
            expected |= {
                name
                for name, action in skipped.items()
                if {cause, *expected} & set(action.dependencies)
            }
        assert names == sorted(expected)


def test_a_long_chain_is_followed_to_its_end() -> None:
    """5,000 actions in a row are no problem."""
    chain = tuple(_skipped(f"{n:04}", f"{n - 1:04}") for n in range(1, 5000))
    assert len(held_up((_failed("0000"), *chain))["0000"]) == 4999


def test_a_circle_costs_no_more_than_some_rounds() -> None:
    """With a circle beside it, a long chain is followed for a while, and not for minutes."""
    chain = tuple(_skipped(f"{n:04}", *[f"{n + 1:04}"] * 50) for n in range(2000))
    circle = (_skipped("x", "y"), _skipped("y", "x"))
    names = held_up((*chain, *circle, _failed("2000")))["2000"]
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
    assert "".join(action.name for action in critical_path(actions)) == names
    assert "".join(action.name for action in critical_path(actions[::-1])) == names


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
    assert [action.name for action in critical_path(actions)] == expected[::-1]


def test_a_large_run_is_explained_at_once() -> None:
    """The critical path through 5,000 actions in a row is no problem."""
    chain = tuple(
        _ran(f"{n:04}", n, *(f"{before:04}" for before in range(max(0, n - 10), n)))
        for n in range(5000)
    )
    assert critical_path(chain) == chain


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], ""),
        ([ActionState.PENDING, ActionState.RUNNING], ""),
        ([ActionState.SUCCEEDED], "Of 1 action, 1 succeeded."),
        (
            [
                *[ActionState.SUCCEEDED] * 3,
                *[ActionState.FAILED] * 2,
                ActionState.SKIPPED,
                ActionState.CANCELLED,
                ActionState.DISABLED,
            ],
            "Of 8 actions, 2 failed, 1 was skipped, 1 was cancelled, 3 succeeded, 1 was disabled.",
        ),
    ],
)
def test_actions_are_counted_by_what_became_of_them(states: list[ActionState], words: str) -> None:
    """What matters most comes first, and what there is none of is left out."""
    assert count_words(tuple(make_action("d.a", state) for state in states)) == words
