"""Answers how soon the end of a run is noticed."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.contenders import (
    ACTION,
    SCHEDULE,
    SESSION,
    Contender,
    environ_for,
)
from benchmarks.figures import cell, table
from benchmarks.measure.simulated_polls import (
    PAUSE,
    Schedule,
    action_schedule,
    earlier_schedule,
    fixed_pause,
)
from benchmarks.measure.steps import launch
from benchmarks.setup import Setup
from dataform_action.emulator import Emulator

LENGTHS = {"3 s": 3.0, "20 s": 20.0, "65 s": 65.0, "10 min": 600.0}
#: The length of a real run, and the time of a request to the emulator, in seconds.
_REAL_SECONDS = 22.5
_REQUEST_SECONDS = 0.005
_UNTIL = 620.0


def answer(setup: Setup, real: str) -> str:
    """Return the table; ``real`` is the line about real runs."""
    schedules = {name: earlier_schedule(root, _UNTIL) for name, root in setup.earlier.items()}
    return f"{simulated(schedules)}\n\n{real}"


def simulated(earlier: dict[str, Schedule]) -> str:
    """Return the part that is the same on every machine; ``earlier`` are schedules to compare."""
    ours, loop = action_schedule(until=_UNTIL), fixed_pause(until=_UNTIL)
    schedules = {"this action": ours, **earlier, f"a loop with pauses of {PAUSE:g} s": loop}
    rows = []
    for name, length in LENGTHS.items():
        delays = [[schedule.mean_delay(length)] for schedule in schedules.values()]
        rows.append((f"about {name}", *(cell(delay, delays[0]) for delay in delays)))
    first = LENGTHS["20 s"]
    text = (
        f"**A run of about {first:g} s: {ours.mean_delay(first):.1f} s after its end, instead of "
        f"{loop.mean_delay(first):.1f} s.**"
    )
    return f"{text}\n\n{table(('Seconds until its end is noticed', *schedules), rows)}"


def real_runs(setup: Setup) -> str:
    """Wait for real runs, all at the same time; return a line that compares the simulation."""
    length = 1.5 if setup.quick else _REAL_SECONDS
    until = length + 2 * PAUSE
    simulations = {
        ACTION: action_schedule(until=until, request_seconds=_REQUEST_SECONDS),
        SESSION: fixed_pause(until=until, request_seconds=_REQUEST_SECONDS),
    }
    with ThreadPoolExecutor() as threads:
        jobs = {one: threads.submit(_real_delay, one, length) for one in simulations}
        shown = {
            one: f"{jobs[one].result():.2f} s (simulated: {schedule.delay(length):.2f} s)"
            for one, schedule in simulations.items()
        }
    return (
        f"Check with real pauses and a run of {length:g} s: the step ended after {shown[ACTION]}, "
        f"and the {SESSION.name} after {shown[SESSION]}."
    )


def _real_delay(contender: Contender, length: float) -> float:
    """Return the time from the end of a run to the end of its step, in seconds."""
    with (
        Emulator(advance="clock", run_seconds=length) as emulator,
        tempfile.TemporaryDirectory() as path,
    ):
        emulator.set_outcome(SCHEDULE, ["RUNNING", "SUCCESSFUL"])
        environ = environ_for(contender, emulator, Path(path), PAUSE)
        launched = launch(contender.command, environ, Path(path))
        created = next(one.time for one in emulator.requests if one.method == "POST")
        return launched.ended - created - length
