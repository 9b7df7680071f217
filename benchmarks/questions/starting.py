"""Answers how fast a step starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

from benchmarks.contenders import (
    ACTION,
    ACTION_ON_GOOGLE,
    CLIENT,
    SAMPLE,
    SESSION,
    Contender,
    reference,
)
from benchmarks.figures import alternate, cell, ratio, show, spread, table, target
from benchmarks.measure.steps import first_request, whole_step
from benchmarks.setup import Setup

_FIRST, _WHOLE, _IMAGE = "First request, ms", "Whole step, ms", "In `docker run`, ms"
#: The runs of a command in each round of hyperfine.
_RUNS = 2
_SLOWER = 1.15

Taken = Mapping[tuple[str, Contender], Sequence[float]]


def answer(setup: Setup) -> str:
    """Measure in rounds: own starts, and whole steps with hyperfine."""
    measures: dict[tuple[str, Contender], Callable[[], float]] = {
        (_FIRST, one): partial(first_request, one) for one in setup.contenders
    }
    if setup.has_hyperfine:
        runs = 1 if setup.quick else _RUNS
        for one in setup.contenders:
            measures[_WHOLE, one] = partial(whole_step, one, runs)
            if setup.image and one.in_image:
                measures[_IMAGE, one] = partial(whole_step, one, runs, setup.image)
    taken = {
        key: [seconds * 1000 for seconds in values]
        for key, values in alternate(setup.rounds, measures).items()
    }
    columns = list(dict.fromkeys(column for column, _ in taken))
    rows = [
        (one.name, one.service, *(_cell(taken, column, one) for column in columns))
        for one in setup.contenders
    ]
    lines = [_summary(taken), table(("Program", "Service", *columns), rows, names=2)]
    return "\n\n".join((*lines, f"{spread(taken.values())} {_targets(taken)}"))


def _cell(taken: Taken, column: str, one: Contender) -> str:
    if (column, one) not in taken:
        return ""
    return cell(taken[column, one], taken[column, reference(one)])


def _summary(taken: Taken) -> str:
    parts = {
        one: f"{show(median(taken[_FIRST, one]))} ms"
        for one in (ACTION_ON_GOOGLE, CLIENT, SESSION)
        if (_FIRST, one) in taken
    }
    text = f"**{parts.pop(ACTION_ON_GOOGLE)} to the first request"
    others = [f"the {one.name} takes {part}" for one, part in parts.items()]
    return f"{text}; {', '.join(others)}.**"


def _targets(taken: Taken) -> str:
    lines = []
    for column, peer in ((_FIRST, SESSION), (_IMAGE, SAMPLE)):
        if (column, peer) in taken:
            reached = ratio(taken[column, ACTION], taken[column, peer])
            place = " in the image" if column == _IMAGE else ""
            what = f"at most {_SLOWER}x of {peer.name}{place} ({reached:.2f}x)"
            lines.append(target(what, reached, _SLOWER))
    return " ".join(lines)
