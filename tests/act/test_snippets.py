"""The workflows in README and docs/, run by act without the reader's identity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dataform_action import RunRequest, run
from dataform_action.emulator import Emulator
from scripts.workflows.snippets import Snippet, read_snippets
from tests.act.conftest import CHECKOUT, PLAN, RunWorkflow
from tests.support.past import connect

_API_URL = "${{ vars.API_URL }}"
_TOKEN = "${{ secrets.DATAFORM_TOKEN }}"
#: A tag of the emulator's sample repository, which replaces the reader's.
_TAG = "daily"


def test_recipes(emulator: Emulator, run_workflow: RunWorkflow, tmp_path: Path) -> None:
    """Each workflow on the pages succeeds, and starts the runs that its inputs describe."""
    failed = _make_failed_run(emulator)
    jobs: dict[str, Any] = {}
    steps, web_runs, google_runs = 0, 0, 0
    for snippet in read_snippets():
        # test_plan_snippets runs these, and test_story the one that also starts a run.
        if PLAN in snippet.text:
            continue
        job = _make_runnable(snippet, failed)
        jobs[snippet.name] = job
        several = len(job.get("strategy", {}).get("matrix", {}).get("schedule", ["one"]))
        given = [step["with"] for step in job["steps"] if step.get("uses") == "./"]
        steps += several * len(given)
        web_runs += sum("location" not in inputs for inputs in given)
        google_runs += several * sum(_starts_google_run(inputs) for inputs in given)
    workflow = tmp_path / "recipes.yml"
    workflow.write_text(yaml.safe_dump({"on": "workflow_dispatch", "jobs": jobs}), "utf-8")
    result = run_workflow(workflow)
    assert result.exit_code == 0, result.log
    ours = [outcome for step, outcome in result.results("Main") if "dataform" in step.lower()]
    assert ours == ["success"] * steps, result.log
    assert [run.status for run in emulator.runs] == ["SUCCESSFUL"] * web_runs
    states = [run.state for run in emulator.invocations]
    assert states == ["FAILED", *["SUCCEEDED"] * google_runs]
    assert steps > google_runs > web_runs > 0


def _starts_google_run(inputs: dict[str, object]) -> bool:
    return "location" in inputs and not inputs.get("compile-only") and "run-id" not in inputs


def _make_failed_run(emulator: Emulator) -> str:
    """Return the id of a run that failed, which a recipe resumes."""
    service = connect(emulator.url, emulator.token)
    return run(service, RunRequest(schedule="failure")).run.id


def _make_runnable(snippet: Snippet, failed: str) -> dict[str, Any]:
    """Return a job without the reader's identity, event and network.

    ``failed`` is the run to resume.
    """
    [job] = yaml.safe_load(snippet.workflow)["jobs"].values()
    steps: list[dict[str, Any]] = [CHECKOUT]
    for step in job["steps"]:
        action = step.get("uses", "")
        if action.startswith("OWNER/dataform-action@"):
            given = {**step["with"], "token": _TOKEN, "api-url": _API_URL}
            given |= {"git-ref": "main"} if "git-ref" in given else {}
            given |= {"tags": _TAG} if "tags" in given else {}
            given |= {"resume": failed} if "resume" in given else {}
            # The event has no pull request number.
            given |= {"schema-suffix": "pr_12"} if "schema-suffix" in given else {}
            ours = {**step, "name": "Dataform", "uses": "./", "with": given}
            ours.pop("env", None)
            steps.append(ours)
        elif not action:
            steps.append(step)
    runnable = {"runs-on": "ubuntu-latest", "steps": steps}
    return runnable | {key: job[key] for key in ("strategy", "timeout-minutes") if key in job}
