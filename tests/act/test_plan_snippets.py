"""The plans on the pages with ``uses: ./plan``, run by act for the event of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataform_action.emulator import Emulator
from scripts.image import engine
from scripts.workflows.snippets import read_snippets
from tests.act.conftest import CHECKOUT, PLAN, RunWorkflow
from tests.support.pull_requests import (
    HOME,
    make_payload,
    make_planned_repository,
    open_pull_request,
)

_TOKEN, _API_URL = "${{ secrets.DATAFORM_TOKEN }}", "${{ vars.API_URL }}"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """The APIs of Dataform, BigQuery and GitHub, with a pull request."""
    with Emulator(host=engine.gateway(), repositories=[make_planned_repository()]) as emulator:
        open_pull_request(emulator)
        yield emulator


def test_recipes_of_plans(emulator: Emulator, run_workflow: RunWorkflow, tmp_path: Path) -> None:
    """Each plan on the pages succeeds for a pull request, and its job is not skipped."""
    jobs: dict[str, Any] = {}
    for snippet in read_snippets():
        for name, job in yaml.safe_load(snippet.workflow)["jobs"].items():
            place = {"token": _TOKEN, "api-url": _API_URL, "bigquery-url": _API_URL}
            steps = [
                {"name": "Plan", "uses": "./plan", "with": {**step["with"], **place}}
                for step in job["steps"]
                if step.get("uses", "").startswith(PLAN)
            ]
            if steps:
                jobs[f"{snippet.name}-{name}"] = {**job, "steps": [CHECKOUT, *steps]}
    assert len(jobs) >= 3
    workflow = tmp_path / "plans.yml"
    workflow.write_text(yaml.safe_dump({"on": "pull_request", "jobs": jobs}), "utf-8")
    result = run_workflow(workflow, payload=make_payload(), repository=HOME)
    assert result.exit_code == 0, result.log
    plans = [outcome for step, outcome in result.results("Main") if step == "Plan"]
    assert plans == ["success"] * len(jobs), result.log
    assert emulator.github.repositories[HOME].comments
