"""The life of two pull requests in one repository: planned, merged and run by one workflow.

The workflow is the complete one on the pages, with ``uses: OWNER/dataform-action@v1``. The Dataform
CLI compiles the commits, the SQL analyzer checks the dry runs, and a BigQuery server runs the SQL.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataform_action import RunRequest, run
from dataform_action.emulator import Emulator
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.local.analysis import ZetaSqlAnalyzer
from dataform_action.emulator.local.project.repository import make_repository
from dataform_action.emulator.local.warehouse.execution import open_warehouse
from scripts.image import engine
from scripts.local.bigquery_server import query, running_server
from tests.act.conftest import Act
from tests.act.team import Played, Team, make_checkout
from tests.support.past import connect
from tests.support.steps import ROOT

_PROJECT = "my-project"
_PLAN, _RUN = "OWNER/dataform-action/plan@v1", "OWNER/dataform-action@v1"
_NODE_MODULES = ROOT / "scripts" / "local" / "node_modules"
_MARTS = "definitions/marts"
#: The first pull request adds a column, and then a table that reads it gets one too.
_ADD = {f"{_MARTS}/customer_revenue.sqlx": ("AS orders,", "AS orders, MAX(o.amount) AS largest,")}
_READ = {f"{_MARTS}/revenue_by_country.sqlx": ("AS revenue", "AS revenue, MAX(largest) AS largest")}
#: The second one renames a column that other tables read.
_RENAME = {"definitions/staging/orders_cleaned.sqlx": ("at, amount", "at, amount AS price")}
_BROKEN = ["my-project.marts.customer_revenue", "my-project.marts.order_events"]
#: The data of the example have an order without a customer, which an assertion finds.
_GIVE_CUSTOMER = "UPDATE `my-project.shop.orders` SET customer_id = 3 WHERE customer_id = 9"
_RUNNER = "dataform-run@my-project.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Story:
    """The events in their order."""

    production: str
    opened: Played
    updated: Played
    broken: Played
    merged: Played
    failed: Played


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, act: Act, action: Path) -> Iterator[Story]:
    """A pull request and its update, one that breaks a table, and the merges of both."""
    folder = tmp_path_factory.mktemp("story")
    checkout = make_checkout(folder / "warehouse")
    core = Path("@dataform", "core")
    shutil.copytree(_NODE_MODULES / core, folder / "node_modules" / core)
    cli = str(_NODE_MODULES / ".bin" / "dataform")
    repository = make_repository(checkout, cli, folder / "node_modules", 120)
    analyzer = ZetaSqlAnalyzer()
    with ThreadPoolExecutor() as pool, running_server(folder / "bigquery") as bigquery:
        # The analyzer needs seconds for its first query.
        default = Target(_PROJECT, "marts", "")
        first_query = pool.submit(analyzer.analyze, "SELECT 1", default, lambda _: None)
        query(bigquery, _PROJECT, (ROOT / "examples/warehouse/seed.sql").read_text("utf-8"))
        query(bigquery, _PROJECT, _GIVE_CUSTOMER)
        with Emulator(
            host=engine.gateway(),
            repositories=[repository],
            warehouse=open_warehouse(bigquery),
            analyzer=analyzer,
        ) as emulator:
            request = RunRequest(environment="production", service_account=_RUNNER)
            run(connect(emulator.url, emulator.token), request).raise_for_state()
            first_query.result()
            team = Team(checkout, action, act, emulator)
            yield Story(
                production=team.head,
                opened=team.propose(7, _ADD),
                updated=team.propose(7, _READ),
                broken=team.propose(8, _RENAME),
                merged=team.merge(7),
                failed=team.merge(8),
            )


def test_a_pull_request_is_planned(story: Story) -> None:
    """The first push gets a comment with what changes, and later steps have the outputs."""
    played = story.opened
    assert played.workflow.results("Main") == [(_PLAN, "success")], played.workflow.log
    assert played.workflow.exit_code == 0, played.workflow.log
    outputs = played.workflow.outputs
    assert (outputs["status"], outputs["has-changes"]) == ("changes", "true")
    assert json.loads(outputs["changed-actions"]) == ["my-project.marts.customer_revenue"]
    assert outputs["invalid-actions"] == "[]"
    [(number, comment)] = played.comments
    assert number == 7
    assert outputs["comment-url"].endswith("/OWNER/warehouse/pull/7#issuecomment-1000001")
    for text in (comment, played.workflow.summary):
        assert "marts.customer_revenue" in text
        assert "+ <code>largest</code> NUMERIC" in text
    assert played.commit[:7] in comment
    assert story.production[:7] in comment


def test_a_second_push_updates_the_comment(story: Story) -> None:
    """There is still one comment, about the new commit, and the table that reads the column."""
    played = story.updated
    assert played.workflow.exit_code == 0, played.workflow.log
    assert json.loads(played.workflow.outputs["changed-actions"]) == [
        "my-project.marts.customer_revenue",
        "my-project.marts.revenue_by_country",
    ]
    assert played.workflow.outputs["comment-url"] == story.opened.workflow.outputs["comment-url"]
    [(_, comment)] = played.comments
    assert played.commit[:7] in comment
    assert story.opened.commit[:7] not in comment


def test_a_plan_writes_only_its_comment(story: Story) -> None:
    """A plan compiles the merge base and the head, sends dry runs, and writes one comment."""
    for played, method in (
        (story.opened, "POST"),
        (story.updated, "PATCH"),
        (story.broken, "POST"),
    ):
        assert played.compiled == {story.production, played.commit}
        kinds = {(request.method, request.path.split("/")[-1]) for request in played.writes}
        comment = "comments" if method == "POST" else "1000001"
        reads = {("POST", name) for name in ("compilationResults:createLongRunning", "jobs")}
        assert kinds - {("POST", "graphql")} == {*reads, (method, comment)}
        jobs = [r for r in played.writes if r.path.endswith("/jobs")]
        assert all(json.loads(job.body)["configuration"]["dryRun"] is True for job in jobs)
        assert sum("/issues/" in r.path for r in played.writes) == 1


def test_a_change_that_breaks_a_table_fails_the_check(story: Story) -> None:
    """The step ends with exit code 1, and the comment says which tables break, where and why."""
    played = story.broken
    assert played.workflow.results("Main") == [(_PLAN, "failure")], played.workflow.log
    assert "exit with `FAILURE`: 1\n" in played.workflow.log
    assert played.workflow.exit_code == 1
    assert played.workflow.outputs["status"] == "invalid"
    assert json.loads(played.workflow.outputs["invalid-actions"]) == _BROKEN
    comment = dict(played.comments)[8]
    for text in (comment, played.workflow.summary):
        assert "#### What breaks" in text
        assert "<code>Unrecognized name: amount</code><br>line 3 of the compiled query" in text
        assert "<code>staging.orders_cleaned</code> no longer has <code>amount</code>" in text


def test_a_merge_is_run(story: Story) -> None:
    """A push to main starts one run of the merge commit, waits for it, and links its log."""
    played = story.merged
    assert played.workflow.results("Main")[1:] == [(_RUN, "success")], played.workflow.log
    assert played.workflow.exit_code == 0, played.workflow.log
    outputs = played.workflow.outputs
    assert (outputs["status"], outputs["attempts"]) == ("success", "1")
    _check_one_run(played)
    polls = [r for r in played.requests if r.path.endswith(outputs["run-id"])]
    assert {r.method for r in polls} == {"GET"}
    assert "marts.revenue_by_country" in played.workflow.summary


def test_a_run_that_fails_fails_the_workflow(story: Story) -> None:
    """If the broken change is merged all the same, the tables fail that the plan named."""
    played = story.failed
    assert played.workflow.results("Main")[1:] == [(_RUN, "failure")], played.workflow.log
    assert "exit with `FAILURE`: 1\n" in played.workflow.log
    assert played.workflow.exit_code == 1
    assert played.workflow.outputs["status"] == "failure"
    assert json.loads(played.workflow.outputs["failed-actions"]) == _BROKEN
    _check_one_run(played)
    assert "order_events.sqlx" in played.workflow.summary
    assert 'Referenced column "amount" not found' in played.workflow.summary


def _check_one_run(played: Played) -> None:
    """Check that an event started one run of its commit, and that everything links its log."""
    assert played.compiled == {played.commit}
    starts = [r for r in played.writes if r.path.endswith("/workflowInvocations")]
    assert len(starts) == 1
    assert len(played.writes) == 2
    assert json.loads(starts[0].body)["invocationConfig"]["serviceAccount"] == _RUNNER
    url = played.workflow.outputs["run-log-url"]
    assert played.workflow.outputs["run-id"] in url
    assert url in played.workflow.log
    assert url in played.workflow.summary


def test_each_step_has_a_post_step(story: Story) -> None:
    """The post step of a run succeeds, also if the run failed. A plan has none."""
    results = [
        [outcome for _, outcome in played.workflow.results("Post")]
        for played in (story.opened, story.broken, story.merged, story.failed)
    ]
    assert results == [[], [], ["success"], ["success"]]
