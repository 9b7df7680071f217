"""The diagram: which actions it has, and how they are joined."""

from __future__ import annotations

import re

from dataform_action.plan import Change, Check, Plan, Verdict
from dataform_action.report.plan.comment import render_comment
from dataform_action.report.plan.sections.graph import render_graph
from tests.support.plans import breaking, make_plan, planned, reading

BROKEN = Check(verdict=Verdict.INVALID, message="Wrong.")


def arrows_of(plan: Plan) -> list[str]:
    """Return the arrows with the names of the actions."""
    text = render_graph(plan)
    labels = dict(re.findall(r'(n[0-9]+)\["\S+?\u00a0([^"]*)"\]', text))
    labels["rest"] = "rest"
    found = re.findall(r"^    (\w+) (-->|-\.->) (\w+)$", text, re.M)
    return [f"{labels[upper]} {arrow} {labels[lower]}" for upper, arrow, lower in found]


def test_small_graph() -> None:
    """A small graph has all actions that an arrow touches, marked by their change."""
    plan = make_plan(
        planned("a.x"),
        planned("a.new", Change.ADDED, through="a.x"),
        reading("a.y", "a.x", check=BROKEN),
        reading("a.z", "a.y"),
        planned("a.alone"),
        planned("a.moved", Change.METADATA),
    )
    assert arrows_of(plan) == ["a.x --> a.new", "a.x --> a.y", "a.y --> a.z"]
    text = render_graph(plan)
    assert '["✏️\u00a0a.x"]:::changed' in text
    assert '["➕\u00a0a.new"]:::added' in text
    assert '["❌\u00a0a.y"]:::broken' in text
    assert '["↪️\u00a0a.z"]\n' in text
    assert "classDef removed" not in text
    assert "alone" not in text
    assert "moved" not in text


def test_no_graph_without_arrows() -> None:
    """Actions that do not depend on each other have no diagram."""
    assert render_graph(make_plan(planned("a.x"), planned("a.y"))) == ""
    assert "mermaid" not in render_comment(make_plan(planned("a.x")), run_url="")


def test_many_affected_actions_are_one_node() -> None:
    """If there are too many actions, those that are only affected become one node."""
    chain = [reading(f"a.r{n}", f"a.r{n - 1}" if n else "a.x") for n in range(20)]
    broken = reading("a.broken", "a.r19", check=BROKEN)
    plan = make_plan(planned("a.x"), planned("a.y"), *chain, broken)
    assert arrows_of(plan) == ["a.x -.-> a.broken", "a.x --> rest"]
    assert '(["20 more affected"])' in render_graph(plan)
    assert "A dotted arrow leads" in render_comment(plan, run_url="")
    assert "A dotted arrow leads" not in render_comment(breaking(), run_url="")


def test_a_direct_arrow_needs_no_dotted_one() -> None:
    """An action that is read directly and through others has the direct arrow."""
    readers = [reading(f"a.r{n}", "a.x") for n in range(20)]
    broken = reading("a.broken", "a.x a.r3", check=BROKEN)
    plan = make_plan(planned("a.x"), *readers, broken)
    assert arrows_of(plan) == ["a.x --> a.broken", "a.x --> rest"]


def test_too_many_changes_have_no_graph() -> None:
    """A change of many actions has no diagram, because nobody could read it."""
    actions = [planned("a.t0"), *(planned(f"a.t{n}", through="a.t0") for n in range(1, 16))]
    assert len(arrows_of(make_plan(*actions[:15]))) == 14
    assert render_graph(make_plan(*actions)) == ""


def test_circles_end() -> None:
    """Arrows in a circle, which a broken project may have, do not hang the renderer."""
    hidden = [reading(f"a.r{n}", f"a.x a.r{(n + 1) % 20}") for n in range(20)]
    changed = (planned("a.x", through="a.x"), planned("a.y", through="a.x"))
    arrows = arrows_of(make_plan(*changed, *hidden))
    assert "a.x --> rest" in arrows
    assert "a.x --> a.y" in arrows


def test_nothing_but_a_box_of_others_is_no_graph() -> None:
    """If all arrows lead to what is not shown, the tables say the same."""
    hidden = [reading(f"a.r{n}", "a.x") for n in range(20)]
    assert render_graph(make_plan(planned("a.x"), *hidden)) == ""
