"""Invocations that a BigQuery server executes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from dataform_action.emulator import Emulator, Repository
from dataform_action.emulator.local.warehouse.execution import open_warehouse
from tests.emulator.google.support import HOME, Warehouse
from tests.emulator.local.warehouse.fake_server import FakeBigQuery, serving


def target(name: str) -> dict[str, str]:
    return {"database": "shop", "schema": "marts", "name": name}


def table(name: str, *above: str, **fields: object) -> dict[str, object]:
    """Return a table that depends on others."""
    return {
        "target": target(name),
        "type": "table",
        "query": f"SELECT {name}",
        "dependencyTargets": [target(other) for other in above],
        **fields,
    }


@pytest.fixture
def bigquery() -> Iterator[FakeBigQuery]:
    with serving() as fake:
        yield fake


class Runner:
    """Runs graphs, and waits for them."""

    def __init__(self, bigquery: FakeBigQuery) -> None:
        self._bigquery = bigquery
        self._open: list[tuple[Emulator, Warehouse]] = []

    def start(
        self,
        graph: Mapping[str, Any],
        **config: Any,  # noqa: ANN401
    ) -> tuple[Warehouse, str]:
        """Start an invocation of a graph."""
        repository = Repository(graph={"projectConfig": {"defaultLocation": "EU"}, **graph})
        warehouse = open_warehouse(self._bigquery.url)
        emulator = Emulator(repositories=(repository,), warehouse=warehouse)
        emulator.start()
        client = Warehouse(emulator.url)
        self._open.append((emulator, client))
        return client, client.invoke(**config)

    @property
    def emulator(self) -> Emulator:
        """The emulator that was started first."""
        return self._open[0][0]

    def run(self, graph: Mapping[str, Any], **config: object) -> tuple[str | None, dict[str, Any]]:
        """Run a graph; return the final state, and the actions."""
        client, path = self.start(graph, **config)
        state = wait(client, path)
        return state, client.actions(path)

    def close(self) -> None:
        """Stop all emulators."""
        for emulator, client in self._open:
            client.close()
            emulator.close()


def wait(client: Warehouse, path: str, *active: str) -> str | None:
    """Poll until an invocation has ended, or has none of these states."""
    pause = threading.Event()
    while (state := client.state(path)) in (active or ("RUNNING", "CANCELING")):
        pause.wait(0.01)
    return state


@pytest.fixture
def runner(bigquery: FakeBigQuery) -> Iterator[Runner]:
    runner = Runner(bigquery)
    yield runner
    runner.close()


def test_actions_run_in_the_order_of_their_dependencies(
    runner: Runner, bigquery: FakeBigQuery
) -> None:
    """Each script is sent after those of its dependencies, with the labels of Dataform."""
    graph = {"tables": [table("c", "b"), table("b", "a", "other"), table("a")]}
    state, actions = runner.run(graph)
    assert state == "SUCCEEDED"
    assert [script.rpartition("SELECT ")[2][0] for script in bigquery.scripts()] == ["a", "b", "c"]
    job = bigquery.jobs[actions["a"]["bigqueryAction"]["jobId"]]
    labels = job["configuration"]["labels"]
    assert labels["dataform_repository_id"] == "warehouse"
    assert labels["dataform_workflow_execution_action_id_name"] == "a"
    assert job["jobReference"].items() >= {"projectId": "shop", "location": "EU"}.items()
    assert actions["a"]["bigqueryAction"]["sqlScript"] == bigquery.scripts()[0]


def test_times_are_those_of_the_server(runner: Runner) -> None:
    """The start and the end of an action are those of its job."""
    _, actions = runner.run({"tables": [table("a")]})
    assert actions["a"]["invocationTiming"] == {
        "startTime": f"{datetime.fromtimestamp(1000, UTC):%Y-%m-%dT%H:%M:%S}.000000Z",
        "endTime": f"{datetime.fromtimestamp(1002, UTC):%Y-%m-%dT%H:%M:%S}.500000Z",
    }


def test_failure_skips_what_depends_on_it(runner: Runner, bigquery: FakeBigQuery) -> None:
    """The error of the server is the reason, and only what is below is skipped."""
    bigquery.failing["SELECT a"] = "Division by zero"
    graph = {"tables": [table("a"), table("b", "a"), table("c", "b"), table("d")]}
    state, actions = runner.run(graph)
    assert state == "FAILED"
    assert {name: action["state"] for name, action in actions.items()} == {
        **{"a": "FAILED", "b": "SKIPPED", "c": "SKIPPED", "d": "SUCCEEDED"}
    }
    assert actions["a"]["failureReason"] == "Division by zero"
    assert "invocationTiming" not in actions["b"]


def test_disabled_actions_and_cycles(runner: Runner, bigquery: FakeBigQuery) -> None:
    """A disabled action is not run and blocks nothing; actions in a cycle are skipped."""
    graph = {
        "tables": [
            table("off", disabled=True),
            table("on", "off"),
            table("x", "y"),
            table("y", "x"),
        ]
    }
    state, actions = runner.run(graph)
    assert {name: action["state"] for name, action in actions.items()} == {
        **{"off": "DISABLED", "on": "SUCCEEDED", "x": "SKIPPED", "y": "SKIPPED"}
    }
    assert len(bigquery.jobs) == 1
    assert state == "SUCCEEDED"


def test_concurrency_is_limited(runner: Runner, bigquery: FakeBigQuery) -> None:
    """With a limit of one, an action that runs lets no other start."""
    bigquery.held = "SELECT"
    graph = {"tables": [table("a"), table("b")]}
    client, path = runner.start(graph, concurrentActionsLimit=1)
    assert bigquery.started.wait(10)
    assert client.states(path) == {"a": "RUNNING", "b": None}
    bigquery.release.set()
    assert wait(client, path) == "SUCCEEDED"
    assert len(bigquery.jobs) == 2


def test_incremental_table_reads_the_columns_that_exist(
    runner: Runner, bigquery: FakeBigQuery
) -> None:
    """The columns of the table in the server are those that are inserted."""
    columns = {"fields": [{"name": "id"}, {"name": "at"}]}
    bigquery.tables["marts.a"] = {"type": "TABLE", "schema": columns}
    graph = {"tables": [table("a", type="incremental")]}
    runner.run(graph)
    runner.run(graph, fullyRefreshIncrementalTablesEnabled=True)
    assert "INSERT INTO `shop.marts.a` (`id`, `at`)" in bigquery.scripts()[0]
    assert "CREATE OR REPLACE TABLE" in bigquery.scripts()[1]


def test_cancel_cancels_the_jobs(runner: Runner, bigquery: FakeBigQuery) -> None:
    """Jobs that are running are cancelled, and nothing else starts."""
    bigquery.held = "SELECT"
    client, path = runner.start({"tables": [table("a"), table("b", "a")]})
    assert bigquery.started.wait(10)
    client.data("POST", f"{path}:cancel", {})
    assert wait(client, path) == "CANCELLED"
    actions = client.actions(path)
    assert {name: action["state"] for name, action in actions.items()} == {
        **{"a": "CANCELLED", "b": "CANCELLED"}
    }
    pause = threading.Event()
    while not bigquery.cancelled:
        pause.wait(0.01)
    assert bigquery.cancelled == [actions["a"]["bigqueryAction"]["jobId"]]


def test_server_that_stops(bigquery: FakeBigQuery, runner: Runner) -> None:
    """A server that sends no usable response fails the action, with its address."""
    client, _ = runner.start({"tables": [table("a")]})
    bigquery.answer = lambda: (502, b"<html>")
    path = client.invoke()
    assert wait(client, path) == "FAILED"
    reason = client.actions(path)["a"]["failureReason"]
    assert reason == (
        f"The BigQuery server at {bigquery.url} sent HTTP 502 for GET shop/datasets/marts/tables/a"
    )


def test_server_that_refuses(bigquery: FakeBigQuery, runner: Runner) -> None:
    """The message of a refused request is the reason."""
    client, _ = runner.start({"assertions": [{"target": target("a"), "query": "q"}]})
    bigquery.answer = lambda: (403, b'{"error": {"message": "no access"}}')
    path = client.invoke()
    assert wait(client, path) == "FAILED"
    reason = client.actions(path)["a"]["failureReason"]
    assert reason == "no access (HTTP 403 from the BigQuery server)"


def test_kinds_that_cannot_run(runner: Runner) -> None:
    """A notebook fails with a reason, instead of a success that did nothing."""
    notebook = {"target": target("n"), "notebookContents": "{}"}
    state, actions = runner.run({"notebooks": [notebook]})
    assert state == "FAILED"
    reason = "The emulator cannot run an action of the kind notebook"
    assert actions["n"]["failureReason"] == reason


def test_failures_that_a_test_sets(bigquery: FakeBigQuery, runner: Runner) -> None:
    """``fail_action`` works with a server as well, and sends nothing to it."""
    client, first = runner.start({"tables": [table("a")]})
    wait(client, first)
    runner.emulator.fail_action("marts.a", "set by a test")
    path = client.invoke()
    assert wait(client, path) == "FAILED"
    assert client.actions(path)["a"]["failureReason"] == "set by a test"
    assert len(bigquery.jobs) == 1


def test_nothing_to_run(runner: Runner) -> None:
    """An invocation without actions succeeds at once."""
    state, actions = runner.run({"declarations": [{"target": target("a")}]})
    assert (state, actions) == ("SUCCEEDED", {})


def test_status_page_shows_the_run(runner: Runner) -> None:
    """The page of the emulator shows a run in a server."""
    client, path = runner.start({"tables": [table("a")]})
    wait(client, path)
    assert "1 SUCCEEDED" in client.call("GET", "/").text
    assert HOME in client.data("GET", path)["name"]


@pytest.mark.parametrize("url", ["https://bigquery.googleapis.com", "localhost:9050", "http://"])
def test_url_that_is_wrong(url: str) -> None:
    """Only a plain address is accepted, which needs no credentials."""
    with pytest.raises(ValueError, match="The URL of the BigQuery server must be like http://"):
        open_warehouse(url)


def test_server_that_does_not_run(bigquery: FakeBigQuery) -> None:
    """A server that is not there is reported at the start."""
    with serving() as other:
        url = other.url
    with pytest.raises(ValueError, match=r"fails: .*refused. Start the server first"):
        open_warehouse(url)


def test_emulated_jobs_have_the_ids_of_the_server(runner: Runner) -> None:
    """The emulator's own BigQuery has a job for each action that the server executed."""
    client, path = runner.start({"tables": [table("orders"), table("totals", disabled=True)]})
    wait(client, path)
    listed = client.call("GET", "/bigquery/v2/projects/my-project/jobs?allUsers=true").data["jobs"]
    orders = client.actions(path)["orders"]
    assert [job["jobReference"]["jobId"] for job in listed] == [orders["bigqueryAction"]["jobId"]]
    assert listed[0]["state"] == "DONE"
