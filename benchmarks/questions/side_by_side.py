"""Answers what ten steps at the same time do to the quota, and to each other."""

from __future__ import annotations

import json

from benchmarks.figures import table
from benchmarks.measure.parallel_steps import Traffic, simulate, simulate_loops
from benchmarks.measure.simulated_polls import call_with
from benchmarks.setup import Setup
from dataform_action import Polling

_LENGTHS = (20.0, 65.0, 600.0)
_HEAD = (
    "Ten steps at the same time",
    "Most requests in 60 s",
    "HTTP 429 in an hour",
    *(f"End of a run of {length:g} s is noticed after, s" for length in _LENGTHS),
)


def answer(setup: Setup) -> str:
    """Simulate ten steps that start at the same time, and one step."""
    matrix = simulate(10, Polling(parallel=10))
    rows = {
        "this action in a matrix": matrix,
        "this action, steps that do not know of each other": simulate(10, Polling()),
        "`requests.Session` loops with pauses of 10 s": simulate_loops(10),
        "for comparison: one step of this action": simulate(1, Polling()),
    }
    text = (
        f"**Ten jobs of a matrix send at most {matrix.most_in_a_minute} requests a minute, and "
        f"notice the end after about {max(map(matrix.mean_delay, _LENGTHS)):.1f} s.**"
    )
    earlier = [
        (name, *json.loads(call_with(root, f"{__name__}.print_unaware()")))
        for name, root in setup.earlier.items()
    ]
    shown = [(name, *_figures(traffic)) for name, traffic in rows.items()]
    return f"{text}\n\n{table(_HEAD, [*shown, *earlier])}"


def print_unaware() -> None:
    """Print the figures of ten steps that do not know of each other, as JSON."""
    print(json.dumps(_figures(simulate(10, Polling()))))


def _figures(traffic: Traffic) -> list[str]:
    delays = [_render_delay(traffic, length) for length in _LENGTHS]
    return [str(traffic.most_in_a_minute), str(len(traffic.refused)), *delays]


def _render_delay(traffic: Traffic, length: float) -> str:
    try:
        return f"{traffic.mean_delay(length):.1f}"
    except ValueError:
        return "never: a step failed"
