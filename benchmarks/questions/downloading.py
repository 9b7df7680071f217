"""Answers what polling downloads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from benchmarks.contenders import ACTION_ON_GOOGLE, CLIENT, Contender
from benchmarks.figures import cell, show, table, target
from benchmarks.measure.steps import Wait, wait
from benchmarks.repository import make_tables
from benchmarks.setup import Setup
from dataform_action.emulator import Repository

#: The numbers of actions, and the most MB that a minute of waiting may download.
_LIMITS = {1000: 1.0, 5000: 5.0}
_SQL = "SELECT 1 AS id -- ".ljust(10_000, "x")
_MINUTES, _FIRST_SECONDS = 10, 65.0
_PAGE = 1000
_OURS, _PLAIN = ACTION_ON_GOOGLE.name, f"{ACTION_ON_GOOGLE.name}, not compressed"


def answer(setup: Setup) -> str:
    """Let each program follow a run of ten minutes in simulated time."""
    limits = {50: 1.0} if setup.quick else _LIMITS
    figures: dict[str, list[float]] = {}
    for actions in limits:
        for name, megabytes in _measure(setup, actions).items():
            figures.setdefault(name, []).extend(megabytes)
    ours, plain = figures[_OURS], figures.get(_PLAIN, figures[_OURS])
    base = [[one] for one in ours]
    rows = [
        (name, *map(cell, base if name == _OURS else ([one] for one in found), base))
        for name, found in figures.items()
    ]
    heads = [
        f"{actions:,} actions: MB {what}"
        for actions in limits
        for what in ("a minute", f"in the first {_FIRST_SECONDS:g} s")
    ]
    # The target does not depend on compression.
    targets = [
        target(f"at most {limit:g} MB a minute at {actions:,} actions", megabytes, limit)
        for (actions, limit), megabytes in zip(limits.items(), plain[::2], strict=True)
    ]
    summary = f"**{show(ours[0])} MB a minute with {next(iter(limits)):,} actions.**"
    return "\n\n".join((summary, table(("Program", *heads), rows), " ".join(targets)))


def _measure(setup: Setup, actions: int) -> dict[str, list[float]]:
    """Return the MB of each program: for a minute of ten, and for the first minute."""
    repository = make_tables(actions, _SQL)
    found: dict[str, list[float]] = {}
    pages: list[int] = []
    for one in setup.among(lambda one: one.google and one.root is not None):
        waits = _waits(one, repository)
        found[one.name] = _megabytes(waits)
        if one is ACTION_ON_GOOGLE:
            pages = [each.lists - waits[0].lists for each in waits[1:]]
            if waits[0].names_gzip:
                found[_PLAIN] = _megabytes(_waits(one, repository, compresses=False))
    if CLIENT in setup.contenders:
        (long, first), page = _of_client(min(actions, _PAGE))
        client = [long + page * pages[0] / _MINUTES, first + page * pages[1]]
        found[f"{CLIENT.name}, reading the actions as often"] = client
    return found


def _waits(
    one: Contender, repository: Repository | None = None, *, compresses: bool = True
) -> list[Wait]:
    """Return steps with a run that has ended, one of ten minutes, and one of 65 s."""
    lengths = (0.0, _MINUTES * 60.0, _FIRST_SECONDS)
    return [wait(one, seconds, repository, compresses=compresses) for seconds in lengths]


def _megabytes(waits: Sequence[Wait]) -> list[float]:
    none, long, first = (one.received / 1e6 for one in waits)
    return [(long - none) / _MINUTES, first - none]


@cache
def _of_client(actions: int) -> tuple[list[float], float]:
    """Return the MB of the polls of Google's client, and of one read of so many actions.

    All its reads are alike, so one is measured: a run that ends at the second poll has one.
    """
    read = wait(CLIENT, 1.0, make_tables(actions, _SQL), {"SHOW_PROGRESS": "true"})
    return _megabytes(_waits(CLIENT)), (read.received - wait(CLIENT, 1.0).received) / 1e6
