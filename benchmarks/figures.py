"""Figures that were measured in rounds: medians, ratios, and Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from statistics import median, quantiles
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def alternate(rounds: int, measures: Mapping[K, Callable[[], T]]) -> dict[K, list[T]]:
    """Take the measures in turn, and return the values.

    So a busy time of the machine affects all measures equally. Every second round is in reverse
    order, so that no measure always follows the same other one.
    """
    taken: dict[K, list[T]] = {name: [] for name in measures}
    forward = list(measures)
    for number in range(rounds):
        for name in forward if number % 2 else reversed(forward):
            taken[name].append(measures[name]())
    return taken


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return the median of the ratios of all rounds."""
    pairs = zip(theirs, ours, strict=False)
    return median(one / other if other else inf for one, other in pairs)


def show(value: float) -> str:
    """Return a figure with three significant digits or more."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """Return a median, and its multiple of our figure: ``121 (1.07x)``."""
    text = show(median(theirs))
    if theirs is ours:
        return text
    times = ratio(theirs, ours)
    return f"{text} ({times:.2f}x)" if times < 10 else f"{text} ({times:,.0f}x)"


def spread(figures: Iterable[Sequence[float]]) -> str:
    """Say how far the rounds are apart, for all figures together."""
    most, rounds = 0.0, 0
    for values in figures:
        rounds = max(rounds, len(values))
        if len(values) > 1 and median(values):
            low, _, high = quantiles(values, n=4, method="inclusive")
            most = max(most, high / median(values) - 1, 1 - low / median(values))
    return (
        f"Each figure is the median of {rounds} rounds, in which the programs alternate. In half "
        f"of the rounds, each figure is within {most:.0%} of its median."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> str:
    """Return a Markdown table; all columns after the ``names`` are aligned to the right."""
    lines = [head, [*["---"] * names, *["---:"] * (len(head) - names)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def target(what: str, value: float, limit: float) -> str:
    """Return a line with a target, and whether a figure meets it."""
    verdict = "met" if value <= limit else "**missed**"
    return f"Target: {what}: {verdict}."
