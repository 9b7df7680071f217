"""The parts of SQL: statements, comments and strings."""

from __future__ import annotations

import pytest

from dataform_action.plans.checks.statements import (
    declarations,
    is_query,
    split_statements,
    start_of,
    without_texts,
)


@pytest.mark.parametrize(
    ("sql", "plain"),
    [
        ("a -- b\nc", "a     \nc"),
        ("a # b", "a    "),
        ("a /* b\n' */ c", "a     \n     c"),
        ("a /* never ends", "a              "),
        ("'it''s' || x", "        || x"),
        (r"'it\'s' || x", "        || x"),
        ('"a`b" `c"d`', '      `c"d`'),
        ("`a -- b`", "`a -- b`"),
        ('r"""a\n"b" -- """ x', "     \n           x"),
        ("'''a 'b' ''' x", "             x"),
        ("'not closed\nx", "           \n "),
    ],
)
def test_texts(sql: str, plain: str) -> None:
    """Comments and strings become spaces, and every other character keeps its place."""
    assert without_texts(sql) == plain
    assert len(sql) == len(plain)


@pytest.mark.parametrize(
    ("sql", "rest"),
    [
        ("SELECT 1", "SELECT 1"),
        ("\ufeff -- a\n# b\n/* c\n */\tSELECT 1", "SELECT 1"),
        ("-- a", ""),
        ("/* a", "/* a"),
        ("", ""),
    ],
)
def test_start(sql: str, rest: str) -> None:
    """A statement starts after a byte order mark, space and comments."""
    assert sql[start_of(sql) :] == rest


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", True),
        ("select 1;\n -- end", True),
        ("(SELECT 1)", True),
        ("with a as (select 1) select 1", True),
        ("FROM `a;b` |> SELECT ';'", True),
        ("SELECT 1; SELECT 2", False),
        ("DECLARE x INT64; SELECT x", False),
        ("SELECTED", False),
        ("CREATE TABLE x AS SELECT 1", False),
        ("-- nothing", False),
    ],
)
def test_queries(sql: str, expected: bool) -> None:
    """Only a single query is one."""
    assert is_query(sql) is expected


def test_split_statements() -> None:
    """A semicolon in a name, string or comment ends nothing, and empty statements are left out."""
    sql = "\ufeffSET x = ';';\n;; -- a;b\nDECLARE `y;z` INT64 /* ; */;"
    assert split_statements(sql) == ["\ufeffSET x = ';'", " -- a;b\nDECLARE `y;z` INT64 /* ; */"]


@pytest.mark.parametrize(
    ("operations", "text"),
    [
        ((), ""),
        (("DECLARE x INT64; SET x = 1;",), "DECLARE x INT64\n;\nSET x = 1\n;\n"),
        (("-- why\ncreate temp function f() as (1) -- end",), None),
        (("CREATE TABLE x AS SELECT 1",), None),
        (("DECLARE x INT64", "DELETE FROM t WHERE TRUE"), None),
        (("SETTING x",), None),
        (("CREATE FUNCTION d.f() AS (1)",), None),
    ],
)
def test_declarations(operations: tuple[str, ...], text: str | None) -> None:
    """Declarations and temporary functions may be in front of a query, and nothing else."""
    if text is None and "temp" in operations[0]:
        text = "-- why\ncreate temp function f() as (1) -- end\n;\n"
    assert declarations(operations) == text
