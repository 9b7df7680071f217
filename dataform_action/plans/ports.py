"""What a plan needs from the outside: a source of compilations, and a warehouse that checks SQL."""

from __future__ import annotations

from typing import Protocol

from dataform_action.clock import Retry, once
from dataform_action.graph import CompiledGraph
from dataform_action.plan import Column, DryRun, PlanRequest


class Source(Protocol):
    """Compiles commits of one Dataform repository. It may be called from several threads."""

    project_id: str
    location: str
    repository: str

    def compile(self, commit: str, request: PlanRequest, retry: Retry = once) -> CompiledGraph:
        """Compile a commit with the settings of a request, and read all of its actions.

        A commit that the remote does not know yet is requested again for a short time.

        Raises:
            CompileFailed: the compilation has errors.
            InputError: the request does not match the repository.
            Unusable, Refused: see ``Service``.
        """
        ...


class Warehouse(Protocol):
    """Checks SQL without running it. Its methods may be called from several threads."""

    def dry_run(self, sql: str, location: str, retry: Retry = once) -> DryRun:
        """Return what BigQuery says of a query. Nothing is executed.

        Raises:
            InvalidQuery: the query is not valid.
            Inconclusive: this query cannot be checked.
            Unusable: see ``Service``.
            Refused: no query can be checked. A permission is missing, for example.
        """
        ...

    def columns(self, table: str, retry: Retry = once) -> tuple[Column, ...] | None:
        """Return the columns of a table in production; None if it does not exist.

        Raises:
            Inconclusive: the columns of this table cannot be read.
            Unusable, Refused: as ``dry_run``.
        """
        ...
