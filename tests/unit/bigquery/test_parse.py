"""BigQuery's responses: what is missing or has another type is not known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from dataform_action.bigquery.parse import parse_job, parse_jobs, parse_page_token
from dataform_action.costs import JobCost
from dataform_action.errors import InvalidResponse
from tests.support.runner import BOUNDED
from tests.unit.bigquery.support import BYTES, SLOT_MS, listed

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["jobs", "statistics", "query", "jobReference", "jobId", "totalSlotMs", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def test_a_job() -> None:
    """Numbers are texts in the JSON of BigQuery."""
    job = parse_job(listed("a"))
    assert job.cost == JobCost("a", BYTES, SLOT_MS, reserved=False)
    assert (job.full_id, job.location) == ("my-project:EU.a", "EU")
    assert job.is_done


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "1" * 20, True, None, [], {}, "\u0661"])
def test_other_numbers_are_not_known(text: object) -> None:
    """A number that is not a whole number from 0 is not known. It is never 0."""
    cost = parse_job(listed("a", totalBytesBilled=text, totalSlotMs=text)).cost
    assert (cost.bytes_billed, cost.slot_ms) == (None, None)


def test_numbers_of_json() -> None:
    """A plain number counts as well, and 0 is known."""
    cost = parse_job(listed("a", totalBytesBilled="0", totalSlotMs=7)).cost
    assert (cost.bytes_billed, cost.slot_ms) == (0, 7)


@pytest.mark.parametrize(
    ("statistics", "reserved"),
    [
        ({}, False),
        ({"reservation_id": "admin:EU.etl"}, True),
        ({"reservationUsage": [{"name": "etl"}]}, True),
        ({"reservationUsage": [{"name": "unreserved"}]}, False),
        ({"reservationUsage": ["x", {}]}, False),
        ({"numChildJobs": "2"}, None),
        ({"numChildJobs": "2", "reservationUsage": [{"name": "unreserved"}]}, None),
        ({"numChildJobs": "2", "reservation_id": "admin:EU.etl"}, True),
    ],
)
def test_reservations(statistics: dict[str, Any], reserved: bool | None) -> None:
    """BigQuery names the reservation of a job, but not that of a script."""
    assert parse_job(listed("a", **statistics)).cost.reserved is reserved


@pytest.mark.parametrize("location", ["a/b", "a b", "", "é", "x" * 51])
def test_other_locations_are_not_used(location: str) -> None:
    """A location that could change a request is ignored."""
    assert parse_job(listed("a", location)).location == ""


def test_invalid_page_token() -> None:
    """A token that is not printable is refused, instead of reading a part of the list."""
    with pytest.raises(InvalidResponse):
        parse_page_token({"nextPageToken": "a\nb"})


@BOUNDED
@given(st.dictionaries(st.sampled_from(["jobs", "nextPageToken"]), _JSON))
def test_any_response_can_be_read(response: dict[str, Any]) -> None:
    """A response of any shape has jobs with known or unknown numbers, and raises nothing."""
    for job in parse_jobs(response):
        assert job.cost.bytes_billed is None or job.cost.bytes_billed >= 0
