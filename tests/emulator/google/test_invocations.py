"""Workflow invocations: select actions, cancel, delete."""

from __future__ import annotations

from typing import Any

import pytest

from dataform_action.emulator import (
    Commit,
    Course,
    Emulator,
    ReleaseConfig,
    Repository,
    Rules,
    WorkflowConfig,
)
from dataform_action.emulator.graph.targets import Target
from tests.emulator.google.support import (
    ACTIVE,
    FAILED,
    HOME,
    INVALID,
    MISSING,
    Warehouse,
    make_graph,
    running,
    serve,
)
from tests.emulator.support import ManualClock


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, {*ACTIVE, "legacy_report"}),
        ({"includedTags": ["export"]}, {"export_revenue"}),
        ({"includedTags": ["none"]}, set()),
        ({"includedTargets": [Target("my-project", "raw", "orders").render()]}, set()),
        (
            {
                "included_targets": [Target("my-project", "marts", "revenue").render()],
                "includedTags": ["export"],
            },
            {"revenue", "export_revenue"},
        ),
        (
            {"includedTags": ["export"], "transitiveDependenciesIncluded": True},
            {
                *("export_revenue", "revenue", "revenue_by_country", "customers", "order_events"),
                *("orders_cleaned", "customers_cleaned"),
            },
        ),
        (
            {
                "includedTargets": [Target("my-project", "marts", "revenue").render()],
                "transitive_dependents_included": True,
            },
            {
                *("revenue", "legacy_report", "export_revenue"),
                "marts_revenue_assertions_uniqueKey_0",
            },
        ),
    ],
)
def test_invocations_select_actions(
    client: Warehouse, config: dict[str, Any], names: set[str]
) -> None:
    """Targets and tags are combined, and include dependencies or dependents on request."""
    path = client.invoke(**config)
    assert set(client.actions(path)) == names
    assert client.finish(path) == "SUCCEEDED"


def test_tests_make_actions_fail(emulator: Emulator, client: Warehouse) -> None:
    """A test makes an action fail in all invocations, also if an override renames it."""
    emulator.fail_action("marts.revenue", "no luck")
    result = client.compile(schemaSuffix="dev")
    body = {"compilationResult": result}
    created = client.data("POST", "/workflowInvocations", body)
    assert created["compilationResult"] == created["resolvedCompilationResult"] == result
    for path in (created["name"].removeprefix(HOME), client.invoke("nightly")):
        assert client.finish(path) == "FAILED"
        assert client.actions(path)["revenue"]["failureReason"] == "no luck"


def test_workflows_have_their_own_selection() -> None:
    """A workflow configuration selects its actions, even without a branch called main."""
    repository = Repository(
        graph=make_graph("a", "b", kind="incremental", after={"b": "a"}),
        refs={"trunk": Commit(sha="0" * 40)},
        release_configs=(ReleaseConfig(name="r", git_commitish="trunk"),),
        workflow_configs=(
            WorkflowConfig(
                name="w",
                release_config="r",
                invocation_config={"includedTargets": [{"schema": "s", "name": "b"}]},
                course=Course(failures={"s.b": "no luck"}),
            ),
        ),
    )
    with serve(repository) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke("w")
        assert client.finish(path) == "FAILED"
        actions = client.actions(path)
        assert list(actions) == ["b"]
        assert actions["b"]["bigqueryAction"]["sqlScript"] == "INSERT INTO `s.b`\nb"
        config = client.data("GET", path)["invocationConfig"]
        assert config == {"includedTargets": [{"schema": "s", "name": "b"}]}
        client.close()


def test_results_with_errors_are_not_invoked(client: Warehouse) -> None:
    """A compilation result with errors is not run."""
    name = client.compile("broken")
    response = client.error("POST", "/workflowInvocations", {"compilationResult": name})
    assert response == (FAILED, f"Compilation result {name} has compilation errors")


def test_unknown_targets_are_not_invoked(client: Warehouse) -> None:
    """An included target must be in the result, with its full name."""
    target = {"schema": "marts", "name": "revenue"}
    body = {
        "compilationResult": client.compile(),
        "invocationConfig": {"includedTargets": [target]},
    }
    message = "Requested target does not exist in compilation result: 'marts.revenue'"
    assert client.error("POST", "/workflowInvocations", body) == (INVALID, message)


def test_cancelling_takes_a_second() -> None:
    """By the clock, a cancelled invocation is CANCELING for a second, and its actions stop."""
    clock = ManualClock()
    with Emulator(advance="clock", run_seconds=6, clock=clock) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke("nightly")
        clock.seconds += 1
        client.data("POST", f"{path}:cancel")
        clock.seconds += 0.9
        assert client.state(path) == "CANCELING"
        clock.seconds += 60
        ended = client.data("GET", path)
        assert ended["state"] == "CANCELLED"
        assert ended["invocationTiming"]["endTime"] == "1970-01-12T13:46:42.000000Z"
        client.close()


def test_cancelling_stops_every_action(client: Warehouse) -> None:
    """After a cancel, one GET returns CANCELING; then all unfinished actions are cancelled."""
    path = client.invoke("nightly")
    client.state(path)
    client.state(path)
    assert client.data("POST", f"{path}:cancel") == {}
    assert client.data("POST", f"{path}%3Acancel", {}) == {}
    assert client.state(path) == "CANCELING"
    assert running(client, path) == {"order_events"}
    assert client.state(path) == client.state(path) == "CANCELLED"
    actions, states = client.actions(path), client.states(path)
    assert states["orders_cleaned"] == "SUCCEEDED"
    assert (states["order_events"], states["revenue"]) == ("CANCELLED", "CANCELLED")
    assert set(actions["revenue"]["invocationTiming"]) == {"startTime", "endTime"}
    assert "jobId" in actions["order_events"]["bigqueryAction"]
    assert "jobId" not in actions["revenue"]["bigqueryAction"]


@pytest.mark.parametrize("refuses", [True, False])
def test_cancelling_too_late(refuses: bool) -> None:
    """The rules decide whether cancelling an ended invocation is an error or has no effect."""
    with Emulator(rules=Rules(refuses_late_cancel=refuses)) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke("nightly")
        client.finish(path)
        response = client.request("POST", f"{path}:cancel")
        assert response.status == (400 if refuses else 200)
        if refuses:
            message = "Workflow invocation is not running: it is SUCCEEDED"
            assert client.error("POST", f"{path}:cancel") == (FAILED, message)
        assert client.state(path) == "SUCCEEDED"
        client.close()


def test_only_ended_invocations_are_deleted(emulator: Emulator, client: Warehouse) -> None:
    """An invocation can be deleted after its end, and its name is not used again."""
    path = client.invoke("nightly")
    message = "Workflow invocation is still running: RUNNING"
    assert client.error("DELETE", path) == (FAILED, message)
    client.finish(path)
    assert client.data("DELETE", path) == {}
    assert client.error("GET", path) == (MISSING, f"{HOME}{path} does not exist")
    assert emulator.invocations == []
    assert client.invoke("nightly").partition("-")[2] != path.partition("-")[2]
