"""Which actions are the same in two compilations, and which differ."""

from __future__ import annotations

from hypothesis import given, strategies as st

from dataform_action.plan import Change
from dataform_action.plans.comparison import compare
from tests.unit.plans.support import action, changes, compare_one, only

PROJECT = [action("a"), action("b", "a", kind="view"), action("c", "b", kind="assertion")]


def test_nothing_differs() -> None:
    """Two compilations of the same code do not differ, in any order."""
    found = compare(PROJECT, reversed(PROJECT))
    assert found == compare([], [])
    assert found.actions == ()


def test_added_and_removed() -> None:
    """An action with another key is another action, so a new name is a removal and an addition."""
    found = compare([action("a")], [action("z")])
    assert changes(found) == {"a": "removed", "z": "added"}
    removed, added = found.actions
    assert (removed.base, removed.action.name) == (None, "p.d.a")
    assert (added.base, added.aspects) == (None, ())


def test_the_key_identifies_an_action() -> None:
    """The name without suffixes is the key, so a new suffix is a new name of the same action."""
    base, head = action("a", name="p.d_1.a"), action("a", name="p.d_2.a")
    planned = only(compare([base], [head]), Change.CHANGED)
    assert (planned.base, planned.action, planned.aspects) == (base, head, ("name",))


def test_a_move_is_metadata() -> None:
    """An action in another file is the same action."""
    planned = compare_one(action("a"), action("a", file="elsewhere.sqlx"))
    assert planned is not None
    assert planned.change is Change.METADATA


def test_equal_keys_are_not_lost() -> None:
    """Several actions with the same key are compared one by one."""
    one, two = action("a", key="k"), action("b", key="k")
    assert changes(compare([one, two], [one])) == {"b": "removed"}
    assert compare([one, two], [one, two]).actions == ()


def test_declarations() -> None:
    """Declarations are not actions: those added and removed are listed, others not at all."""
    base = [action(name, kind="declaration") for name in ("a", "b")]
    head = [action("b", kind="declaration", tags=("t",)), action("c", kind="declaration")]
    found = compare(base, head)
    assert found.actions == ()
    assert (found.declarations_added, found.declarations_removed) == (("p.d.c",), ("p.d.a",))


def test_an_action_becomes_a_declaration() -> None:
    """Then it is removed, because the project no longer builds it."""
    found = compare([action("a")], [action("a", kind="declaration")])
    assert changes(found) == {"a": "removed"}
    assert found.declarations_added == ("p.d.a",)


def test_an_affected_action_keeps_what_else_differs() -> None:
    """An action that is retagged and affected is affected, and says both."""
    head = [action("a", query="select 2"), action("b", "a", kind="view", tags=("t",)), PROJECT[2]]
    found = compare(PROJECT, head)
    assert changes(found) == {"a": "changed", "b": "affected", "c": "affected"}
    assert found.actions[1].aspects == ("tags",)


ACTIONS = st.builds(
    action,
    st.sampled_from("abcdef"),
    st.sampled_from("abcdef"),
    query=st.sampled_from(("select 1", "select  1", "select 2", "select * from p.d.a, p.d.b")),
    disabled=st.booleans(),
    kind=st.sampled_from(("table", "view", "declaration", "operation")),
    tags=st.sampled_from(((), ("t",))),
)
GRAPHS = st.lists(ACTIONS, unique_by=lambda one: one.key)


@given(GRAPHS, GRAPHS)
def test_every_action_is_planned_at_most_once(base: list[object], head: list[object]) -> None:
    """Each difference has one entry, the two directions agree, and edges have both ends."""
    there, back = compare(base, head), compare(head, base)  # type: ignore[arg-type]
    names = [planned.name for planned in there.actions]
    assert len(set(names)) == len(names)
    assert {name for edge in there.edges for name in edge} <= set(names)
    mirror = {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED}
    direct = {p.name: p.change for p in there.actions if p.change is not Change.AFFECTED}
    reverse = {p.name: p.change for p in back.actions}
    for name, change in direct.items():
        assert reverse[name] in (mirror.get(change, change), Change.AFFECTED)
    assert there.declarations_added == back.declarations_removed
    assert compare(head, head).actions == ()  # type: ignore[arg-type]
