"""Fixtures of the tests with act: the engine, the action, and act in a folder with a workflow.

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
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import Emulator, WorkflowConfig, make_warehouse
from scripts.image import build, engine
from tests.support.steps import ROOT

_ACT = Path(sys.executable).parent / "act"
#: The names that act gives to the images of actions.
_IMAGES = "act-*dockeraction"
#: The files that ``uses: ./`` and ``uses: ./plan`` need.
_ACTION = (
    *("action.yml", "plan", "Dockerfile", ".dockerignore", "LICENSE", "requirements.txt"),
    *("entrypoint.py", "post_entrypoint.py", "dataform_action"),
)
#: How the pages use the plan.
PLAN = "OWNER/dataform-action/plan@"
#: act makes the checkout by itself, without this action.
CHECKOUT = {"uses": "actions/checkout@v5"}
#: The schedules of the recipes that the sample repository does not have.
_SCHEDULES = ("sales", "finance", "marketing", "after-load")
Act = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_sessionstart() -> None:
    """Stop at once if docker is missing, or if act would use images of something else."""
    try:
        engine.check()
    except engine.EngineError as error:
        pytest.exit(str(error), returncode=1)
    earlier = " ".join(_images())
    if earlier:
        text = "There are images of act already, and these tests would use them. If nothing needs"
        pytest.exit(f"{text} them, remove them: docker rmi {earlier}", returncode=1)


def pytest_sessionfinish() -> None:
    """Remove the images that act built. Until then, act builds each of them once."""
    for image in _images():
        with contextlib.suppress(engine.EngineError):
            engine.docker("rmi", image)


def _images() -> list[str]:
    names = ("images", "--filter", f"reference={_IMAGES}", "--format", "{{.Repository}}:{{.Tag}}")
    return engine.docker(*names).split()


@cache
def _base() -> str:
    return build.choose_base()


def build_here(checkout: Path) -> None:
    """Let the Dockerfile of a checkout name a base that is available on this machine."""
    Path(checkout, "Dockerfile").write_text(build.dockerfile_on(_base()), "utf-8")


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a checkout of the action has."""
    folder = tmp_path_factory.mktemp("action") / "dataform-action"
    folder.mkdir()
    for name in _ACTION:
        if Path(ROOT, name).is_dir():
            # A checkout has no bytecode, but act would copy it, even if .dockerignore excludes it.
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    build_here(folder)
    return folder


@pytest.fixture(scope="session")
def act(tmp_path_factory: pytest.TempPathFactory) -> Act:
    """A function that runs act in a folder. Steps run on this machine, actions in containers."""

    def run(
        folder: Path, *options: str, event: str = "workflow_dispatch"
    ) -> subprocess.CompletedProcess[str]:
        home = tmp_path_factory.mktemp("act")
        cached = home / "cache"
        # The files for outputs are in act's cache, which act does not mount.
        command = [str(_ACT), event, "--pull=false", "--rebuild=false", *options]
        command += ["--container-options", f"-v {cached}:{cached}"]
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "XDG_CACHE_HOME": str(cached), "XDG_CONFIG_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


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

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of all steps."""
        return {
            entry["name"]: entry["arg"]
            for entry in self.entries
            if entry.get("command") == "set-output"
        }

    @property
    def summary(self) -> str:
        """What the steps wrote to the job summary."""
        return "".join(
            entry["content"] for entry in self.entries if entry.get("command") == "summary"
        )


RunWorkflow = Callable[..., WorkflowResult]


def run_event(
    act: Act,
    folder: Path,
    emulator: Emulator,
    event: str,
    payload: Mapping[str, Any],
    *options: str,
) -> WorkflowResult:
    """Run the workflows of a folder for an event, with the emulated APIs."""
    given = ["--json", "--concurrent-jobs", "1", "--platform", "ubuntu-latest=-self-hosted"]
    given += ["--var", f"API_URL={emulator.url}"]
    given += ["--secret", f"DATAFORM_TOKEN={emulator.token}"]
    if payload:
        # act runs in a folder of its own, so the file is not in it.
        path = folder.parent / "event.json"
        path.write_text(json.dumps(payload), "utf-8")
        given += ["--eventpath", str(path), "--secret", f"GITHUB_TOKEN={emulator.token}"]
        given += ["--env", f"GITHUB_API_URL={emulator.github_url}"]
        given += ["--env", f"GITHUB_GRAPHQL_URL={emulator.graphql_url}"]
    done = act(folder, *given, *options, event=event)
    entries = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    log = "".join(f"{entry.get('step', '')}: {entry['msg'].rstrip()}\n" for entry in entries)
    return WorkflowResult(done.returncode, log + done.stderr, entries)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    warehouse = make_warehouse()
    more = [WorkflowConfig(name=name, release_config="production") for name in _SCHEDULES]
    warehouse = replace(warehouse, workflow_configs=(*warehouse.workflow_configs, *more))
    with Emulator(host=engine.gateway(), advance="poll", repositories=[warehouse]) as emulator:
        yield emulator


@pytest.fixture
def run_workflow(act: Act, action: Path, emulator: Emulator) -> RunWorkflow:
    """A function that runs a workflow in the folder of the action, with the emulator.

    With a ``payload``, the event is a pull request of ``repository``.
    """

    def run(
        workflow: Path, payload: Mapping[str, Any] | None = None, repository: str = ""
    ) -> WorkflowResult:
        options = ["--workflows", str(workflow)]
        if payload is None:
            return run_event(act, action, emulator, "workflow_dispatch", {}, *options)
        options += ["--env", f"GITHUB_REPOSITORY={repository}"]
        return run_event(act, action, emulator, "pull_request", payload, *options)

    return run
