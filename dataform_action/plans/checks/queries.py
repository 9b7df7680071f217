"""The queries of an action, and why one cannot be checked. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dataform_action.graph import INCREMENTAL, VIEWS, GraphAction
from dataform_action.plans.checks.references import References
from dataform_action.plans.checks.statements import declarations, is_query

#: The kinds that are made by a query, and whose table has the columns of this query.
_RELATIONS = frozenset({"table", INCREMENTAL}) | VIEWS
_CHECKED = _RELATIONS | {"assertion"}


class Query(NamedTuple):
    """A query of an action. ``declarations`` are the statements in front of it.

    ``references`` are the names in the query, and ``outside`` those in front of it.
    """

    sql: str
    declarations: str
    references: References
    outside: References
    is_incremental: bool = False

    def reads(self, table: str) -> bool:
        """Return whether the query or a statement in front of it may name a table."""
        return self.references.has(table) or self.outside.has(table)

    @property
    def text(self) -> str:
        """Return what BigQuery receives if no table is hidden."""
        return self.declarations + self.sql


def is_relation(action: GraphAction) -> bool:
    """Return whether an action makes a table or a view with a query."""
    return action.kind in _RELATIONS


def is_query_only(action: GraphAction) -> bool:
    """Return whether an action is made by a query, so that it makes no functions, for example."""
    return action.kind in _CHECKED


def reason_not_to_check(action: GraphAction) -> str:
    """Return why a dry run says nothing about an action; empty if it does."""
    if action.disabled:
        return "It is disabled."
    if action.kind == "operation":
        return "Operations are not checked."
    if action.kind not in _CHECKED or not action.query.strip():
        return f"Actions of the kind {action.kind} are not checked."
    for query, operations in _parts(action):
        if not is_query(query):
            return "Its SQL is not a single query."
        if declarations(operations) is None:
            return "It has pre-operations other than DECLARE, SET and CREATE TEMP FUNCTION."
    return ""


def queries_of(action: GraphAction, *, exists: bool) -> tuple[Query, ...]:
    """Return the queries of an action that can be checked, the incremental one last.

    An incremental query needs its table, so it is left out if the table does not exist.
    """
    return tuple(
        _query(sql, declarations(operations) or "", is_incremental=bool(number))
        for number, (sql, operations) in enumerate(_parts(action))
        if exists or not number
    )


def _query(sql: str, before: str, *, is_incremental: bool) -> Query:
    return Query(sql, before, References(sql), References(before), is_incremental)


def _parts(action: GraphAction) -> list[tuple[str, tuple[str, ...]]]:
    """Return each query with its pre-operations."""
    parts = [(action.query, action.pre_operations)]
    if action.kind == INCREMENTAL and action.incremental_query.strip():
        parts.append((action.incremental_query, action.incremental_pre_operations))
    return parts
