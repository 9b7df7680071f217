"""Finding the actions that people name in part."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from dataform_action.errors import InputError
from dataform_action.services.google.compilation import complete_names

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
            "name 'orders', which fits several: write one of "
            "my-project.raw.orders, my-project.sales.orders",
        ),
        (
            "order",
            "name 'order', which the compilation does not hold: "
            "the nearest are orders, order_items",
        ),
        (
            "sale.orders",
            "name 'sale.orders', which the compilation does not hold: "
            "the nearest are sales.orders, sales.order_items, raw.orders",
        ),
        (
            "my-project.sales.order",
            "name 'my-project.sales.order', which the compilation does not hold: the nearest are "
            "my-project.sales.orders, my-project.sales.order_items, my-project.raw.orders",
        ),
        (
            "customer",
            "name 'customer', which the compilation does not hold: the nearest are customers",
        ),
        ("q", "name 'q', which the compilation does not hold: none is like it"),
        ("", "name '', which the compilation does not hold: none is like it"),
        ("a\nb", r"name 'a\nb', which the compilation does not hold: none is like it"),
    ],
)
def test_name_that_fits_no_one(wanted: str, problem: str) -> None:
    """A name that fits none or several tells the nearest, and that nothing was run."""
    with pytest.raises(InputError) as caught:
        complete_names([wanted], COMPILED)
    assert caught.value.message == f"actions {problem}"
    assert caught.value.hint == "Nothing was run."


def test_long_lists_are_cut() -> None:
    """Of many that fit, three are told, and how many more there are."""
    with pytest.raises(InputError) as caught:
        complete_names(["x"], [f"p.s{number}.x" for number in range(5)])
    assert caught.value.message == (
        "actions name 'x', which fits several: write one of p.s0.x, p.s1.x, p.s2.x and 2 more"
    )


def test_every_problem_at_once() -> None:
    """Every name that does not fit is told, also beside one that does."""
    with pytest.raises(InputError) as caught:
        complete_names(["customers", "orders", "q"], COMPILED)
    assert [name for name, _ in caught.value.problems] == ["actions", "actions"]


NAMES = st.lists(
    st.lists(st.sampled_from("abc"), min_size=3, max_size=3, unique=True).map(".".join), max_size=6
)


@given(NAMES, st.lists(st.sampled_from(("a", "b", "a.b", "b.c", "a.b.c", "c.b.a")), max_size=3))
def test_what_is_found_was_compiled(compiled: list[str], wanted: list[str]) -> None:
    """Whatever is found was compiled, ends in what was wanted, and is the only one."""
    try:
        found = complete_names(wanted, compiled)
    except InputError:
        return
    for full in found:
        assert full in compiled
        assert any(f".{full}".endswith(f".{name}") for name in wanted)
    for name in wanted:
        assert len({full for full in compiled if f".{full}".endswith(f".{name}")}) == 1
