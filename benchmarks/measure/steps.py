"""Measure a start, or a wait with many polls, on this machine or in an image."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import BARE, PEERS, ROOT, Contender, environ_for, is_poll, script_runs
from dataform_action.emulator import Emulator
from scripts.image import engine

_LAUNCHER = (sys.executable, "-I", "-S", str(ROOT / "benchmarks" / "measure" / "process_cost.py"))
_WORKSPACE = "/github/workspace"


@dataclass(frozen=True, slots=True)
class Launched:
    """The cost of a command: times of the monotonic clock, seconds of CPU time, bytes."""

    started: float
    ended: float
    cpu: float
    peak_memory: int


@dataclass(frozen=True, slots=True)
class Start:
    """A step whose run has ended at the first poll; all values are in seconds.

    ``first_request`` is the time from the start of the process to the first request, or to its end
    if it sends nothing. ``ending`` is the time from the last request to the end of the process.
    """

    first_request: float
    ending: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Wait:
    """A step with many polls; ``cpu`` is in seconds, ``peak_memory`` in bytes."""

    polls: int
    connections: int
    cpu: float
    peak_memory: int


def launch(
    command: Sequence[str], environ: Mapping[str, str], folder: Path, exit_code: int = 0
) -> Launched:
    """Run a command that must end with this exit code.

    Raises:
        RuntimeError: it did not; the message has its output.
    """
    report = folder / "cost.json"
    done = subprocess.run(
        (*_LAUNCHER, str(report), *command),
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    if done.returncode != exit_code:
        raise RuntimeError(f"{command} ended with exit code {done.returncode}:\n{done.stdout}")
    return Launched(**json.loads(report.read_text("utf-8")))


def start(contender: Contender, image: str = "") -> Start:
    """Run a step with one poll, in an image if one is named."""
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        script_runs(emulator, 1)
        environ = environ_for(contender, emulator, folder, pause=1)
        command = contender.command
        if image:
            command, environ = in_image(contender, image, environ, folder)
        launched = launch(command, environ, folder)
        return read_start(launched, emulator, sends=contender is not BARE)


def read_start(launched: Launched, emulator: Emulator, *, sends: bool) -> Start:
    """Combine the values of the launcher and the emulator."""
    if not sends:
        return Start(launched.ended - launched.started, 0.0, launched.cpu)
    first, last = emulator.requests[0].time, emulator.requests[-1].time
    assert sum(map(is_poll, emulator.requests)) == 1
    return Start(first - launched.started, launched.ended - last, launched.cpu)


def poll(contender: Contender, polls: int) -> Wait:
    """Run a step with about this number of polls, without pauses."""
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        script_runs(emulator, polls)
        environ = environ_for(contender, emulator, folder, pause=0)
        launched = launch(contender.without_waiting or contender.command, environ, folder)
        sent = [request for request in emulator.requests if is_poll(request)]
        return Wait(
            polls=len(sent),
            connections=len({request.connection for request in sent}),
            cpu=launched.cpu,
            peak_memory=launched.peak_memory,
        )


def cpu_of_100_polls(few: Wait, many: Wait) -> float:
    """Return the processor time of 100 polls in seconds, without start and end."""
    return (many.cpu - few.cpu) / (many.polls - few.polls) * 100


def in_image(
    contender: Contender, image: str, environ: Mapping[str, str], folder: Path
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the docker command for a contender, and its environment.

    The container uses the host's network, so that loopback addresses work.
    """
    inside = {
        name: value.replace(str(folder), _WORKSPACE)
        for name, value in environ.items()
        if name != "PATH"
    }
    entrypoint, *arguments = contender.in_image
    command = (
        *(engine.client(), "run", "--rm", "--network", "host", "--workdir", _WORKSPACE),
        *("--volume", f"{folder}:{_WORKSPACE}", "--volume", f"{PEERS}:/peers:ro"),
        *(part for name in inside for part in ("--env", name)),
        *("--entrypoint", entrypoint, image, *arguments),
    )
    return command, {**inside, **engine.client_environ()}
