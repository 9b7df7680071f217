"""Measure a start, a whole step or a wait, on this machine or in an image."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.contenders import (
    BARE,
    PEERS,
    ROOT,
    SCHEDULE,
    Contender,
    environ_for,
    is_poll,
    script_runs,
)
from benchmarks.measure.simulated_polls import PAUSE
from benchmarks.measure.without_waiting import FileClock
from dataform_action.emulator import Emulator, Repository
from scripts.image import engine

_LAUNCHER = (sys.executable, "-I", "-S", str(ROOT / "benchmarks" / "measure" / "process_cost.py"))
_WORKSPACE = "/github/workspace"
#: The longest that a command may take, in seconds.
_TIMEOUT = 300


@dataclass(frozen=True, slots=True)
class Launched:
    """The cost of a command: times of the monotonic clock, seconds of CPU time, bytes."""

    started: float
    ended: float
    cpu: float
    peak_memory: int


@dataclass(frozen=True, slots=True)
class Wait:
    """What a step with a wait takes: ``cpu`` in seconds, ``received`` and the memory in bytes.

    ``lists`` is the number of requests for the actions of the run. ``names_gzip`` says whether the
    program asks Google's APIs for compressed responses.
    """

    polls: int
    requests: int
    lists: int
    connections: int
    received: int
    cpu: float
    peak_memory: int
    names_gzip: bool


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
        timeout=_TIMEOUT,
    )
    if done.returncode != exit_code:
        raise RuntimeError(f"{command} ended with exit code {done.returncode}:\n{done.stdout}")
    return Launched(**json.loads(report.read_text("utf-8")))


def first_request(contender: Contender) -> float:
    """Return the seconds from the start of a program to its first request, or to its end."""
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        script_runs(emulator, 1)
        environ = environ_for(contender, emulator, folder, pause=1)
        launched = launch(contender.command, environ, folder)
        end = launched.ended if contender is BARE else emulator.requests[0].time
        return end - launched.started


def whole_step(contender: Contender, runs: int, image: str = "") -> float:
    """Return the seconds of a step whose run has ended at the first poll, as hyperfine measures."""
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        script_runs(emulator, 1)
        environ = environ_for(contender, emulator, folder, pause=1)
        command = contender.command
        if image:
            command, environ = in_image(contender, image, environ, folder)
        return hyperfine(command, environ, folder, runs)


def hyperfine(command: Sequence[str], environ: Mapping[str, str], folder: Path, runs: int) -> float:
    """Return the median of the seconds of some runs of a command.

    Raises:
        RuntimeError: a run failed; the message has the output.
    """
    report = folder / "hyperfine.json"
    program = shutil.which("hyperfine") or "hyperfine"
    options = ("--shell=none", "--show-output", f"--runs={runs}", f"--export-json={report}")
    done = subprocess.run(
        (program, *options, shlex.join(command)),
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=_TIMEOUT,
    )
    if done.returncode:
        raise RuntimeError(f"{command} cannot be measured:\n{done.stdout}")
    return float(median(json.loads(report.read_text("utf-8"))["results"][0]["times"]))


def wait(
    contender: Contender,
    seconds: float,
    repository: Repository | None = None,
    more: Mapping[str, str] | None = None,
    *,
    compresses: bool = True,
) -> Wait:
    """Run a step with a run of so many seconds of simulated time.

    A program without a simulated clock makes as many polls as the peers, without pauses.
    """
    command = contender.without_waiting
    with (
        tempfile.TemporaryDirectory() as path,
        Emulator(
            advance="clock" if command else "poll",
            run_seconds=seconds,
            repositories=None if repository is None else [repository],
            clock=(clock := FileClock(f"{path}/clock")),
            compresses=compresses,
        ) as emulator,
    ):
        folder = Path(path)
        if command:
            emulator.set_outcome(SCHEDULE, ["RUNNING", "SUCCESSFUL"])
        else:
            script_runs(emulator, 1 + int(seconds / PAUSE))
        environ = environ_for(contender, emulator, folder, PAUSE if command else 0)
        environ |= {"CLOCK_FILE": f"{path}/clock", **(more or {})}
        launched = launch(command or contender.command, environ, folder)
        clock.close()
        return read_wait(launched, emulator)


def read_wait(launched: Launched, emulator: Emulator) -> Wait:
    """Combine the values of the launcher and the emulator."""
    sent = emulator.requests
    return Wait(
        polls=sum(map(is_poll, sent)),
        requests=len(sent),
        lists=sum(
            "/workflowInvocations/" in one.path and one.path.endswith(":query") for one in sent
        ),
        connections=emulator.connections,
        received=emulator.sent_bytes,
        cpu=launched.cpu,
        peak_memory=launched.peak_memory,
        names_gzip=any("gzip" in one.headers.get("User-Agent", "") for one in sent),
    )


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
