"""A plan: what a commit changes in the warehouse, compared with another commit. Pure.

``plans`` makes it, and ``report`` renders it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from dataform_action.graph import GraphAction
from dataform_action.model import CompileError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to compare, and how.

    ``head`` and ``base`` are commits of the Git remote. Both are compiled with the settings of the
    release configuration ``environment`` and with the overrides on top; see ``RunRequest``.
    ``max_bytes`` is the limit of what the added, changed and affected actions may scan.
    """

    head: str
    base: str
    environment: str | None = None
    project_path: str | None = None
    vars: tuple[tuple[str, str], ...] = ()
    schema_suffix: str | None = None
    table_prefix: str | None = None
    compile_overrides: tuple[tuple[str, str], ...] = ()
    validate: bool = True
    max_bytes: int | None = None


class Remote(NamedTuple):
    """The Git remote of the Dataform repository.

    ``url`` is its address without credentials. ``github_repository`` is ``owner/name`` if it is on
    the GitHub server of the workflow. ``branch`` is what the release configuration of the request
    follows. All are empty if they are not known.
    """

    url: str = ""
    github_repository: str = ""
    branch: str = ""


class Change(Enum):
    """How an action differs between base and head."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    #: It has not changed, but something that it reads has.
    AFFECTED = "affected"
    #: Only what does not decide the data has changed: the file, tags, descriptions, the order.
    METADATA = "metadata"


class Verdict(Enum):
    """What BigQuery's dry run says of an action."""

    ACCEPTED = "accepted"
    INVALID = "invalid"
    NOT_CHECKED = "not_checked"


class Column(NamedTuple):
    """A column of a table. ``type`` is in GoogleSQL, such as ``ARRAY<STRUCT<sku STRING>>``."""

    name: str
    type: str


class ColumnChange(NamedTuple):
    """A column that differs. ``before`` is empty if it is new, ``after`` if it is removed."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A change that explains why an action is invalid: one in a column of an upstream action.

    Without ``column``, the whole action ``name`` is removed.
    """

    name: str
    column: ColumnChange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of a check. ``message`` is BigQuery's error, or why there was no check.

    ``line`` and ``column`` are the position of an error in the compiled query; None if not known.
    """

    verdict: Verdict
    message: str = ""
    line: int | None = None
    column: int | None = None
    causes: tuple[Cause, ...] = ()


class Scan(NamedTuple):
    """How many bytes a query scans; None if not known. ``at_least``: it may scan more."""

    bytes: int | None
    at_least: bool = False

    @classmethod
    def total(cls, scans: Iterable[Scan | None]) -> Scan:
        """Return the sum. It is a lower bound if one of them is, or is not known."""
        found = list(scans)
        known = [scan for scan in found if scan is not None and scan.bytes is not None]
        count = sum(scan.bytes or 0 for scan in known)
        is_open = len(known) < len(found) or any(scan.at_least for scan in known)
        return cls(count if known or not found else None, is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What BigQuery says of a valid query.

    ``tables`` are the full names of the tables that it reads, of which BigQuery may omit some if
    there are many. A script has no ``columns``.
    """

    columns: tuple[Column, ...]
    scan: Scan
    tables: tuple[str, ...] = ()


class InvalidQuery(Exception):
    """BigQuery refuses a query. ``message`` is its text, without the position."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Inconclusive(Exception):
    """BigQuery does not say whether a query is valid, and a retry does not help.

    The caller may not read a table, for example. ``missing`` is the full name of a table that does
    not exist, if that is the reason.
    """

    def __init__(self, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.missing = missing


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """An action that differs, or reads one that does.

    ``action`` is that of the head, or of the base if it is removed. ``aspects`` are what differs,
    in words such as ``SQL`` or ``partitioning``. ``through`` are the names of the upstream actions
    by which an action is affected. ``full_refresh`` says why an incremental table needs a full
    refresh; empty if it needs none. ``diff`` is a unified diff of what decides what is built: the
    header of a hunk names its part, and a line that starts with a backslash says what is cut.

    ``check`` is None without a check. ``columns`` are the differences between base and head; None
    if they are not known or there is no base. ``schema`` has the columns of the head if they are
    known. ``before`` and ``after`` are what base and head scan. ``drift`` are the differences
    between the table in production and the base.
    """

    action: GraphAction
    base: GraphAction | None = None
    change: Change
    aspects: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    diff: str = ""
    full_refresh: str = ""
    check: Check | None = None
    columns: tuple[ColumnChange, ...] | None = None
    schema: tuple[Column, ...] | None = None
    before: Scan | None = None
    after: Scan | None = None
    drift: tuple[ColumnChange, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the action in the warehouse."""
        return self.action.name

    @property
    def verdict(self) -> Verdict | None:
        """Return the result of the check; None without a check."""
        return None if self.check is None else self.check.verdict

    @property
    def scans_when_built(self) -> bool:
        """Return whether a run scans what the query scans. That of a view does not."""
        return self.action.kind != "view"


class PlanStatus(Enum):
    """The outcome of a plan."""

    CHANGES = "changes"
    NO_CHANGES = "no_changes"
    INVALID = "invalid"
    LIMIT_EXCEEDED = "limit_exceeded"
    COMPILE_ERRORS = "compile_errors"
    NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the commit ``head`` changes in the warehouse, compared with the commit ``base``.

    The warehouse is that of ``project_id``, ``location`` and ``repository``. ``actions`` has what
    differs and what is affected. ``edges`` are the dependencies by which data flows between them:
    pairs of names, the upstream first. ``action_count`` is the number of all actions of the head.

    ``errors`` are the compile errors of the head, and ``base_errors`` those of the base. ``notes``
    are sentences that the reader must know. ``files_url`` is that of ``CompiledGraph``.
    """

    project_id: str
    location: str
    repository: str
    request: PlanRequest
    head: str
    base: str
    actions: tuple[PlannedAction, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    action_count: int = 0
    declarations_added: tuple[str, ...] = ()
    declarations_removed: tuple[str, ...] = ()
    errors: tuple[CompileError, ...] = ()
    base_errors: tuple[CompileError, ...] = ()
    notes: tuple[str, ...] = ()
    files_url: str = ""

    def by_change(self, *changes: Change) -> tuple[PlannedAction, ...]:
        """Return the actions with one of these changes."""
        return tuple(action for action in self.actions if action.change in changes)

    def by_verdict(self, verdict: Verdict) -> tuple[PlannedAction, ...]:
        """Return the actions with this result of the check."""
        return tuple(action for action in self.actions if action.verdict is verdict)

    @property
    def has_changes(self) -> bool:
        """Return whether the head differs in more than metadata."""
        changed = self.by_change(Change.ADDED, Change.CHANGED, Change.REMOVED)
        return bool(changed or self.declarations_added or self.declarations_removed)

    @property
    def scanned(self) -> tuple[PlannedAction, ...]:
        """Return the added, changed and affected actions whose build scans what they read."""
        planned = self.by_change(Change.ADDED, Change.CHANGED, Change.AFFECTED)
        return tuple(action for action in planned if action.scans_when_built)

    @property
    def scan(self) -> Scan:
        """Return what a run of the added, changed and affected actions scans."""
        return Scan.total(action.after for action in self.scanned)

    @property
    def status(self) -> PlanStatus:
        """Return the outcome."""
        limit, scanned = self.request.max_bytes, self.scan.bytes
        if self.errors:
            return PlanStatus.COMPILE_ERRORS
        if self.base_errors:
            return PlanStatus.NOT_COMPARABLE
        if self.by_verdict(Verdict.INVALID):
            return PlanStatus.INVALID
        if limit is not None and scanned is not None and scanned > limit:
            return PlanStatus.LIMIT_EXCEEDED
        return PlanStatus.CHANGES if self.has_changes else PlanStatus.NO_CHANGES
