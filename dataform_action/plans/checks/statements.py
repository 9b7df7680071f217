"""The lexical structure of GoogleSQL, as far as a plan needs it. Pure.

https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dataform_action.plans.sql import COMMENT, QUOTED_NAME, STRING, UNTERMINATED

_TEXTS = re.compile(
    rf"(?P<blank> {COMMENT} | {STRING} ) | {QUOTED_NAME} | (?P<rest> {UNTERMINATED} )", re.VERBOSE
)
_NOT_NEWLINE = re.compile(r"[^\n]")
#: Up to the first word of a statement.
_START = re.compile(rf"\ufeff?(?: \s++ | {COMMENT} )*+", re.VERBOSE)
_SEPARATOR = re.compile(rf"{QUOTED_NAME} | (?P<end> ; | \Z )", re.VERBOSE)
_QUERY = re.compile(r"(?:WITH|SELECT|FROM)\b|\(", re.IGNORECASE)
#: What may stand in front of a query without making it another query.
_DECLARATION = re.compile(
    r"(?:DECLARE|SET|CREATE\s+(?:OR\s+REPLACE\s+)?TEMP(?:ORARY)?\s+FUNCTION)\b", re.IGNORECASE
)


def without_texts(sql: str) -> str:
    """Return SQL of the same length, in which comments and strings are spaces.

    What is not terminated is no SQL, so the rest is spaces as well.
    """

    def blank(match: re.Match[str]) -> str:
        return _NOT_NEWLINE.sub(" ", match[0]) if match.lastgroup else match[0]

    return _TEXTS.sub(blank, sql)


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
    for match in _SEPARATOR.finditer(plain):
        if match.lastgroup is None:
            continue
        if plain[first : match.start()].strip("\ufeff \t\r\n"):
            found.append(sql[first : match.start()])
        first = match.end()
    return found


def declarations(operations: Iterable[str]) -> str | None:
    """Return pre-operations as statements in front of a query; None if others are among them."""
    statements = [part for operation in operations for part in split_statements(operation)]
    if not all(_DECLARATION.match(part, start_of(part)) for part in statements):
        return None
    # A comment may end a statement.
    return "".join(f"{part.strip()}\n;\n" for part in statements)
