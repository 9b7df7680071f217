"""Check a plan against an emulated BigQuery that takes a while, and print how long it takes."""

from __future__ import annotations

import argparse
import resource
import time

from dataform_action import BigQueryWarehouse, GraphAction, PlanRequest, Polling
from dataform_action.clock import MonotonicClock, Retry
from dataform_action.emulator import Emulator, Fault
from dataform_action.emulator.bigquery.queries import DryRun
from dataform_action.events import Observer
from dataform_action.graph import CompiledGraph
from dataform_action.plan import Change, Plan, PlannedAction
from dataform_action.plans.validation import MOST_REQUESTS, validate
from dataform_action.runs.backoff import Backoff

#: The dry runs should take at most this part of their sum.
PART = 6


def make_actions(count: int) -> tuple[GraphAction, ...]:
    """Return actions that do not depend on each other. Assertions have no table to look up."""
    names = (f"my-project.audit.check_{number:04}" for number in range(count))
    return tuple(
        GraphAction(name=name, key=name, kind="assertion", query=f"SELECT '{name}' AS name")
        for name in names
    )


def retry(observer: Observer) -> Retry:
    """Return the retry of one thread."""
    return Backoff(Polling(), observer, MonotonicClock()).retrying("Nothing is checked.")


def main() -> None:
    """Measure the check, and say if it takes longer than it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=0.2, help="how long a dry run takes")
    options = parser.parse_args()
    actions = make_actions(options.actions)
    head = CompiledGraph(actions=actions)
    plan = Plan(
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        request=PlanRequest(head="head", base="base"),
        head="head",
        base="base",
        actions=tuple(PlannedAction(action=action, change=Change.ADDED) for action in actions),
    )
    with Emulator() as emulator:
        columns = [{"name": "name", "type": "STRING"}]
        emulator.prepare_dry_run("SELECT", DryRun(columns=columns))
        emulator.add_fault(Fault("hang", on="dryRun", times=None, seconds=options.seconds))
        warehouse = BigQueryWarehouse(
            project_id="my-project", token=emulator.token, api_url=emulator.url
        )
        started = time.monotonic()
        validate(plan, head, head, warehouse, retry, print)
        seconds = time.monotonic() - started
    total = options.actions * options.seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.actions} dry runs of {options.seconds:g} s: {seconds:.1f} s with "
        f"{MOST_REQUESTS} at a time, of {total:.1f} s one by one ({total / seconds:.1f} times "
        f"faster); at most {peak:.0f} MiB, with the emulator"
    )
    if seconds > total / PART:
        print(f"Missed: at most a {PART}th of the sum.")


if __name__ == "__main__":
    main()
