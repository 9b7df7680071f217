"""The contents of the image: everything that a run needs, including bytecode."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator
from scripts.image import engine
from tests.e2e.job import Job
from tests.support.steps import ROOT, google_inputs_for, inputs_for


def _find(image: str, *words: str) -> list[str]:
    return engine.docker("run", "--rm", "--entrypoint", "find", image, *words).split()


def test_only_what_a_run_needs(job: Job) -> None:
    """The image has the program and its requirements, and no emulator, integrations or caches."""
    ours = _find(job.image, "/action", "-maxdepth", "1", "-mindepth", "1")
    assert sorted(path.removeprefix("/action/") for path in ours) == [
        "LICENSE",
        "dataform_action",
        "entrypoint.py",
        "post_entrypoint.py",
        "requirements.txt",
    ]
    assert _find(job.image, "/action", "-name", "emulator*") == []
    assert _find(job.image, "/action", "-name", "integrations*") == []
    assert _find(job.image, "/root", "/tmp", "-type", "f") == []  # noqa: S108
    assert _find(job.image, "/usr/local", "-path", "*/pip/*.pyc") == []


def test_only_the_packages_in_the_lock_file(job: Job) -> None:
    """Each package is in requirements.txt, apart from pip, which is part of the base."""
    found = _find(job.image, "/usr/local/lib", "-maxdepth", "3", "-name", "*.dist-info")
    names = {path.rpartition("/")[2].partition("-")[0].replace("_", "-") for path in found}
    text = Path(ROOT, "requirements.txt").read_text("utf-8")
    locked = re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)
    assert names - {"pip"} == set(locked)


@pytest.mark.parametrize("make_inputs", [inputs_for, google_inputs_for])
@pytest.mark.parametrize("schedule", ["nightly", "failure"])
def test_bytecode(
    job: Job, emulator: Emulator, make_inputs: Callable[..., dict[str, str]], schedule: str
) -> None:
    """The image has the bytecode of all modules that a run imports, so a run writes none."""
    inputs = make_inputs(emulator, schedule=schedule, poll_interval="1")
    name = f"bytecode-{uuid.uuid4().hex[:6]}"
    command = [engine.client(), "run", "--name", name]
    for input_name, value in inputs.items():
        command += ["-e", f"INPUT_{input_name.upper()}={value}"]
    try:
        subprocess.run([*command, job.image], capture_output=True, check=False)
        assert len(emulator.runs) + len(emulator.invocations) == 1
        assert engine.docker("diff", name) == ""
    finally:
        engine.docker("rm", "--force", name)
