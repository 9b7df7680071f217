"""Dry runs: what BigQuery finds out about a query without running it.

A test prepares the results, or an analyzer finds them.
https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/insert
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dataform_action.emulator.bigquery.errors import BigQueryError
from dataform_action.emulator.graph.targets import Target

Resource = Mapping[str, Any]
FindTable = Callable[[Target], Resource | None]
"""Finds the Table resource of a table or a view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The result of a dry run.

    columns: the fields of the result, as in a TableSchema.
    tables: the full names of the tables that the query reads.
    bytes_processed: what it would scan; accuracy: how exact that is.
    error: why the query is refused, if it is; reason: the reason that BigQuery gives.
    """

    columns: Sequence[Resource] = ()
    tables: Sequence[str] = ()
    bytes_processed: int = 0
    accuracy: str = "PRECISE"
    statement_type: str = "SELECT"
    error: str = ""
    reason: str = "invalidQuery"

    def statistics(self) -> dict[str, object]:
        """Render the JobStatistics."""
        references = []
        for name in self.tables:
            project, dataset, table = name.split(".", 2)
            references.append({"projectId": project, "datasetId": dataset, "tableId": table})
        scanned = str(self.bytes_processed)
        query: dict[str, object] = {
            "totalBytesProcessed": scanned,
            "totalBytesBilled": "0",
            "totalBytesProcessedAccuracy": self.accuracy,
            "cacheHit": False,
            "statementType": self.statement_type,
        }
        if references:
            query["referencedTables"] = references
        if self.columns:
            query["schema"] = {"fields": list(self.columns)}
        return {"totalBytesProcessed": scanned, "query": query}


class Analyzer(Protocol):
    """Checks SQL against the tables that exist."""

    def analyze(self, sql: str, default: Target, find_table: FindTable) -> DryRun:
        """Check a query; ``default`` has the project and the dataset of names without them.

        Raise BigQueryError if the query is not valid.
        """


@dataclass(slots=True)
class DryRuns:
    """The dry runs of an emulator: prepared results come first."""

    analyzer: Analyzer | None = None
    _prepared: list[tuple[str, DryRun]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, part: str, result: DryRun) -> None:
        """Set the result of queries that contain a text; the last matching one applies."""
        with self._lock:
            self._prepared.insert(0, (part, result))

    def run(self, sql: str, default: Target, find_table: FindTable) -> DryRun:
        """Return the result of a query; raise BigQueryError if it is refused."""
        if not sql.strip():
            raise BigQueryError("Required parameter is missing: query", "invalid")
        with self._lock:
            results = [result for part, result in self._prepared if part in sql]
        if results:
            if results[0].error:
                raise BigQueryError(results[0].error, results[0].reason)
            return results[0]
        if self.analyzer is None:
            return DryRun()
        return self.analyzer.analyze(sql, default, find_table)
