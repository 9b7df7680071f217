"""The analysis of a run's actions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from dataform_action.model import Action, ActionState
from dataform_action.report.analysis import analyse, find_blocked, renamed
from dataform_action.report.critical_path import find_critical_path
from tests.support.fakes import make_action

_START = datetime(2026, 1, 1, tzinfo=UTC)
_NAMES = "abcdefg"
#: Small runs of any shape, also with cycles and unknown names.
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


def test_failed_actions_that_blocked_most_come_first() -> None:
    """Those that blocked equally many are sorted by name."""
    actions = (_failed("d.b"), make_action("d.c"), _skipped("d.d", "d.z"), _failed("d.a"))
    assert analyse(actions).failed == (_failed("d.a"), _failed("d.b"))
    assert analyse((*actions, _failed("d.z"))).failed[0] == _failed("d.z")
    assert analyse(()).failed == ()


def test_the_slowest_come_first_after_the_failed_ones() -> None:
    """Actions that did not run come last, problems first, each state by name."""
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


def test_states_are_counted_with_problems_first() -> None:
    """States without actions are left out."""
    actions = (make_action("d.a"), _failed("d.b"), make_action("d.c"), _skipped("d.d"))
    assert list(analyse(actions).counts.items()) == [
        (ActionState.FAILED, 1),
        (ActionState.SKIPPED, 1),
        (ActionState.SUCCEEDED, 2),
    ]


def test_an_analysis_has_the_critical_path() -> None:
    """It is found once, for all renderers."""
    actions = (_ran("a", 0), _ran("b", 2, "a"))
    path = analyse(actions).critical_path
    assert path is not None
    assert path == find_critical_path(actions)
    assert path.actions == actions
    assert analyse((_ran("a", 1), _ran("b", 2))).critical_path is None


def test_names_are_replaced_everywhere() -> None:
    """The result is equal to the analysis of actions that have the other names."""
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
    ):
        assert [action.name for action in own] == [action.name for action in other]
    assert found.critical_path is not None
    assert meant.critical_path is not None
    assert [action.name for action in found.critical_path.actions] == ["o.d.g", "d.h"]
    assert [action.name for action in meant.critical_path.actions] == ["o.d.g", "d.h"]
    assert replace(found.critical_path, actions=()) == replace(meant.critical_path, actions=())


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
def test_a_failed_action_blocks_skipped_ones(actions: tuple[Action, ...], names: list[str]) -> None:
    """These depend on it, directly or through other skipped actions. Each is named once."""
    assert find_blocked(actions)[0]["a"] == tuple(names)


def test_only_failed_actions_block() -> None:
    """An action that depends on two failed ones is blocked by both."""
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
def test_blocked_actions_are_those_of_a_simple_search(actions: tuple[Action, ...]) -> None:
    """A skipped action is blocked by its dependencies, and by what blocks them."""
    found, _ = find_blocked(actions)
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


def test_many_failures_that_block_the_same_share_their_lists() -> None:
    """Half of 5,000 actions may block the other half: that is one list, not millions of names."""
    failed = [_failed(f"p.f{n:04}") for n in range(2500)]
    hub = _skipped("p.hub", *(action.name for action in failed))
    others = [_skipped(f"p.s{n:04}", "p.hub") for n in range(2499)]
    analysis = analyse((*failed, hub, *others))
    for shown in (analysis, renamed(analysis, lambda name: name.removeprefix("p."))):
        assert len({id(names) for names in shown.blocked.values()}) == 1
        assert len({id(names) for names in shown.blockers.values()}) == 1
        assert {len(names) for names in shown.blocked.values()} == {2500}
        assert {len(names) for names in shown.blockers.values()} == {2500}


def test_a_long_chain_is_followed_to_its_end() -> None:
    """5,000 actions in a row are no problem."""
    chain = tuple(_skipped(f"{n:04}", f"{n - 1:04}") for n in range(1, 5000))
    assert len(find_blocked((_failed("0000"), *chain))[0]["0000"]) == 4999


def test_a_cycle_costs_a_few_rounds_only() -> None:
    """If there is a cycle, the search in a long chain ends early, not after minutes."""
    chain = tuple(_skipped(f"{n:04}", *[f"{n + 1:04}"] * 50) for n in range(2000))
    cycle = (_skipped("x", "y"), _skipped("y", "x"))
    names = find_blocked((*chain, *cycle, _failed("2000")))[0]["2000"]
    assert 10 < len(names) < 100
    assert names[-1] == "1999"
