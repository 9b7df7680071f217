"""The requests of a check: each dry run is made once, and one bad query is no outage."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from dataform_action.clock import Retry
from dataform_action.errors import DataformError, Throttled, Unusable
from dataform_action.plan import Column, DryRun, Inconclusive, InvalidQuery
from dataform_action.plans.ports import Warehouse

T = TypeVar("T")
Result = DryRun | InvalidQuery | Inconclusive
Columns = tuple[Column, ...]

#: After so many failures, another query shows whether BigQuery is available.
_MOST_FAILURES = 3
_PROBE = "SELECT 1"


class Requests:
    """Makes the requests for all checks, and remembers the results. Threads may share it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        #: By the hash of the query: the queries of a plan together may have many megabytes.
        self._results: dict[bytes, Result] = {}
        #: Each is an atomic operation, unlike a sum.
        self._sent: list[bytes] = []

    @property
    def dry_runs(self) -> int:
        """Return how many queries were sent."""
        return len(self._sent)

    def dry_run(self, sql: str, location: str, retry: Retry) -> Result:
        """Return what BigQuery says of a query, or its error.

        Raises:
            DataformError: as ``Warehouse.dry_run`` and ``retry``.
        """
        key = sha256(f"{location}\n{sql}".encode("utf-8", "surrogatepass")).digest()
        known = self._results.get(key)
        if known is None:
            self._sent.append(key)
            patient = self._patient(retry, location)
            try:
                known = self._warehouse.dry_run(sql, location, patient)
            except (InvalidQuery, Inconclusive) as error:
                known = error
                _drop_frames(error)
            self._results[key] = known
        return known

    def columns(self, table: str, location: str, retry: Retry) -> Columns | Inconclusive | None:
        """Return the columns of a table; None if it does not exist, or why they are not known.

        Raises:
            DataformError: as ``Warehouse.columns`` and ``retry``.
        """
        try:
            return self._warehouse.columns(table, self._patient(retry, location))
        except Inconclusive as error:
            return error

    def _patient(self, retry: Retry, location: str) -> Retry:
        """Return a retry that stops for one query if BigQuery is available for another one.

        To the given retry, every statement on the query is a usable response.
        """

        def patient(request: Callable[[], T], /) -> T:
            failures = 0

            def attempt() -> T | InvalidQuery | Inconclusive:
                nonlocal failures
                try:
                    return request()
                except (InvalidQuery, Inconclusive) as error:
                    return error
                except Throttled:
                    raise
                except Unusable as error:
                    failures += 1
                    if failures >= _MOST_FAILURES and self._is_available(location):
                        return Inconclusive(f"No usable response from BigQuery: {error.message}")
                    raise

            value = retry(attempt)
            if isinstance(value, InvalidQuery | Inconclusive):
                raise value
            return value

        return patient

    def _is_available(self, location: str) -> bool:
        try:
            self._warehouse.dry_run(_PROBE, location)
        except DataformError:
            return False
        except (InvalidQuery, Inconclusive):
            pass
        return True


def _drop_frames(error: Exception) -> None:
    """Keep only the own values of an error in memory, and not those of the functions it left."""
    error.__cause__ = error.__context__ = error.__traceback__ = None
