"""The tables that the text of a query names."""

from __future__ import annotations

import pytest

from dataform_action.plans.checks.references import References, spellings

NAME = "my-project.staging.orders"


@pytest.mark.parametrize(
    ("sql", "has", "is_quoted", "has_other"),
    [
        (f"SELECT 1 FROM `{NAME}`", True, True, False),
        (f"SELECT `{NAME}`.id FROM `{NAME}`", True, True, False),
        ("FROM `my-project`.`staging`.`orders`", True, False, True),
        ("FROM my-project.staging.orders", True, False, True),
        ("FROM `my-project`.staging . orders", True, False, True),
        ("FROM staging.orders o", True, False, True),
        ("FROM `staging.orders`", True, False, True),
        (f"FROM `{NAME}` JOIN STAGING.orders", True, True, True),
        (f"FROM `{NAME}` JOIN `my-project.staging.ord*`", True, True, True),
        (f"FROM `{NAME}` JOIN `staging.orders*`", True, True, True),
        (f"FROM `{NAME}` JOIN `my-project.other.*`", True, True, False),
        ("FROM `my-project.staging.ord*`", True, False, True),
        (f"FROM `{NAME}_2`", False, False, False),
        ("FROM staging.orders_2", False, False, False),
        ("FROM other.staging.orders", False, False, False),
        ("FROM my-staging.orders", False, False, False),
        (f"SELECT '{NAME}', \"staging.orders\" -- `{NAME}`", False, False, False),
        ("FROM `my-project.Staging.Orders`", True, False, True),
    ],
)
def test_spellings(sql: str, has: bool, is_quoted: bool, has_other: bool) -> None:
    """A table is found in every spelling, and not in strings and comments."""
    found = References(sql)
    assert found.has(NAME) is has
    assert found.is_quoted(NAME) is is_quoted
    assert found.has_other_spelling(NAME) is has_other


def test_names_that_differ_in_case() -> None:
    """BigQuery's tables differ in case, but the names of queries in a WITH clause do not."""
    assert References("FROM `p.d.T`, `p.d.t`").differs_in_case("p.d.t")
    assert not References("FROM `p.d.t`").differs_in_case("p.d.t")


def test_domains() -> None:
    """A project may start with a domain."""
    name = "example.com:old.staging.orders"
    found = References("FROM example.com:old.staging.orders.id")
    assert found.has(name)
    assert spellings(name) == (name, "staging.orders")
    assert not References("FROM example.com:other.staging.orders").has(name)
    assert References("FROM staging.orders:x").has(name)


@pytest.mark.parametrize("end", ["", "a:", "a:b", "`", "'"])
@pytest.mark.parametrize("text", ["a", "a.", "a-", "`", "a:", "a.b:", "'", "(", "/*", ". ", "a ."])
def test_hostile_texts(text: str, end: str) -> None:
    """The time grows as the length of a text, also if its end is of another kind.

    If it grew as the square, one of these tests would take minutes.
    """
    assert not References(text * 100_000 + end).has(NAME)


def test_known_names() -> None:
    """Of the known tables, those that the query names are found."""
    known = {spelling: name for name in ("p.d.a", "p.d.b", "p.d.c") for spelling in spellings(name)}
    found = References("SELECT d.a.x, `p.d.b`.y FROM d.a JOIN `p.d.b` USING (x) -- d.c")
    assert found.names(known) == {"p.d.a", "p.d.b"}
    assert References("SELECT 1 FROM `p.d.*`").names(known) == {"p.d.a", "p.d.b", "p.d.c"}
    assert References("SELECT 1 FROM `p.d.b*`").names(known) == {"p.d.b"}
