"""The execution of invocations: states, times and scripts of their actions."""

from __future__ import annotations

from dataform_action.emulator import Course, Emulator, Repository, Rules
from dataform_action.emulator.graph.sample_repository import FAILURE_REASON
from tests.emulator.google.support import ACTIVE, HOME, Warehouse, make_graph, running, serve
from tests.emulator.support import ManualClock


def test_invocation_runs_in_order_of_dependencies(emulator: Emulator, client: Warehouse) -> None:
    """By polls, each GET is a step; an action starts when its dependencies have succeeded."""
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


def test_actions_have_script_job_and_times(client: Warehouse) -> None:
    """An action has its script at once, a job and a start when it runs, and an end afterwards."""
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
    """A failed action has its reason, its dependents are skipped, and the others run."""
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


def test_a_limit_of_concurrent_actions(emulator: Emulator, client: Warehouse) -> None:
    """Ready actions are QUEUED if the invocation has a limit, PENDING if only the course has."""
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
    """An action with its own length ends after that number of steps."""
    emulator.set_course(None, Course(steps=3, lengths={"staging.orders_cleaned": 1}))
    path = client.invoke(includedTags=["staging"])
    client.state(path)
    assert client.states(path) == {"customers_cleaned": "RUNNING", "orders_cleaned": "RUNNING"}
    client.state(path)
    assert client.states(path) == {"customers_cleaned": "RUNNING", "orders_cleaned": "SUCCEEDED"}
    client.state(path)
    assert client.finish(path) == "SUCCEEDED"


def test_endless_actions_block_their_dependents(client: Warehouse) -> None:
    """An endless action runs forever, and its dependents stay pending."""
    path = client.invoke("endless")
    assert [client.state(path) for _ in range(30)] == ["RUNNING"] * 30
    states = client.states(path)
    assert (states["customers"], states["top_customers"]) == ("RUNNING", None)
    assert states["revenue"] == "SUCCEEDED"


def test_disabled_actions_block_nothing() -> None:
    """The dependents of a disabled action run, even if its own dependencies fail."""
    graph = make_graph("a", "b", "c", after={"b": "a", "c": "b"})
    graph["tables"][1]["disabled"] = True
    with serve(Repository(graph=graph)) as emulator:
        emulator.fail_action("a", "no luck")
        client = Warehouse(emulator.url)
        path = client.invoke(concurrentActionsLimit=-1)
        assert client.finish(path) == "FAILED"
        assert client.states(path) == {"a": "FAILED", "b": "DISABLED", "c": "SUCCEEDED"}
        client.close()


def test_cycles_are_skipped() -> None:
    """Actions that wait for each other never run, and the invocation still ends."""
    graph = make_graph("a", "b", "c", after={"a": "b", "b": "a"})
    with serve(Repository(graph=graph)) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke()
        assert client.finish(path) == "SUCCEEDED"
        assert client.states(path) == {"a": "SKIPPED", "b": "SKIPPED", "c": "SUCCEEDED"}
        client.close()


def test_states_can_be_set(emulator: Emulator, client: Warehouse) -> None:
    """A test can set states that are unknown, missing or contradictory."""
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


def test_pending_is_sent_on_request() -> None:
    """The rules decide whether PENDING is sent, or omitted like other defaults."""
    with Emulator(rules=Rules(sends_pending=True)) as emulator:
        client = Warehouse(emulator.url)
        assert client.states(client.invoke("nightly"))["revenue"] == "PENDING"
        client.close()


def test_time_advances_invocations() -> None:
    """By the clock, an invocation takes run_seconds, and its times follow its steps."""
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


def test_invocations_can_take_no_time() -> None:
    """By the clock with 0 s, an invocation has ended as soon as it is created."""
    with Emulator(advance="clock", run_seconds=0) as emulator:
        client = Warehouse(emulator.url)
        assert client.state(client.invoke("nightly")) == "SUCCEEDED"
        assert client.state(client.invoke("endless")) == "RUNNING"
        client.close()
