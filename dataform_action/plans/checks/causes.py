"""Why an action is invalid: which column upstream has changed, which table is removed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dataform_action.plan import Cause, ColumnChange
from dataform_action.plans.checks.judgement import Judgement
from dataform_action.plans.checks.queries import Query

#: The changes that a table has, by the path of the column in lower case, each with its origins.
Origins = Mapping[str, tuple[Cause, ...]]

_NAME = r"([\w.`]+)"
#: How BigQuery names a column in an error.
_NAMED = re.compile(
    rf"Unrecognized name: {_NAME}|\b[Nn]ame {_NAME} not found"
    rf"|\b[Cc]olumn (?:name )?{_NAME} |\b[Ff]ield (?:name )?{_NAME} "
)
_IDENTIFIER = re.compile(r"[\w.`]++(?!\s*\()")


def names_in(message: str, sql: str, line: int | None, column: int | None) -> set[str]:
    """Return the columns that an error is about, in lower case: in its text and at its position."""
    texts = [text for groups in _NAMED.findall(message) for text in groups if text]
    lines = sql.split("\n")
    if line is not None and column is not None and 0 < line <= len(lines):
        found = _IDENTIFIER.match(lines[line - 1], column - 1)
        texts += [found[0]] if found else []
    paths = [text.lower().replace("`", "").split(".") for text in texts]
    # The first part of a path is usually the alias of a table.
    return {part for path in paths for part in (path[1:] or path) if part}


def find_causes(names: Iterable[str], upstreams: Iterable[Origins]) -> tuple[Cause, ...]:
    """Return the changes of columns with one of these names, in the tables that a query reads."""
    wanted = set(names)
    found = [
        cause
        for origins in upstreams
        for path, causes in origins.items()
        if path.rpartition(".")[2] in wanted
        for cause in causes
    ]
    return tuple(dict.fromkeys(found))


def find_removed(removed: Iterable[str], queries: Iterable[Query], decisive: Judgement) -> str:
    """Return a removed table that the queries read; empty if there is none.

    What is not quoted as a whole may be a column, or a table of another project. Then BigQuery must
    have listed or missed the table.
    """
    listed = {decisive.missing, *(() if decisive.run is None else decisive.run.tables)}
    references = [query.references for query in queries]
    return next(
        (
            name
            for name in removed
            for one in references
            if one.is_quoted(name) or (name in listed and one.has(name))
        ),
        "",
    )


def trace(name: str, changes: Iterable[ColumnChange], upstreams: Iterable[Origins]) -> Origins:
    """Return the changed columns of an action, with the actions where the changes start.

    A change starts upstream if a column of the same name has the same kind of change there.
    """
    known = list(upstreams)
    origins = {}
    for change in changes:
        key = change.name.lower()
        inherited = [
            cause
            for upstream in known
            for cause in upstream.get(key, ())
            if cause.column is not None and _kind(cause.column) == _kind(change)
        ]
        origins[key] = tuple(dict.fromkeys(inherited)) or (Cause(name, change),)
    return origins


def _kind(change: ColumnChange) -> tuple[bool, bool]:
    return bool(change.before), bool(change.after)
