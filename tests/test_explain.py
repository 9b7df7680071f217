"""What became of a run's actions, and why."""

from __future__ import annotations

import pytest

from dataform_action.actions import Action, ActionState
from dataform_action.explain import count_words, failed_actions, held_up_by
from tests.fakes import make_action


def _skipped(name: str, *dependencies: str) -> Action:
    return make_action(name, ActionState.SKIPPED, dependencies=dependencies)


def _failed(name: str, *dependencies: str) -> Action:
    return make_action(name, ActionState.FAILED, dependencies=dependencies)


def test_failed_actions_come_by_name() -> None:
    """Only those that failed count, in an order that does not depend on the service."""
    actions = (_failed("d.b"), make_action("d.c"), _skipped("d.d"), _failed("d.a"))
    assert failed_actions(actions) == [_failed("d.a"), _failed("d.b")]
    assert failed_actions(()) == []


@pytest.mark.parametrize(
    ("actions", "held_up"),
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
def test_what_an_action_holds_up(actions: tuple[Action, ...], held_up: list[str]) -> None:
    """What was skipped for its sake, through any number of skipped actions, each named once."""
    assert held_up_by("a", actions) == held_up


def test_a_long_chain_is_followed_to_its_end() -> None:
    """5,000 actions in a row are no problem."""
    chain = tuple(_skipped(f"{n:04}", f"{n - 1:04}") for n in range(1, 5000))
    assert len(held_up_by("0000", (_failed("0000"), *chain))) == 4999


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
