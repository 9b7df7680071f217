"""Make the report of a run of 5,000 actions with 400 failures, and print its cost."""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dataform_action.events import Fact, RunOutcome, Subject
from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    Job,
    Polling,
    Result,
    Run,
    RunRequest,
    State,
)
from dataform_action.report.analysis import analyse
from dataform_action.report.annotations import render_annotations
from dataform_action.report.causes import find_causes
from dataform_action.report.log import render_actions, render_failures
from dataform_action.report.outcome import StepOutcome, outcome_of
from dataform_action.report.outputs import render_outputs
from dataform_action.report.summary.document import render_summary

START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
CONSOLE = "https://console.cloud.google.com/bigquery?project=my-project&j=bq:EU:dataform-"
REPOSITORY = "https://github.com/example/warehouse"
COMMIT = "3f2a9c1d0b8e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
REASON = (
    "Query error: Unrecognized name: customer_identifier; Did you mean customer_id?\n"
    "at [12:5] in the statement that creates the table"
)
#: Each layer depends on the previous one: failures skip actions in later layers.
LAYERS = 5


def make_actions(count: int, failures: int) -> tuple[Action, ...]:
    """Return the actions of a run in layers; all except the last layer have failures."""
    width = count // LAYERS
    every = max(1, (count - width) // failures) if failures else count
    failed = set(range(0, (count - width), every)[:failures])
    return tuple(make_action(number, width, number in failed) for number in range(count))


def make_action(number: int, width: int, failed: bool) -> Action:
    """Return an action, which depends on two actions of the previous layer."""
    before = (number - width, number - width + 1 - (width if (number + 1) % width == 0 else 0))
    dependencies = tuple(name_of(other) for other in before if number >= width)
    started = START + timedelta(seconds=number / 4)
    state = ActionState.SUCCEEDED
    if failed:
        state = ActionState.FAILED
    elif number >= width and number % 3 == 0:
        state = ActionState.SKIPPED
    ran = state is not ActionState.SKIPPED
    return Action(
        name=name_of(number),
        state=state,
        reason=REASON if failed else "",
        started=started if ran else None,
        finished=started + timedelta(seconds=5 + number % 97) if ran else None,
        jobs=(make_job(number),) if ran else (),
        kind="table",
        file=f"definitions/layer/table_{number:05}.sqlx",
        dependencies=dependencies,
    )


def make_job(number: int) -> Job:
    """Return the job of an action."""
    return Job("BigQuery job", f"dataform-{number:032x}", f"{CONSOLE}{number:032x}")


def name_of(number: int) -> str:
    """Return an action's full name."""
    return f"my-project.layer.table_{number:05}"


def make_case(count: int, failures: int) -> tuple[StepOutcome, Subject]:
    """Return the outcome of a run, and the subject of its step."""
    run = Run(id="1652", state=State.FAILURE, status="FAILED", log_url=f"{CONSOLE}run")
    compilation = Compilation(name="", commit=COMMIT, files_url=f"{REPOSITORY}/blob/{COMMIT}")
    actions = make_actions(count, failures)
    result = Result(run=run, duration=1300.0, actions=actions, compilation=compilation)
    subject = Subject(
        service_name="Google Cloud Dataform",
        place=(
            Fact("Project", "my-project"),
            Fact("Repository", "warehouse", within="europe-west1"),
        ),
        project_id="my-project",
        request=RunRequest(environment="production"),
        polling=Polling(),
        run_id=None,
        api_url="https://dataform.googleapis.com",
        has_actions=True,
        summary=True,
    )
    return outcome_of(RunOutcome(run=run, result=result)), subject


def main() -> None:
    """Measure each part of the report, and print the start of the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=5000)
    parser.add_argument("--failures", type=int, default=400)
    options = parser.parse_args()
    outcome, subject = make_case(options.actions, options.failures)
    analysis = analyse(outcome.actions)
    causes = find_causes(outcome.compile_errors, analysis)
    parts: dict[str, Callable[[], object]] = {
        "analysis": lambda: " ".join(analyse(outcome.actions).blockers),
        "outputs": lambda: "\n".join(render_outputs(outcome, analysis, subject).values()),
        "causes": lambda: str(len(find_causes(outcome.compile_errors, analysis).failures)),
        "summary": lambda: render_summary(outcome, analysis, causes, subject),
        "annotations": lambda: "\n".join(
            place.message
            for place in render_annotations(outcome, causes, REPOSITORY, "the summary")
        ),
        "log": lambda: "\n".join([*render_actions(analysis), *render_failures(causes)]),
    }
    print(f"{options.actions:,} actions, {options.failures:,} failed")
    print(f"{'part':12} {'seconds':>8} {'peak MiB':>9} {'kB':>7}")
    for name, part in parts.items():
        begin = time.perf_counter()
        text = str(part())
        seconds = time.perf_counter() - begin
        tracemalloc.start()
        part()
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"{name:12} {seconds:8.3f} {peak:9.1f} {len(text.encode()) / 1000:7.0f}")
    summary = str(parts["summary"]())
    omitted = [line for line in summary.splitlines() if "not shown" in line.lower()]
    print(f"\nThe summary's limit is {SUMMARY_LIMIT / 1000:.0f} kB. Omitted:")
    print("\n".join(f"  {line}" for line in omitted))
    print("\nIts first lines:")
    print("\n".join(f"  {line[:96]}" for line in summary.splitlines()[:24]))


if __name__ == "__main__":
    main()
