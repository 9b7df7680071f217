"""Finding actions and tags by name."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, strategies as st

from dataform_action.model import CompiledAction
from dataform_action.services.google.selection.names import match_names, reachable, tag_problems


def actions_named(names: Iterable[str]) -> list[CompiledAction]:
    """Return an action for each full name."""
    return [CompiledAction(name=name, canonical_name=name) for name in names]


def complete_names(requested: Iterable[str], compiled: Iterable[str]) -> list[str]:
    """Return the names that are found; all must be found."""
    found, problems = match_names(requested, actions_named(compiled))
    assert problems == []
    return found


COMPILED = (
    "my-project.sales.orders",
    "my-project.sales.order_items",
    "my-project.raw.orders",
    "example.com:p.sales.customers",
)


@pytest.mark.parametrize(
    ("requested", "full"),
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
def test_names_are_completed(requested: str, full: str) -> None:
    """A name may be that of an action, with its dataset, or in full."""
    assert complete_names([requested], COMPILED) == [full]


def test_names_keep_their_order_without_duplicates() -> None:
    """Names are completed in their order, and each action occurs once."""
    requested = ("raw.orders", "customers", "my-project.raw.orders", "order_items")
    assert complete_names(requested, COMPILED) == [COMPILED[2], COMPILED[3], COMPILED[1]]


def test_full_name_is_never_ambiguous() -> None:
    """A full name is that action, even if it is the end of another full name."""
    compiled = ("sales.orders", "my-project.sales.orders")
    assert complete_names(["sales.orders"], compiled) == ["sales.orders"]


def test_action_that_is_compiled_twice_is_not_ambiguous() -> None:
    """A name that the compilation repeats is not ambiguous."""
    assert complete_names(["orders"], ["p.s.orders", "p.s.orders"]) == ["p.s.orders"]


def test_no_names() -> None:
    """Without names, nothing is found."""
    assert complete_names([], COMPILED) == []


@pytest.mark.parametrize(
    ("requested", "problem"),
    [
        (
            "orders",
            "'orders' matches several actions: use one of "
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
        ("q", "'q' is not in the compilation, and no name is similar"),
        ("", "'' is not in the compilation, and no name is similar"),
        ("a\nb", r"'a\nb' is not in the compilation, and no name is similar"),
    ],
)
def test_name_without_a_single_match(requested: str, problem: str) -> None:
    """A name with no match or several matches has suggestions."""
    assert match_names([requested], actions_named(COMPILED)) == ([], [("actions", problem)])


SUFFIXED = [
    CompiledAction(name="p.sales_pr_7.orders", canonical_name="p.sales.orders"),
    CompiledAction(name="p.raw_pr_7.orders", canonical_name="p.raw.orders"),
    CompiledAction(name="p.sales_pr_7.x_items", canonical_name="p.sales.items"),
]


@pytest.mark.parametrize(
    ("requested", "full"),
    [
        ("sales.orders", "p.sales_pr_7.orders"),
        ("sales_pr_7.orders", "p.sales_pr_7.orders"),
        ("p.raw.orders", "p.raw_pr_7.orders"),
        ("items", "p.sales_pr_7.x_items"),
        ("x_items", "p.sales_pr_7.x_items"),
    ],
)
def test_names_with_and_without_suffix_and_prefix(requested: str, full: str) -> None:
    """A name matches with and without suffix or prefix."""
    assert match_names([requested], SUFFIXED) == ([full], [])


def test_a_compiled_name_may_be_the_name_of_another_action() -> None:
    """A name that two actions have, with and without the suffix, is refused unless it is full."""
    compiled = [
        CompiledAction(name="p.s_dev.a", canonical_name="p.s.a"),
        CompiledAction(name="p.s_dev_dev.a", canonical_name="p.s_dev.a"),
    ]
    problem = "'s_dev.a' matches several actions: use one of p.s_dev.a, p.s_dev_dev.a"
    assert match_names(["s_dev.a"], compiled) == ([], [("actions", problem)])
    assert match_names(["p.s_dev.a", "p.s_dev_dev.a"], compiled)[1] == []


def test_many_unknown_names() -> None:
    """Only the first names have suggestions, because the search takes long."""
    requested = [f"order{number}" for number in range(12)]
    for name, problems in (
        ("actions", match_names(requested, actions_named(COMPILED))[1]),
        ("tags", tag_problems(requested, [CompiledAction(name="a", tags=("order",))])),
    ):
        assert len(problems) == 11
        assert "Did you mean order" in problems[9][1]
        assert problems[10] == (name, "has 2 more names with the same problem")
    assert match_names(requested[:11], [])[1][10] == (
        "actions",
        "has 1 more name with the same problem",
    )


def test_a_name_without_a_suffix_may_be_ambiguous() -> None:
    """The problem lists the compiled names."""
    _, [(_, problem)] = match_names(["orders"], SUFFIXED)
    assert problem.endswith("use one of p.raw_pr_7.orders, p.sales_pr_7.orders")


def test_reachable_names() -> None:
    """Names are found at any distance, also in a cycle."""
    edges = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["e"]}
    assert reachable(["a"], edges) == {"a", "b", "c"}
    assert reachable(["c", "d"], edges) == {"a", "b", "c", "d", "e"}
    assert reachable([], edges) == set()


def test_long_lists_are_shortened() -> None:
    """Of many matches, three are listed, with the number of the others."""
    _, problems = match_names(["x"], actions_named(f"p.s{number}.x" for number in range(5)))
    assert problems == [
        ("actions", "'x' matches several actions: use one of p.s0.x, p.s1.x, p.s2.x and 2 more")
    ]


def test_every_problem_at_once() -> None:
    """Every name without a match is reported, even if another name matches."""
    found, problems = match_names(["customers", "orders", "q"], actions_named(COMPILED))
    assert found == [COMPILED[3]]
    assert [name for name, _ in problems] == ["actions", "actions"]


NAMES = st.lists(
    st.lists(st.sampled_from("abc"), min_size=3, max_size=3, unique=True).map(".".join), max_size=6
)


@given(NAMES, st.lists(st.sampled_from(("a", "b", "a.b", "b.c", "a.b.c", "c.b.a")), max_size=3))
def test_what_is_found_was_compiled(compiled: list[str], requested: list[str]) -> None:
    """A found name was compiled, ends with the requested name, and is unique."""
    found, problems = match_names(requested, actions_named(compiled))
    if problems:
        return
    for full in found:
        assert full in compiled
        assert any(f".{full}".endswith(f".{name}") for name in requested)
    for name in requested:
        assert len({full for full in compiled if f".{full}".endswith(f".{name}")}) == 1


TAGGED = [
    CompiledAction(name="p.s.a", tags=("daily", "Finance")),
    CompiledAction(name="p.s.b", tags=("daily_late",)),
    CompiledAction(name="p.s.c"),
]


@pytest.mark.parametrize(
    ("requested", "problem"),
    [
        ("dialy", "'dialy' is not a tag of any compiled action. Did you mean daily or daily_late?"),
        ("finance", "'finance' is not a tag of any compiled action. Did you mean Finance?"),
        ("zzz", "'zzz' is not a tag of any compiled action, and no name is similar"),
    ],
)
def test_tag_that_no_action_has(requested: str, problem: str) -> None:
    """A tag that no action has gets suggestions, ignoring case."""
    assert tag_problems([requested, "daily"], TAGGED) == [("tags", problem)]


def test_tags_that_actions_have() -> None:
    """Tags of some action are no problem, and an empty list is no problem."""
    assert tag_problems(["daily", "Finance", "daily_late"], TAGGED) == []
    assert tag_problems([], TAGGED) == []
    assert tag_problems([], []) == []
