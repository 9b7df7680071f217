"""README's workflows, run by act: as they stand, but for what only the reader has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from dataform_action.emulator import Emulator
from tests.act.conftest import Play
from tests.support.steps import ROOT

_TOKEN = "${{ secrets.DATAFORM_TOKEN }}"
_CHECKOUT = "actions/checkout@"


def test_recipes(emulator: Emulator, play: Play, tmp_path: Path) -> None:
    """Each workflow of README starts and follows the runs that it says, and succeeds."""
    readme = (ROOT / "README.md").read_text("utf-8")
    texts = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    checkout = next(word for word in readme.split() if word.startswith(_CHECKOUT))
    jobs: dict[str, Any] = {}
    for number, text in enumerate(texts):
        ((name, job),) = yaml.safe_load(text)["jobs"].items()
        jobs[f"{name}-{number}"] = _as_played(job, checkout)
    workflow = tmp_path / "recipes.yml"
    workflow.write_text(yaml.safe_dump({"on": "workflow_dispatch", "jobs": jobs}), "utf-8")
    played = play(workflow)
    assert played.exit_code == 0, played.log
    ours = [result for step, result in played.results("Main") if "dataform" in step.lower()]
    assert ours == ["success"] * (len(texts) + 2), played.log
    assert [run.status for run in emulator.runs] == ["SUCCESSFUL"]
    # One compiles only, and one has three schedules.
    expected = len(texts) - 1 - 1 + 2
    assert [run.state for run in emulator.invocations] == ["SUCCEEDED"] * expected


def _as_played(job: dict[str, Any], checkout: str) -> dict[str, Any]:
    """Return a job without the reader's identity, event and network."""
    steps: list[dict[str, Any]] = [{"uses": checkout}]
    for step in job["steps"]:
        action = step.get("uses", "")
        if action.startswith("OWNER/dataform-action@"):
            given = {**step["with"], "token": _TOKEN, "api-url": "${{ vars.API_URL }}"}
            if "git-ref" in given:
                given["git-ref"] = "main"
            ours = {**step, "name": "Dataform", "uses": "./", "with": given}
            ours.pop("env", None)
            steps.append(ours)
        elif not action:
            steps.append(step)
    played = {"runs-on": "ubuntu-latest", "steps": steps}
    return played | {key: job[key] for key in ("strategy", "timeout-minutes") if key in job}
