"""Differences between the columns of tables, and the columns that the settings of a table name.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dataform_action.graph import GraphAction
from dataform_action.plan import Column, ColumnChange

_TOKEN = re.compile(r"`(?:[^`\\]|\\.)*`|[\w.]+|[<>,]|\s+", re.DOTALL)
_NONE = Column("", "")
#: Expressions by which BigQuery partitions, with one column.
_PARTITION = re.compile(
    r"(?P<function>DATE|(?:DATE|DATETIME|TIMESTAMP)_TRUNC|RANGE_BUCKET)"
    r"\s*\(\s*`?(?P<inner>\w+)`?\s*(?:,.*)?\)|`?(?P<column>\w+)`?",
    re.IGNORECASE | re.DOTALL,
)
#: The types of the column in such an expression; without a function, the column itself.
_PARTITION_TYPES = {
    "": ("DATE",),
    "DATE": ("DATETIME", "TIMESTAMP"),
    "DATE_TRUNC": ("DATE",),
    "DATETIME_TRUNC": ("DATETIME",),
    "TIMESTAMP_TRUNC": ("TIMESTAMP",),
    "RANGE_BUCKET": ("INT64",),
}
_CLUSTER_TYPES = frozenset(
    {"BIGNUMERIC", "BOOL", "DATE", "DATETIME", "GEOGRAPHY", "INT64", "NUMERIC", "RANGE", "STRING"}
    | {"TIMESTAMP"}
)
_MOST_CLUSTERS = 4


def differences(before: Iterable[Column], after: Iterable[Column]) -> tuple[ColumnChange, ...]:
    """Return the columns that were added, removed or have another type; a field as ``a.b``.

    The order of columns and the case of names make no difference.
    """
    old = {name.lower(): Column(name, type_) for name, type_ in before}
    new = {name.lower(): Column(name, type_) for name, type_ in after}
    changes: list[ColumnChange] = []
    for key in dict.fromkeys((*old, *new)):
        was, is_now = old.get(key, _NONE), new.get(key, _NONE)
        name = is_now.name or was.name
        if was.type == is_now.type:
            continue
        if _is_struct(was.type) and _outside(was.type) == _outside(is_now.type):
            inner = differences(_fields(was.type), _fields(is_now.type))
            changes += (change._replace(name=f"{name}.{change.name}") for change in inner)
        else:
            changes.append(ColumnChange(name, was.type, is_now.type))
    return tuple(changes)


#: The types into which BigQuery converts a value by itself when it is stored.
_STORED_AS = {
    "INT64": ("NUMERIC", "BIGNUMERIC", "FLOAT64"),
    "NUMERIC": ("BIGNUMERIC", "FLOAT64"),
    "BIGNUMERIC": ("FLOAT64",),
    "DATE": ("DATETIME",),
}


def misfits(table: Iterable[Column], query: Iterable[Column]) -> tuple[ColumnChange, ...]:
    """Return the columns of a table for which the rows of a query have no value that fits."""
    return tuple(
        change
        for change in differences(table, query)
        if change.before and change.before not in _STORED_AS.get(change.after, ())
    )


def _is_struct(type_: str) -> bool:
    return type_.startswith(("STRUCT<", "ARRAY<STRUCT<"))


def _outside(type_: str) -> str:
    """Return a type without the fields of its struct."""
    return "".join(type_.partition("STRUCT<")[:2]) if _is_struct(type_) else type_


def _fields(type_: str) -> list[Column]:
    """Return the fields of a struct, or of an array of structs."""
    struct = type_.removeprefix("ARRAY<")
    inside = struct.removeprefix("STRUCT<").removesuffix(">" if struct == type_ else ">>")
    fields, depth, first = [], 0, 0
    ends = [len(inside)]
    for token in _TOKEN.finditer(inside):
        depth += {"<": 1, ">": -1}.get(token[0], 0)
        if token[0] == "," and depth == 0:
            ends.insert(-1, token.start())
    for end in ends:
        field = inside[first:end].strip()
        name = _TOKEN.match(field)
        if name is not None:
            fields.append(Column(name[0].strip("`"), field[name.end() :].strip()))
        first = end + 1
    return fields


def missing_key(action: GraphAction, columns: Iterable[Column]) -> tuple[str, str]:
    """Return a column that the settings of a table name but its query does not return.

    The first text is the column, and the second one says which setting it is. Both are empty if no
    column is missing. A partition expression that is not known is skipped.
    """
    known = {name.lower() for name, _ in columns}
    for setting, column in _keys(action):
        if column.lower() not in known:
            return column, setting
    return "", ""


def unusable_key(action: GraphAction, columns: Iterable[Column]) -> str:
    """Return why it is not known whether a table can be partitioned and clustered as it is set.

    It is empty if BigQuery accepts the settings. The columns exist, see ``missing_key``.
    """
    types = {name.lower(): type_.partition("<")[0] for name, type_ in columns}
    expression = action.partition.strip()
    match = _PARTITION.fullmatch(expression)
    if expression and match is None:
        return f"The partition expression {expression} is not one that can be checked."
    if match is not None:
        column = match["inner"] or match["column"]
        function = (match["function"] or "").upper()
        type_ = types.get(column.lower())
        if type_ is not None and type_ not in _PARTITION_TYPES.get(function, ()):
            return f"The partition expression {expression} does not fit a column of type {type_}."
    if len(action.clusters) > _MOST_CLUSTERS:
        return f"BigQuery clusters by at most {_MOST_CLUSTERS} columns."
    for name in action.clusters:
        type_ = types.get(name.strip().strip("`").lower())
        if type_ not in _CLUSTER_TYPES:
            return f"BigQuery may not cluster by {name.strip()}, which is {type_ or 'no column'}."
    return ""


def _keys(action: GraphAction) -> Iterable[tuple[str, str]]:
    partition = _PARTITION.fullmatch(action.partition.strip())
    column = "" if partition is None else partition["inner"] or partition["column"]
    if column and not column.upper().startswith("_PARTITION"):
        yield f"partition expression {action.partition.strip()}", column
    for setting, names in (("clustering", action.clusters), ("unique key", action.unique_key)):
        for name in names:
            # Anything else is an expression.
            if re.fullmatch(r"`?\w+`?", name.strip()):
                yield setting, name.strip().strip("`")
