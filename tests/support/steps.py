"""Run the action as the runner does, in this process or in its own, and read what it left."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataform_action.action.main import main
from dataform_action.clock import Clock
from dataform_action.emulator import Emulator
from tests.support.runner import parse_file_commands

ROOT = Path(__file__).resolve().parents[2]
#: The interpreter with the flags that the image gives it.
PYTHON = (sys.executable, "-I", "-S", "-u")
_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")


@dataclass(frozen=True)
class Step:
    """What a step left behind."""

    exit_code: int
    log: list[str]
    outputs: dict[str, str]
    state: dict[str, str]
    summary: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.log if line.startswith("::error ")]

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.log if line.startswith("::warning ")]


def runner_environ(folder: Path, inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that the runner gives a step, with empty file commands."""
    environ = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    for name in _FILES:
        path = folder / name
        path.touch()
        environ[name] = str(path)
    return {**environ, "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_WORKSPACE": str(folder)}


def inputs_for(emulator: Emulator, **changes: str) -> dict[str, str]:
    """Return the inputs of a good run; an underscore in a change's name stands for a hyphen."""
    return {
        "project-id": "1234",
        "schedule": "nightly",
        "environment": "production",
        "token": emulator.token,
        "api-url": emulator.url,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }


def google_inputs_for(emulator: Emulator, **changes: str) -> dict[str, str]:
    """Return the inputs of a good run on Google Cloud, spelled as those of ``inputs_for``."""
    place = {
        "project_id": "my-project",
        "location": "europe-west1",
        "repository": "warehouse",
        "environment": "",
    }
    return inputs_for(emulator, **{**place, **changes})


def run_program(program: str) -> str:
    """Return what a program prints in a process of its own, where warnings are errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    ).stdout


def run_here(folder: Path, inputs: Mapping[str, str], clock: Clock, **more: str) -> Step:
    """Run the step in this process, with the given time and more of an environment."""
    environ = {**runner_environ(folder, inputs), **more}
    stream = io.StringIO()
    return read_step(folder, main(environ, stream, clock), stream.getvalue())


def start_step(
    folder: Path, inputs: Mapping[str, str], entry: str = "entrypoint.py", **environ: str
) -> subprocess.Popen[str]:
    """Start the step in a process of its own, in a workspace of its own."""
    inherited = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    return subprocess.Popen(
        [*PYTHON, str(ROOT / entry)],
        env={**inherited, **runner_environ(folder, inputs), **environ},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def run_apart(
    folder: Path, inputs: Mapping[str, str], entry: str = "entrypoint.py", **environ: str
) -> Step:
    """Run the step in a process of its own to its end."""
    process = start_step(folder, inputs, entry, **environ)
    log, _ = process.communicate(timeout=30)
    return read_step(folder, process.returncode, log)


def read_step(folder: Path, exit_code: int, log: str) -> Step:
    """Collect what a step left, reading its files as the runner does."""
    texts = {name: (folder / name).read_bytes().decode() for name in _FILES}
    return Step(
        exit_code=exit_code,
        log=log.splitlines(),
        outputs=dict(parse_file_commands(texts["GITHUB_OUTPUT"])),
        state=dict(parse_file_commands(texts["GITHUB_STATE"])),
        summary=texts["GITHUB_STEP_SUMMARY"],
    )
