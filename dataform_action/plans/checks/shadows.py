"""Hide tables in a query behind their future columns, without changing the rest of it. Pure.

A query in a WITH clause whose quoted name is the full name of a table hides that table. So a query
can be checked against tables that do not exist yet::

    WITH `p.d.orders` AS (SELECT CAST(NULL AS INT64) AS `id`) SELECT id FROM `p.d.orders`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dataform_action.plan import Column
from dataform_action.plans.checks.references import References
from dataform_action.plans.checks.statements import start_of
from dataform_action.plans.sql import COMMENT

#: BigQuery lists at most so many tables of a query, according to its older documentation.
MOST_TABLES = 50
#: A longer query is refused by BigQuery, whatever it says.
_LONGEST_QUERY = 1_000_000
_WITH = re.compile(
    rf"WITH\b(?: (?: \s | {COMMENT} )++ (?P<recursive> RECURSIVE )\b )?",
    re.IGNORECASE | re.VERBOSE,
)
#: What works with a table, but not with a query in its place.
_NOT_OF_QUERIES = (
    ("FOR SYSTEM_TIME", r"\bFOR\s+SYSTEM[_\s]\s*TIME\b"),
    ("TABLESAMPLE", r"\bTABLESAMPLE\b"),
    ("a table as an argument", r"\bTABLE(?:\s+\w|\s*`)"),
    (
        "a pseudo column",
        r"\b_(?:PARTITIONTIME|PARTITIONDATE|TABLE_SUFFIX|FILE_NAME|CHANGE_\w+)\b",
    ),
)
_TYPE = re.compile(r"`(?:[^`\\]|\\.)*`|[A-Za-z_][A-Za-z0-9_]*|\([0-9, ]*\)|[<>,]|\s+|.", re.DOTALL)


class NotShadowable(Exception):
    """A table in a query cannot be hidden. The text says why."""


class Statement(NamedTuple):
    """What is sent for a query.

    ``shadowed`` are the names of the hidden tables. ``doubt`` is why an error may come from hiding
    them and not from the query; empty if it cannot. The query starts after ``lines_before`` lines,
    and the hidden tables are on its line ``line``, after its column ``column``.
    """

    sql: str
    shadowed: frozenset[str] = frozenset()
    doubt: str = ""
    lines_before: int = 0
    line: int = 0
    column: int = 0

    def is_inserted(self, line: int | None, column: int | None) -> bool:
        """Return whether a position in the text that is sent is not one of the query."""
        if line is None or column is None or not self.shadowed:
            return False
        return line - self.lines_before == self.line and column > self.column

    def position(self, line: int | None, column: int | None) -> tuple[int | None, int | None]:
        """Return a position in the text that is sent as a position in the query."""
        if line is None or line <= self.lines_before:
            return None, None
        line -= self.lines_before
        return line - 1 if self.shadowed and line > self.line else line, column

    def escaped(self, tables: Iterable[str], references: References) -> str:
        """Return a hidden table that BigQuery reads nevertheless; empty if there is none.

        ``tables`` are those that BigQuery lists, which may be incomplete.
        """
        found = list(tables)
        names = {name.lower() for name in found}
        escaped = [name for name in self.shadowed if name.lower() in names]
        if len(found) >= MOST_TABLES:
            escaped += [name for name in self.shadowed if references.has_other_spelling(name)]
        return min(escaped, default="")


def make_statement(
    query: str,
    shadows: Mapping[str, tuple[Column, ...]],
    references: References,
    declarations: str = "",
) -> Statement:
    """Return the statement for a query in which the tables in ``shadows`` are hidden.

    ``shadows`` are full names with columns; those that the query does not name are left out.
    ``references`` are those of the query, and ``declarations`` statements to put in front of it.

    Raises:
        NotShadowable: the statement would not say anything about the query.
    """
    lines_before = declarations.count("\n")
    outside = References(declarations)
    for name in sorted(shadows):
        if outside.has(name):
            raise NotShadowable(f"Its pre-operations read {name}.")
    named = {name: shadows[name] for name in sorted(shadows) if references.has(name)}
    if not named:
        return Statement(declarations + query, lines_before=lines_before)
    _check(named, references)
    at = start_of(query)
    hidden = ", ".join(f"{quote(name)} AS ({_select(named[name])})" for name in named)
    match = _WITH.match(query, at)
    inserted = f"WITH {hidden}" if match is None else f" {hidden},"
    at = at if match is None else match.end()
    before = query[:at].rpartition("\n")[2]
    # The rest of the query keeps its columns, so that the position of an error is right.
    indent = re.sub(r"[^\t]", " ", before)
    sql = f"{declarations}{query[:at]}{inserted}\n{indent}{query[at:]}"
    if len(sql) > _LONGEST_QUERY:
        raise NotShadowable("Its query is too long to be checked with the changes upstream.")
    return Statement(
        sql=sql,
        shadowed=frozenset(named),
        doubt=_doubt(named, references),
        lines_before=lines_before,
        line=query[:at].count("\n") + 1,
        column=len(before),
    )


def _check(named: Iterable[str], references: References) -> None:
    for name in named:
        if references.differs_in_case(name):
            raise NotShadowable(f"It reads tables whose names differ from {name} only in case.")
        if not references.is_quoted(name):
            raise NotShadowable(f"It names {name} in another form than ref() does.")


def _doubt(named: Iterable[str], references: References) -> str:
    form = special_form(references)
    if form:
        return f"It uses {form}."
    for name in named:
        if references.has_other_spelling(name):
            return f"It also names {name} in another form than ref() does."
        if re.search(rf"{re.escape(f'`{name}`')}\s+AS\s*\(", references.text, re.IGNORECASE):
            return f"Its WITH clause defines {name}."
    return ""


def special_form(references: References) -> str:
    """Return in words what a query uses that not every kind of table has; empty if nothing."""
    for words, pattern in _NOT_OF_QUERIES:
        if re.search(pattern, references.text, re.IGNORECASE):
            return words
    return ""


def is_recursive(query: str) -> bool:
    """Return whether a query starts with WITH RECURSIVE."""
    match = _WITH.match(query, start_of(query))
    return match is not None and match["recursive"] is not None


def quote(name: str) -> str:
    """Return a name as a quoted identifier, which no character of it can end."""
    escapes = {"\\": "\\\\", "`": "\\`", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
    return f"`{''.join(escapes.get(character, character) for character in name)}`"


def _select(columns: tuple[Column, ...]) -> str:
    """Return a query with these columns."""
    if not columns:
        raise NotShadowable("It reads a table without columns.")
    casts = (f"CAST(NULL AS {_cast_type(type_)}) AS {quote(name)}" for name, type_ in columns)
    return f"SELECT {', '.join(casts)}"


def _cast_type(type_: str) -> str:
    """Return a type with quoted names of fields, and without parameters such as ``(10, 2)``.

    Nothing else can get into a query this way.
    """
    words = [word for word in _TYPE.findall(type_) if not word.startswith("(")]
    parts = []
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word[0] == "`" and len(word) > 1:
            parts.append(word.replace("\n", "\\n"))
        elif word[0].isalpha() or word[0] == "_":
            # A name is before its type.
            parts.append(quote(word) if following.isspace() else word)
        elif word in ("<", ">", ","):
            parts.append(word)
        elif word.isspace():
            parts.append(" ")
        else:
            raise NotShadowable(f"It reads a table with a column of an unknown type: {type_}")
    return "".join(parts).strip()
