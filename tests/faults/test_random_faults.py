"""Random sequences of faults; ``make faults`` runs a thousand on each service."""

from __future__ import annotations

import pytest

from tests.faults.retries import check_retry, make_retry
from tests.faults.sequences import check, make_sequence


@pytest.mark.parametrize("service", ["web", "google"])
@pytest.mark.parametrize("seed", range(15))
def test_random_faults(service: str, seed: int) -> None:
    """With any faults, the run is created at most once, and the step reports its real outcome."""
    assert check(make_sequence(service, seed))


def test_sequences_depend_only_on_the_seed() -> None:
    """A seed always makes the same sequence."""
    assert make_sequence("google", 7) == make_sequence("google", 7)
    assert make_sequence("google", 7) != make_sequence("google", 8)


def test_sequences_have_all_kinds_of_faults() -> None:
    """The first hundred sequences have all kinds of faults and of lost create requests."""
    some = [make_sequence(service, seed) for service in ("web", "google") for seed in range(100)]
    kinds = {fault.kind for sequence in some for fault in sequence.faults}
    assert kinds >= {"reset", "close", "short", "cut-json", "html", "json", "redirect", "status"}
    lost = [sequence.create for sequence in some if sequence.create is not None]
    assert {fault.processed for fault in lost} == {True, False}
    assert any(sequence.throttled for sequence in some)


@pytest.mark.parametrize("seed", range(15))
def test_random_faults_of_retries(seed: int) -> None:
    """With any faults, each attempt has at most one run, and the last one decides."""
    assert check_retry(make_retry(seed))


def test_retries_have_all_kinds_of_outcomes() -> None:
    """The first hundred have lost create requests of each later attempt."""
    lost = [
        fault for seed in range(100) for fault in make_retry(seed).faults if fault.on == "create"
    ]
    assert {fault.after for fault in lost} == {1, 2, 3}
    assert {fault.processed for fault in lost} == {True, False}
