"""Which actions are affected by a change, and through which others."""

from __future__ import annotations

from typing import Any

import pytest

from dataform_action.plans.comparison import compare
from tests.unit.plans.support import action, changes, full

OLD, NEW = action("a"), action("a", query="select 2")


def through(*downstream: Any, base: Any = OLD, head: Any = NEW) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Return the affected actions and through what, if one action changes."""
    found = compare([base, *downstream], [head, *downstream])
    return {
        planned.action.name.removeprefix("p.d."): tuple(
            name.removeprefix("p.d.") for name in planned.through
        )
        for planned in found.actions
        if planned.through
    }


def test_all_that_is_downstream() -> None:
    """Everything downstream is affected through its direct upstream actions, once."""
    actions = [action("b", "a"), action("c", "b", "a"), action("d", "c"), action("e")]
    assert through(*actions) == {"b": ("a",), "c": ("a", "b"), "d": ("c",)}


def test_edges() -> None:
    """The edges are those by which data flows, also into changed actions."""
    base = [OLD, action("b", "a"), action("c", "b"), action("x", "y"), action("y")]
    head = [NEW, action("b", "a", tags=("t",)), action("c", "b", partition="x"), *base[3:]]
    found = compare(base, head)
    assert changes(found) == {"a": "changed", "b": "affected", "c": "changed"}
    assert found.edges == (("p.d.a", "p.d.b"), ("p.d.b", "p.d.c"))


def test_a_cycle_ends() -> None:
    """Actions that depend on each other, or on themselves, are affected once."""
    assert through(action("b", "a", "c", "b"), action("c", "b")) == {"b": ("a", "c"), "c": ("b",)}


def ordered(kind: str = "table", **fields: Any) -> Any:  # noqa: ANN401
    """Return an action that depends on the changed one, but does not name it."""
    texts = {"query": "select 1"} if kind in ("table", "view") else {"queries": ("call work()",)}
    return action("b", kind=kind, dependencies=(full("a"),), **{**texts, **fields})


@pytest.mark.parametrize(
    ("upstream", "downstream", "affected"),
    [
        ("table", "table", False),
        ("table", "operation", True),
        ("table", "notebook", True),
        ("table", "data preparation", True),
        ("operation", "table", True),
        ("operation with output", "table", False),
        ("assertion", "table", False),
        ("assertion", "operation", False),
    ],
)
def test_dependencies_that_only_order(upstream: str, downstream: str, affected: bool) -> None:
    """If the SQL names all that it reads, a dependency that it does not name affects nothing."""
    kind, _, output = upstream.partition(" with ")
    versions = [
        action("a", kind=kind, queries=(text,), has_output=bool(output)) for text in ("1", "2")
    ]
    downstream_action = ordered(downstream)
    expected = {"b": ("a",)} if affected else {}
    assert through(downstream_action, base=versions[0], head=versions[1]) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"incremental_query": "select * from `p.d.a`"},
        {"queries": ("select * from d.a",)},
        {"pre_operations": ("delete from p.d.a",)},
        {"post_operations": ("delete from p.d.a",)},
        {"incremental_pre_operations": ("delete from p.d.a",)},
        {"incremental_post_operations": ("delete from p.d.a",)},
    ],
)
def test_every_text_counts(fields: dict[str, Any]) -> None:
    """A name in any text of the action is enough."""
    assert through(ordered(**fields)) == {"b": ("a",)}


def test_a_name_in_a_comment() -> None:
    """A dependency that is only in a comment affects nothing."""
    assert through(ordered(query="select 1 -- from `p.d.a`")) == {}


def test_a_name_without_a_dependency() -> None:
    """A full name is followed without ref, but a shorter one may be of another table."""
    assert through(action("b", query="select * from `p.d.a`")) == {"b": ("a",)}
    assert through(action("b", query="select * from `d.a`")) == {}
    assert through(action("b", query="select 1 -- from `p.d.a`")) == {}


@pytest.mark.parametrize(
    ("query", "dependencies", "affected"),
    [
        ("select * from `p.d.a*`", (), True),
        ("select * from `p.d.*`", (), True),
        ("select * from `p.d.*` where `p.d.*`.x = 1", ("p.d.a",), True),
        ("select * from `d.*`", ("p.d.a",), True),
        ("select * from `p.d`.`a*`", ("p.d.a",), True),
        ("select * from `d.*`", (), False),
        ("select * from `p.d.b*`", ("p.d.a",), False),
        ("select 1 -- `p.d.*`", ("p.d.a",), False),
    ],
)
def test_wildcard_tables(query: str, dependencies: tuple[str, ...], affected: bool) -> None:
    """A wildcard table reads all tables that it covers, with and without a dependency."""
    found = through(action("b", query=query, dependencies=dependencies))
    assert found == ({"b": ("a",)} if affected else {})


@pytest.mark.parametrize("text", ["`a.", "`", "a.", "`a` ", "*`", "`*"])
def test_long_texts(text: str) -> None:
    """The search for names takes no longer than the text."""
    assert through(action("b", query=text * 200_000)) == {}


def test_downstream_of_an_added_action() -> None:
    """What reads a new action is affected, for example if it was a declaration before."""
    base = [action("a", kind="declaration", query=""), action("b", "a")]
    found = compare(base, [action("a"), action("b", "a")])
    assert changes(found) == {"a": "added", "b": "affected"}
    assert found.declarations_removed == ("p.d.a",)


@pytest.mark.parametrize("dependencies", [("p.d.a",), ()])
def test_downstream_of_a_removed_action(dependencies: tuple[str, ...]) -> None:
    """What still names a removed action is affected, whether or not it depends on it by now."""
    base = [OLD, action("b", "a"), action("c", "b")]
    head = [action("b", "a", dependencies=dependencies), action("c", "b")]
    found = compare(base, head)
    assert changes(found) == {"a": "removed", "b": "affected", "c": "affected"}
    assert found.edges == (("p.d.a", "p.d.b"), ("p.d.b", "p.d.c"))


def test_downstream_of_another_name() -> None:
    """What reads the old name of an action is affected as well."""
    head = action("a", name="p.d2.a")
    found = compare([OLD, action("b", "a")], [head, action("b", "a")])
    assert changes(found) == {"p.d2.a": "changed", "b": "affected"}
    assert found.edges == ()


@pytest.mark.parametrize(
    ("base", "head", "affects"),
    [
        ({"disabled": True}, {"disabled": True}, False),
        ({"disabled": True}, {}, True),
        ({}, {"disabled": True}, True),
    ],
)
def test_disabled_upstream(base: dict[str, Any], head: dict[str, Any], affects: bool) -> None:
    """What is disabled before and after is not built, so a change of its code changes no data."""
    old, new = action("a", **base), action("a", query="select 2", **head)
    expected = {"b": ("a",)} if affects else {}
    assert through(action("b", "a"), base=old, head=new) == expected


@pytest.mark.parametrize(("kind", "affected"), [("table", False), ("view", True)])
def test_disabled_downstream(kind: str, affected: bool) -> None:
    """A disabled table stays as it is, but a view that exists reads what changes."""
    downstream = action("b", "a", kind=kind, disabled=True)
    expected = {"b": ("a",), "c": ("b",)} if affected else {}
    assert through(downstream, action("c", "b")) == expected
