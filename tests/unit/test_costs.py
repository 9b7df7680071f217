"""The costs of a run: sums of what is known, and the price of what has one."""

from __future__ import annotations

import pytest

from dataform_action.costs import LIST_PRICE, ActionCost, Costs, JobCost

TIB = 2**40


def make_costs(*jobs: JobCost, **more: object) -> Costs:
    return Costs(actions=(ActionCost("p.d.a", jobs),), **more)  # type: ignore[arg-type]


def test_sums_and_price() -> None:
    """Bytes and slot time are added up, and each TiB on demand has the price."""
    first = JobCost("a", TIB, 1_500, reserved=False)
    costs = make_costs(first, JobCost("b", TIB // 2, 700, reserved=False), price_per_tib=5.0)
    assert (costs.bytes_billed, costs.slot_seconds, costs.price) == (TIB * 3 // 2, 2.2, 7.5)
    assert costs.is_complete
    assert make_costs(first).price == LIST_PRICE


@pytest.mark.parametrize("job", [JobCost("x"), JobCost("x", 10), JobCost("x", None, 10)])
def test_what_is_not_known_is_not_zero(job: JobCost) -> None:
    """A job without its bytes or its slot time makes the costs incomplete."""
    costs = make_costs(JobCost("a", 5, 5, reserved=False), job)
    assert not costs.is_complete
    assert costs.unknown_jobs == 1
    assert not costs.actions[0].is_known
    assert costs.bytes_billed == 5 + (job.bytes_billed or 0)


def test_unread_actions_make_costs_incomplete() -> None:
    """If not all actions are known, the sums are not complete, even if all jobs are known."""
    assert not make_costs(JobCost("a", 5, 5, reserved=False), has_unread_actions=True).is_complete


@pytest.mark.parametrize(("reserved", "counts"), [(False, (0, 0)), (True, (1, 0)), (None, (0, 1))])
def test_only_jobs_on_demand_have_a_price(reserved: bool | None, counts: tuple[int, int]) -> None:
    """Under a reservation, bytes have no price. Whether there is one may not be known."""
    costs = make_costs(JobCost("a", TIB, 5, reserved))
    assert costs.price == (LIST_PRICE if reserved is False else 0)
    assert (costs.reserved_jobs, costs.unpriced_jobs) == counts
    assert costs.bytes_billed == TIB


def test_a_job_without_bytes_needs_no_price() -> None:
    """If nothing was billed, it does not matter whether there was a reservation."""
    assert make_costs(JobCost("a", 0, 5)).unpriced_jobs == 0


def test_a_run_without_jobs() -> None:
    """Its sums are 0, and complete."""
    costs = Costs(actions=())
    assert (costs.bytes_billed, costs.slot_seconds, costs.price) == (0, 0.0, 0.0)
    assert costs.is_complete
