"""A workflow with ``uses: ./``, run by act.

https://github.com/nektos/act

What act plays differently from the runner, such as signals, state and commands, is tested in
``tests/e2e`` instead.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator
from scripts import build_image, engine
from tests.steps import ROOT

#: What a checkout needs for ``uses: ./``.
_ACTION = (
    *("action.yml", "Dockerfile", ".dockerignore", "LICENSE", "requirements.txt"),
    *("entrypoint.py", "post_entrypoint.py", "dataform_action"),
)
_ACT = Path(sys.executable).parent / "act"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    try:
        engine.check()
    except engine.EngineError as error:
        pytest.exit(str(error), returncode=1)
    with Emulator(host=engine.gateway(), advance="poll") as emulator:
        yield emulator


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the action, on a base that can be had here."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in _ACTION:
        copy = shutil.copytree if Path(ROOT, name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    base = build_image.choose_base()
    Path(folder, "Dockerfile").write_text(build_image.dockerfile_on(base), "utf-8")
    return folder


def test_workflow(emulator: Emulator, checkout: Path, tmp_path: Path) -> None:
    """Later steps of a workflow see how the action ended, and its outputs."""
    cache = tmp_path / "cache"
    command = [str(_ACT), "workflow_dispatch", "--workflows"]
    command += [str(ROOT / "tests/act/workflow.yml"), "--directory", str(checkout), "--json"]
    # Steps run on this machine, containers beside it. The files for outputs lie in act's cache,
    # which act does not mount.
    command += ["--platform", "ubuntu-latest=-self-hosted", "--pull=false"]
    command += ["--container-options", f"-v {cache}:{cache}"]
    command += ["--var", f"API_URL={emulator.url}", "--secret", f"DATAFORM_TOKEN={emulator.token}"]
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
    results = {
        (entry["stage"], entry["step"]): entry["stepResult"]
        for entry in entries
        if entry.get("stage") and entry.get("stepResult")
    }
    steps = {step: result for (stage, step), result in results.items() if stage == "Main"}
    assert list(steps.items())[1:] == [
        ("A run that succeeds", "success"),
        ("A run that fails", "failure"),
        ("Inputs that are missing", "failure"),
        ("What the steps left", "success"),
    ], log + done.stderr
    # As many as there are steps that ran: each one's post step, whatever became of it.
    assert [result for (stage, _), result in results.items() if stage == "Post"] == ["success"] * 3
    assert done.returncode == 0, log + done.stderr
    assert (len(emulator.runs), len(emulator.invocations)) == (1, 1)
