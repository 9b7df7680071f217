"""Compare two compilations of 5,000 actions and render the plan, and print what that costs."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace

from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.graph import CompiledGraph, GraphAction
from dataform_action.plan import Plan, PlanRequest, Remote
from dataform_action.plans.api import make_plan
from dataform_action.redaction import Redactor, redacted
from dataform_action.report.plan.comment import render_comment, render_summary
from dataform_action.report.plan.log import render_log
from dataform_action.report.plan.outputs import render_outputs
from dataform_action.report.plan.plan_file import render_plan_file

#: The SQL of an action has so many lines: about 4 kB.
LINES = 100


def make_graph(count: int, changed: int) -> CompiledGraph:
    """Return a compilation, in which each action reads the one before. The first ones change."""
    return CompiledGraph(actions=tuple(make_action(n, n < changed) for n in range(count)))


def make_action(number: int, is_changed: bool) -> GraphAction:
    """Return a table with about 4 kB of SQL."""
    upstream = f"my-project.marts.table_{number - 1}" if number % 50 else "my-project.raw.events"
    columns = [f"  source.column_{line} AS column_{line}_of_{number}," for line in range(LINES)]
    if is_changed:
        columns[LINES // 2] = "  COALESCE(source.discount, 0) AS discount,"
    name = f"my-project.marts.table_{number}"
    return GraphAction(
        name=name,
        key=name,
        kind="table",
        file=f"definitions/marts/table_{number}.sqlx",
        dependencies=(upstream,),
        query="\n".join(["SELECT", *columns, f"FROM `{upstream}` AS source"]),
    )


class Source:
    """Two compilations that exist already."""

    project_id = "my-project"
    location = "europe-west1"
    repository = "warehouse"

    def __init__(self, graphs: dict[str, CompiledGraph]) -> None:
        self._graphs = graphs

    def remote(self, *_: object) -> Remote:
        """Return nothing that is known."""
        return Remote()

    def compile(self, commit: str, *_: object) -> CompiledGraph:
        """Return the compilation of a commit."""
        return self._graphs[commit]


def main() -> None:
    """Measure each part, once and in one process, and print the largest size of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=5000)
    parser.add_argument("--changed", type=int, default=400)
    options = parser.parse_args()
    base = make_graph(options.actions, 0)
    head = make_graph(options.actions, options.changed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    source = Source({"base": base, "head": head})
    request = PlanRequest(head="head", base="base", validate=False)
    plan: Plan = make_plan(source, None, request)
    hide = Redactor()
    hide.add("a-token-that-occurs-nowhere")
    run_url = "https://github.com/example/warehouse/actions/runs/812"
    plan = replace(plan, head="9f2c1e7", base="41ab03d")
    parts: dict[str, Callable[[], object]] = {
        "comparison": lambda: make_plan(source, None, request).status,
        "redaction": lambda: redacted(plan, hide).status,
        "comment": lambda: render_comment(plan, run_url=run_url),
        "summary": lambda: render_summary(plan, run_url=run_url, limit=SUMMARY_LIMIT),
        "log": lambda: "\n".join(render_log(plan)),
        "outputs": lambda: "\n".join(render_outputs(plan).values()),
        "plan file": lambda: render_plan_file(plan),
    }
    print(f"A plan of {options.actions:,} actions with 4 kB of SQL, {options.changed:,} changed")
    print(f"{'part':12} {'seconds':>8} {'kB':>7}")
    total = 0.0
    for name, part in parts.items():
        begin = time.process_time()
        text = str(part())
        seconds = time.process_time() - begin
        total += seconds
        print(f"{name:12} {seconds:8.3f} {len(text.encode()) / 1000:7.0f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'all':12} {total:8.3f}")
    print(f"The process takes at most {peak:.0f} MiB, {before:.0f} of it for the compilations.")


if __name__ == "__main__":
    main()
