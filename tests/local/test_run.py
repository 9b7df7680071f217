"""Runs of the action that a BigQuery server executes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google.cloud.bigquery as library
import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials

from dataform_action.emulator import Emulator
from dataform_action.emulator.local.project.repository import make_repository
from dataform_action.emulator.local.warehouse.execution import open_warehouse
from scripts.local.bigquery_server import list_tables, query, running_server
from tests.emulator.google.support import HOME, Warehouse
from tests.emulator.test_official_clients import generated_client
from tests.local.conftest import seed
from tests.support.steps import Step, run_here

PROJECT = "my-project"
DAILY = [
    ("assertions.marts_customer_revenue_assertions_rowConditions", "view", 0),
    ("assertions.marts_customer_revenue_assertions_uniqueKey_0", "view", 0),
    ("assertions.marts_revenue_by_country_assertions_rowConditions", "view", 0),
    ("marts.customer_revenue", "table", 3),
    ("marts.export_revenue", "table", 2),
    ("marts.order_events", "table", 4),
    ("marts.revenue_by_country", "table", 2),
    ("staging.orders_cleaned", "view", 4),
]


class PatientClock:
    """The time, with short waits."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        threading.Event().wait(min(seconds, 0.1))


@contextmanager
def serving(project: Path, cli: Path, modules: Path, bigquery: str) -> Iterator[Emulator]:
    """Serve a checkout, and execute it in a server."""
    repository = make_repository(project, str(cli), modules, 120)
    with Emulator(repositories=(repository,), warehouse=open_warehouse(bigquery)) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def emulator(cli: Path, modules: Path, project: Path, bigquery: str) -> Iterator[Emulator]:
    """An emulator that compiles the project of the examples, and executes it."""
    with serving(project, cli, modules, bigquery) as emulator:
        yield emulator


def run(emulator: Emulator, folder: Path, **inputs: str) -> Step:
    """Run the action with these inputs."""
    given = {
        "project-id": PROJECT,
        "location": "europe-west1",
        "repository": "warehouse",
        "api-url": emulator.url,
        "token": emulator.token,
        "git-ref": "main",
        **{name.replace("_", "-"): value for name, value in inputs.items()},
    }
    return run_here(folder, given, PatientClock())


def built(bigquery: str, suffix: str = "") -> list[tuple[str, str, int]]:
    """Return what is in the datasets of the project with this suffix, without the seed."""
    found = []
    for name, kind, rows in list_tables(bigquery, PROJECT):
        _, dataset, table = name.split(".")
        if dataset in [f"{own}{suffix}" for own in ("marts", "staging", "assertions")]:
            found.append((f"{dataset.removesuffix(suffix)}.{table}", kind, rows))
    return found


def test_run_builds_tables_and_views(emulator: Emulator, bigquery: str, tmp_path: Path) -> None:
    """A run by tag builds the tables and views with their rows, and the report is right."""
    step = run(emulator, tmp_path, tags="daily", schema_suffix="first")
    assert step.exit_code == 0, step.log
    assert built(bigquery, "_first") == DAILY
    sql = "SELECT * FROM `my-project.marts_first.export_revenue` ORDER BY country"
    assert query(bigquery, PROJECT, sql) == [["AT", "55.500", "EUR"], ["DE", "99.900", "EUR"]]
    assert step.log[-1].endswith("Of 8 actions, 8 succeeded.")
    assert step.outputs["status"] == "success"


def test_incremental_table_is_merged(emulator: Emulator, bigquery: str, tmp_path: Path) -> None:
    """A second run updates a row that changed, and adds the row that is new, to the same table."""
    inputs = {"actions": "order_events", "include_dependencies": "true"}
    inputs["schema_suffix"] = "second"
    orders = "`my-project.shop.orders`"
    events = "SELECT id, amount FROM `my-project.marts_second.order_events` ORDER BY id"
    first = run(emulator, tmp_path, **inputs)
    before = query(bigquery, PROJECT, events)
    query(bigquery, PROJECT, f"UPDATE {orders} SET amount = 8 WHERE id = 5")
    query(
        bigquery,
        PROJECT,
        f"INSERT INTO {orders} (id, customer_id, ordered_at, amount, currency) "
        "VALUES (6, 2, TIMESTAMP '2026-01-06 10:00:00+00', 1, 'EUR')",
    )
    second = run(emulator, tmp_path, **inputs)
    after = query(bigquery, PROJECT, events)
    seed(bigquery)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert [int(row[0]) for row in before] == [1, 2, 3, 5]
    assert [int(row[0]) for row in after] == [1, 2, 3, 5, 6]
    assert float(after[3][1]) == 8


def test_failing_assertion_is_reported(emulator: Emulator, bigquery: str, tmp_path: Path) -> None:
    """The assertion that fails is reported with its rows and its file, and what it blocks."""
    step = run(emulator, tmp_path, schema_suffix="all")
    assert step.exit_code == 1
    assert step.outputs["status"] == "failure"
    name = "assertions_all.orders_have_customers"
    assert json.loads(step.outputs["failed-actions"]) == [f"{PROJECT}.{name}"]
    [error] = [line for line in step.errors if "action failed" in line]
    assert f"definitions/audit/orders_have_customers.sqlx: {PROJECT}.{name}" in error
    assert "Assertion failed: query returned 1 row(s)." in error
    assert "Of 10 actions" in step.log[-1]
    assert f"blocked by <code>{name}</code>" in step.summary
    assert built(bigquery, "_all") == sorted(
        [*DAILY, ("assertions.orders_have_customers", "view", 1)]
    )


def test_jobs_are_those_of_the_server(emulator: Emulator, bigquery: str, tmp_path: Path) -> None:
    """Google's client finds each job of a run in the server, with the same SQL and times."""
    step = run(emulator, tmp_path, tags="daily", schema_suffix="jobs")
    rest = Warehouse(emulator.url)
    actions = rest.actions(f"/workflowInvocations/{step.outputs['run-id']}")
    rest.close()
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    options = ClientOptions(api_endpoint=bigquery)
    client = library.Client(PROJECT, anonymous, client_options=options)
    listed = {job.job_id for job in client.list_jobs(all_users=True)}
    for action in actions.values():
        run_action = action["bigqueryAction"]
        assert run_action["jobId"] in listed
        job = client.get_job(run_action["jobId"])
        assert (job.state, job.error_result) == ("DONE", None)
        assert job.query == run_action["sqlScript"]
        started = action["invocationTiming"]["startTime"]
        assert f"{job.started:%Y-%m-%dT%H:%M:%S.%f}Z" == started
    client.close()
    assert len(actions) == 8


def test_google_client_for_dataform(emulator: Emulator, bigquery: str) -> None:
    """Google's client compiles with the real compiler, and follows a run in the server."""
    emulator.accept_tokens(lambda token: True)
    config = {"schema_suffix": "client", "vars": {"currency": "USD"}}
    with generated_client(emulator) as client:
        result = client.create_compilation_result(
            parent=HOME,
            compilation_result={"git_commitish": "main", "code_compilation_config": config},
        )
        compiled = list(client.query_compilation_result_actions(request={"name": result.name}))
        invocation = client.create_workflow_invocation(
            parent=HOME,
            workflow_invocation={
                "compilation_result": result.name,
                "invocation_config": {"included_tags": ["daily"]},
            },
        )
        while invocation.state.name == "RUNNING":
            PatientClock().sleep(0.1)
            invocation = client.get_workflow_invocation(name=invocation.name)
        request = {"name": invocation.name}
        actions = list(client.query_workflow_invocation_actions(request=request))
    assert invocation.state.name == "SUCCEEDED"
    assert {action.state.name for action in actions} == {"SUCCEEDED"}
    runnable = {action.target.name for action in compiled if not action.declaration}
    assert {action.target.name for action in actions} <= runnable
    sql = "SELECT DISTINCT currency FROM `my-project.marts_client.export_revenue`"
    assert query(bigquery, PROJECT, sql) == [["USD"]]


def test_run_of_the_working_tree(
    emulator: Emulator, bigquery: str, project: Path, tmp_path: Path
) -> None:
    """A change that is not committed is built with the workspace, and fails with its SQL error."""
    file = project / "definitions" / "marts" / "new.sqlx"
    file.write_text('config { type: "table" } SELECT missing FROM ${ref("orders_cleaned")}')
    step = run(
        emulator,
        tmp_path,
        git_ref="",
        workspace="dev",
        actions="new",
        schema_suffix="w",
        include_dependencies="true",
    )
    file.unlink()
    assert step.exit_code == 1
    assert "missing" in step.errors[0]
    assert 'Referenced column "missing" not found' in step.errors[0]


def test_server_that_stops_fails_the_run(
    cli: Path, modules: Path, project: Path, tmp_path: Path
) -> None:
    """Without the server, the run fails with its address, and the emulator still responds."""
    (tmp_path / "home").mkdir()
    with running_server(tmp_path / "home") as url:
        gone = serving(project, cli, modules, url)
        emulator = gone.__enter__()
    step = run(emulator, tmp_path, tags="daily")
    assert step.exit_code == 1
    assert f"The BigQuery server at {url} fails: " in "\n".join(step.errors)
    gone.__exit__(None, None, None)
