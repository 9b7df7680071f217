"""GoogleSQL texts: compare them without white space and comments, and find names in them. Pure.

Only the lexical structure is read, not the grammar:
https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
"""

from __future__ import annotations

import re

# Parts of verbose patterns. Each alternative ends without backtracking, so the time is linear in
# the length of the text.
COMMENT = r"(?: --[^\r\n]*+ | \#[^\r\n]*+ | /\*[\s\S]*?\*/ )"
STRING = r"""
    (?i:rb|br|r|b)?
    (?: '''(?: [^'\\]++ | \\[\s\S] | '(?!'') )*+'''
    |   \"""(?: [^"\\]++ | \\[\s\S] | "(?!"") )*+\"""
    |   '(?!'')(?: [^'\\\r\n]++ | \\[\s\S] )*+'
    |   "(?!"")(?: [^"\\\r\n]++ | \\[\s\S] )*+"
    )"""
QUOTED_NAME = r"`(?: [^`\\\r\n]++ | \\[\s\S] )*+`"
#: Other white space of Unicode is an error in SQL. Without it, the query would be another one.
WHITE = r"[\x08-\r\ \xa0\u2000-\u200a\u202f\u205f\u3000]"
#: What is not terminated is no SQL.
UNTERMINATED = r"""(?: ['"`] | /\* )[\s\S]*+"""
_TOKENS = re.compile(
    rf"""
    (
        # Words with a blank between them are read at once, which is faster. A word before a quote
        # may be the prefix of a string.
        [^\W\d]\w*+ (?!['"]) (?: [ ][^\W\d]\w*+ (?!['"]) )*+
        | [,()]
        | {STRING}
        | {QUOTED_NAME}
    )
    | (?: {WHITE}++ | {COMMENT} )++
    | (
        # It is kept as it is, to the end.
        {UNTERMINATED}
        | (?: \d++\.?+\d*+ | \.\d++ )(?: [eE][+-]?+\d++ )?+\w*+
        | \w++
        # Not >>, which also ends two types.
        | [<>!]= | <> | << | \|\| | [=|-]> | [+-]= | @@
        | [\s\S]
    )
    """,
    re.VERBOSE,
)
_COMMENT = re.compile("--|#")
#: A name that stands for all tables that start with it.
_WILDCARD = re.compile(r"`([^`\s*]*+)\*`")


def normalize(sql: str) -> str:
    """Return a text that is the same for all SQL with the same tokens.

    White space and comments are between tokens. Those inside strings and quoted names are part of
    a token. A string may contain line breaks, and CR LF counts as LF there, as it does in BigQuery.
    """
    unix = sql.replace("\r\n", "\n") if "\r" in sql else sql
    return " ".join([one or other for one, other in _TOKENS.findall(unix) if one or other])


class Text:
    """SQL in which names are searched."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._plain: str | None = None
        self._wildcards: list[str] = []

    def names(self, table: str) -> bool:
        """Return whether the SQL names a table, with or without its project, or by a wildcard.

        Names in strings count as well, but not those in comments. ``table`` is a full name.
        """
        if table.rpartition(".")[2] not in self._sql and "*`" not in self._sql:
            return False
        # Most names are in this form, and not behind the start of a comment.
        at = self._sql.find(f"`{table}`")
        line = self._sql.rfind("\n", 0, at) + 1
        if at >= 0 and "/*" not in self._sql[:at] and not _COMMENT.search(self._sql, line, at):
            return True
        if self._plain is None:
            normal = normalize(self._sql)
            self._plain = normal.replace("`", "").replace(" .", ".").replace(". ", ".")
            self._wildcards = _WILDCARD.findall(normal)
        if any(is_covered(table, start) for start in self._wildcards):
            return True
        # A project may contain dots: example.com:my-project.
        return _contains(self._plain, ".".join(table.rsplit(".", 2)[-2:]))


def is_covered(table: str, start: str) -> bool:
    """Return whether a wildcard table may read a table: ``start`` is its name without the ``*``.

    Its project and its dataset may be quoted on their own.
    """
    parts = table.rsplit(".", 2)
    return any(name.startswith(start) for name in (table, ".".join(parts[-2:]), parts[-1]))


def _contains(text: str, name: str) -> bool:
    """Return whether a text has a name that is no part of a longer name."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if not (_is_part(text[at - 1 : at]) or _is_part(text[end : end + 1])):
            return True
        at = text.find(name, at + 1)
    return False


def _is_part(character: str) -> bool:
    """Return whether a character beside a name makes it a part of a longer name."""
    return character.isalnum() or character in ("_", "-")
