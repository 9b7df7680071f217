"""Medians and ratios of figures that were measured in rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from statistics import median, quantiles
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def alternate(
    rounds: int, measures: Mapping[K, Callable[[], T]], *, warm_up: bool = True
) -> dict[K, list[T]]:
    """Take the measures in turn, by default after a warm-up round; return the values of each.

    So a busy time of the machine affects all measures equally. Every second round is in reverse
    order, so that no measure always follows the same other one.
    """
    taken: dict[K, list[T]] = {name: [] for name in measures}
    forward = list(measures)
    for number in range(-1 if warm_up else 0, rounds):
        for name in forward if number % 2 else reversed(forward):
            value = measures[name]()
            if number >= 0:
                taken[name].append(value)
    return taken


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratio of each round."""
    return [one / other if other else inf for one, other in zip(ours, theirs, strict=True)]


def render_spread(values: Sequence[float], scale: float = 1, digits: int | None = None) -> str:
    """Return the median, and the range of the middle half of the values: ``121 (115..130)``."""
    scaled = [value * scale for value in values]
    middle = median(scaled)
    if digits is None:
        whole = all(value == int(value) for value in scaled)
        digits = 0 if whole or middle >= 100 else 1
    if len(scaled) < 2:
        return f"{middle:.{digits}f}"
    least, _, greatest = quantiles(scaled, n=4, method="inclusive")
    low, high = f"{least:.{digits}f}", f"{greatest:.{digits}f}"
    return f"{middle:.{digits}f}" if low == high else f"{middle:.{digits}f} ({low}..{high})"


def render_peer(
    ours: Sequence[float], theirs: Sequence[float], scale: float = 1, digits: int | None = None
) -> str:
    """Return a peer's median, and our figure as its multiple: ``121, 1.07x (1.01..1.12)``."""
    middle = render_spread([median(theirs)], scale, digits)
    ratio, *spread = render_spread(ratios(ours, theirs), digits=2).split(" ")
    return " ".join((f"{middle}, {ratio}x", *spread))
