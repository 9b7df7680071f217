"""Runs the action as the runner does, in this process or in its own, and reads its files."""

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
#: The interpreter with the flags of the image.
PYTHON = (sys.executable, "-I", "-S", "-u")
_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")


@dataclass(frozen=True)
class Step:
    """The exit code, log and files of a step."""

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
    """Return the environment of a step, with empty files for its outputs."""
    environ = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    for name in _FILES:
        path = folder / name
        path.touch()
        environ[name] = str(path)
    return {
        **environ,
        "GITHUB_ACTIONS": "true",
        "CI": "true",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_SERVER_URL": "https://github.com",
        # The one that the emulator's sample is fetched from.
        "GITHUB_REPOSITORY": "OWNER/warehouse",
    }


def inputs_for(emulator: Emulator, **changes: str) -> dict[str, str]:
    """Return inputs for a successful run. In names of changes, underscores replace hyphens."""
    return {
        "project-id": "1234",
        "schedule": "nightly",
        "environment": "production",
        "token": emulator.token,
        "api-url": emulator.url,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }


def google_inputs_for(emulator: Emulator, **changes: str) -> dict[str, str]:
    """Return inputs for a successful run on Google Cloud. See ``inputs_for``."""
    place = {
        "project_id": "my-project",
        "location": "europe-west1",
        "repository": "warehouse",
        "environment": "",
    }
    return inputs_for(emulator, **{**place, **changes})


def run_program(program: str) -> str:
    """Run a program in a new process where warnings are errors. Return its output."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    ).stdout


def run_here(folder: Path, inputs: Mapping[str, str], clock: Clock, **more: str) -> Step:
    """Run the step in this process, with a clock and additional variables."""
    environ = {**runner_environ(folder, inputs), **more}
    stream = io.StringIO()
    return read_step(folder, main(environ, stream, clock), stream.getvalue())


def start_step(
    folder: Path,
    inputs: Mapping[str, str],
    entry: str = "entrypoint.py",
    *arguments: str,
    is_covered: bool = True,
    **environ: str,
) -> subprocess.Popen[str]:
    """Start the step in a new process, with its own workspace.

    Coverage makes its start several times as long. So a test that starts many steps, whose code
    other tests cover, can do without it.
    """
    known = os.environ.items() if is_covered else ()
    inherited = {name: value for name, value in known if name.startswith("COV")}
    return subprocess.Popen(
        [*PYTHON, str(ROOT / entry), *arguments],
        env={**inherited, **runner_environ(folder, inputs), **environ},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def run_apart(
    folder: Path,
    inputs: Mapping[str, str],
    entry: str = "entrypoint.py",
    *arguments: str,
    **environ: str,
) -> Step:
    """Run the step in a new process until it ends."""
    process = start_step(folder, inputs, entry, *arguments, is_covered=True, **environ)
    log, _ = process.communicate(timeout=30)
    return read_step(folder, process.returncode, log)


def read_step(folder: Path, exit_code: int, log: str) -> Step:
    """Return the step, with its files read as the runner reads them."""
    texts = {name: (folder / name).read_bytes().decode() for name in _FILES}
    return Step(
        exit_code=exit_code,
        log=log.splitlines(),
        outputs=dict(parse_file_commands(texts["GITHUB_OUTPUT"])),
        state=dict(parse_file_commands(texts["GITHUB_STATE"])),
        summary=texts["GITHUB_STEP_SUMMARY"],
    )
