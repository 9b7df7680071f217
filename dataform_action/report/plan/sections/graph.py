"""The changed part of the graph as a Mermaid flowchart, if it is small."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from dataform_action.github.markdown import Page
from dataform_action.plan import Change, Plan, PlannedAction, Verdict
from dataform_action.report.plan.words import CHANGE_ICONS, CHECK_ICONS, shortener
from dataform_action.report.summary.labels import make_labels
from dataform_action.report.summary.timeline import safe_name

#: A larger graph is hard to read.
MOST_NODES = 15
_LABEL_LIMIT = 48
_REST = "rest"
#: Mermaid follows the words "direction TB" even in a label.
_SPACE = "␣"
#: An arrow through actions that are not shown. No label contains it.
_THROUGH = " -.-> "
#: Mermaid breaks a line at a space.
_NBSP = "\u00a0"
#: Less space than usual, because the table above it matters more.
_SETTINGS = '%%{init: {"flowchart": {"nodeSpacing": 14, "rankSpacing": 50, "padding": 8}}}%%'
#: Colors that are legible on a light and on a dark page.
_CLASSES = {
    "broken": "stroke:#cf222e,stroke-width:3px",
    "changed": "stroke:#bf8700,stroke-width:2px",
    "added": "stroke:#1a7f37,stroke-width:2px",
    "removed": "stroke:#818b98,stroke-dasharray:4",
}


def add_graph(page: Page, plan: Plan) -> None:
    """Add the diagram, unless it is too large or has no edges."""
    diagram = render_graph(plan)
    if not diagram:
        return
    lines = ["```mermaid", *diagram.split("\n"), "```"]
    if _THROUGH in diagram:
        lines += ["", "A dotted arrow leads through actions that are not shown."]
    page.add("the graph", lines)


def render_graph(plan: Plan) -> str:
    """Return the text of the diagram; empty if there is none."""
    nodes, hidden = _choose(plan)
    names = [action.name for action in nodes]
    straight, dotted, to_rest = _edges(plan, names) if nodes else ([], [], [])
    joined = {name for edge in (*straight, *dotted) for name in edge} | set(to_rest)
    if not straight and not dotted:
        # It would show nothing that the tables do not show.
        return ""
    # What no arrow touches is in the table.
    nodes = [action for action in nodes if action.name in joined]
    if not nodes:
        return ""
    shorten = shortener(plan)
    shown = [safe_name(shorten(action.name)).replace(" ", _SPACE) for action in nodes]
    labels = make_labels(shown, _LABEL_LIMIT)
    ids = {action.name: f"n{number}" for number, action in enumerate(nodes, 1)}
    lines = [_SETTINGS, "flowchart LR"]
    lines += [
        f'    {ids[action.name]}["{_icon(action)}{_NBSP}{label}"]{_class(action)}'
        for action, label in zip(nodes, labels, strict=True)
    ]
    if to_rest:
        more = " more" if any(action.change is Change.AFFECTED for action in nodes) else ""
        lines.append(f'    {_REST}(["{hidden:,}{more} affected"])')
    lines += [f"    {ids[upper]} --> {ids[lower]}" for upper, lower in straight]
    lines += [f"    {ids[upper]}{_THROUGH}{ids[lower]}" for upper, lower in dotted]
    lines += [f"    {ids[upper]} --> {_REST}" for upper in to_rest]
    used = {_class_name(action) for action in nodes}
    lines += [f"    classDef {name} {style}" for name, style in _CLASSES.items() if name in used]
    return "\n".join(lines)


def _choose(plan: Plan) -> tuple[list[PlannedAction], int]:
    """Return the nodes, and the number of affected actions that are not among them."""
    every = [action for action in plan.actions if action.change is not Change.METADATA]
    if len(every) <= MOST_NODES:
        return every, 0
    core = [
        action
        for action in every
        if action.change is not Change.AFFECTED or action.verdict is Verdict.INVALID
    ]
    return (core, len(every) - len(core)) if len(core) < MOST_NODES else ([], 0)


def _edges(
    plan: Plan, names: Collection[str]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """Return the edges between nodes, those through hidden actions, and the nodes above hidden."""
    shown = set(names)
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for upper, lower in plan.edges:
        readers[upper].append(lower)
    hidden = {action.name for action in plan.by_change(Change.AFFECTED)} - shown
    straight, dotted, to_rest = [], [], []
    for name in names:
        below = [lower for lower in dict.fromkeys(readers[name]) if lower != name]
        straight += [(name, lower) for lower in below if lower in shown]
        first = [lower for lower in below if lower in hidden]
        if first:
            to_rest.append(name)
        reached = _reached(first, readers, shown, hidden)
        dotted += [(name, lower) for lower in names if lower in reached and lower not in below]
    return straight, [edge for edge in dotted if edge[0] != edge[1]], to_rest


def _reached(
    start: list[str], readers: Mapping[str, list[str]], shown: set[str], hidden: set[str]
) -> set[str]:
    """Return the nodes that are reached from hidden actions through hidden actions alone."""
    seen, found, waiting = set(start), set(), list(start)
    while waiting:
        for lower in readers.get(waiting.pop(), ()):
            if lower in shown:
                found.add(lower)
            elif lower in hidden and lower not in seen:
                seen.add(lower)
                waiting.append(lower)
    return found


def _icon(action: PlannedAction) -> str:
    """Return the mark of a node. Because of it, no label starts with a keyword of Mermaid."""
    if action.verdict is Verdict.INVALID:
        return CHECK_ICONS[Verdict.INVALID]
    return CHANGE_ICONS[action.change]


def _class_name(action: PlannedAction) -> str:
    return "broken" if action.verdict is Verdict.INVALID else action.change.value


def _class(action: PlannedAction) -> str:
    name = _class_name(action)
    return f":::{name}" if name in _CLASSES else ""
