"""Real waits, to check the simulated ones."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.contenders import ACTION, ACTION_ON_GOOGLE, SCHEDULE, Contender, environ_for
from benchmarks.measure.simulated_polls import Schedule, action_schedule, fixed_pause
from benchmarks.measure.steps import launch
from dataform_action.emulator import Emulator

#: The time of a request to the emulator, in seconds.
_REQUEST_SECONDS = 0.005
#: The time between starts, as a part of the pause, so that they do not slow each other down.
_STAGGER = 0.1


@dataclass(frozen=True, slots=True)
class RealRun:
    """The time from the end of a run to the end of its step, in seconds: real and simulated."""

    contender: Contender
    length: float
    real: float
    simulated: float


def measure_real_runs(
    contenders: Sequence[Contender], lengths: Sequence[float], pause: float
) -> list[RealRun]:
    """Let every contender wait for a run of every length, at about the same time."""
    pairs = list(product(contenders, lengths))
    with ThreadPoolExecutor(len(pairs)) as threads:
        jobs = [
            threads.submit(_measure, *pair, pause, _STAGGER * pause * number)
            for number, pair in enumerate(pairs)
        ]
        return [job.result() for job in jobs]


def _measure(contender: Contender, length: float, pause: float, start_after: float) -> RealRun:
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
        return action_schedule(
            pause, until=until, request_seconds=_REQUEST_SECONDS, google=contender.google
        )
    return fixed_pause(pause, until=until, request_seconds=_REQUEST_SECONDS)
