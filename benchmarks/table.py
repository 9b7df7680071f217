"""The table: a row for each figure, a column for each contender."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.contenders import (
    ACTION,
    ACTION_ON_GOOGLE,
    BARE,
    CLIENT,
    CURL,
    PEER_NAMES,
    SAMPLE,
    SESSION,
    Contender,
)
from benchmarks.measure.real_runs import RealRun
from benchmarks.measure.simulated_polls import Schedule, action_schedule, fixed_pause
from benchmarks.measure.steps import Start, Wait, cpu_of_100_polls
from benchmarks.round_statistics import ratios, render_peer, render_spread

#: Lengths of runs in seconds, and the limit of our delay as a multiple of the sample's.
LENGTHS = ((3.0, 1 / 5), (20.0, 1 / 5), (65.0, 1 / 3), (600.0, 1.0))
MORE_REQUESTS = 1.15
SLOWER_START = 1.15
_UNTIL = 3700.0
#: Means that differ by less than this, in seconds, count as equal.
_ROUNDING = 1e-6

#: The contenders on each service, and the prefix of its rows.
SERVICES = (
    ((ACTION, SAMPLE, SESSION, CURL, BARE), ""),
    ((ACTION_ON_GOOGLE, CLIENT, BARE), "Google Cloud: "),
)

Values = Mapping[Contender, Sequence[float]]


@dataclass(slots=True)
class Collected:
    """All measured values; a contender that was not measured is missing everywhere."""

    starts: dict[Contender, list[Start]] = field(default_factory=dict)
    image_starts: dict[Contender, list[Start]] = field(default_factory=dict)
    #: For each round, a step with one poll and one with many.
    waits: dict[Contender, list[tuple[Wait, Wait]]] = field(default_factory=dict)
    real_runs: list[RealRun] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """The limit of the action's figure, as a multiple of a peer's."""

    peer: Contender
    limit: float

    def render(self, values: Values) -> str:
        """Render the target, and whether these values meet it."""
        if self.peer not in values:
            return ""
        reached = median(ratios(_ours(values), values[self.peer]))
        word = "met" if reached <= self.limit + _ROUNDING else "**missed**"
        return f"at most {self.limit:.2f}x of {self.peer.name}: {word}"


def render(collected: Collected) -> str:
    """Return the table as Markdown: Dataform Web first, then Google Cloud Dataform."""
    head = ("", ACTION.name, *PEER_NAMES, "target")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for contenders, prefix in SERVICES:
        lines += _rows(collected, contenders, prefix)
    return "\n".join(lines) + "\n"


def _rows(collected: Collected, contenders: Sequence[Contender], prefix: str) -> Iterator[str]:
    """Return all rows about one service."""
    yield from _start_rows(collected, contenders, prefix)
    yield from _wait_rows(collected.waits, contenders, prefix)
    yield from simulated_rows(contenders, prefix)
    yield from _real_rows(collected.real_runs, contenders, prefix)


def _start_rows(
    collected: Collected, contenders: Sequence[Contender], prefix: str
) -> Iterator[str]:
    starts, in_image = collected.starts, collected.image_starts

    def take(source: Mapping[Contender, list[Start]], figure: Callable[[Start], float]) -> Values:
        return {
            one: [figure(start) for start in source[one]] for one in contenders if one in source
        }

    first = take(starts, lambda start: start.first_request)
    target = Target(SESSION, SLOWER_START)
    yield _row(f"{prefix}start to first request, ms", first, 1000, target=target)
    if contenders[0] in in_image:
        first = take(in_image, lambda start: start.first_request)
        target = Target(SAMPLE, SLOWER_START)
        yield _row(f"{prefix}`docker run` to first request, ms", first, 1000, target=target)
    ending = take(starts, lambda start: start.ending)
    ending = {one: values for one, values in ending.items() if one is not BARE}
    yield _row(f"{prefix}last request to the end of the process, ms", ending, 1000)
    cpu = take(starts, lambda start: start.cpu)
    yield _row(f"{prefix}processor time with one poll, ms", cpu, 1000)


def _wait_rows(
    waits: Mapping[Contender, list[tuple[Wait, Wait]]],
    contenders: Sequence[Contender],
    prefix: str,
) -> Iterator[str]:
    def take(figure: Callable[[Wait, Wait], float], *, bare: bool = False) -> Values:
        return {
            one: [figure(few, many) for few, many in waits[one]]
            for one in contenders
            if one in waits and (bare or one is not BARE)
        }

    yield _row(f"{prefix}processor time of 100 polls, ms", take(cpu_of_100_polls), 1000)
    connections = take(lambda _few, many: many.connections / many.polls * 100)
    yield _row(f"{prefix}connections for 100 polls", connections, digits=1)
    memory = take(lambda _few, many: many.peak_memory, bare=True)
    yield _row(f"{prefix}peak memory, MiB", memory, 1 / 2**20)


def simulated_rows(contenders: Sequence[Contender], prefix: str) -> Iterator[str]:
    """Return the machine-independent rows; the first contender is the action."""
    schedules = {one: _schedule(one) for one in contenders if one is not BARE}
    peer = contenders[1]
    requests = {one: [float(schedule.requests_in_an_hour)] for one, schedule in schedules.items()}
    # On Google Cloud, only the action reads the progress of actions, so there is no target.
    target = Target(peer, MORE_REQUESTS) if peer is SAMPLE else None
    yield _row(f"{prefix}requests in an hour of waiting (simulated)", requests, target=target)
    for length, limit in LENGTHS:
        delays = {one: [schedule.mean_delay(length)] for one, schedule in schedules.items()}
        title = (
            f"{prefix}run of about {length:g} s: mean delay until its end is noticed, s (simulated)"
        )
        yield _row(title, delays, digits=2, target=Target(peer, limit))


def _schedule(contender: Contender) -> Schedule:
    if contender in (ACTION, ACTION_ON_GOOGLE):
        return action_schedule(until=_UNTIL, google=contender.google)
    return fixed_pause(until=_UNTIL)


def _real_rows(
    real_runs: Sequence[RealRun], contenders: Sequence[Contender], prefix: str
) -> Iterator[str]:
    for length in sorted({run.length for run in real_runs}):
        cells = {
            run.contender: f"{run.real:.2f} [{run.simulated:.2f}]"
            for run in real_runs
            if run.length == length and run.contender in contenders
        }
        title = f"{prefix}one real run of {length:g} s: delay until the step ends, s [simulated]"
        yield _line(title, cells)


def _row(
    title: str,
    values: Values,
    scale: float = 1,
    *,
    digits: int | None = None,
    target: Target | None = None,
) -> str:
    ours = _ours(values)
    cells = {
        one: render_spread(ours, scale, digits)
        if one in (ACTION, ACTION_ON_GOOGLE)
        else render_peer(ours, theirs, scale, digits)
        for one, theirs in values.items()
    }
    return _line(title, cells, target.render(values) if target else "")


def _line(title: str, cells: Mapping[Contender, str], target: str = "") -> str:
    named = {one.name: cell for one, cell in cells.items()}
    columns = [named.get(name, "") for name in (ACTION.name, *PEER_NAMES)]
    return "| " + " | ".join((title[0].upper() + title[1:], *columns, target)) + " |"


def _ours(values: Values) -> Sequence[float]:
    return next(values for one, values in values.items() if one in (ACTION, ACTION_ON_GOOGLE))
