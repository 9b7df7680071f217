"""What a dry run says of one query, and what several of them say of an action."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from dataform_action.plan import Check, DryRun, Inconclusive, InvalidQuery, Verdict
from dataform_action.plans.checks.queries import Query
from dataform_action.plans.checks.requests import Result
from dataform_action.plans.checks.shadows import Statement


class Judgement(NamedTuple):
    """The result of a query. ``missing`` is the name of a table that does not exist."""

    check: Check
    query: Query
    run: DryRun | None = None
    has_shadows: bool = False
    missing: str = ""


#: Errors about what an operation may make, such as a function, and not about the query alone.
_MADE_ELSEWHERE = re.compile(r"(?:Table-valued )?[Ff]unction not found: [`\w-]+\.")
#: Errors about the length of a query, to which the hidden tables add.
_LIMIT = re.compile(r"\btoo (?:large|long|many|complex)\b|\bexceed", re.IGNORECASE)


def not_checked(message: str) -> Check:
    """Return the check of what is not checked, with the reason."""
    return Check(verdict=Verdict.NOT_CHECKED, message=message)


def judge(query: Query, statement: Statement, result: Result) -> Judgement:
    """Return what a dry run says of a query.

    An error is one of the query only if the hidden tables cannot be its reason.
    """
    if isinstance(result, Inconclusive):
        return Judgement(not_checked(result.message), query, missing=result.missing)
    if isinstance(result, InvalidQuery):
        return Judgement(_error(statement, result), query)
    has_shadows = bool(statement.shadowed)
    escaped = statement.escaped(result.tables, query.references)
    if escaped:
        text = (
            f"The dry run reads {escaped} as it is in production, so it says nothing about this "
            "change."
        )
        return Judgement(not_checked(text), query, has_shadows=has_shadows)
    if not result.columns:
        text = "BigQuery reports no columns for it, as for a script, which it checks only in part."
        return Judgement(not_checked(text), query, has_shadows=has_shadows)
    return Judgement(Check(verdict=Verdict.ACCEPTED), query, result, has_shadows)


def _error(statement: Statement, error: InvalidQuery) -> Check:
    if statement.is_inserted(error.line, error.column):
        text = "BigQuery does not accept the columns that stand for the tables upstream"
        return not_checked(f"{text}: {error.message}")
    if _MADE_ELSEWHERE.match(error.message):
        return not_checked(f"It calls a function that is not in production: {error.message}")
    if statement.shadowed and _LIMIT.search(error.message):
        return not_checked(f"The tables upstream make the query too long: {error.message}")
    if statement.doubt:
        text = f"{statement.doubt} So this error of BigQuery may not be one of the query"
        return not_checked(f"{text}: {error.message}")
    line, column = statement.position(error.line, error.column)
    return Check(verdict=Verdict.INVALID, message=error.message, line=line, column=column)


def worst(judgements: Sequence[Judgement]) -> Judgement:
    """Return the judgement that decides: an invalid query, or one that is not checked."""
    order = (Verdict.INVALID, Verdict.NOT_CHECKED, Verdict.ACCEPTED)
    return min(judgements, key=lambda one: order.index(one.check.verdict))
