"""Random sequences of faults; ``make faults`` plays a thousand on each service."""

from __future__ import annotations

import pytest

from tests.faults.sequences import check, make_sequence


@pytest.mark.parametrize("service", ["web", "google"])
@pytest.mark.parametrize("seed", range(15))
def test_random_faults(service: str, seed: int) -> None:
    """Whatever happens, the run is created at most once, and the step says what is true of it."""
    assert check(make_sequence(service, seed))


def test_sequences_are_the_same_in_every_run() -> None:
    """A seed stands for one sequence, whatever was played before."""
    assert make_sequence("google", 7) == make_sequence("google", 7)
    assert make_sequence("google", 7) != make_sequence("google", 8)


def test_sequences_reach_every_kind_of_end() -> None:
    """The first hundred sequences fail the create, the wait and the run in all of their ways."""
    some = [make_sequence(service, seed) for service in ("web", "google") for seed in range(100)]
    kinds = {fault.kind for sequence in some for fault in sequence.faults}
    assert kinds >= {"reset", "close", "short", "cut-json", "html", "json", "redirect", "status"}
    lost = [sequence.create for sequence in some if sequence.create is not None]
    assert {fault.processed for fault in lost} == {True, False}
    assert any(sequence.throttled for sequence in some)
