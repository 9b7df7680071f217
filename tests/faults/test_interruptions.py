"""Random interruptions with the post step afterwards; ``make faults`` runs many more."""

from __future__ import annotations

from tests.faults.interruptions import check_all, make_interrupted_retry, make_interruption


def test_interruptions() -> None:
    """After any signal at any time, no run is created twice, and none is lost without a report."""
    states = check_all(range(8))
    assert sum(states.values()) == 8


def test_interruptions_are_of_every_kind() -> None:
    """The first hundred have all signals and times, with and without recovery, on both services."""
    some = [make_interruption(seed) for seed in range(100)]
    assert {interruption.on_google for interruption in some} == {True, False}
    assert {interruption.is_recovered for interruption in some} == {True, False}
    assert {len(interruption.signals) for interruption in some} == {1, 2, 3}
    assert {interruption.request for interruption in some} == {0, 1, 2, 3, 4}


def test_interrupted_retries() -> None:
    """The same is true for each run of a step that runs again what failed."""
    states = check_all(range(8), make_interrupted_retry)
    assert sum(states.values()) == 8
