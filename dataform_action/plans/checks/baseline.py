"""What production and the base say of an action, before any change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from dataform_action.clock import Retry
from dataform_action.graph import INCREMENTAL, GraphAction
from dataform_action.plan import DryRun, Inconclusive, InvalidQuery, PlannedAction, Scan
from dataform_action.plans.checks.queries import (
    is_relation,
    queries_of,
    reason_not_to_check,
)
from dataform_action.plans.checks.requests import Columns, Requests, Result
from dataform_action.plans.checks.schemas import differences

#: At most so many upstream actions are compared with production, for one invalid action.
_MOST_UPSTREAMS = 30


class Baseline(NamedTuple):
    """What is known of an action before the change.

    ``exists`` says whether its table is in production, if known. ``production`` are the
    columns of this table, and ``runs`` the results of the base's queries.
    """

    exists: bool | None = None
    production: Columns | None = None
    runs: tuple[Result, ...] = ()

    @property
    def columns(self) -> Columns | None:
        """Return the columns of the base's query; None if they are not known."""
        first = self.runs[0] if self.runs else None
        return first.columns or None if isinstance(first, DryRun) else None

    @property
    def failure(self) -> str:
        """Return why a query of the base is not valid in production; empty if all are."""
        for result in self.runs:
            if isinstance(result, InvalidQuery | Inconclusive):
                return result.message
        return ""


def read_baseline(
    planned: PlannedAction, requests: Requests, location: str, retry: Retry
) -> Baseline:
    """Read the columns in production, and check the base's queries there."""
    exists: bool | None = False
    production = None
    if is_relation(planned.action):
        found = requests.columns(planned.name, location, retry)
        exists = None if isinstance(found, Inconclusive) else found is not None
        production = None if isinstance(found, Inconclusive) else found
    base = planned.base
    if base is None or reason_not_to_check(base):
        return Baseline(exists, production)
    runs = [
        requests.dry_run(query.text, location, retry)
        for query in queries_of(base, exists=exists is True)
    ]
    return Baseline(exists, production, tuple(runs))


def usual_query(action: GraphAction, *, is_rebuilt: bool, exists: bool) -> int:
    """Return the number of the query that the next run executes."""
    return int(
        action.kind == INCREMENTAL
        and exists
        and not is_rebuilt
        and bool(action.incremental_query.strip())
    )


def scan_of(base: GraphAction | None, baseline: Baseline) -> Scan | None:
    """Return what the base scans in a usual run; None if there is no base."""
    if base is None:
        return None
    number = usual_query(base, is_rebuilt=False, exists=baseline.exists is True)
    result = baseline.runs[number] if number < len(baseline.runs) else None
    return result.scan if isinstance(result, DryRun) else Scan(None)


class Behind:
    """Finds upstream actions that have not changed, but are older in production than in the code.

    An error may come from these, and not from the change.
    """

    def __init__(
        self,
        actions: Mapping[str, GraphAction],
        planned: Collection[str],
        requests: Requests,
        location: str,
    ) -> None:
        self._actions = actions
        self._planned = planned
        self._requests = requests
        self._location = location

    def find(self, action: GraphAction, columns: Collection[str], retry: Retry) -> str:
        """Return the name of an upstream action that is behind; empty if none is.

        ``columns`` are those that matter, in lower case; without any, all of them do.
        """
        names = list(action.dependencies)
        seen = set(names)
        checked = 0
        while names and checked < _MOST_UPSTREAMS:
            name = names.pop(0)
            upstream = self._actions.get(name)
            if upstream is None:
                continue
            if name not in self._planned and is_relation(upstream):
                checked += 1
                if self._is_behind(upstream, columns, retry):
                    return name
            new = [one for one in upstream.dependencies if one not in seen]
            seen.update(new)
            names += new
        return ""

    def _is_behind(self, action: GraphAction, columns: Collection[str], retry: Retry) -> bool:
        production = self._requests.columns(action.name, self._location, retry)
        if production is None:
            return True
        # An incremental table may keep its columns forever.
        if action.kind == INCREMENTAL or reason_not_to_check(action):
            return False
        query = queries_of(action, exists=False)[0]
        result = self._requests.dry_run(query.text, self._location, retry)
        if isinstance(production, Inconclusive) or not isinstance(result, DryRun):
            return False
        changes = differences(production, result.columns)
        names = {change.name.lower().rpartition(".")[2] for change in changes}
        return bool(names.intersection(columns) if columns else names)
