"""What each option of a step on Google Cloud adds: requests, bytes, and time until it ends.

Each variant is the whole step in a process of its own, which skips its pauses, with a run of 400
actions. The bytes are those of the bodies of all responses.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.contenders import ACTION_ON_GOOGLE, SCHEDULE, environ_for
from benchmarks.figures import alternate, table
from benchmarks.measure.simulated_polls import PAUSE
from benchmarks.measure.steps import launch
from benchmarks.measure.without_waiting import FileClock
from benchmarks.repository import make_tables
from benchmarks.setup import Setup
from dataform_action.emulator import Course, Emulator, PastInvocation, Repository

_ACTIONS = 400
_RUN_SECONDS = 65.0
_MOST_ROUNDS = 2
#: Earlier runs, every third of them of the schedule, an hour apart.
_PAST_RUNS = 60
_HOUR = 3600.0
_WORKED = Course()
#: The run that repeats what failed is short.
_REPEATED = Course(seconds=5.0)
_FAILED = Course(failures={"marts.table_0": "Out of memory"})


@dataclass(frozen=True, slots=True)
class Variant:
    """A step with some options, and the name of the variant that it is compared with."""

    name: str
    inputs: Mapping[str, str]
    base: str = ""
    #: The courses of the run, and of the run that repeats what failed.
    courses: tuple[Course, Course] = (_WORKED, _WORKED)
    exit_code: int = 0


_PLAIN, _FAILING = "no option, with `history: false`", "the same, and 1 action fails"
VARIANTS = (
    Variant(_PLAIN, {}),
    Variant("`history` (the default)", {"history": "true"}, _PLAIN),
    Variant("`costs: true`", {"costs": "true"}, _PLAIN),
    Variant(_FAILING, {}, courses=(_FAILED, _WORKED), exit_code=1),
    Variant("`history`, and 1 action fails", {"history": "true"}, _FAILING, (_FAILED, _WORKED), 1),
    Variant(
        "`retry-failed: 1`, and it works", {"retry-failed": "1"}, _FAILING, (_FAILED, _REPEATED)
    ),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a step: its requests, the bytes of their responses, and its seconds."""

    requests: int
    received: int
    seconds: float


def measure(variant: Variant) -> Cost:
    """Run a step with the options of a variant."""
    inputs = {"history": "false", **variant.inputs}
    # Without history, nothing reads earlier runs. They would make the emulator slow.
    past_runs = _PAST_RUNS if inputs["history"] == "true" else 0
    with (
        tempfile.TemporaryDirectory() as path,
        Emulator(
            repositories=[_repository(past_runs)],
            advance="clock",
            run_seconds=_RUN_SECONDS,
            clock=FileClock(f"{path}/clock"),
        ) as emulator,
    ):
        folder = Path(path)
        first, second = variant.courses
        emulator.set_course(SCHEDULE, first)
        emulator.set_course(None, second)
        if "costs" in inputs:
            inputs["bigquery-url"] = emulator.url
        environ = environ_for(ACTION_ON_GOOGLE, emulator, folder, PAUSE)
        environ["CLOCK_FILE"] = f"{path}/clock"
        environ |= {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        command = ACTION_ON_GOOGLE.without_waiting
        launched = launch(command, environ, folder, variant.exit_code)
        seconds = launched.ended - launched.started
        return Cost(len(emulator.requests), emulator.sent_bytes, seconds)


def _repository(past_runs: int) -> Repository:
    """Return a repository with many tables, and with earlier runs."""
    sample = make_tables(_ACTIONS, "SELECT 1 AS id")
    now = time.time()
    schedules = [config.name for config in sample.workflow_configs][:2]
    past = [
        PastInvocation(
            started=now - (number + 1) * _HOUR,
            seconds=600.0,
            workflow_config=SCHEDULE if number % 3 == 0 else schedules[number % 2],
        )
        for number in range(past_runs)
    ]
    return replace(sample, past_invocations=past)


def answer(setup: Setup) -> str:
    """Measure all variants in turn, and return a table of what each adds to another one."""
    measures: dict[str, Callable[[], Cost]] = {
        variant.name: partial(measure, variant) for variant in VARIANTS
    }
    taken = alternate(min(setup.rounds, _MOST_ROUNDS), measures)
    head = ("Step", "Requests", "Received, kB", "Time, ms")
    return table(head, [render_row(variant, taken) for variant in VARIANTS])


def render_row(variant: Variant, taken: Mapping[str, Sequence[Cost]]) -> tuple[str, ...]:
    """Return what a variant takes, or what it adds to its base in each round."""
    costs, bases = taken[variant.name], taken.get(variant.base, ())
    sign = "+" if bases else ""
    zero = Cost(0, 0, 0.0)
    pairs = list(zip(costs, bases or [zero] * len(costs), strict=True))
    requests = median(cost.requests - base.requests for cost, base in pairs)
    received = median(cost.received - base.received for cost, base in pairs)
    seconds = median(cost.seconds - base.seconds for cost, base in pairs)
    figures = (requests, received / 1000, seconds * 1000)
    return (variant.name, *(f"{value:{sign},.0f}" for value in figures))
