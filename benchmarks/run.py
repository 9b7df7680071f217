"""Measure what the action costs beside a plain ``requests.Session`` script: ``make bench``.

Everything is measured in alternating rounds against the emulator in this process, so that a
busy moment of the machine meets all candidates alike, and printed as a Markdown table of
medians with the least and the greatest value. A ratio is the median of the rounds' ratios.

The first, unmeasured round leaves bytecode for all modules. The scripts that Python is
started with are compiled each time, as they are in an image.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import Emulator

PYTHON = (sys.executable, "-I", "-u")
ACTION = (*PYTHON, str(ROOT / "entrypoint.py"))
SCRIPT = (*PYTHON, str(ROOT / "benchmarks" / "session_script.py"))
BARE = (sys.executable, "-I", "-c", "pass")
POLL = (*PYTHON, str(ROOT / "benchmarks" / "poll.py"))
PROJECT = "1234"
SCHEDULE = "benchmark"
#: A run of the emulator's sample repository, not waited for: only its start is measured.
GOOGLE = {
    "INPUT_PROJECT-ID": "my-project",
    "INPUT_LOCATION": "europe-west1",
    "INPUT_REPOSITORY": "warehouse",
    "INPUT_SCHEDULE": "nightly",
    "INPUT_ENVIRONMENT": "",
    "INPUT_WAIT": "false",
}
FIRST_REQUEST_TARGET = "ratio at most 1.15"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """What polling a run to its end cost; ``cpu`` in seconds per 100 polls."""

    cpu: float
    connections: int
    peak_memory_kib: int


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="of time to first request")
    parser.add_argument("--poll-rounds", type=int, default=7)
    parser.add_argument("--polls", type=int, default=1000, help="in a poll round")
    options = parser.parse_args()
    if options.polls > 2000:
        parser.error("--polls: the default timeout of a run ends after about 2,000 polls")

    actions, scripts, googles, bares = alternate(
        options.rounds,
        lambda: first_request(ACTION),
        lambda: first_request(SCRIPT),
        lambda: first_request(ACTION, GOOGLE),
        bare_interpreter,
    )
    libraries, sessions = alternate(
        options.poll_rounds,
        lambda: poll("library", options.polls),
        lambda: poll("session", options.polls),
    )

    print(
        f"Python {platform.python_version()}, requests {version('requests')}, "
        f"{platform.system()} {platform.machine()}; median (least..greatest) "
        f"of {options.rounds} alternating rounds, the last three rows of {options.poll_rounds} "
        f"with {options.polls:,} polls each\n"
    )
    print("| | this action | `requests.Session` script | ratio | target |")
    print("|---|---|---|---|---|")
    print(row("Start to first request, ms", actions, scripts, 1000, FIRST_REQUEST_TARGET))
    print(row("The same with Google Cloud Dataform and a token, ms", googles, scripts, 1000))
    print(f"| Bare interpreter, for scale, ms | {spread(bares, 1000)} | | | |")
    print_polls(libraries, sessions, options.polls)


def print_polls(libraries: Sequence[Cost], sessions: Sequence[Cost], polls: int) -> None:
    """Print the rows about polling."""
    ours, theirs = [cost.cpu for cost in libraries], [cost.cpu for cost in sessions]
    print(row("Processor time per 100 polls, ms", ours, theirs, 1000))
    ours, theirs = [cost.connections for cost in libraries], [cost.connections for cost in sessions]
    print(row(f"Connections for {polls:,} polls", ours, theirs, target="1"))
    ours = [cost.peak_memory_kib for cost in libraries]
    theirs = [cost.peak_memory_kib for cost in sessions]
    print(row("Peak memory, MiB", ours, theirs, 1 / 1024))


def first_request(command: Sequence[str], inputs: Mapping[str, str] | None = None) -> float:
    """Run a whole step, and return the seconds from its start to its first request."""
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as folder:
        emulator.set_outcome(SCHEDULE, ["SUCCESSFUL"])
        started = time.monotonic()
        environ = {**step_environ(emulator, Path(folder)), **(inputs or {})}
        execute(command, Path(folder), environ)
        assert emulator.requests[0].method == "POST"
        return emulator.requests[0].time - started


def bare_interpreter() -> float:
    """Return the seconds that an interpreter takes to start and end."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        execute(BARE, Path(folder), {})
        return time.monotonic() - started


def poll(client: str, polls: int) -> Cost:
    """Have a client poll a run to its end in a process of its own, and return what it cost."""
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as folder:
        emulator.set_outcome(SCHEDULE, ["RUNNING"] * (polls - 1) + ["SUCCESSFUL"])
        run_id = create_run(emulator)
        command = (*POLL, client, emulator.url, emulator.token, run_id)
        measured = json.loads(execute(command, Path(folder), {}))
        requests = emulator.requests[1:]
        assert len(requests) == polls
        return Cost(
            cpu=measured["cpu_seconds"] / polls * 100,
            connections=len({request.connection for request in requests}),
            peak_memory_kib=measured["peak_memory_kib"],
        )


def create_run(emulator: Emulator) -> str:
    """Create a run, over a connection of its own, and return its id."""
    request = urllib.request.Request(
        f"{emulator.url}/v1/project/{PROJECT}/run",
        data=json.dumps({"scheduleName": SCHEDULE}).encode(),
        headers={"Authorization": f"Bearer {emulator.token}"},
    )
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["id"])


def step_environ(emulator: Emulator, folder: Path) -> dict[str, str]:
    """Return the environment that the runner gives a step."""
    files = {
        name: str(folder / name)
        for name in ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
    }
    for path in files.values():
        Path(path).touch()
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder),
        "INPUT_PROJECT-ID": PROJECT,
        "INPUT_SCHEDULE": SCHEDULE,
        "INPUT_ENVIRONMENT": "production",
        "INPUT_TOKEN": emulator.token,
        "INPUT_API-URL": emulator.url,
        **files,
    }


def execute(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Run a command to its good end and return its output."""
    result = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
        timeout=300,
    )
    return result.stdout


def alternate(rounds: int, *measures: Callable[[], T]) -> list[list[T]]:
    """Take every measure in turn, a first time for nothing, and return each one's values."""
    for measure in measures:
        measure()
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [list(values) for values in zip(*taken, strict=True)]


def row(
    name: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    scale: float = 1,
    target: str = "",
) -> str:
    """Return a row that compares two candidates round by round."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return (
        f"| {name} | {spread(ours, scale)} | {spread(theirs, scale)} "
        f"| {spread(ratios, digits=2)} | {target} |"
    )


def spread(values: Sequence[float], scale: float = 1, digits: int | None = None) -> str:
    """Return the median of some values, with the least and the greatest."""
    scaled = [value * scale for value in values]
    if digits is None:
        whole = all(value == int(value) for value in scaled)
        digits = 0 if whole or median(scaled) >= 100 else 1
    middle, least, greatest = (
        f"{value:.{digits}f}" for value in (median(scaled), min(scaled), max(scaled))
    )
    return middle if least == greatest else f"{middle} ({least}..{greatest})"


if __name__ == "__main__":
    main()
