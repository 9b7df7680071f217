"""Requests of a check: how many there are, and what a failure means."""

from __future__ import annotations

import sys

import pytest

from dataform_action.clock import Retry, once
from dataform_action.errors import GaveUp, NoResponse, Refused, Throttled
from dataform_action.model import Polling
from dataform_action.plan import DryRun, Inconclusive, InvalidQuery
from dataform_action.plans.checks.requests import Requests
from dataform_action.runs.backoff import Backoff
from tests.support.fakes import FakeClock
from tests.support.warehouses import FakeWarehouse, Outcome, columns, ok


@pytest.fixture
def retry() -> Retry:
    """Retry as the job does, without waiting."""
    polling = Polling(timeout=3600, outage_timeout=600)
    return Backoff(polling, lambda _update: None, FakeClock()).retrying("Nothing is checked.")


def failing(times: int, error: BaseException | None = None) -> Outcome:
    """Return an outcome that fails some times before the query is accepted."""
    left = [times]

    def outcome() -> DryRun:
        if left[0]:
            left[0] -= 1
            raise error or NoResponse("HTTP 500")
        return ok()

    return outcome


def test_a_query_is_sent_once() -> None:
    """The result of a query is remembered for each location, an error as well."""
    wrong = InvalidQuery("wrong")
    warehouse = FakeWarehouse({"SELECT 1": ok(), "SELECT 2": wrong})
    requests = Requests(warehouse)
    for _ in range(2):
        assert requests.dry_run("SELECT 1", "EU", once) == ok()
        assert requests.dry_run("SELECT 2", "EU", once) is wrong
        assert requests.dry_run("SELECT 1", "US", once) == ok()
    assert len(warehouse.queries) == requests.dry_runs == 3


def test_what_is_remembered_is_small() -> None:
    """Neither the text of a query nor what led to its error is kept in memory."""
    large = "SELECT 1 -- " + "x" * 100_000
    warehouse = FakeWarehouse({"SELECT 1": failing(1, InvalidQuery("wrong"))})
    requests = Requests(warehouse)
    count = sys.getrefcount(large)
    found = requests.dry_run(large, "EU", once)
    assert isinstance(found, InvalidQuery)
    assert (found.__traceback__, found.__context__, found.__cause__) == (None, None, None)
    warehouse.queries.clear()
    assert sys.getrefcount(large) == count
    assert requests.dry_run(large, "EU", once) is found
    assert warehouse.queries == []


def test_columns() -> None:
    """A table has columns, does not exist, or cannot be read."""
    hidden = Inconclusive("no permission")
    requests = Requests(FakeWarehouse({}, {"d.a": "id INT64", "d.b": hidden}))
    assert requests.columns("my-project.d.a", "EU", once) == columns("id INT64")
    assert requests.columns("my-project.d.b", "EU", once) is hidden
    assert requests.columns("my-project.d.c", "EU", once) is None


def test_a_short_outage(retry: Retry) -> None:
    """A query is sent again after a failure."""
    warehouse = FakeWarehouse({"SELECT x": failing(2)})
    assert Requests(warehouse).dry_run("SELECT x", "EU", retry) == ok()
    assert len(warehouse.queries) == 3


def test_one_query_fails_forever(retry: Retry) -> None:
    """If BigQuery accepts another query meanwhile, the check of this one ends."""
    warehouse = FakeWarehouse({"SELECT x": failing(99), "SELECT 1": ok()})
    found = Requests(warehouse).dry_run("SELECT x", "EU", retry)
    assert isinstance(found, Inconclusive)
    assert found.message == "No usable response from BigQuery: HTTP 500"
    assert [sql for sql, _ in warehouse.queries] == ["SELECT x"] * 3 + ["SELECT 1"]


@pytest.mark.parametrize("probe", [InvalidQuery("x"), Inconclusive("x")])
def test_any_statement_shows_that_bigquery_is_available(retry: Retry, probe: BaseException) -> None:
    """The probe need not be valid."""
    warehouse = FakeWarehouse({"SELECT x": failing(99), "SELECT 1": probe})
    assert isinstance(Requests(warehouse).dry_run("SELECT x", "EU", retry), Inconclusive)


def test_an_outage_ends_the_check(retry: Retry) -> None:
    """If BigQuery does not respond to anything for the outage timeout, that is the outcome."""
    warehouse = FakeWarehouse({"SELECT": failing(9999)})
    with pytest.raises(GaveUp, match="Nothing is checked"):
        Requests(warehouse).dry_run("SELECT x", "EU", retry)


def test_too_many_requests_are_no_failure_of_a_query(retry: Retry) -> None:
    """After HTTP 429, a query is sent until it is checked."""
    warehouse = FakeWarehouse({"SELECT x": failing(5, Throttled("HTTP 429")), "SELECT 1": ok()})
    assert Requests(warehouse).dry_run("SELECT x", "EU", retry) == ok()


def test_errors_in_queries_end_an_outage() -> None:
    """To the retry of a thread, an invalid query is a usable response."""
    clock = FakeClock()
    backoff = Backoff(Polling(timeout=3600, outage_timeout=600), lambda _update: None, clock)
    retry = backoff.retrying("")
    warehouse = FakeWarehouse({"SELECT x": failing(1), "SELECT y": InvalidQuery("y")})
    requests = Requests(warehouse)
    requests.dry_run("SELECT x", "EU", retry)
    requests.dry_run("SELECT y", "EU", retry)
    assert not backoff.in_outage


def test_refusals_are_raised(retry: Retry) -> None:
    """What every query would meet ends the check."""
    refusal = Refused("HTTP 403", status=403)
    with pytest.raises(Refused):
        Requests(FakeWarehouse({"SELECT": refusal})).dry_run("SELECT x", "EU", retry)
