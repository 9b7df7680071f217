"""A workflow with ``uses: ./``, run by act.

What act plays differently from the runner, such as signals, state and commands, is tested in
``tests/e2e`` instead.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator
from scripts import engine
from tests.steps import ROOT

#: What a checkout needs for ``uses: ./``.
_ACTION = (
    *("action.yml", "Dockerfile", ".dockerignore", "LICENSE", "requirements.txt"),
    *("entrypoint.py", "post_entrypoint.py", "dataform_action"),
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(host=engine.gateway(), advance="poll") as emulator:
        yield emulator


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the action."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in _ACTION:
        copy = shutil.copytree if Path(ROOT, name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


def test_workflow(
    emulator: Emulator,
    checkout: Path,
    play: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Later steps of a workflow see how the action ended, and its outputs."""
    options = ["--workflows", str(ROOT / "tests/act/workflow.yml"), "--json"]
    options += ["--platform", "ubuntu-latest=-self-hosted"]
    options += ["--var", f"API_URL={emulator.url}", "--secret", f"DATAFORM_TOKEN={emulator.token}"]
    done = play(checkout, *options)
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
