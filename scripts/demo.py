"""Play one run of the action against the emulator, as the runner would: ``make demo``."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import DEFAULT_SCHEDULES, Emulator

RUN_SECONDS = 8.0
_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: [^:]*)?::(?P<data>.*)\n")
_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")


def main() -> int:
    """Run the demo and return the exit code of the step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcome", choices=sorted(DEFAULT_SCHEDULES), default="success")
    outcome = parser.parse_args().outcome
    with Emulator(advance="clock", run_seconds=RUN_SECONDS) as emulator:
        print(f"An emulator of the API serves {emulator.url}; the run takes {RUN_SECONDS:g} s.")
        _title("The step's log, live")
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder, name) for name in _FILES}
            exit_code = _play(emulator, outcome, files)
            _title("The step's outputs (GITHUB_OUTPUT)")
            print(files["GITHUB_OUTPUT"].read_text("utf-8"), end="")
            _title("The job summary (GITHUB_STEP_SUMMARY), as Markdown")
            print(files["GITHUB_STEP_SUMMARY"].read_text("utf-8"), end="")
    if exit_code:
        _title(f"The step fails with exit code {exit_code}, on purpose: OUTCOME={outcome}")
    else:
        _title("The step succeeds with exit code 0. Next: make demo OUTCOME=failure")
    return exit_code


def _play(emulator: Emulator, outcome: str, files: dict[str, Path]) -> int:
    """Run ``entrypoint.py`` with the runner's environment, and show its log."""
    inputs = {
        "INPUT_PROJECT-ID": "1234",
        "INPUT_SCHEDULE": outcome,
        "INPUT_ENVIRONMENT": "production",
        "INPUT_TOKEN": emulator.token,
        "INPUT_API-URL": emulator.url,
    }
    for path in files.values():
        path.touch()
    environ = {**os.environ, **inputs, **{name: str(path) for name, path in files.items()}}
    command = [sys.executable, "-I", "-u", str(ROOT / "entrypoint.py")]
    with subprocess.Popen(
        command, env=environ, cwd=files["GITHUB_OUTPUT"].parent, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101
        _show(process.stdout)
    return process.returncode


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
        # The step had the same signal and has said what becomes of the run.
        sys.exit(130)
