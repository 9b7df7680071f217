"""GoogleSQL texts: compare them without white space and comments, and find names in them. Pure.

Only the lexical structure is read, not the grammar:
https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
"""

from __future__ import annotations

import re

#: Each alternative ends without backtracking, so the time is linear in the length of the text.
_TOKENS = re.compile(
    r"""
    (?: \s++ | --[^\r\n]*+ | \#[^\r\n]*+ | /\*[\s\S]*?\*/ )++
    | (
        (?i:rb|br|r|b)?
        (?: '''(?: [^'\\]++ | \\[\s\S] | '(?!'') )*+'''
        |   \"""(?: [^"\\]++ | \\[\s\S] | "(?!"") )*+\"""
        |   '(?!'')(?: [^'\\\r\n]++ | \\[\s\S] )*+'
        |   "(?!"")(?: [^"\\\r\n]++ | \\[\s\S] )*+"
        )
        | `(?: [^`\\\r\n]++ | \\[\s\S] )*+`
        # What is not terminated is no SQL. It is kept as it is, to the end.
        | (?: ['"`] | /\* )[\s\S]*+
        | (?: \d++\.?+\d*+ | \.\d++ )(?: [eE][+-]?+\d++ )?+\w*+
        | \w++
        # Not >>, which also ends two types.
        | [<>!]= | <> | << | \|\| | [=|-]> | [+-]= | @@
        | [\s\S]
    )
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"--|#|/\*")


def normalize(sql: str) -> str:
    """Return a text that is the same for all SQL with the same tokens.

    White space and comments are between tokens. Those inside strings and quoted names are part of
    a token. A string may contain line breaks, and CR LF counts as LF there, as it does in BigQuery.
    """
    unix = sql.replace("\r\n", "\n") if "\r" in sql else sql
    return " ".join(filter(None, _TOKENS.findall(unix)))


def is_same(one: str, other: str) -> bool:
    """Return whether two texts are the same SQL."""
    return one == other or normalize(one) == normalize(other)


def readable(sql: str) -> str:
    """Return SQL for ``names``: without comments and quotes of names."""
    plain = normalize(sql) if _COMMENT.search(sql) else sql
    return plain.replace("`", "").replace(" .", ".").replace(". ", ".")


def names(text: str, table: str) -> bool:
    """Return whether SQL names a table, with or without its project. Strings count as well.

    ``text`` comes from ``readable``, and ``table`` is a full name.
    """
    dataset_and_name = table.split(".", 1)[-1] if table.count(".") > 1 else table
    at = text.find(dataset_and_name)
    while at >= 0:
        end = at + len(dataset_and_name)
        if not (_is_part(text[at - 1 : at]) or _is_part(text[end : end + 1])):
            return True
        at = text.find(dataset_and_name, at + 1)
    return False


def _is_part(character: str) -> bool:
    """Return whether a character beside a name makes it a part of a longer name."""
    return character.isalnum() or character in ("_", "-")
