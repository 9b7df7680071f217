"""Answers what it costs to wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

from benchmarks.contenders import (
    ACTION,
    ACTION_ON_GOOGLE,
    CURL,
    SAMPLE,
    Contender,
    reference,
)
from benchmarks.figures import alternate, cell, ratio, show, spread, table, target
from benchmarks.measure.steps import Wait, wait
from benchmarks.setup import Setup

_HOUR = 3600.0
#: The wait of the curl and jq loop, whose processes take many seconds in an hour.
_SHORTER = 600.0
_MORE_REQUESTS = 1.15
_MOST_ROUNDS = 3
_COLUMNS: dict[str, Callable[[Wait, Wait], float]] = {
    "Processor time of 100 polls, ms": lambda none, hour: cpu_of_100_polls(none, hour) * 1000,
    "Peak memory, MiB": lambda _none, hour: hour.peak_memory / 2**20,
    "Requests": lambda none, hour: hour.requests - none.requests,
    "Connections": lambda _none, hour: hour.connections,
    "Received, kB": lambda none, hour: (hour.received - none.received) / 1000,
}
_CPU, _MEMORY, _REQUESTS, *_ = _COLUMNS

Taken = Mapping[Contender, Sequence[tuple[Wait, Wait]]]


def answer(setup: Setup) -> str:
    """Let each program wait for an hour of simulated time, in rounds."""
    seconds = 200.0 if setup.quick else _HOUR
    senders = setup.among(lambda _: True)
    measures = {one: partial(_none_and_all, one, seconds) for one in senders if one is not CURL}
    taken: dict[Contender, list[tuple[Wait, Wait]]] = dict(
        alternate(min(setup.rounds, _MOST_ROUNDS), measures)
    )
    if CURL in senders:
        taken[CURL] = [_none_and_all(CURL, min(seconds, _SHORTER))]
    figures = {
        (name, one): [figure(none, hour) for none, hour in taken[one]]
        for name, figure in _COLUMNS.items()
        for one in senders
        # The other columns are those of an hour.
        if one is not CURL or name in (_CPU, _MEMORY)
    }
    rows = [
        (
            one.name,
            one.service,
            *(
                cell(figures[name, one], figures[name, reference(one)])
                if (name, one) in figures
                else ""
                for name in _COLUMNS
            ),
        )
        for one in senders
    ]
    summary = (
        f"**An hour of waiting takes {_per_hour(taken[ACTION_ON_GOOGLE]):.2f} s of processor time, "
        f"{show(median(figures[_REQUESTS, ACTION_ON_GOOGLE]))} requests and "
        f"{show(median(figures[_MEMORY, ACTION_ON_GOOGLE]))} MiB.**"
    )
    more = ratio(figures[_REQUESTS, ACTION], figures[_REQUESTS, SAMPLE])
    what = f"at most {_MORE_REQUESTS}x of the requests of {SAMPLE.name} ({more:.2f}x)"
    noisy = [values for (name, _), values in figures.items() if name in (_CPU, _MEMORY)]
    lines = f"{spread(noisy)} {target(what, more, _MORE_REQUESTS)}"
    return "\n\n".join((summary, table(("Program", "Service", *_COLUMNS), rows, names=2), lines))


def cpu_of_100_polls(few: Wait, many: Wait) -> float:
    """Return the processor time of 100 polls in seconds, without start and end."""
    return (many.cpu - few.cpu) / (many.polls - few.polls) * 100


def _none_and_all(contender: Contender, seconds: float) -> tuple[Wait, Wait]:
    """Measure a step without a wait, and one with the whole wait."""
    return wait(contender, 0), wait(contender, seconds)


def _per_hour(taken: Sequence[tuple[Wait, Wait]]) -> float:
    return median(hour.cpu - none.cpu for none, hour in taken)
