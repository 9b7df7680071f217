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
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import DEFAULT_SCHEDULES, Emulator

#: Each is slow enough to be watched; 15 s is when actions are first asked for.
RUN_SECONDS = {"web": 8.0, "google": 24.0}
#: The workflow configurations and refs of the emulator's sample repository.
GOOGLE_INPUTS = {
    "success": {"INPUT_SCHEDULE": "nightly"},
    "failure": {"INPUT_SCHEDULE": "failure"},
    "slow": {"INPUT_SCHEDULE": "slow"},
    "endless": {"INPUT_SCHEDULE": "endless"},
    "compile-errors": {"INPUT_GIT-REF": "broken"},
}
_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: [^:]*)?::(?P<data>.*)\n")
_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")


def main() -> int:
    """Run the demo and return the exit code of the step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", choices=sorted(RUN_SECONDS), default="web")
    parser.add_argument("--outcome", default="success")
    service, outcome = vars(parser.parse_args()).values()
    known = GOOGLE_INPUTS if service == "google" else DEFAULT_SCHEDULES
    if outcome not in known:
        print(f"OUTCOME must be one of {', '.join(sorted(known))}")
        return 2
    seconds = RUN_SECONDS[service]
    with Emulator(advance="clock", run_seconds=seconds) as emulator:
        print(f"An emulator of the API serves {emulator.url}; the run takes {seconds:g} s.")
        _title("The step's log, live")
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder, name) for name in _FILES}
            exit_code = _play(_inputs(emulator, service, outcome), files)
            _title("The step's outputs (GITHUB_OUTPUT)")
            print(files["GITHUB_OUTPUT"].read_text("utf-8"), end="")
            _title("The job summary (GITHUB_STEP_SUMMARY), as Markdown")
            print(files["GITHUB_STEP_SUMMARY"].read_text("utf-8"), end="")
    if exit_code > 128:
        _title(f"The step was stopped, and ends with exit code {exit_code}")
    elif exit_code:
        _title(f"The step fails with exit code {exit_code}, on purpose: OUTCOME={outcome}")
    else:
        again = "make demo SERVICE=google" if service == "google" else "make demo"
        _title(f"The step succeeds with exit code 0. Next: {again} OUTCOME=failure")
    return exit_code


def _inputs(emulator: Emulator, service: str, outcome: str) -> dict[str, str]:
    """Return the inputs of a step that ends as wanted."""
    common = {"INPUT_TOKEN": emulator.token, "INPUT_API-URL": emulator.url}
    if service == "google":
        repository = {
            "INPUT_PROJECT-ID": "my-project",
            "INPUT_LOCATION": "europe-west1",
            "INPUT_REPOSITORY": "warehouse",
        }
        return {**common, **repository, **GOOGLE_INPUTS[outcome]}
    return {
        **common,
        "INPUT_PROJECT-ID": "1234",
        "INPUT_SCHEDULE": outcome,
        "INPUT_ENVIRONMENT": "production",
    }


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
    # Where no Python was there to take the signal, it has ended the step itself.
    return exit_code if exit_code >= 0 else 128 - exit_code


class _Forwarder:
    """Pass signals on to the step, and go on reading what it says until it has ended."""

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
