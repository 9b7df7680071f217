"""Queries in which tables are hidden."""

from __future__ import annotations

import pytest

from dataform_action.plan import Column
from dataform_action.plans.checks.references import References
from dataform_action.plans.checks.shadows import (
    MOST_TABLES,
    NotShadowable,
    Statement,
    make_statement,
    quote,
)

NAME = "p.d.t"
ID = (Column("id", "INT64"),)
HIDDEN = "`p.d.t` AS (SELECT CAST(NULL AS INT64) AS `id`)"


def make(query: str, *columns: Column, declarations: str = "") -> Statement:
    return make_statement(query, {NAME: columns or ID}, References(query), declarations)


@pytest.mark.parametrize(
    ("query", "sql"),
    [
        ("SELECT id FROM `p.d.t`", f"WITH {HIDDEN}\nSELECT id FROM `p.d.t`"),
        (
            "WITH a AS (SELECT * FROM `p.d.t`) SELECT * FROM a",
            f"WITH {HIDDEN},\n     a AS (SELECT * FROM `p.d.t`) SELECT * FROM a",
        ),
        (
            "WITH /* n\n */ RECURSIVE a AS (SELECT 1) FROM `p.d.t`",
            f"WITH /* n\n */ RECURSIVE {HIDDEN},\n              a AS (SELECT 1) FROM `p.d.t`",
        ),
        (
            "\ufeff-- WITH x\n\twith recursive a AS (SELECT 1 FROM `p.d.t`) SELECT 1",
            f"\ufeff-- WITH x\n\twith recursive {HIDDEN},\n\t               a AS "
            "(SELECT 1 FROM `p.d.t`) SELECT 1",
        ),
        ("(SELECT 1 FROM `p.d.t`);", f"WITH {HIDDEN}\n(SELECT 1 FROM `p.d.t`);"),
        ("withdrawn FROM `p.d.t`", f"WITH {HIDDEN}\nwithdrawn FROM `p.d.t`"),
        ("SELECT id FROM `p.d.other`", "SELECT id FROM `p.d.other`"),
    ],
)
def test_where_tables_are_hidden(query: str, sql: str) -> None:
    """The hidden table is part of the query's own WITH clause, and nothing else moves."""
    assert make(query).sql == sql


def test_several_tables() -> None:
    """The tables that are hidden have a fixed order; those that are not read are left out."""
    query = "SELECT 1 FROM `p.d.b`, `p.d.a`"
    tables = dict.fromkeys(("p.d.b", "p.d.c", "p.d.a"), ID)
    statement = make_statement(query, tables, References(query))
    assert statement.shadowed == {"p.d.a", "p.d.b"}
    assert statement.sql.index("`p.d.a` AS") < statement.sql.index("`p.d.b` AS")


SIMPLE = (
    *("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES", "DATE", "DATETIME"),
    *("TIME", "TIMESTAMP", "GEOGRAPHY", "JSON", "INTERVAL", "UUID", "RANGE<DATE>"),
    *("RANGE<DATETIME>", "RANGE<TIMESTAMP>"),
)


@pytest.mark.parametrize(
    ("type_", "cast"),
    [
        *((type_, type_) for type_ in SIMPLE),
        ("NUMERIC(10, 2)", "NUMERIC"),
        ("ARRAY<STRING(20)>", "ARRAY<STRING>"),
        ("STRUCT<order STRING, b INT64>", "STRUCT<`order` STRING, `b` INT64>"),
        (
            "ARRAY<STRUCT<a ARRAY<STRUCT<`b c` DATE>>, d BYTES>>",
            "ARRAY<STRUCT<`a` ARRAY<STRUCT<`b c` DATE>>, `d` BYTES>>",
        ),
    ],
)
def test_types(type_: str, cast: str) -> None:
    """Every type can be cast, with quoted names of fields and without parameters."""
    sql = make("SELECT x FROM `p.d.t`", Column("x", type_)).sql
    assert f"(SELECT CAST(NULL AS {cast}) AS `x`)" in sql


@pytest.mark.parametrize(
    "type_",
    ["INT64) AS x, (SELECT 1", "INT64; DROP TABLE x", "INT64 -- ", "`", "'a'", "STRUCT<`a>"],
)
def test_hostile_types(type_: str) -> None:
    """A text that is not a type never gets into a query."""
    with pytest.raises(NotShadowable):
        make("SELECT x FROM `p.d.t`", Column("x", type_))


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("a` AS b, `c", "`a\\` AS b, \\`c`"),
        ("a\\", "`a\\\\`"),
        ("a\n\r\0b", "`a\\n\\r\\0b`"),
    ],
)
def test_hostile_names(name: str, quoted: str) -> None:
    """No name ends its own quotes."""
    assert quote(name) == quoted
    assert f"AS {quoted})" in make("SELECT 1 FROM `p.d.t`", Column(name, "INT64")).sql


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT 1 FROM `p.d.T`, `p.d.t`", "differ from p.d.t only in case"),
        ("SELECT 1 FROM d.t", "It names p.d.t in another form than ref() does."),
    ],
)
def test_tables_that_cannot_be_hidden(query: str, reason: str) -> None:
    """If a table is not hidden for certain, nothing is sent."""
    with pytest.raises(NotShadowable, match=reason.replace("(", "\\(").replace(")", "\\)")):
        make(query)


def test_pre_operations_that_read_a_table() -> None:
    """A query in a WITH clause hides nothing in the statements before it."""
    with pytest.raises(NotShadowable, match="Its pre-operations read"):
        make("SELECT x FROM `p.d.t`", declarations="SET x = (SELECT 1 FROM `p.d.t`);\n")


def test_tables_without_columns_and_long_queries() -> None:
    """A table without columns cannot be hidden, and a query that is too long is not sent."""
    with pytest.raises(NotShadowable, match="without columns"):
        make_statement("SELECT 1 FROM `p.d.t`", {NAME: ()}, References("FROM `p.d.t`"))
    with pytest.raises(NotShadowable, match="too long"):
        make("SELECT 1 FROM `p.d.t`", Column("x" * 1_000_001, "INT64"))


@pytest.mark.parametrize(
    ("query", "doubt"),
    [
        ("SELECT id FROM `p.d.t`", ""),
        ("SELECT id FROM `p.d.t` FOR SYSTEM_TIME AS OF x", "It uses FOR SYSTEM_TIME."),
        ("SELECT id FROM `p.d.t` for system time as of x", "It uses FOR SYSTEM_TIME."),
        ("SELECT id FROM `p.d.t` TABLESAMPLE SYSTEM (1 PERCENT)", "It uses TABLESAMPLE."),
        ("SELECT _partitiontime FROM `p.d.t`", "It uses a pseudo column."),
        ("SELECT * FROM f(TABLE `p.d.t`)", "It uses a table as an argument."),
        ("WITH `p.d.t` AS (SELECT 1) SELECT 1", "Its WITH clause defines p.d.t."),
        (
            "SELECT 1 FROM `p.d.t`, d.t",
            "It also names p.d.t in another form than ref() does.",
        ),
        ("SELECT id, '_PARTITIONTIME' FROM `p.d.t` -- d.t", ""),
        ("SELECT table_name, tables.x FROM `p.d.t`", ""),
    ],
)
def test_doubts(query: str, doubt: str) -> None:
    """The forms in which a hidden table causes an error are known."""
    assert make(query).doubt == doubt


def test_positions() -> None:
    """A position in the text that is sent is one in the query, or in what was inserted."""
    statement = make(
        "-- a\nWITH b AS (\n SELECT 1 FROM `p.d.t`) SELECT x",
        declarations="DECLARE x INT64\n;\n",
    )
    lines = statement.sql.split("\n")
    assert lines[3].startswith("WITH `p.d.t`")
    assert lines[4] == "     b AS ("
    assert statement.position(5, 6) == (2, 6)
    assert statement.position(6, 2) == (3, 2)
    assert statement.position(3, 1) == (1, 1)
    assert statement.position(1, 9) == (None, None)
    assert statement.position(None, None) == (None, None)
    assert statement.is_inserted(4, 5)
    assert not statement.is_inserted(4, 4)
    assert not statement.is_inserted(5, 9)
    assert not statement.is_inserted(None, None)
    plain = make("SELECT 1\nFROM x")
    assert plain.position(2, 3) == (2, 3)
    assert not plain.is_inserted(1, 1)


def test_escapes() -> None:
    """BigQuery lists a hidden table only if it is read. A list that is full proves nothing."""
    query = "SELECT 1 FROM `p.d.t`, d.t"
    references = References(query)
    statement = make(query)
    assert statement.escaped(["p.d.x"], references) == ""
    assert statement.escaped(["P.d.T"], references) == NAME
    many = [f"p.d.x{number}" for number in range(MOST_TABLES)]
    assert statement.escaped(many, references) == NAME
    assert make("SELECT 1 FROM `p.d.t`").escaped(many, References("FROM `p.d.t`")) == ""
