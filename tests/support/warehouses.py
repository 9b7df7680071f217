"""A warehouse whose dry runs and tables a test prepares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dataform_action.clock import Retry, once
from dataform_action.plan import Column, DryRun, Inconclusive, Scan
from tests.support.projects import full

Outcome = DryRun | BaseException | Callable[[], DryRun]


def columns(text: str) -> tuple[Column, ...]:
    """Return columns from a text such as ``id INT64; name STRING``."""
    return tuple(Column(*part.split(" ", 1)) for part in text.split("; ")) if text else ()


def ok(text: str = "id INT64", count: int | None = 100, **more: object) -> DryRun:
    """Return the dry run of a valid query with these columns, which scans some bytes."""
    return DryRun(columns=columns(text), scan=Scan(count), **more)  # type: ignore[arg-type]


@dataclass
class FakeWarehouse:
    """It finds the outcome of a query by a part of its text; the last part that fits counts.

    ``tables`` are those in production, ``dataset.name``, with their columns or an error.
    """

    outcomes: Mapping[str, Outcome]
    tables: Mapping[str, str | BaseException] = field(default_factory=dict)
    queries: list[tuple[str, str]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    def dry_run(self, sql: str, location: str, retry: Retry = once) -> DryRun:
        return retry(lambda: self._dry_run(sql, location))

    def _dry_run(self, sql: str, location: str) -> DryRun:
        self.queries.append((sql, location))
        found = [outcome for part, outcome in self.outcomes.items() if part in sql]
        if not found:
            raise Inconclusive(f"no outcome for: {sql}")
        outcome = found[-1]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome if isinstance(outcome, DryRun) else outcome()

    def columns(self, table: str, retry: Retry = once) -> tuple[Column, ...] | None:
        return retry(lambda: self._columns(table))

    def _columns(self, table: str) -> tuple[Column, ...] | None:
        self.reads.append(table)
        found = {full(name): text for name, text in self.tables.items()}.get(table)
        if isinstance(found, BaseException):
            raise found
        return None if found is None else columns(found)
