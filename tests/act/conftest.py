"""Fixtures of the tests with act: the engine, and act in a checkout that builds here.

https://github.com/nektos/act
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import Emulator, WorkflowConfig, make_warehouse
from scripts.image import build, engine
from tests.support.steps import ROOT

_ACT = Path(sys.executable).parent / "act"
#: The names that act gives to the images of ``uses: ./`` and ``uses: ./plan``.
_IMAGES = ("act-dockeraction:latest", "act-plan-dockeraction:latest")
#: The files that ``uses: ./`` and ``uses: ./plan`` need.
_ACTION = (
    *("action.yml", "plan", "Dockerfile", ".dockerignore", "LICENSE", "requirements.txt"),
    *("entrypoint.py", "post_entrypoint.py", "dataform_action"),
)
#: How the pages use the plan.
PLAN = "OWNER/dataform-action/plan@"
#: The schedules of the recipes that the sample repository does not have.
_SCHEDULES = ("sales", "finance", "marketing", "after-load")
Act = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_sessionstart() -> None:
    """Stop at once if docker is missing."""
    try:
        engine.check()
    except engine.EngineError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture
def act(tmp_path: Path) -> Iterator[Act]:
    """Return a function that runs act in a checkout; the images that act builds are removed.

    The base is one that is available here. Steps run on this machine, actions in containers.
    """
    cache = tmp_path / "cache"

    def run(
        checkout: Path, *options: str, event: str = "workflow_dispatch"
    ) -> subprocess.CompletedProcess[str]:
        base = build.choose_base()
        Path(checkout, "Dockerfile").write_text(build.dockerfile_on(base), "utf-8")
        # The files for outputs are in act's cache, which act does not mount.
        command = [str(_ACT), event, "--pull=false", *options]
        command += ["--container-options", f"-v {cache}:{cache}"]
        return subprocess.run(
            command,
            cwd=checkout,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_CONFIG_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    yield run
    for image in _IMAGES:
        with contextlib.suppress(engine.EngineError):
            engine.docker("rmi", image)


@dataclass(frozen=True)
class WorkflowResult:
    """The result of a workflow in act."""

    exit_code: int
    log: str
    entries: list[dict[str, Any]]

    def results(self, stage: str) -> list[tuple[str, str]]:
        """Return the name and result of each step in a stage, such as ``Main``, in order."""
        return [
            (entry["step"], entry["stepResult"])
            for entry in self.entries
            if entry.get("stage") == stage and entry.get("stepResult")
        ]


RunWorkflow = Callable[..., WorkflowResult]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    warehouse = make_warehouse()
    more = [WorkflowConfig(name=name, release_config="production") for name in _SCHEDULES]
    warehouse = replace(warehouse, workflow_configs=(*warehouse.workflow_configs, *more))
    with Emulator(host=engine.gateway(), advance="poll", repositories=[warehouse]) as emulator:
        yield emulator


@pytest.fixture
def run_workflow(act: Act, emulator: Emulator, tmp_path: Path) -> RunWorkflow:
    """Return a function that runs a workflow in a copy of the action, with the emulator.

    With a ``payload``, the event is a pull request of ``repository``.
    """
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in _ACTION:
        if Path(ROOT, name).is_dir():
            # A checkout has no bytecode, but act would copy it, even if .dockerignore excludes it.
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, checkout / name)

    def run(
        workflow: Path, payload: Mapping[str, Any] | None = None, repository: str = ""
    ) -> WorkflowResult:
        options = ["--workflows", str(workflow), "--json", "--concurrent-jobs", "1"]
        options += ["--platform", "ubuntu-latest=-self-hosted"]
        options += ["--var", f"API_URL={emulator.url}"]
        options += ["--secret", f"DATAFORM_TOKEN={emulator.token}"]
        event = "workflow_dispatch"
        if payload is not None:
            event, path = "pull_request", tmp_path / "event.json"
            path.write_text(json.dumps(payload), "utf-8")
            options += ["--eventpath", str(path), "--secret", f"GITHUB_TOKEN={emulator.token}"]
            options += ["--env", f"GITHUB_REPOSITORY={repository}"]
            options += ["--env", f"GITHUB_API_URL={emulator.github_url}"]
            options += ["--env", f"GITHUB_GRAPHQL_URL={emulator.graphql_url}"]
        done = act(checkout, *options, event=event)
        entries = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        log = "".join(f"{entry.get('step', '')}: {entry['msg'].rstrip()}\n" for entry in entries)
        return WorkflowResult(done.returncode, log + done.stderr, entries)

    return run
