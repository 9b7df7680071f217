"""Finding the actions that people name in part."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, strategies as st

from dataform_action.model import CompiledAction
from dataform_action.services.google.names import match_names, reachable, tag_problems


def actions_called(names: Iterable[str]) -> list[CompiledAction]:
    """Return an action for each full name."""
    return [CompiledAction(name=name, canonical_name=name) for name in names]


def complete_names(wanted: Iterable[str], compiled: Iterable[str]) -> list[str]:
    """Return the names that are found, where all of them are."""
    found, problems = match_names(wanted, actions_called(compiled))
    assert problems == []
    return found


COMPILED = (
    "my-project.sales.orders",
    "my-project.sales.order_items",
    "my-project.raw.orders",
    "example.com:p.sales.customers",
)


@pytest.mark.parametrize(
    ("wanted", "full"),
    [
        ("my-project.sales.orders", "my-project.sales.orders"),
        ("sales.orders", "my-project.sales.orders"),
        ("raw.orders", "my-project.raw.orders"),
        ("order_items", "my-project.sales.order_items"),
        ("customers", "example.com:p.sales.customers"),
        ("sales.customers", "example.com:p.sales.customers"),
        ("example.com:p.sales.customers", "example.com:p.sales.customers"),
    ],
)
def test_names_are_completed(wanted: str, full: str) -> None:
    """A name is an action's own, with its dataset, or in full."""
    assert complete_names([wanted], COMPILED) == [full]


def test_names_keep_their_order_and_come_once() -> None:
    """Names are completed in the order in which they are given, each action once."""
    wanted = ("raw.orders", "customers", "my-project.raw.orders", "order_items")
    assert complete_names(wanted, COMPILED) == [COMPILED[2], COMPILED[3], COMPILED[1]]


def test_full_name_is_never_ambiguous() -> None:
    """An action's full name means that one, even where it is the end of another's."""
    compiled = ("sales.orders", "my-project.sales.orders")
    assert complete_names(["sales.orders"], compiled) == ["sales.orders"]


def test_action_that_is_compiled_twice_is_one() -> None:
    """A name that the compilation repeats is not ambiguous."""
    assert complete_names(["orders"], ["p.s.orders", "p.s.orders"]) == ["p.s.orders"]


def test_nothing_wanted() -> None:
    """Without names there are none."""
    assert complete_names([], COMPILED) == []


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (
            "orders",
            "'orders' fits several actions: write one of "
            "my-project.raw.orders, my-project.sales.orders",
        ),
        (
            "order",
            "'order' is not in the compilation. Did you mean orders or order_items?",
        ),
        (
            "sale.orders",
            "'sale.orders' is not in the compilation. "
            "Did you mean sales.orders or sales.order_items or raw.orders?",
        ),
        (
            "my-project.sales.order",
            "'my-project.sales.order' is not in the compilation. Did you mean "
            "my-project.sales.orders or my-project.sales.order_items or my-project.raw.orders?",
        ),
        (
            "customer",
            "'customer' is not in the compilation. Did you mean customers?",
        ),
        ("q", "'q' is not in the compilation, and no name there is like it"),
        ("", "'' is not in the compilation, and no name there is like it"),
        ("a\nb", r"'a\nb' is not in the compilation, and no name there is like it"),
    ],
)
def test_name_that_fits_no_one(wanted: str, problem: str) -> None:
    """A name that fits none or several tells the nearest."""
    assert match_names([wanted], actions_called(COMPILED)) == ([], [("actions", problem)])


SUFFIXED = [
    CompiledAction(name="p.sales_pr_7.orders", canonical_name="p.sales.orders"),
    CompiledAction(name="p.raw_pr_7.orders", canonical_name="p.raw.orders"),
    CompiledAction(name="p.sales_pr_7.x_items", canonical_name="p.sales.items"),
]


@pytest.mark.parametrize(
    ("wanted", "full"),
    [
        ("sales.orders", "p.sales_pr_7.orders"),
        ("sales_pr_7.orders", "p.sales_pr_7.orders"),
        ("p.raw.orders", "p.raw_pr_7.orders"),
        ("items", "p.sales_pr_7.x_items"),
        ("x_items", "p.sales_pr_7.x_items"),
    ],
)
def test_names_as_the_project_writes_them(wanted: str, full: str) -> None:
    """With a suffix or a prefix, a name fits with it and without it."""
    assert match_names([wanted], SUFFIXED) == ([full], [])


def test_a_name_that_fits_twice_means_the_compiled_one() -> None:
    """The name of one action may be the name without a suffix of another."""
    compiled = [
        CompiledAction(name="p.s_dev.a", canonical_name="p.s.a"),
        CompiledAction(name="p.s_dev_dev.a", canonical_name="p.s_dev.a"),
    ]
    assert match_names(["s_dev.a"], compiled) == (["p.s_dev.a"], [])


def test_a_name_without_its_suffix_may_be_ambiguous() -> None:
    """The compiled names tell the actions apart."""
    _, [(_, problem)] = match_names(["orders"], SUFFIXED)
    assert problem.endswith("write one of p.raw_pr_7.orders, p.sales_pr_7.orders")


def test_reachable_names() -> None:
    """Names are found at any distance, and a circle ends."""
    edges = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["e"]}
    assert reachable(["a"], edges) == {"a", "b", "c"}
    assert reachable(["c", "d"], edges) == {"a", "b", "c", "d", "e"}
    assert reachable([], edges) == set()


def test_long_lists_are_cut() -> None:
    """Of many that fit, three are told, and how many more there are."""
    _, problems = match_names(["x"], actions_called(f"p.s{number}.x" for number in range(5)))
    assert problems == [
        ("actions", "'x' fits several actions: write one of p.s0.x, p.s1.x, p.s2.x and 2 more")
    ]


def test_every_problem_at_once() -> None:
    """Every name that does not fit is told, also beside one that does."""
    found, problems = match_names(["customers", "orders", "q"], actions_called(COMPILED))
    assert found == [COMPILED[3]]
    assert [name for name, _ in problems] == ["actions", "actions"]


NAMES = st.lists(
    st.lists(st.sampled_from("abc"), min_size=3, max_size=3, unique=True).map(".".join), max_size=6
)


@given(NAMES, st.lists(st.sampled_from(("a", "b", "a.b", "b.c", "a.b.c", "c.b.a")), max_size=3))
def test_what_is_found_was_compiled(compiled: list[str], wanted: list[str]) -> None:
    """Whatever is found was compiled, ends in what was wanted, and is the only one."""
    found, problems = match_names(wanted, actions_called(compiled))
    if problems:
        return
    for full in found:
        assert full in compiled
        assert any(f".{full}".endswith(f".{name}") for name in wanted)
    for name in wanted:
        assert len({full for full in compiled if f".{full}".endswith(f".{name}")}) == 1


TAGGED = [
    CompiledAction(name="p.s.a", tags=("daily", "Finance")),
    CompiledAction(name="p.s.b", tags=("daily_late",)),
    CompiledAction(name="p.s.c"),
]


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("dialy", "'dialy' is on no action of the compilation. Did you mean daily or daily_late?"),
        ("finance", "'finance' is on no action of the compilation. Did you mean Finance?"),
        ("zzz", "'zzz' is on no action of the compilation, and no name there is like it"),
    ],
)
def test_tag_that_no_action_has(wanted: str, problem: str) -> None:
    """A tag that no action has tells the nearest, in any case."""
    assert tag_problems([wanted, "daily"], TAGGED) == [("tags", problem)]


def test_tags_that_actions_have() -> None:
    """Tags that some action has are no problem, and neither are none."""
    assert tag_problems(["daily", "Finance", "daily_late"], TAGGED) == []
    assert tag_problems([], TAGGED) == []
    assert tag_problems([], []) == []
