"""The real Mermaid accepts the graph of every plan, and finds the right actions and arrows in it.

See ``tests.support.mermaid`` for what the tests need.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from dataform_action.plan import Change, Check, Plan, PlannedAction, Verdict
from dataform_action.report.plan.comment import render_comment
from dataform_action.report.plan.sections.graph import MOST_NODES, render_graph
from tests.support.github_markdown import letters_of, read_page
from tests.support.mermaid import BREAKERS, Found, ask_mermaid
from tests.support.plans import hostile, make_plan, planned, plans, reading
from tests.support.runner import hostile_texts

_CLASSES = {"changed", "added", "removed", "broken"}
_FLOW_BREAKERS = (
    *BREAKERS,
    *("subgraph s", "end", "-->", "-.->", "]", '"]', "([", "{{", "@{ shape: circ }", "n1", "rest"),
    *("classDef x", "style n1 fill:red", "linkStyle 0", "direction TB", "click n1 href x", "&"),
    *("1. a", "- a", "# a", "`a`", "**a**", "_a_", "<br/>", "fa:fa-ban", "$$x$$", "\\n", ":::"),
)


@dataclass(frozen=True)
class Answers:
    """The plans with a graph, and what Mermaid found in the graph of each."""

    plans: Mapping[str, Plan]
    found: Mapping[str, Found]

    def check(self, kind: str) -> int:
        """Check the graphs of a kind, and return their number."""
        names = [name for name in self.plans if name.startswith(f"{kind} ")]
        for name in names:
            check(self.found[name], self.plans[name])
        return len(names)


def letters_of_name(text: str) -> str:
    """Return the letters and digits of a name; look-alikes count as their originals."""
    return letters_of(unicodedata.normalize("NFKC", text))


def check(found: Found, plan: Plan) -> None:
    """Compare what Mermaid found with the actions of a plan, all of which are nodes."""
    assert not found.error
    assert found.type == "flowchart-v2"
    assert list(found.config) == ["flowchart"]
    assert found.links == {}
    by_id = {f"n{number}": action for number, action in enumerate(plan.actions, 1)}
    assert [node.id for node in found.nodes] == list(by_id)
    for node in found.nodes:
        assert node.link == ""
        assert set(node.classes) <= _CLASSES
        assert is_label_of(node.label, by_id[node.id])
    assert len({node.label for node in found.nodes}) == len(found.nodes)
    arrows = {(by_id[start].name, by_id[end].name) for start, end, _ in found.edges}
    assert arrows == set(plan.edges)


def is_label_of(label: str, action: PlannedAction) -> bool:
    """Tell whether a label shows parts of the name of an action, after its sign."""
    shown = label.partition("\u00a0")[2]
    name = letters_of_name(action.name)
    parts = [letters_of_name(part) for part in shown.split("…")]
    # Labels that would be equal have a number.
    without_number = [*parts[:-1], letters_of_name(shown.split("…")[-1].rpartition(" (")[0])]
    return any(all(part in name for part in found) for found in (parts, without_number))


def hostile_plans() -> dict[str, Plan]:
    """Return plans of actions whose names have a meaning to Mermaid."""
    found: dict[str, Plan] = {}
    names = st.lists(st.sampled_from(_FLOW_BREAKERS) | hostile_texts(), min_size=1, max_size=4)

    # Mermaid takes the time, not the names.
    @settings(max_examples=settings().max_examples // 2)
    @given(names.map(" ".join), names.map("".join))
    def gather(first: str, second: str) -> None:
        upper = planned(f"a.{first}")
        check_of = Check(verdict=Verdict.INVALID, message="Wrong.")
        lower = reading(f"b.{second}", "", check=check_of)
        other = planned(f"c.{second}", Change.REMOVED)
        edges = ((upper.name, lower.name), (other.name, lower.name))
        found[f"hostile {len(found)}"] = make_plan(upper, lower, other, edges=edges)

    gather()
    return found


def chosen_plans() -> dict[str, Plan]:
    """Return the plans whose graph has a node for each action."""
    siblings = [
        reading(f"int_marketing.campaign_performance_{every}_by_channel_and_{last}", "a.x")
        for every in ("daily", "weekly")
        for last in ("device", "country", "audience_segment")
    ]
    broad = [reading(f"a.r{n}", "a.x") for n in range(MOST_NODES - 1)]
    return {
        "chosen direction": make_plan(planned("a.x"), reading("a.y direction TB", "a.x")),
        "chosen siblings": make_plan(planned("a.x"), *siblings),
        "chosen broad": make_plan(planned("a.x"), *broad),
        **hostile_plans(),
    }


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Run Mermaid once for all graphs, since it takes longer to start than to read them."""
    chosen = chosen_plans()
    texts = {name: render_graph(plan) for name, plan in chosen.items()}
    for name, plan in plans().items():
        for number, text in enumerate(graphs_of(plan)):
            texts[f"golden {name} {number}"] = text
    return Answers(chosen, dict(zip(texts, ask_mermaid(list(texts.values())), strict=True)))


def graphs_of(plan: Plan) -> list[str]:
    return read_page(render_comment(plan, run_url="")).code_blocks("mermaid")


def test_graphs_of_the_comments(answers: Answers) -> None:
    """Mermaid accepts the graph of every golden comment."""
    found = [found for name, found in answers.found.items() if name.startswith("golden ")]
    assert len(found) >= 5
    assert not any(graph.error for graph in found)
    assert all(graph.nodes and graph.edges for graph in found)


def test_chosen_graphs(answers: Answers) -> None:
    """Mermaid finds a distinct label for each of many long names, and all arrows."""
    assert answers.check("chosen") == 3


def test_hostile_names(answers: Answers) -> None:
    """No name breaks a graph, adds to it, changes its settings or is lost."""
    assert answers.check("hostile") >= 40


def test_a_hostile_plan_has_a_graph() -> None:
    """The hostile golden comment has a graph, so it is among those that are tested."""
    assert len(graphs_of(hostile())) == 1
