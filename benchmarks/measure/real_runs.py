"""Real waits beside the simulated ones: an end is noticed when the simulation says."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.contenders import ACTION, ACTION_ON_GOOGLE, SCHEDULE, Contender, environ_for
from benchmarks.measure.simulated_polls import Schedule, fixed_pause, of_the_action
from benchmarks.measure.steps import launch
from dataform_action.emulator import Emulator

#: What a request to the emulator takes, in seconds.
_REQUEST_SECONDS = 0.005
#: How far apart the starts are, in pauses, so that they do not hold each other up.
_STAGGER = 0.1


@dataclass(frozen=True, slots=True)
class RealRun:
    """How long after its run's end a step ended, in seconds: once for real, once simulated."""

    contender: Contender
    length: float
    real: float
    simulated: float


def play(contenders: Sequence[Contender], lengths: Sequence[float], pause: float) -> list[RealRun]:
    """Let every contender wait for a run of every length, at about the same time."""
    pairs = list(product(contenders, lengths))
    with ThreadPoolExecutor(len(pairs)) as threads:
        jobs = [
            threads.submit(_play, *pair, pause, _STAGGER * pause * number)
            for number, pair in enumerate(pairs)
        ]
        return [job.result() for job in jobs]


def _play(contender: Contender, length: float, pause: float, start_after: float) -> RealRun:
    time.sleep(start_after)
    with (
        Emulator(advance="clock", run_seconds=length) as emulator,
        tempfile.TemporaryDirectory() as path,
    ):
        folder = Path(path)
        emulator.set_outcome(SCHEDULE, ["RUNNING", "SUCCESSFUL"])
        launched = launch(
            contender.command, environ_for(contender, emulator, folder, pause), folder
        )
        created = next(one.time for one in emulator.requests if one.method == "POST")
    simulated = _schedule(contender, length, pause).delay(length)
    return RealRun(contender, length, launched.ended - created - length, simulated)


def _schedule(contender: Contender, length: float, pause: float) -> Schedule:
    until = length + 2 * pause
    if contender in (ACTION, ACTION_ON_GOOGLE):
        return of_the_action(
            pause, until=until, request_seconds=_REQUEST_SECONDS, google=contender.google
        )
    return fixed_pause(pause, until=until, request_seconds=_REQUEST_SECONDS)
