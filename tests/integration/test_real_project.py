"""The whole step with a project that the real Dataform CLI compiled."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import (
    Commit,
    Course,
    Emulator,
    ReleaseConfig,
    Repository,
    WorkflowConfig,
)
from tests.support.fakes import FakeClock
from tests.support.steps import Step, run_here

PROJECTS = Path(__file__).resolve().parents[1] / "projects"
SHOP: dict[str, Any] = json.loads((PROJECTS / "shop.json").read_text("utf-8"))
SHA = "3f2a9c1d0b8e7f6a5c4d3e2f1a0b9c8d7e6f5a4b"
BROKEN_SHA = "9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c"


def shop() -> Repository:
    return Repository(
        graph=SHOP,
        name="shop",
        project="example-shop-warehouse",
        refs={
            "main": Commit(sha=SHA),
            "broken": Commit(sha=BROKEN_SHA, graph=PROJECTS / "shop-broken.json"),
        },
        release_configs=(ReleaseConfig(name="production"),),
        workflow_configs=(WorkflowConfig(name="nightly", release_config="production"),),
    )


def play(emulator: Emulator, folder: Path, clock: FakeClock, **changes: str) -> Step:
    inputs = {
        "project-id": "example-shop-warehouse",
        "location": "europe-west1",
        "repository": "shop",
        "token": emulator.token,
        "api-url": emulator.url,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return run_here(folder, inputs, clock)


def action_nodes() -> list[dict[str, Any]]:
    return [*SHOP["tables"], *SHOP.get("operations", []), *SHOP.get("assertions", [])]


def full_name(target: dict[str, str]) -> str:
    return f"{target['database']}.{target['schema']}.{target['name']}"


@cache
def dependencies() -> dict[str, set[str]]:
    """Return the dependencies of each action that is not disabled."""
    return {
        full_name(node["target"]): {
            full_name(target) for target in node.get("dependencyTargets", [])
        }
        for node in action_nodes()
        if not node.get("disabled")
    }


def dependents_of(name: str) -> set[str]:
    """Return the dependents of an action, computed from the compiled graph independently."""
    found: set[str] = set()
    while True:
        reached = found | {name}
        new = {node for node, reads in dependencies().items() if reads & reached} - found
        if not new:
            return found
        found |= new


def test_size_of_the_project() -> None:
    """The project has at least 200 actions, of every type."""
    assert len(action_nodes()) >= 200
    assert SHOP["operations"]
    assert SHOP["assertions"]
    assert {table["type"] for table in SHOP["tables"]} >= {"table", "view", "incremental"}


def test_success_with_progress(tmp_path: Path, clock: FakeClock) -> None:
    """With hundreds of actions on several pages, the end of each is reported once."""
    with Emulator(advance="poll", repositories=[shop()]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
        pages = [request for request in emulator.requests if request.path.endswith(":query")]
    assert step.exit_code == 0
    progress = [line for line in step.log if " actions done after " in line]
    assert progress
    ends = [line.split()[0] for line in step.log if line.startswith("  example-shop-warehouse.")]
    assert len(ends) == len(set(ends))
    # The actions are queried at most every 15 s, and at the end.
    assert len(pages) <= 2 * (len(progress) + 3)


def test_failure_is_explained(tmp_path: Path, clock: FakeClock) -> None:
    """The report of a failure has the action, its file, its reason and the blocked actions."""
    victim = max(SHOP["tables"], key=lambda node: len(dependents_of(full_name(node["target"]))))
    name = full_name(victim["target"])
    with Emulator(advance="poll", repositories=[shop()]) as emulator:
        emulator.fail_action(name, "Division by zero at [3:12] ::error::no | `x` <b>")
        step = play(emulator, tmp_path, clock, schedule="nightly")
    assert step.exit_code == 1
    assert json.loads(step.outputs["failed-actions"]) == [name]
    places = [line for line in step.errors if line.startswith("::error file=")]
    assert len(places) == 1
    assert f"file={victim['fileName']},title=" in places[0]
    assert f"{name}: Division by zero at [3:12]" in places[0]
    blocked = dependents_of(name)
    assert len(blocked) > 10
    assert f"1 failed, {len(blocked)} were skipped" in step.errors[-1]
    assert f"and {len(blocked) - 5} more</summary>" in step.summary
    assert "```text\nDivision by zero at [3:12] ::error::no | `x` <b>\n```" in step.summary
    assert step.summary.count("<b>") == 1


def test_compile_errors_stop_before_the_run(tmp_path: Path, clock: FakeClock) -> None:
    """After compile errors, nothing is run. Each error is an annotation on its file."""
    broken = json.loads((PROJECTS / "shop-broken.json").read_text("utf-8"))
    errors = broken["graphErrors"]["compilationErrors"]
    with Emulator(advance="poll", repositories=[shop()]) as emulator:
        step = play(emulator, tmp_path, clock, git_ref="broken")
        posts = [request.path for request in emulator.requests if request.method == "POST"]
    assert step.exit_code == 1
    assert [path.rsplit("/", 1)[-1] for path in posts] == ["compilationResults:createLongRunning"]
    places = [line for line in step.errors if "compile error::" in line]
    messages = {error["message"] for error in errors}
    assert len(messages) == len(places) == 5
    for error in errors:
        assert any(f"file={error['fileName']},title=" in line for line in places) or any(
            f"The same message: {error['actionName']} in {error['fileName']}." in line
            for line in places
        )
    assert f"The compilation has {len(errors)} errors" in step.errors[-1]
    assert step.summary.count("\n#### ") == len(messages)


def test_selection_of_one_action(tmp_path: Path, clock: FakeClock) -> None:
    """The full name of an action comes from the compilation, and only this action runs."""
    target = SHOP["tables"][0]["target"]
    with Emulator(advance="poll", repositories=[shop()]) as emulator:
        step = play(
            emulator,
            tmp_path,
            clock,
            environment="production",
            actions=f"{target['schema']}.{target['name']}",
        )
    assert step.exit_code == 0
    assert "Of 1 action, 1 succeeded." in step.log[-1]


@pytest.mark.parametrize("wanted", ["no_such_thing_at_all", "stg_shop__order"])
def test_unknown_action_is_refused(tmp_path: Path, clock: FakeClock, wanted: str) -> None:
    """An unknown action is refused before anything runs."""
    with Emulator(advance="poll", repositories=[shop()]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production", actions=wanted)
        assert emulator.invocations == []
    assert step.exit_code == 2
    assert f"actions '{wanted}' is not in the compilation" in step.errors[0]


def test_failure_without_a_failed_action(tmp_path: Path, clock: FakeClock) -> None:
    """If a run failed but none of its actions did, the error says so."""
    with Emulator(advance="poll", repositories=[shop()]) as emulator:
        emulator.set_course("nightly", Course(ending="FAILED"))
        step = play(emulator, tmp_path, clock, schedule="nightly")
    assert step.exit_code == 1
    assert "No action failed: the run failed before or outside its actions." in step.errors[-1]
    assert json.loads(step.outputs["failed-actions"]) == []
