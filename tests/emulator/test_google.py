"""The emulator's Google Cloud Dataform: compiling, invoking, configurations, refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import (
    DEFAULT_TOKEN,
    Commit,
    Course,
    Emulator,
    Fault,
    ReleaseConfig,
    Repository,
    Rules,
    WorkflowConfig,
    make_warehouse,
)
from dataform_action.emulator.cli import main
from dataform_action.emulator.compiled_graph import Target, load_graph
from dataform_action.emulator.sample_repository import BROKEN_SHA, FAILURE_REASON, WAREHOUSE
from tests.emulator.test_emulator import Answer, Client, ManualClock, exchange_raw

HOME = "projects/my-project/locations/europe-west1/repositories/warehouse"
INVALID, FAILED = (400, "INVALID_ARGUMENT"), (400, "FAILED_PRECONDITION")
DENIED, MISSING = (403, "PERMISSION_DENIED"), (404, "NOT_FOUND")
RUNNER = "dataform-runner@my-project.iam.gserviceaccount.com"


class Warehouse(Client):
    """Talks to the sample repository."""

    def ask(self, method: str, path: str, body: object = None, version: str = "v1") -> Answer:
        """Send a request about something in the repository."""
        return self.call(method, f"/{version}/{HOME}{path}", body)

    def data(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Return the body of an answer that has to be a good one."""
        answer = self.ask(method, path, body)
        assert answer.status == 200, answer.text
        return answer.data

    def refusal(self, method: str, path: str, body: object = None) -> tuple[tuple[int, str], str]:
        """Return status, code and message of an answer that has to be an error."""
        answer = self.ask(method, path, body)
        error = answer.data["error"]
        assert error["code"] == answer.status
        return (answer.status, error["status"]), error["message"]

    def compile(self, ref: str = "main", **config: object) -> str:
        """Compile; return the full name of the result."""
        body = {"gitCommitish": ref, "codeCompilationConfig": config}
        return str(self.data("POST", "/compilationResults", body)["name"])

    def invoke(self, workflow: str | None = None, **config: object) -> str:
        """Invoke a workflow configuration or a new compilation result; return the path of it."""
        body: dict[str, object] = {"workflowConfig": f"{HOME}/workflowConfigs/{workflow}"}
        if workflow is None:
            body = {"compilationResult": self.compile(), "invocationConfig": config}
        name = str(self.data("POST", "/workflowInvocations", body)["name"])
        return name.removeprefix(HOME)

    def state(self, path: str) -> str | None:
        """GET an invocation, which takes it a step on; return its state."""
        state: str | None = self.data("GET", path).get("state")
        return state

    def finish(self, path: str) -> str | None:
        """GET an invocation until it does not run any more; return its state."""
        states = (self.state(path) for _ in range(60))
        return next(state for state in states if state != "RUNNING")

    def actions(self, path: str) -> dict[str, Any]:
        """Return the actions of an invocation by their names."""
        actions = self.data("GET", f"{path}:query").get("workflowInvocationActions", [])
        return {action["target"]["name"]: action for action in actions}

    def states(self, path: str) -> dict[str, str | None]:
        """Return the states of the actions of an invocation."""
        return {name: action.get("state") for name, action in self.actions(path).items()}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Warehouse]:
    client = Warehouse(emulator.url)
    yield client
    client.close()


def serve(*repositories: Repository, **options: Any) -> Emulator:  # noqa: ANN401
    """Make an emulator of these repositories."""
    return Emulator(repositories=repositories, **options)


def make_graph(
    *names: str, kind: str = "table", after: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Make a graph of tables in one dataset, with what some of them depend on."""
    tables = []
    for name in names:
        target = {"schema": "s", "name": name}
        above = [{"schema": "s", "name": other} for other in (after or {}).get(name, "").split()]
        tables.append({"type": kind, "target": target, "query": name, "dependencyTargets": above})
    return {"tables": tables}


# Compiling


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_compile_answers_the_result(client: Warehouse, version: str) -> None:
    """A commit-ish is compiled at once, and the result is found again under its name."""
    body = {"gitCommitish": "main", "codeCompilationConfig": {"schemaSuffix": "dev"}}
    result = client.ask("POST", "/compilationResults", body, version).data
    assert result.pop("createTime").endswith("Z")
    name = result["name"]
    assert name.startswith(f"{HOME}/compilationResults/")
    assert result == {
        "name": name,
        **body,
        "resolvedGitCommitSha": "6f1c2b9d0e4a58c7f3b1d2e90a7c64835e1f0b2d",
        "dataformCoreVersion": "3.0.0",
    }
    assert client.data("GET", name.removeprefix(HOME)).items() >= result.items()


@pytest.mark.parametrize("ref", ["broken", BROKEN_SHA, BROKEN_SHA[:7]])
def test_compile_errors_are_part_of_the_result(client: Warehouse, ref: str) -> None:
    """A commit that does not compile is answered by 200 with its errors."""
    result = client.data("POST", "/compilationResults", {"gitCommitish": ref})
    first, second = result["compilationErrors"]
    assert first["path"] == "definitions/marts/margin.js"
    assert "margin.js:12:37" in first["stack"]
    assert first["actionTarget"]["name"] == "margin"
    assert list(second) == ["message"]
    assert result["resolvedGitCommitSha"] == BROKEN_SHA
    query = client.data("GET", f"{result['name'].removeprefix(HOME)}:query")
    assert query == {}


def test_compile_takes_the_settings_of_the_release(client: Warehouse) -> None:
    """A release configuration brings its commit-ish and settings; the request's come on top."""
    body: dict[str, Any] = {"releaseConfig": f"{HOME}/releaseConfigs/staging"}
    result = client.data("POST", "/compilationResults", body)
    assert result["codeCompilationConfig"] == {"schemaSuffix": "staging"}
    assert result["releaseConfig"] == body["releaseConfig"]
    body["codeCompilationConfig"] = {"schemaSuffix": "x", "vars": {}}
    result = client.data("POST", "/compilationResults", body)
    assert result["codeCompilationConfig"] == {"schemaSuffix": "x"}


def query(client: Warehouse, **config: Any) -> dict[str, Any]:  # noqa: ANN401
    """Compile; return the actions by their full names."""
    path = client.compile(**config).removeprefix(HOME)
    actions = client.data("GET", f"{path}:query")["compilationResultActions"]
    return {".".join(action["target"].values()): action for action in actions}


def test_compiled_actions_are_shown(client: Warehouse) -> None:
    """Each kind of action has its own part, and every default is left out."""
    actions = query(client)
    assert len(actions) == 13
    assert actions["my-project.raw.orders"] == {
        "target": {"database": "my-project", "schema": "raw", "name": "orders"},
        "canonicalTarget": {"database": "my-project", "schema": "raw", "name": "orders"},
        "filePath": "definitions/sources/orders.sqlx",
        "declaration": {},
    }
    events = actions["my-project.marts.order_events"]["relation"]
    assert events["relationType"] == "INCREMENTAL_TABLE"
    assert events["incrementalTableConfig"]["uniqueKeyParts"] == ["id"]
    assert events["partitionExpression"] == "DATE(ordered_at)"
    assert "disabled" not in events
    kinds = {name: actions[f"my-project.marts.{name}"]["relation"] for name in MARTS}
    assert {name: relation["relationType"] for name, relation in kinds.items()} == MARTS
    assert kinds["legacy_report"]["disabled"] is True
    assert kinds["revenue"]["relationDescriptor"] == {"description": "Revenue by day"}
    assert "'EUR' AS currency" in kinds["revenue"]["selectQuery"]
    operations = actions["my-project.marts.export_revenue"]["operations"]
    assert operations["tags"] == ["daily", "export"]
    assert len(operations["queries"]) == 1
    unique = actions["my-project.assertions.marts_revenue_assertions_uniqueKey_0"]["assertion"]
    assert unique["parentAction"]["name"] == "revenue"


MARTS = {
    "revenue": "TABLE",
    "legacy_report": "TABLE",
    "top_customers": "VIEW",
    "revenue_by_country": "MATERIALIZED_VIEW",
}


def test_overrides_change_targets(client: Warehouse) -> None:
    """Suffixes and prefix change targets, references and SQL, but neither sources nor canon."""
    config = {"schemaSuffix": "dev", "tablePrefix": "pr", "databaseSuffix": "x"}
    actions = query(client, **config, vars={"currency": "USD"})
    assert "my-project.raw.orders" in actions
    revenue = actions["my-project_x.marts_dev.pr_revenue"]
    assert revenue["canonicalTarget"]["name"] == "revenue"
    assert "'USD' AS currency" in revenue["relation"]["selectQuery"]
    assert "FROM `my-project_x.marts_dev.pr_order_events`" in revenue["relation"]["selectQuery"]
    assert revenue["relation"]["dependencyTargets"][0]["name"] == "pr_order_events"
    unique = "my-project_x.assertions_dev.pr_marts_revenue_assertions_uniqueKey_0"
    assert actions[unique]["assertion"]["parentAction"]["schema"] == "marts_dev"


def test_other_defaults_change_targets(client: Warehouse) -> None:
    """Defaults replace those of the project, and leave names alone that it spells out."""
    config = {"defaultDatabase": "other", "defaultSchema": "d", "assertionSchema": "a"}
    schemas = {name.rpartition(".")[0] for name in query(client, **config)}
    assert schemas == {"other.raw", "other.staging", "other.d", "other.a"}


def test_actions_are_filtered_by_file(client: Warehouse) -> None:
    """The one documented filter finds the actions of a file; a plus sign is a space."""
    path = client.compile().removeprefix(HOME)
    filtered = f'{path}%3Aquery?filter=file_path+=+"definitions/marts/revenue.sqlx"&%24alt=json'
    actions = client.data("GET", filtered)["compilationResultActions"]
    names = [action["target"]["name"] for action in actions]
    assert names == ["revenue", "marts_revenue_assertions_uniqueKey_0"]
    refusal = client.refusal("GET", f"{path}:query?filter=tag=x")
    assert refusal == (INVALID, "Invalid filter 'tag=x': only file_path = \"...\" is supported")


def test_a_project_in_a_folder_has_to_be_named() -> None:
    """A project below the root is compiled from its folder, which file paths start with."""
    repository = replace(
        make_warehouse(),
        project_folder="analytics",
        release_configs=(ReleaseConfig(name="production", released=False),),
    )
    with serve(repository) as emulator:
        client = Warehouse(emulator.url)
        body = {"gitCommitish": "main"}
        answer = client.refusal("POST", "/compilationResults", body)
        assert answer == (MISSING, "Can't find package.json")
        config = {"path": "/analytics", "pipelineType": 1}
        name = client.compile(pipelineConfig=config)
        result = client.data("GET", name.removeprefix(HOME))
        assert result["codeCompilationConfig"]["pipelineConfig"]["pipelineType"] == "DATAFORM"
        actions = client.data("GET", f"{name.removeprefix(HOME)}:query")
        assert actions["compilationResultActions"][0]["filePath"].startswith("analytics/defin")
        order = {"compilationResult": name}
        invocation = client.data("POST", "/workflowInvocations", order)
        assert invocation["pipelineConfig"]["path"] == "/analytics"
        client.close()


# Invoking


def test_invocation_runs_in_order_of_dependencies(emulator: Emulator, client: Warehouse) -> None:
    """By polls, each GET is a step; what depends on something starts when that has succeeded."""
    body = {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}
    created = client.data("POST", "/workflowInvocations", body)
    assert set(created["invocationTiming"]) == {"startTime"}
    assert created["workflowConfig"] == body["workflowConfig"]
    assert created["resolvedCompilationResult"].startswith(f"{HOME}/compilationResults/")
    path = created["name"].removeprefix(HOME)
    disabled = {"legacy_report": "DISABLED"}
    assert {name for name, state in client.states(path).items() if state is None} == ACTIVE
    assert client.state(path) == "RUNNING"
    assert running(client, path) == {"customers_cleaned", "orders_cleaned"}
    assert client.state(path) == "RUNNING"
    assert running(client, path) == {"order_events"}
    assert client.finish(path) == "SUCCEEDED"
    assert client.states(path) == dict.fromkeys(ACTIVE, "SUCCEEDED") | disabled
    ended = client.data("GET", path)
    assert set(ended["invocationTiming"]) == {"startTime", "endTime"}
    (invocation,) = emulator.invocations
    assert (invocation.name, invocation.state) == (created["name"], "SUCCEEDED")
    assert invocation.workflow_config == body["workflowConfig"]
    assert invocation.actions["my-project.marts.revenue"] == "SUCCEEDED"
    assert invocation.polls == 7


ACTIVE = {
    *("customers", "order_events", "revenue", "revenue_by_country", "top_customers"),
    *("customers_cleaned", "orders_cleaned", "export_revenue", "orders_have_customers"),
    "marts_revenue_assertions_uniqueKey_0",
}


def running(client: Warehouse, path: str) -> set[str]:
    """Return the actions that run."""
    return {name for name, state in client.states(path).items() if state == "RUNNING"}


def test_actions_tell_script_job_and_times(client: Warehouse) -> None:
    """The script is known at once, job and start when the action runs, the end when it ended."""
    path = client.invoke("nightly")
    before = client.actions(path)["orders_cleaned"]
    assert set(before) == {"target", "canonicalTarget", "bigqueryAction"}
    assert list(before["bigqueryAction"]) == ["sqlScript"]
    client.state(path)
    during = client.actions(path)["orders_cleaned"]
    assert during["bigqueryAction"]["jobId"].startswith("dataform-")
    assert list(during["invocationTiming"]) == ["startTime"]
    client.state(path)
    after = client.actions(path)["orders_cleaned"]
    assert list(after["invocationTiming"]) == ["startTime", "endTime"]
    client.finish(path)
    scripts = {name: entry["bigqueryAction"] for name, entry in client.actions(path).items()}
    starts = {name: script["sqlScript"].split("`")[0] for name, script in scripts.items()}
    assert starts["orders_cleaned"] == "CREATE OR REPLACE VIEW "
    assert starts["revenue_by_country"] == "CREATE OR REPLACE MATERIALIZED VIEW "
    assert starts["customers"] == "CREATE OR REPLACE TABLE "
    assert starts["order_events"] == "INSERT INTO "
    assert starts["export_revenue"].startswith("EXPORT DATA")
    assert starts["orders_have_customers"] == "CREATE OR REPLACE VIEW "
    assert list(scripts["legacy_report"]) == ["sqlScript"]
    assert "invocationTiming" not in client.actions(path)["legacy_report"]


def test_a_full_refresh_rebuilds_incremental_tables(client: Warehouse) -> None:
    """A full refresh replaces an incremental table instead of adding to it."""
    path = client.invoke(fullyRefreshIncrementalTablesEnabled=True)
    script = client.actions(path)["order_events"]["bigqueryAction"]["sqlScript"]
    assert script.startswith("CREATE OR REPLACE TABLE `my-project.marts.order_events`")
    assert "MAX(ordered_at)" not in script


def test_failures_skip_what_depends_on_them(client: Warehouse) -> None:
    """A failed action has its reason, what depends on it is skipped, the rest goes on."""
    path = client.invoke("failure")
    assert client.finish(path) == "FAILED"
    actions = client.actions(path)
    states = client.states(path)
    assert states.pop("customers") == "FAILED"
    assert actions["customers"]["failureReason"] == FAILURE_REASON
    skipped = {name for name, state in states.items() if state == "SKIPPED"}
    assert skipped == {
        *("top_customers", "revenue_by_country", "orders_have_customers", "export_revenue")
    }
    assert not any("invocationTiming" in actions[name] for name in skipped)
    assert not any("failureReason" in actions[name] for name in states)
    assert states["revenue"] == "SUCCEEDED"


def test_tests_let_actions_fail(emulator: Emulator, client: Warehouse) -> None:
    """An action fails by order, under its overridden name too, in any kind of invocation."""
    emulator.fail_action("marts.revenue", "no luck")
    result = client.compile(schemaSuffix="dev")
    body = {"compilationResult": result}
    created = client.data("POST", "/workflowInvocations", body)
    assert created["compilationResult"] == created["resolvedCompilationResult"] == result
    for path in (created["name"].removeprefix(HOME), client.invoke("nightly")):
        assert client.finish(path) == "FAILED"
        assert client.actions(path)["revenue"]["failureReason"] == "no luck"


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
    """Targets and tags add up, and bring what they depend on or what depends on them."""
    path = client.invoke(**config)
    assert set(client.actions(path)) == names
    assert client.finish(path) == "SUCCEEDED"


def test_only_so_many_actions_run_at_once(emulator: Emulator, client: Warehouse) -> None:
    """Under a limit, ready actions wait as QUEUED; on a course with one, as PENDING."""
    tags = ["staging"]
    path = client.invoke(includedTags=tags, concurrentActionsLimit="1")
    client.state(path)
    assert client.states(path) == {"customers_cleaned": "RUNNING", "orders_cleaned": "QUEUED"}
    emulator.set_course(None, Course(parallel=1, steps=2))
    path = client.invoke(includedTags=tags)
    states = [(client.state(path), client.states(path)["orders_cleaned"]) for _ in range(5)]
    assert states == [
        *[("RUNNING", None)] * 2,
        *[("RUNNING", "RUNNING")] * 2,
        ("SUCCEEDED", "SUCCEEDED"),
    ]
    emulator.set_course(None, Course(parallel=1, queues=True))
    path = client.invoke(includedTags=tags)
    client.state(path)
    assert client.states(path)["orders_cleaned"] == "QUEUED"


def test_actions_may_differ_in_length(emulator: Emulator, client: Warehouse) -> None:
    """An action of another length ends after as many steps, whatever started before it."""
    emulator.set_course(None, Course(steps=3, lengths={"staging.orders_cleaned": 1}))
    path = client.invoke(includedTags=["staging"])
    client.state(path)
    assert client.states(path) == {"customers_cleaned": "RUNNING", "orders_cleaned": "RUNNING"}
    client.state(path)
    assert client.states(path) == {"customers_cleaned": "RUNNING", "orders_cleaned": "SUCCEEDED"}
    client.state(path)
    assert client.finish(path) == "SUCCEEDED"


def test_endless_actions_hold_up_what_depends_on_them(client: Warehouse) -> None:
    """An endless action runs for ever, and what waits for it stays pending."""
    path = client.invoke("endless")
    assert [client.state(path) for _ in range(30)] == ["RUNNING"] * 30
    states = client.states(path)
    assert (states["customers"], states["top_customers"]) == ("RUNNING", None)
    assert states["revenue"] == "SUCCEEDED"


def test_disabled_actions_hold_nothing_up() -> None:
    """What depends on a disabled action runs, whatever becomes of what that one depends on."""
    graph = make_graph("a", "b", "c", after={"b": "a", "c": "b"})
    graph["tables"][1]["disabled"] = True
    with serve(Repository(graph=graph)) as emulator:
        emulator.fail_action("a", "no luck")
        client = Warehouse(emulator.url)
        path = client.invoke(concurrentActionsLimit=-1)
        assert client.finish(path) == "FAILED"
        assert client.states(path) == {"a": "FAILED", "b": "DISABLED", "c": "SUCCEEDED"}
        client.close()


def test_circles_are_skipped() -> None:
    """Actions that wait for each other never run, and do not hold up the end."""
    graph = make_graph("a", "b", "c", after={"a": "b", "b": "a"})
    with serve(Repository(graph=graph)) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke()
        assert client.finish(path) == "SUCCEEDED"
        assert client.states(path) == {"a": "SKIPPED", "b": "SKIPPED", "c": "SUCCEEDED"}
        client.close()


def test_states_can_be_odd(emulator: Emulator, client: Warehouse) -> None:
    """States are scripted that mean nothing, that are missing, and that do not fit the actions."""
    emulator.set_course(
        "nightly", Course(state="PAUSED", action_states={"revenue": "PAUSED", "customers": ""})
    )
    path = client.invoke("nightly")
    assert [client.state(path) for _ in range(9)] == ["PAUSED"] * 9
    states = client.states(path)
    assert (states["revenue"], states["customers"]) == ("PAUSED", None)
    emulator.set_course("nightly", Course(state=""))
    assert client.state(client.invoke("nightly")) is None
    emulator.set_course("nightly", Course(ending="FAILED"))
    path = client.invoke("nightly")
    assert client.finish(path) == "FAILED"
    assert set(client.states(path).values()) == {"SUCCEEDED", "DISABLED"}


def test_pending_is_sent_if_asked_for() -> None:
    """By its rules the emulator says PENDING, or leaves it out like other defaults."""
    with Emulator(rules=Rules(sends_pending=True)) as emulator:
        client = Warehouse(emulator.url)
        assert client.states(client.invoke("nightly"))["revenue"] == "PENDING"
        client.close()


# By the clock


def test_time_carries_invocations_on() -> None:
    """By the clock, an invocation takes run_seconds, and its times are those of its steps."""
    clock = ManualClock()
    with Emulator(advance="clock", run_seconds=6, clock=clock) as emulator:
        client = Warehouse(emulator.url)
        path, slow = client.invoke("nightly"), client.invoke("slow")
        assert client.state(path) == client.state(path) == "RUNNING"
        clock.seconds += 5.99
        assert client.state(path) == "RUNNING"
        clock.seconds += 100
        invocation = client.data("GET", path)
        assert invocation["state"] == "SUCCEEDED"
        timing = {
            "startTime": "1970-01-12T13:46:40.000000Z",
            "endTime": "1970-01-12T13:46:46.000000Z",
        }
        assert invocation["invocationTiming"] == timing
        first = client.actions(path)["orders_cleaned"]["invocationTiming"]
        assert first["startTime"] == "1970-01-12T13:46:41.000000Z"
        clock.seconds += 490
        assert client.state(slow) == "RUNNING"
        clock.seconds += 5
        assert client.state(slow) == "SUCCEEDED"
        client.close()


def test_no_time_at_all_is_enough() -> None:
    """By the clock with 0 s, an invocation has ended when it is created."""
    with Emulator(advance="clock", run_seconds=0) as emulator:
        client = Warehouse(emulator.url)
        assert client.state(client.invoke("nightly")) == "SUCCEEDED"
        assert client.state(client.invoke("endless")) == "RUNNING"
        client.close()


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


# Cancelling and deleting


def test_cancelling_stops_every_action(client: Warehouse) -> None:
    """After a cancel one GET answers CANCELING, and whatever had not ended is cancelled."""
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
    """Cancelling what has ended is an error, or by the rules nothing at all."""
    with Emulator(rules=Rules(refuses_late_cancel=refuses)) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke("nightly")
        client.finish(path)
        answer = client.ask("POST", f"{path}:cancel")
        assert answer.status == (400 if refuses else 200)
        if refuses:
            message = "Workflow invocation is not running: it is SUCCEEDED"
            assert client.refusal("POST", f"{path}:cancel") == (FAILED, message)
        assert client.state(path) == "SUCCEEDED"
        client.close()


def test_only_ended_invocations_are_deleted(emulator: Emulator, client: Warehouse) -> None:
    """An invocation is deleted after its end, and its name is not used again."""
    path = client.invoke("nightly")
    message = "Workflow invocation is still running: RUNNING"
    assert client.refusal("DELETE", path) == (FAILED, message)
    client.finish(path)
    assert client.data("DELETE", path) == {}
    assert client.refusal("GET", path) == (MISSING, f"{HOME}{path} does not exist")
    assert emulator.invocations == []
    assert client.invoke("nightly").partition("-")[2] != path.partition("-")[2]


# Configurations


def test_repository_and_configurations_are_read(client: Warehouse) -> None:
    """The repository and its configurations are answered without their defaults."""
    repository = client.data("GET", "")
    assert (repository["name"], repository["serviceAccount"]) == (HOME, RUNNER)
    (release, staging) = client.data("GET", "/releaseConfigs")["releaseConfigs"]
    assert release.pop("releaseCompilationResult").startswith(f"{HOME}/compilationResults/")
    assert release == {
        "name": f"{HOME}/releaseConfigs/production",
        "gitCommitish": "main",
        "codeCompilationConfig": {},
        "cronSchedule": "0 1 * * *",
        "timeZone": "Europe/Vienna",
    }
    assert staging == client.data("GET", "/releaseConfigs/staging")
    assert "releaseCompilationResult" not in staging
    workflows = client.data("GET", "/workflowConfigs")["workflowConfigs"]
    assert [config["name"].rpartition("/")[2] for config in workflows] == [
        *("nightly", "failure", "slow", "endless")
    ]
    assert workflows[0] == client.data("GET", "/workflowConfigs/nightly")
    assert workflows[0]["releaseConfig"] == f"{HOME}/releaseConfigs/production"


def test_a_release_changes_what_workflows_run(client: Warehouse) -> None:
    """A result that was compiled from a release is released, and workflows run it from then on."""
    release = "/releaseConfigs/production"
    body = {"releaseConfig": HOME + release, "codeCompilationConfig": {"schemaSuffix": "new"}}
    name = client.data("POST", "/compilationResults", body)["name"]
    old = client.actions(client.invoke("nightly"))["revenue"]["target"]
    mask = "?updateMask=releaseCompilationResult"
    change = {"release_compilation_result": name, "name": "ignored"}
    changed = client.data("PATCH", release + mask, change)
    assert changed["releaseCompilationResult"] == name
    assert changed["cronSchedule"] == "0 1 * * *"
    new = client.actions(client.invoke("nightly"))["revenue"]["target"]
    assert (old["schema"], new["schema"]) == ("marts", "marts_new")


def test_an_update_without_a_mask_changes_everything(client: Warehouse) -> None:
    """Without a mask, what the body does not name is wiped out; what is required stays."""
    path = "/releaseConfigs/production"
    missing = (INVALID, "git_commitish is required")
    assert client.refusal("PATCH", path, {"disabled": True}) == missing
    assert client.refusal("PATCH", f"{path}?updateMask=gitCommitish", {}) == missing
    changed = client.data("PATCH", path, {"gitCommitish": "broken"})
    assert changed == {"name": HOME + path, "gitCommitish": "broken"}
    body = {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}
    message = f"release_compilation_result is not set in {HOME}{path}"
    assert client.refusal("POST", "/workflowInvocations", body) == (FAILED, message)
    mask = "?update_mask=disabled,%20time_zone"
    changed = client.data("PATCH", path + mask, {"timeZone": "UTC", "gitCommitish": "x"})
    assert changed == {"name": HOME + path, "gitCommitish": "broken", "timeZone": "UTC"}


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("*", "Invalid update_mask path '*'; known are gitCommitish, codeCompilationConfig, "),
        ("name", "Invalid update_mask path 'name'; "),
        ("disabled,,timeZone", "Invalid update_mask path ''; "),
    ],
)
def test_bad_masks_are_refused(client: Warehouse, mask: str, message: str) -> None:
    """A mask names fields that can be changed, and no wildcard."""
    path = f"/releaseConfigs/production?updateMask={mask}"
    code, text = client.refusal("PATCH", path, {"gitCommitish": "main"})
    assert code == INVALID
    assert text.startswith(message)


def test_only_results_of_the_release_are_released(client: Warehouse) -> None:
    """A result of a commit-ish is not released, even where it holds the same code."""
    path = "/releaseConfigs/production?updateMask=releaseCompilationResult"
    name = client.compile()
    message = f"{name} was not created using release config {HOME}/releaseConfigs/production"
    answer = client.refusal("PATCH", path, {"releaseCompilationResult": name})
    assert answer == (INVALID, message)


# Acting as a service account


def account_of(**changes: Any) -> Emulator:  # noqa: ANN401
    """Make an emulator of the sample with other rules for service accounts."""
    return serve(replace(make_warehouse(), **changes))


def test_strict_act_as_needs_a_service_account() -> None:
    """Under strict checks an invocation has to run as somebody, by any of three ways."""
    with account_of(service_account="") as emulator:
        client = Warehouse(emulator.url)
        order: dict[str, object] = {"compilationResult": client.compile()}
        message = "Service account must be set when strict act as checks are enabled"
        for body in (order, {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}):
            assert client.refusal("POST", "/workflowInvocations", body) == (INVALID, message)
        configs: tuple[object, ...] = (
            {"serviceAccount": RUNNER},
            {"endUserAuthConfig": {"oauthConfig": {}}},
        )
        for config in configs:
            body = order | {"invocationConfig": config}
            assert client.data("POST", "/workflowInvocations", body)["state"] == "RUNNING"
        client.close()


def test_callers_may_not_act_as_everybody() -> None:
    """A refused service account spoils invocations, and releases that its workflows would run."""
    with account_of(refused_service_accounts=(RUNNER,)) as emulator:
        client = Warehouse(emulator.url)
        message = f"The caller does not have permission to act as service account: {RUNNER}"
        order: dict[str, object] = {"compilationResult": client.compile()}
        assert client.refusal("POST", "/workflowInvocations", order) == (DENIED, message)
        order["invocationConfig"] = {"serviceAccount": "other@example.com"}
        assert client.ask("POST", "/workflowInvocations", order).status == 200
        patch = "/releaseConfigs/production?updateMask=disabled"
        assert client.refusal("PATCH", patch, {"disabled": True}) == (DENIED, message)
        patch = "/releaseConfigs/staging?updateMask=disabled"
        assert client.ask("PATCH", patch, {"disabled": True}).status == 200
        client.close()


def test_loose_checks_take_anybody() -> None:
    """Without strict checks an invocation runs as nobody in particular."""
    with account_of(service_account="", strict_act_as=False) as emulator:
        client = Warehouse(emulator.url)
        assert client.finish(client.invoke("nightly")) == "SUCCEEDED"
        client.close()


# Refusals


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "message"),
    [
        ("POST", "/compilationResults", {}, INVALID, "One of git_commitish, workspace and "),
        ("POST", "/compilationResults", None, INVALID, "One of git_commitish, workspace and "),
        (
            *("POST", "/compilationResults", {"gitCommitish": "6f1c2b"}, INVALID),
            "Git commitish '6f1c2b' does not exist in the repository",
        ),
        (
            *("POST", "/compilationResults", {"workspace": "w"}, MISSING),
            "w does not exist: the emulator has no workspaces",
        ),
        (
            *("POST", "/compilationResults", {"releaseConfig": f"{HOME}/releaseConfigs/x"}),
            *(MISSING, f"{HOME}/releaseConfigs/x does not exist"),
        ),
        (
            *("POST", "/compilationResults", {"releaseConfig": f"https://host/{HOME}"}, INVALID),
            f"Resource name 'https://host/{HOME}' does not match projects/*/locations/*/"
            "repositories/*/releaseConfigs/*",
        ),
        ("POST", "/workflowInvocations", {}, INVALID, "One of compilation_result and workflow_"),
        (
            *("POST", "/workflowInvocations", {"workflowConfig": f"{HOME}/workflowConfigs/x"}),
            *(MISSING, f"{HOME}/workflowConfigs/x does not exist"),
        ),
        (
            *("POST", "/workflowInvocations"),
            {"compilationResult": f"{HOME.replace('my', 'your')}/compilationResults/x"},
            *(MISSING, "'projects/your-project/locations/europe-west1/repositories/warehouse/com"),
        ),
        (
            *("POST", "/workflowInvocations"),
            {"workflowConfig": f"{HOME}/workflowConfigs/nightly", "invocationConfig": {}},
            *(INVALID, "invocation_config must not be set together with workflow_config"),
        ),
        ("GET", "/workflowInvocations/x", None, MISSING, f"{HOME}/workflowInvocations/x does not"),
        ("GET", "/compilationResults/x:query", None, MISSING, f"{HOME}/compilationResults/x does"),
        ("GET", "/releaseConfigs/x", None, MISSING, f"{HOME}/releaseConfigs/x does not exist"),
        ("GET", "/workflowConfigs/x", None, MISSING, f"{HOME}/workflowConfigs/x does not exist"),
        ("PATCH", "/releaseConfigs/x", {}, MISSING, f"{HOME}/releaseConfigs/x does not exist"),
        ("PUT", "", None, MISSING, "Method not found: the emulator does not serve PUT /v1/proj"),
        ("GET", ":query", None, MISSING, "parent resource not found"),
        ("GET", "/compilationResults/x:run", None, MISSING, "Method not found: "),
        ("GET", "/compilationResults/x/y", None, MISSING, "Method not found: "),
    ],
)
def test_wrong_requests_are_told(
    client: Warehouse,
    method: str,
    path: str,
    body: object,
    code: tuple[int, str],
    message: str,
) -> None:
    """What is unknown, missing or contradictory is refused in Google's form."""
    answer = client.refusal(method, path, body)
    assert answer[0] == code
    assert answer[1].startswith(message)


@pytest.mark.parametrize(
    "path", ["", "/compilationResults", "/workflowInvocations/x", "/releaseConfigs/production"]
)
@pytest.mark.parametrize("part", ["my-project", "europe-west1", "warehouse"])
def test_other_repositories_are_not_there(client: Warehouse, path: str, part: str) -> None:
    """Another project, location or repository is told like the service does."""
    answer = client.call("GET", f"/v1/{HOME.replace(part, 'other')}{path}")
    assert answer.data == {
        "error": {"code": 404, "message": "parent resource not found", "status": "NOT_FOUND"}
    }
    assert client.call("GET", "/v1/projects/my-project/locations").status == 404


def test_results_with_errors_are_not_invoked(client: Warehouse) -> None:
    """A compilation result with errors is not run."""
    name = client.compile("broken")
    answer = client.refusal("POST", "/workflowInvocations", {"compilationResult": name})
    assert answer == (FAILED, f"Compilation result {name} has compilation errors")


def test_targets_that_are_not_there_are_not_invoked(client: Warehouse) -> None:
    """An included target has to be in the result, under its full name."""
    target = {"schema": "marts", "name": "revenue"}
    body = {
        "compilationResult": client.compile(),
        "invocationConfig": {"includedTargets": [target]},
    }
    message = "Requested target does not exist in compilation result: 'marts.revenue'"
    assert client.refusal("POST", "/workflowInvocations", body) == (INVALID, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Invalid JSON payload received. Expecting property name"),
        (
            [],
            "Invalid value at 'workflow_invocation' "
            "(type.googleapis.com/google.cloud.dataform.v1.WorkflowInvocation), []",
        ),
        (
            {"fileOperations": 1},
            'Invalid JSON payload received. Unknown name "fileOperations" at '
            "'workflow_invocation': Cannot find field.",
        ),
        (
            {"invocationConfig": {"Included_tags": []}},
            'Invalid JSON payload received. Unknown name "Included_tags" at '
            "'workflow_invocation.invocation_config': Cannot find field.",
        ),
        (
            {"workflowConfig": "a", "workflow_config": "b"},
            'Invalid JSON payload received. Unknown name "workflow_config" at '
            "'workflow_invocation': Field is already set.",
        ),
        (
            {"workflowConfig": "a", "compilationResult": "b"},
            "Invalid value at 'workflow_invocation' (oneof), oneof field 'compilation_source' is "
            "already set. Cannot set 'workflowConfig'",
        ),
        (
            {"workflowConfig": 1},
            "Invalid value at 'workflow_invocation.workflow_config' (TYPE_STRING), 1",
        ),
        (
            {"invocationConfig": {"includedTags": "daily"}},
            'Invalid JSON payload received. Unknown name "included_tags" at '
            "'workflow_invocation.invocation_config.included_tags': "
            "Proto field is repeated: send a list.",
        ),
        (
            {"invocationConfig": {"includedTargets": [{"name": True}]}},
            "Invalid value at 'workflow_invocation.invocation_config.included_targets[0].name' "
            "(TYPE_STRING), True",
        ),
        (
            {"invocationConfig": {"transitiveDependenciesIncluded": "true"}},
            "Invalid value at 'workflow_invocation.invocation_config."
            'transitive_dependencies_included\' (TYPE_BOOL), "true"',
        ),
        (
            {"invocationConfig": {"concurrentActionsLimit": 2**31}},
            "Invalid value at 'workflow_invocation.invocation_config.concurrent_actions_limit' "
            "(TYPE_INT32), 2147483648",
        ),
        (
            {"invocationConfig": {"concurrentActionsLimit": 1.5}},
            "Invalid value at 'workflow_invocation.invocation_config.concurrent_actions_limit' "
            "(TYPE_INT32), 1.5",
        ),
        (
            {"invocationConfig": {"queryPriority": "FAST"}},
            "Invalid value at 'workflow_invocation.invocation_config.query_priority' "
            '(type.googleapis.com/google.cloud.dataform.v1.InvocationConfig.QueryPriority), "FAST"',
        ),
        (
            {"invocationConfig": {"queryPriority": 3}},
            "Invalid value at 'workflow_invocation.invocation_config.query_priority' "
            "(type.googleapis.com/google.cloud.dataform.v1.InvocationConfig.QueryPriority), 3",
        ),
    ],
)
def test_bodies_are_read_strictly(client: Warehouse, body: object, message: str) -> None:
    """Unknown names, doubled fields and wrong types are refused, and the place is told."""
    answer = client.ask("POST", "/workflowInvocations", body)
    assert (answer.status, answer.data["error"]["status"]) == INVALID
    assert answer.data["error"]["message"].startswith(message)
    (detail,) = answer.data["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"


@pytest.mark.parametrize("variables", [["a"], {"a": 1}])
def test_variables_are_texts(client: Warehouse, variables: object) -> None:
    """Variables are an object of texts."""
    body = {"gitCommitish": "main", "codeCompilationConfig": {"vars": variables}}
    code, message = client.refusal("POST", "/compilationResults", body)
    assert code == INVALID
    assert message.startswith("Invalid value at 'compilation_result.code_compilation_config.vars")


def test_both_spellings_and_numbers_are_read(client: Warehouse) -> None:
    """Snake case and enum numbers mean the same; null, defaults and outputs are left out."""
    body = {
        "compilation_result": client.compile(),
        "invocation_config": {
            "included_tags": [],
            "queryPriority": 2,
            "executionMode": "DEFAULT",
            "transitive_dependents_included": False,
            "serviceAccount": None,
            "includedTargets": [],
        },
        "name": "ignored",
        "state": 7,
    }
    created = client.data("POST", "/workflowInvocations", body)
    assert created["invocationConfig"] == {"queryPriority": "BATCH", "executionMode": "DEFAULT"}
    assert created["state"] == "RUNNING"


def test_queries_are_read_strictly(client: Warehouse) -> None:
    """A parameter that a method does not have is refused, those of the front end are ignored."""
    system = "%24alt=json%3Benum-encoding%3Dint&alt=json&prettyPrint=false&fields=name&key=k&$x=1"
    assert client.data("GET", f"?{system}")["name"] == HOME
    code, message = client.refusal("POST", "/compilationResults?requestId=1", {})
    assert code == INVALID
    assert message == (
        'Invalid JSON payload received. Unknown name "requestId": Cannot bind query parameter. '
        "Field could not be found in request message."
    )


# Lists


def test_lists_come_in_pages(client: Warehouse) -> None:
    """A list comes in pages of the size asked for, and ends without a token."""
    names = [client.compile() for _ in range(4)]
    first = client.data("GET", "/compilationResults?pageSize=3")
    token = first["nextPageToken"]
    second = client.data("GET", f"/compilationResults?page_size=9&page_token={token}")
    found = first["compilationResults"] + second["compilationResults"]
    assert [result["name"] for result in found][1:] == names
    assert "nextPageToken" not in second
    assert client.data("GET", "/workflowInvocations") == {}


@pytest.mark.parametrize(
    "path",
    [
        "/compilationResults?pageToken={}",
        "/compilationResults?orderBy=name+desc&pageToken={}",
        "/workflowInvocations?orderBy=name&pageToken={}",
        "/compilationResults?orderBy=name&pageToken=x{}",
        "/compilationResults?orderBy=name&pageToken=%C3%A4{}",
        "/compilationResults?orderBy=name&pageToken=AAAA",
    ],
)
def test_page_tokens_belong_to_their_list(client: Warehouse, path: str) -> None:
    """A token of another list, or of other parameters, is refused."""
    client.compile()
    token = client.data("GET", "/compilationResults?orderBy=name&pageSize=1")["nextPageToken"]
    message = "The page token is invalid, or belongs to a request with other parameters"
    assert client.refusal("GET", path.format(token)) == (INVALID, message)


def test_pages_have_a_size_of_their_own() -> None:
    """Without a size a page has the default one, and never more than the largest."""
    rules = Rules(default_page_size=3, largest_page_size=5)
    with Emulator(rules=rules) as emulator:
        client = Warehouse(emulator.url)
        path = f"{client.compile().removeprefix(HOME)}:query"
        sizes = [
            len(client.data("GET", f"{path}?pageSize={size}")["compilationResultActions"])
            for size in ("", 0, 4, 1000)
        ]
        assert sizes == [3, 3, 4, 5]
        answer = client.refusal("GET", f"{path}?pageSize=-1")
        assert answer == (INVALID, "The page size must not be negative")
        client.close()


def test_lists_are_sorted(client: Warehouse) -> None:
    """Invocations are sorted by name, results also by time, and by nothing else."""
    for _ in range(5):
        client.invoke("nightly")
    path = "/workflowInvocations?orderBy=name"
    up = client.data("GET", path)["workflowInvocations"]
    assert client.data("GET", f"{path}%20asc")["workflowInvocations"] == up
    assert client.data("GET", f"{path}+desc")["workflowInvocations"] == up[::-1]
    names = [invocation["name"] for invocation in up]
    assert names == sorted(names)
    results = client.data("GET", "/compilationResults?order_by=create_time")["compilationResults"]
    assert len(results) == 1
    for order in ("create_time", "name+up", "name+desc+desc"):
        code, message = client.refusal("GET", f"/workflowInvocations?orderBy={order}")
        assert code == INVALID
        assert message.startswith(f"Invalid order_by {order.replace('+', ' ')!r}: it sorts by name")
    answer = client.refusal("GET", "/workflowInvocations?filter=state")
    assert answer == (INVALID, "The emulator knows no filter for this list")


# Tokens


@pytest.mark.parametrize(
    ("headers", "message", "reason"),
    [
        ({}, "Request is missing required authentication credential. ", "CREDENTIALS_MISSING"),
        (
            {"Authorization": "Basic abc"},
            "Request is missing required authentication credential. ",
            "CREDENTIALS_MISSING",
        ),
        (
            {"Authorization": "Bearer wrong"},
            "Request had invalid authentication credentials. Expected OAuth 2 access token, ",
            "ACCESS_TOKEN_EXPIRED",
        ),
    ],
)
def test_tokens_are_required(
    client: Warehouse, headers: dict[str, str], message: str, reason: str
) -> None:
    """Without a valid token every answer is 401 in Google's form."""
    for path in (f"/v1/{HOME}", f"/v1/{HOME}/x", "/v1beta1/projects/other"):
        answer = client.call("GET", path, headers=headers)
        error = answer.data["error"]
        assert (answer.status, error["status"]) == (401, "UNAUTHENTICATED")
        assert error["message"].startswith(message)
        assert error["details"][0]["reason"] == reason
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_tokens_expire(emulator: Emulator, client: Warehouse) -> None:
    """The accepted tokens change when a test says so, and a function decides at each request."""
    emulator.accept_tokens({"new"})
    assert client.ask("GET", "").status == 401
    client.token = "new"
    assert client.ask("GET", "").status == 200
    seen: list[str | None] = []

    def accept(token: str | None) -> bool:
        seen.append(token)
        return len(seen) == 1

    emulator.accept_tokens(accept)
    assert [client.ask("GET", "").status for _ in range(2)] == [200, 401]
    assert client.call("GET", f"/v1/{HOME}", headers={}).status == 401
    assert seen == ["new", "new", None]


def test_tokens_stay_out_of_the_records() -> None:
    """The log and the control show none of the tokens that ever were accepted."""
    lines: list[str] = []
    with Emulator(access_tokens=("ya", "ya-long"), log=lines.append) as emulator:
        client = Warehouse(emulator.url, "ya-long")
        emulator.accept_tokens(("second",))
        client.ask("GET", "/releaseConfigs/ya-long?key=second")
        records = client.call("GET", "/_emulator/requests", headers={}).text
        client.close()
    assert lines == [f"GET /v1/{HOME}/releaseConfigs/*** -> 401"]
    assert "key=***" in records
    assert "ya" not in records.replace("ya***", "")
    assert "second" not in records


# Faults


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("get", "GET", "/workflowInvocations/x"),
        ("create", "POST", "/workflowInvocations"),
        ("cancel", "POST", "/workflowInvocations/x:cancel"),
        ("compile", "POST", "/compilationResults"),
        ("query", "GET", "/workflowInvocations/x:query"),
        ("query", "GET", "/compilationResults/x:query"),
        ("list", "GET", "/workflowInvocations"),
        ("list", "GET", "/compilationResults"),
        ("list", "GET", "/releaseConfigs"),
        ("list", "GET", "/workflowConfigs"),
        ("other", "GET", ""),
        ("other", "GET", "/compilationResults/x"),
        ("other", "PATCH", "/releaseConfigs/x"),
        ("other", "DELETE", "/workflowInvocations/x"),
    ],
)
def test_faults_choose_their_requests(
    emulator: Emulator, client: Warehouse, operation: str, method: str, path: str
) -> None:
    """Each method belongs to a class that faults choose by, and errors have Google's form."""
    others = {"get", "create", "cancel", "compile", "query", "list", "other"} - {operation}
    for other in others:
        fault = {"kind": "status", "status": 500, "on": other}
        assert client.call("POST", "/_emulator/faults", fault).status == 200
    assert client.ask(method, path, {}).status in (200, 400, 404)
    client.call("POST", "/_emulator/faults", {"kind": "status", "on": operation})
    answer = client.ask(method, path, {})
    message = "The emulator was told to answer 503"
    assert answer.data == {"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}


def test_spoilt_answers_look_right(emulator: Emulator, client: Warehouse) -> None:
    """What is spoilt without being done has a plausible text, and what is done is kept."""
    body = {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}
    emulator.add_fault(Fault("huge", on="create", size=1000))
    spoilt = client.ask("POST", "/workflowInvocations", body).data
    assert spoilt == {"name": f"{HOME}/workflowInvocations/sample", "state": "RUNNING"}
    emulator.add_fault(Fault("huge", on="other", size=1000))
    assert client.ask("GET", "").data == {"name": f"{HOME}/sample"}
    assert emulator.invocations == []
    emulator.add_fault(Fault("cut-json", on="create", processed=True))
    cut = client.ask("POST", "/workflowInvocations", body).text
    (invocation,) = emulator.invocations
    assert invocation.name in cut


def test_unusual_statuses_have_a_code(emulator: Emulator, client: Warehouse) -> None:
    """A status without a code of its own is UNKNOWN."""
    emulator.add_fault(Fault("status", status=418))
    assert client.ask("GET", "").data["error"]["status"] == "UNKNOWN"


# The page, definitions, the command line


def test_page_shows_invocations(emulator: Emulator, client: Warehouse) -> None:
    """The page shows invocations and runs together, with the states of the actions."""
    path = client.invoke("failure")
    client.create("nightly")
    client.finish(path)
    client.invoke(includedTags=["none"])
    emulator.set_course("nightly", Course(state="", action_states={"revenue": ""}))
    client.invoke("nightly")
    page = client.call("GET", "/").text
    assert "4 runs, the newest first." in page
    assert f'<section id="/{HOME}{path}">' in page
    assert '<span class="badge failure">FAILED</span>' in page
    section = page.partition(f'id="/{HOME}{path}">')[2].partition("</section>")[0]
    for count in ("1 FAILED", "1 DISABLED", "5 SUCCEEDED", "4 SKIPPED"):
        assert count in section
    assert '<span class="badge unknown">no state</span>' in page
    assert "1 without a state" in page
    assert "<dd>none</dd>" in page


def test_repositories_have_their_own_world() -> None:
    """Two repositories share nothing, and each is found under its full name only."""
    one = Repository(graph=make_graph("a"))
    two = Repository(graph=make_graph("b"), name="second", git_url="https://example.com/2.git")
    with serve(one, two) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke()
        assert set(client.actions(path)) == {"a"}
        second = HOME.replace("warehouse", "second")
        assert client.call("GET", f"/v1/{second}{path}").status == 404
        assert client.call("GET", f"/v1/{second}/workflowConfigs").data == {}
        url = client.call("GET", f"/v1/{second}").data["gitRemoteSettings"]["url"]
        assert url == "https://example.com/2.git"
        client.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graph": {}}, "A compiled graph is what `dataform compile --json` prints: an object"),
        ({"graph": []}, "A compiled graph is what `dataform compile --json` prints: an object"),
        (
            {"release_configs": (ReleaseConfig(name="r", git_commitish="x"),)},
            "r cannot be released: Git commitish 'x' does not exist in the repository",
        ),
        (
            {"release_configs": (ReleaseConfig(name="r", code_compilation_config={"x": 1}),)},
            'r: Invalid JSON payload received. Unknown name "x": Cannot find field.',
        ),
        (
            {"workflow_configs": (WorkflowConfig(name="w", release_config="r"),)},
            "w: there is no release configuration 'r'",
        ),
        (
            {
                "workflow_configs": (
                    WorkflowConfig(name="w", release_config="r", invocation_config={"x": 1}),
                )
            },
            'w: Invalid JSON payload received. Unknown name "x": Cannot find field.',
        ),
    ],
)
def test_impossible_repositories_are_refused(changes: dict[str, Any], message: str) -> None:
    """A definition that cannot be is told when the emulator is made."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Emulator(repositories=(replace(Repository(graph=make_graph("a")), **changes),))


def test_workflows_have_their_own_selection() -> None:
    """A workflow configuration selects its actions, also where its graph has no main branch."""
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


def test_the_sample_takes_any_graph(tmp_path: Path) -> None:
    """The sample's configurations work on another graph, and even on one without actions."""
    file = tmp_path / "graph.json"
    file.write_text(json.dumps({"graphErrors": {}}), "utf-8")
    assert len(load_graph(WAREHOUSE)["tables"]) == 8
    with serve(make_warehouse(file)) as emulator:
        client = Warehouse(emulator.url)
        assert client.finish(client.invoke("failure")) == "SUCCEEDED"
        client.close()
    with serve(make_warehouse(make_graph("a", "b", after={"b": "a"}))) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke("failure")
        assert client.finish(path) == "FAILED"
        assert client.states(path) == {"a": "FAILED", "b": "SKIPPED"}
        client.close()


def test_command_serves_a_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command serves a graph from a file, with one token for both APIs."""
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(make_graph("a")), "utf-8")
    seen: list[str] = []

    def use() -> None:
        url = capsys.readouterr().out.splitlines()[0].removeprefix("Dataform emulator: ")
        client = Warehouse(url, DEFAULT_TOKEN)
        seen.extend(client.actions(client.invoke("nightly")))
        client.close()

    assert main(["--port", "0", "--graph", str(file)], use) == 0
    assert seen == ["a"]


@pytest.mark.parametrize("text", [None, "{", "{}"])
def test_command_refuses_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    """A file that is not there, or holds no graph, is told with exit code 2."""
    file = tmp_path / "graph.json"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(SystemExit) as raised:
        main(["--graph", str(file)])
    assert raised.value.code == 2
    assert "graph.json cannot be read: " in capsys.readouterr().err


def test_paths_without_a_slash_do_no_harm(emulator: Emulator) -> None:
    """A request target that is no path is not found."""
    answer = exchange_raw(emulator.url, b"GET v1 HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
