"""What the log and the warnings say about costs."""

from __future__ import annotations

import pytest

from dataform_action.costs import ActionCost, Costs, JobCost
from dataform_action.errors import DataformError, NoResponse, Refused
from dataform_action.report.costs.words import cost_facts, notes_on_costs, render_costs

TIB = 2**40
PRICED = JobCost("a", TIB, 5_000, reserved=False)
RESERVED = JobCost("b", TIB, 5_000, reserved=True)
SCRIPT = JobCost("c", TIB, 5_000)
UNKNOWN = JobCost("d")
ROLE = "roles/bigquery.resourceViewer"


def make_costs(*jobs: JobCost, **more: object) -> Costs:
    actions = tuple(ActionCost(f"p.d.{number}", (job,)) for number, job in enumerate(jobs))
    return Costs(actions=actions, **more)  # type: ignore[arg-type]


def text_of(costs: Costs) -> str:
    return " ".join(note.text for note in notes_on_costs(costs))


@pytest.mark.parametrize(
    ("costs", "line"),
    [
        (
            make_costs(PRICED),
            "bytes billed 1 TiB, slot time 5s, "
            "estimated price $6.25 at $6.25 per TiB, the US list price",
        ),
        (
            make_costs(PRICED, price_per_tib=5.5),
            "bytes billed 1 TiB, slot time 5s, "
            "estimated price 5.50 at 5.5 per TiB, the input price-per-tib",
        ),
        (
            make_costs(PRICED, price_per_tib=0.0),
            "bytes billed 1 TiB, slot time 5s, "
            "estimated price 0.00 at 0 per TiB, the input price-per-tib",
        ),
        (
            make_costs(JobCost("a", 10 * 2**20, 5, reserved=False)),
            "bytes billed 10 MiB, slot time less than 1s, "
            "estimated price less than $0.01 at $6.25 per TiB, the US list price",
        ),
        (
            make_costs(JobCost("a", 0, 0, reserved=False)),
            "bytes billed 0 B, slot time 0s, "
            "estimated price $0.00 at $6.25 per TiB, the US list price",
        ),
        (
            make_costs(PRICED, UNKNOWN),
            "bytes billed at least 1 TiB, slot time at least 5s, "
            "estimated price at least $6.25 at $6.25 per TiB, the US list price",
        ),
        (
            make_costs(PRICED, SCRIPT),
            "bytes billed 2 TiB, slot time 10s, "
            "estimated price at least $6.25 at $6.25 per TiB, the US list price",
        ),
        (make_costs(SCRIPT), "bytes billed 1 TiB, slot time 5s"),
    ],
)
def test_line_of_the_log(costs: Costs, line: str) -> None:
    """The price names its basis, and what is incomplete is a lower bound."""
    assert render_costs(costs) == [f"Costs: {line}"]


def test_reservations() -> None:
    """The bytes are shown, but have no price, and a line says so."""
    one, both = render_costs(make_costs(RESERVED)), render_costs(make_costs(RESERVED, PRICED))
    assert one == [
        "Costs: bytes billed 1 TiB, slot time 5s",
        "1 of 1 job ran under a reservation, so its bytes have no price.",
    ]
    assert both[1] == "1 of 2 jobs ran under a reservation, so its bytes have no price."
    assert "estimated price $6.25" in both[0]


def test_without_jobs() -> None:
    """A run without jobs has no costs. If its actions are not known, nothing is said here."""
    assert render_costs(make_costs()) == ["Costs: the run had no BigQuery jobs."]
    assert render_costs(make_costs(has_unread_actions=True)) == []
    assert render_costs(make_costs(UNKNOWN)) == []


def test_large_price() -> None:
    """Thousands are separated."""
    facts = dict(cost_facts(make_costs(PRICED._replace(bytes_billed=1000 * TIB))))
    assert facts["Estimated price"].startswith("$6,250.00 at $6.25")


@pytest.mark.parametrize("costs", [make_costs(), make_costs(PRICED, RESERVED)])
def test_no_warning_if_all_is_known(costs: Costs) -> None:
    """Complete costs need no warning."""
    assert notes_on_costs(costs) == ()


@pytest.mark.parametrize(
    ("costs", "text"),
    [
        (
            make_costs(UNKNOWN, error=Refused("HTTP 403: no", status=403, hint="Grant it.")),
            "The costs of the run could not be read. HTTP 403: no Grant it.",
        ),
        (
            make_costs(PRICED, UNKNOWN, error=NoResponse("HTTP 503")),
            "The costs of 1 of 2 jobs are not known, so the sums are lower bounds. HTTP 503",
        ),
        (
            make_costs(PRICED, UNKNOWN),
            "The costs of 1 of 2 jobs are not known, so the sums are lower bounds. BigQuery shows "
            f"jobs of other accounts only to a caller with {ROLE} on the project of the jobs.",
        ),
        (
            make_costs(PRICED, has_unread_actions=True),
            "The costs of the actions that could not be read are missing, "
            "so the sums are lower bounds.",
        ),
        (
            make_costs(SCRIPT, error=DataformError("HTTP\n 503")),
            "It is not known whether 1 job ran under a reservation, so the price does not include "
            "it. HTTP 503",
        ),
    ],
)
def test_one_line_says_what_is_not_known(costs: Costs, text: str) -> None:
    """The warning has the reason and the remedy on one line."""
    assert text_of(costs) == text
