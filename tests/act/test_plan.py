"""A workflow with ``uses: ./plan``, run by act for the event of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataform_action.emulator import Emulator
from scripts.image import engine
from scripts.workflows.snippets import read_snippets
from tests.act.conftest import PLAN, RunWorkflow
from tests.support.pull_requests import (
    HEAD,
    HOME,
    make_payload,
    make_planned_repository,
    open_pull_request,
)
from tests.support.steps import ROOT

_WORKFLOW = ROOT / "tests/act/plan.yml"
_TOKEN, _API_URL = "${{ secrets.DATAFORM_TOKEN }}", "${{ vars.API_URL }}"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """The APIs of Dataform, BigQuery and GitHub, with a pull request."""
    with Emulator(host=engine.gateway(), repositories=[make_planned_repository()]) as emulator:
        open_pull_request(emulator)
        yield emulator


def test_plan(emulator: Emulator, run_workflow: RunWorkflow) -> None:
    """Later steps have the outputs of the plan, and the pull request has its comment."""
    result = run_workflow(_WORKFLOW, payload=make_payload(), repository=HOME)
    assert result.results("Main")[1:] == [
        ("A plan", "success"),
        ("Missing inputs", "failure"),
        ("Check the outcomes and outputs", "success"),
    ], result.log
    assert result.exit_code == 0, result.log
    [comment] = emulator.github.repositories[HOME].comments.values()
    assert HEAD[:7] in comment.body


def test_recipes_of_plans(emulator: Emulator, run_workflow: RunWorkflow, tmp_path: Path) -> None:
    """Each plan on the pages succeeds for a pull request, and its job is not skipped."""
    checkout = yaml.safe_load(_WORKFLOW.read_text("utf-8"))["jobs"]["plan"]["steps"][0]
    jobs: dict[str, Any] = {}
    for snippet in read_snippets():
        if PLAN in snippet.text:
            [job] = yaml.safe_load(snippet.workflow)["jobs"].values()
            place = {"token": _TOKEN, "api-url": _API_URL, "bigquery-url": _API_URL}
            steps = [
                {"name": "Plan", "uses": "./plan", "with": {**step["with"], **place}}
                for step in job["steps"]
                if step.get("uses", "").startswith(PLAN)
            ]
            jobs[snippet.name] = {**job, "steps": [checkout, *steps]}
    assert len(jobs) >= 3
    workflow = tmp_path / "plans.yml"
    workflow.write_text(yaml.safe_dump({"on": "pull_request", "jobs": jobs}), "utf-8")
    result = run_workflow(workflow, payload=make_payload(), repository=HOME)
    assert result.exit_code == 0, result.log
    plans = [outcome for step, outcome in result.results("Main") if step == "Plan"]
    assert plans == ["success"] * len(jobs), result.log
    assert emulator.github.repositories[HOME].comments
