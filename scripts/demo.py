"""Play one run of the action against the emulator, as the runner would: ``make demo``."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import DEFAULT_SCHEDULES, Emulator
from scripts.demo_page import write_page
from tests.support.runner import parse_file_commands

_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: [^:]*)?::(?P<data>.*)\n")
_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
#: The step could not even play the run: bad inputs, or an internal error.
_BROKEN = (2, 70)


class Service(NamedTuple):
    """One of the two services: how long its run takes, and the inputs for each outcome.

    The time is long enough to watch the run; actions are listed for the first time after 15 s.
    """

    name: str
    option: str
    run_seconds: float
    outcomes: dict[str, dict[str, str]]
    links: str


GOOGLE_CLOUD = Service(
    name="Google Cloud Dataform",
    option="",
    run_seconds=24.0,
    outcomes={
        "failure": {"schedule": "failure"},
        "success": {"schedule": "nightly"},
        "compile-errors": {"git-ref": "broken"},
        "slow": {"schedule": "slow"},
        "endless": {"schedule": "endless"},
    },
    links="The links lead to the console of Google Cloud, which does not know this run.",
)
DATAFORM_WEB = Service(
    name="Dataform Web",
    option="--web ",
    run_seconds=8.0,
    outcomes={name: {"schedule": name} for name in DEFAULT_SCHEDULES},
    links="While the run lasts, its link opens a page of the emulator.",
)


def main() -> int:
    """Run the demo; return 0 unless the step was stopped or could not play the run."""
    parser = argparse.ArgumentParser(
        prog="make demo", description="Play one run of the action against the emulator."
    )
    parser.add_argument("outcome", nargs="?", default="failure", help="how the run ends (failure)")
    parser.add_argument("--web", action="store_true", help="play Dataform Web")
    parser.add_argument(
        "--to", type=Path, default=ROOT / "build" / "demo", help="the folder of the summary's page"
    )
    options = parser.parse_args()
    service = DATAFORM_WEB if options.web else GOOGLE_CLOUD
    if options.outcome not in service.outcomes:
        print(f"Outcomes of {service.name}: {', '.join(sorted(service.outcomes))}")
        return 2
    with (
        Emulator(advance="clock", run_seconds=service.run_seconds) as emulator,
        tempfile.TemporaryDirectory() as folder,
    ):
        print(f"The emulator serves {service.name} at {emulator.url}.")
        print(f"The run takes {service.run_seconds:g} s. {service.links}")
        _title("The log of the step, live")
        files = {name: Path(folder, name) for name in _FILES}
        exit_code = _play(_inputs(emulator, service, options.outcome), files)
        _show_results(files, options.to)
    _show_end(exit_code, service)
    return exit_code if exit_code > 128 or exit_code in _BROKEN else 0


def _inputs(emulator: Emulator, service: Service, outcome: str) -> dict[str, str]:
    """Return the inputs of a step that ends as wanted, as the runner passes them."""
    inputs = {"token": emulator.token, "api-url": emulator.url, **service.outcomes[outcome]}
    if service is GOOGLE_CLOUD:
        inputs |= {
            "project-id": "my-project",
            "location": "europe-west1",
            "repository": "warehouse",
        }
        if not outcome.startswith("compile"):
            inputs |= {"costs": "true", "bigquery-url": emulator.url}
    else:
        inputs |= {"project-id": "1234", "environment": "production"}
    return {f"INPUT_{name.upper()}": value for name, value in inputs.items()}


def _show_results(files: dict[str, Path], folder: Path) -> None:
    """Print the outputs, and where the job summary is."""
    _title("The outputs of the step")
    for name, value in parse_file_commands(files["GITHUB_OUTPUT"].read_text("utf-8")):
        print(f"{name} = {value}")
    _title("The job summary")
    page = write_page(files["GITHUB_STEP_SUMMARY"].read_text("utf-8"), folder)
    print(f"Open it in a browser: {page.as_uri()}")


def _show_end(exit_code: int, service: Service) -> None:
    again = f"make demo ARGS={service.option}success"
    if service.option:
        again = f'make demo ARGS="{service.option}success"'
    if exit_code > 128:
        _title(f"The step was stopped: exit code {exit_code}")
    elif exit_code:
        _title(f"The step failed: exit code {exit_code}. To see a run that succeeds: {again}")
    else:
        failure = "make demo ARGS=--web" if service.option else "make demo"
        _title(f"The step succeeded: exit code 0. To see a run that fails: {failure}")


def _play(inputs: dict[str, str], files: dict[str, Path]) -> int:
    """Run ``entrypoint.py`` with the runner's environment, and show its log."""
    for path in files.values():
        path.touch()
    environ = {**os.environ, **inputs, **{name: str(path) for name, path in files.items()}}
    command = [sys.executable, "-I", "-S", "-u", str(ROOT / "entrypoint.py")]
    with _Forwarder() as forwarder:
        process = subprocess.Popen(
            command,
            env=environ,
            cwd=files["GITHUB_OUTPUT"].parent,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C reaches this program alone, which passes it on as the runner does.
            process_group=0,
        )
        forwarder.start(process)
        assert process.stdout is not None  # noqa: S101
        _show(process.stdout)
        exit_code = process.wait()
    # If the signal arrived before Python could handle it, it ended the step itself.
    return exit_code if exit_code >= 0 else 128 - exit_code


class _Forwarder:
    """Pass signals on to the step, and keep reading its log until it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._early: list[int] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> _Forwarder:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._forward)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, process: subprocess.Popen[str]) -> None:
        """Pass signals on to this process from now on, those before included."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


def _show(log: Iterable[str]) -> None:
    """Print a log the way the runner shows it: commands become what they mean."""
    secret = ""
    indent = ""
    for line in log:
        match = _COMMAND.fullmatch(line)
        if match is None:
            print(indent + (line.replace(secret, "***") if secret else line), end="", flush=True)
            continue
        data = match["data"].replace("%0A", "\n").replace("%0D", "").replace("%25", "%")
        if match["name"] == "add-mask":
            secret = data
        elif match["name"] == "group":
            print(f"▼ {data}", flush=True)
        elif match["name"] in ("error", "warning"):
            print(f"{match['name'].capitalize()}: {data}", flush=True)
        indent = "  " if match["name"] == "group" else ""


def _title(text: str) -> None:
    print(f"\n--- {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        # Before the step, or after it.
        sys.exit(130)
