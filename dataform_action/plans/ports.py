"""What a plan needs from the outside: a source of compilations, and a warehouse that checks SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from dataform_action.graph import CompiledGraph
from dataform_action.plan import Column, PlanRequest, Scan
from dataform_action.services.base import Retry, once


class Remote(NamedTuple):
    """The Git remote of the Dataform repository.

    ``url`` is its address without credentials. ``github_repository`` is ``owner/name`` if it is on
    the GitHub server of the workflow. ``branch`` is what the release configuration of the request
    follows. All are empty if they are not known.
    """

    url: str = ""
    github_repository: str = ""
    branch: str = ""


class Source(Protocol):
    """Compiles commits of one Dataform repository. It may be called from several threads."""

    project_id: str
    location: str
    repository: str

    def remote(self, request: PlanRequest, retry: Retry = once) -> Remote:
        """Return the Git remote.

        Raises:
            Unusable, Refused: see ``Service``.
        """
        ...

    def compile(self, commit: str, request: PlanRequest, retry: Retry = once) -> CompiledGraph:
        """Compile a commit with the settings of a request, and read all of its actions.

        A commit that the remote does not know yet is requested again for a short time.

        Raises:
            CompileFailed: the compilation has errors.
            InputError: the request does not match the repository.
            Unusable, Refused: see ``Service``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What BigQuery says of a valid query. ``tables`` are the full names that it refers to."""

    columns: tuple[Column, ...]
    scan: Scan
    tables: tuple[str, ...] = ()
    statement_type: str = ""


class InvalidQuery(Exception):
    """BigQuery refuses a query. ``message`` is its text, without the position."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Warehouse(Protocol):
    """Checks SQL without running it. Its methods may be called from several threads."""

    def dry_run(self, sql: str, location: str, retry: Retry = once) -> DryRun:
        """Return what BigQuery says of a query. Nothing is executed.

        Raises:
            InvalidQuery: the query is not valid.
            Unusable, Refused: see ``Service``. A 403 or 404 is no statement on the query.
        """
        ...

    def columns(self, table: str, retry: Retry = once) -> tuple[Column, ...] | None:
        """Return the columns of a table in production; None if it does not exist.

        Raises:
            Unusable, Refused: see ``Service``.
        """
        ...
