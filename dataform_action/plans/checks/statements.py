"""The lexical structure of GoogleSQL, as far as a plan needs it. Pure.

https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_COMMENT = r"--[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z)"
_STRING = r"\"\"\"(?:\\.|.)*?\"\"\"|'''(?:\\.|.)*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_QUOTED = r"`(?:\\.|[^`\\])*`"
_TOKEN = re.compile(f"(?P<comment>{_COMMENT})|(?P<string>{_STRING})|{_QUOTED}", re.DOTALL)
_NOT_NEWLINE = re.compile(r"[^\n]")
#: Up to the first word of a statement.
_START = re.compile(f"\ufeff?(?:\\s|{_COMMENT})*", re.DOTALL)
_QUERY = re.compile(r"(?:WITH|SELECT|FROM)\b|\(", re.IGNORECASE)
#: What may stand in front of a query without making it another query.
_DECLARATION = re.compile(
    r"(?:DECLARE|SET|CREATE\s+(?:OR\s+REPLACE\s+)?TEMP(?:ORARY)?\s+FUNCTION)\b", re.IGNORECASE
)


def without_texts(sql: str) -> str:
    """Return SQL of the same length, in which comments and strings are spaces."""

    def blank(match: re.Match[str]) -> str:
        return _NOT_NEWLINE.sub(" ", match[0]) if match.lastgroup else match[0]

    return _TOKEN.sub(blank, sql)


def start_of(sql: str) -> int:
    """Return where the first word of a statement starts."""
    match = _START.match(sql)
    return 0 if match is None else match.end()


def is_query(sql: str) -> bool:
    """Return whether a text is a single query, with or without a semicolon at its end."""
    return _QUERY.match(sql, start_of(sql)) is not None and len(split_statements(sql)) == 1


def split_statements(sql: str) -> list[str]:
    """Return the statements of a script without blocks, without the semicolons between them."""
    found, first = [], 0
    plain = without_texts(sql)
    quoted = [match.span() for match in re.finditer(_QUOTED, plain, re.DOTALL)]
    for match in re.finditer(r";|\Z", plain):
        at = match.start()
        if any(start < at < end for start, end in quoted):
            continue
        if plain[first:at].strip("\ufeff \t\r\n"):
            found.append(sql[first:at])
        first = match.end()
    return found


def declarations(operations: Iterable[str]) -> str | None:
    """Return pre-operations as statements in front of a query; None if others are among them."""
    statements = [part for operation in operations for part in split_statements(operation)]
    if not all(_DECLARATION.match(part, start_of(part)) for part in statements):
        return None
    # A comment may end a statement.
    return "".join(f"{part.strip()}\n;\n" for part in statements)
