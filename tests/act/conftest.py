"""A checkout of the action on a base that can be had here, and act to play workflows in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import Emulator, WorkflowConfig, make_warehouse
from scripts import build_image, engine
from tests.steps import ROOT

#: What a checkout needs for ``uses: ./``.
_ACTION = (
    *("action.yml", "Dockerfile", ".dockerignore", "LICENSE", "requirements.txt"),
    *("entrypoint.py", "post_entrypoint.py", "dataform_action"),
)
_ACT = Path(sys.executable).parent / "act"
#: The schedules of README's recipes, beside those of the sample repository.
_SCHEDULES = ("sales", "finance", "marketing", "after-load")


@dataclass(frozen=True)
class Played:
    """What act said of a workflow; ``results`` are those of the steps, in order."""

    exit_code: int
    log: str
    entries: list[dict[str, Any]]

    def results(self, stage: str) -> list[tuple[str, str]]:
        """Return the name and the result of each step in a stage, such as ``Main``."""
        return [
            (entry["step"], entry["stepResult"])
            for entry in self.entries
            if entry.get("stage") == stage and entry.get("stepResult")
        ]


Play = Callable[[Path], Played]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    try:
        engine.check()
    except engine.EngineError as error:
        pytest.exit(str(error), returncode=1)
    warehouse = make_warehouse()
    more = [WorkflowConfig(name=name, release_config="production") for name in _SCHEDULES]
    warehouse = replace(warehouse, workflow_configs=(*warehouse.workflow_configs, *more))
    with Emulator(host=engine.gateway(), advance="poll", repositories=[warehouse]) as emulator:
        yield emulator


@pytest.fixture
def play(emulator: Emulator, tmp_path: Path) -> Play:
    """Play a workflow in a checkout of the action, against the emulator."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in _ACTION:
        if Path(ROOT, name).is_dir():
            # A checkout has no bytecode, and act copies what .dockerignore leaves out.
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, checkout / name)
    base = build_image.choose_base()
    Path(checkout, "Dockerfile").write_text(build_image.dockerfile_on(base), "utf-8")
    cache = tmp_path / "cache"

    def run(workflow: Path) -> Played:
        command = [str(_ACT), "workflow_dispatch", "--workflows", str(workflow)]
        command += ["--directory", str(checkout), "--json", "--concurrent-jobs", "1"]
        # Steps run on this machine, containers beside it. The files for outputs lie in act's
        # cache, which act does not mount.
        command += ["--platform", "ubuntu-latest=-self-hosted", "--pull=false"]
        command += ["--container-options", f"-v {cache}:{cache}"]
        command += ["--var", f"API_URL={emulator.url}"]
        command += ["--secret", f"DATAFORM_TOKEN={emulator.token}"]
        done = subprocess.run(
            command,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_CONFIG_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        entries = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        log = "".join(f"{entry.get('step', '')}: {entry['msg'].rstrip()}\n" for entry in entries)
        return Played(done.returncode, log + done.stderr, entries)

    return run
