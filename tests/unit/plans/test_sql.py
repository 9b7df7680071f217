"""SQL texts: what counts as the same, and which names are in them."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, strategies as st

from dataform_action.plans.sql import Text, normalize

#: Literals and quoted names, which contain what would be a comment or white space outside.
LITERALS = (
    "'a  b'",
    '"-- x"',
    "'''a\n'b' # \\''''",
    '"""/* " */"""',
    r"r'\d+\' --'",
    r'R"""a\""""',
    r"b'\x00'",
    'rb"#"',
    "Br'''/*'''",
    "`p.d.t  x`",
    "`a\\`b`",
    "''",
    '""',
    "''''''",
    "'\\\n'",
)
WORDS = ("select", "a1", "_x", "é", "r", "b", "rb", "1", "1.5e-3", ".5", "0xFF", "2.")
SIGNS = ("(", ")", ",", ";", "*", "/", "-", "+", "<=", ">=", "!=", "<>", "||", "=>", "|>", ".", "@")
TOKENS = st.sampled_from((*LITERALS, *WORDS, *SIGNS))
WHITE = (" ", "\n", "\t", "\r\n", "  ", "\v", "\u00a0", "\u2003", "\u3000")
#: What is white space in Python, but an error in SQL.
NOT_WHITE = "\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029"
COMMENTS = ("-- it's\n", '# "\r\n', "/* ' ` */", "/**/", "/* ** */")
GAPS = st.sampled_from((*WHITE, *COMMENTS))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 1", "\n  select\t1\r\n"),
        ("select 1 -- one", "select 1"),
        ("select 1 # one\n, 2", "select 1, 2"),
        ("select a/* it's */+b", "select a + b"),
        ("select 'a' -- 'b'\nfrom t", "select 'a' from t"),
        ("select '''a\r\nb'''", "select '''a\nb'''"),
        ("select array<struct<a int64>>[]", "select array<struct<a int64> > [ ]"),
        ("select x.y", "select x . y"),
        ("", "-- nothing\n"),
    ],
)
def test_same_sql(one: str, other: str) -> None:
    """White space and comments outside of literals do not count."""
    assert normalize(one) == normalize(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 'a b'", "select 'a  b'"),
        ("select '-- a'", "select '-- b'"),
        ("select '''\n'''", "select '''\n\n'''"),
        ('select """#a"""', 'select """#b"""'),
        (r"select r'\' -- a'", r"select r'\' -- b'"),
        ("select `a b`", "select `a  b`"),
        ("select ab", "select a b"),
        ("select 'a' 'b'", "select 'a''b' c"),
        ("select r'a'", "select r 'a'"),
        ("select 1.5", "select 1 . 5"),
        ("select a >= b", "select a > = b"),
        ("select 1 -- a\n, 2", "select 1 -- a , 2"),
        ("select 'open -- a", "select 'open -- b"),
        ("select /* open a", "select /* open b"),
        ("select 1", "SELECT 1"),
        *((f"select 1{sign}as x", "select 1 as x") for sign in NOT_WHITE),
    ],
)
def test_other_sql(one: str, other: str) -> None:
    """Everything else counts: what is in a literal, and where a token ends."""
    assert normalize(one) != normalize(other)


@given(st.lists(st.tuples(TOKENS, GAPS, GAPS)))
def test_gaps_do_not_count(parts: list[tuple[str, str, str]]) -> None:
    """Any white space and any comments between tokens lead to the same text."""
    plain = " ".join(token for token, _, _ in parts)
    # The blanks keep a minus apart from the start of a comment.
    spaced = "".join(f"{before} {token} {after}" for token, before, after in parts)
    assert normalize(spaced) == normalize(plain)


@given(st.lists(TOKENS), st.integers(0), st.text("ab '\"`-#/*\\\n", min_size=1))
@example(["''"], 0, "x")
def test_literals_count(tokens: list[str], index: int, more: str) -> None:
    """Whatever changes inside a literal is a change, if it is still one literal."""
    literals = [at for at, token in enumerate(tokens) if token in LITERALS]
    assume(literals)
    at = literals[index % len(literals)]
    old = tokens[at]
    start = next(i for i, character in enumerate(old) if character in "'\"`")
    size = 3 if old[start : start + 3] in ("'''", '"""') else 1
    new = old[: start + size] + more + old[start + size :]
    assume(normalize(new) == new)
    changed = [*tokens[:at], new, *tokens[at + 1 :]]
    assert normalize(" ".join(changed)) != normalize(" ".join(tokens))


@given(st.text("ab1. '\"`-#/*\\\r\n<>=|rb,"))
def test_a_normal_text_stays_as_it_is(text: str) -> None:
    """The tokens of a normalized text are the same, so two texts are equal only by their tokens."""
    once = normalize(text)
    assert normalize(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        *("'", '"', "`", "\\", "/*", "*", "--", "#", "'''\"", "''\\", "1e", ".", "r", "'\n", " "),
        *("-\r", "r ", "r  ", "a b"),
    ],
)
@pytest.mark.parametrize("start", ["", "'", "'''", "/*", "`", "r'"])
def test_hostile_text(start: str, unit: str) -> None:
    """The time grows as the length of a text. If it grew as the square, this would take hours."""
    text = start + unit * (1_000_000 // len(unit)) + "'"
    normalize(text)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select * from `p.d.t`", True),
        ("select * from p.d.t", True),
        ("select * from `p`.`d`.`t` where true", True),
        ("select * from d.t", True),
        ("select * from `d` . t", True),
        ("select * from `d.t`,x", True),
        ("execute immediate 'select * from p.d.t'", True),
        ("select * from `p.d.t2`", False),
        ("select * from `p.d.t-2`", False),
        ("select * from `p.xd.t`", False),
        ("select 1 -- from `p.d.t`", False),
        ("select /* `p.d.t` */ 1", False),
        ("select 1 /* -- */ from `p.d.t`", True),
        ("select 1 -- no\nfrom `p.d.t`", True),
        ("select 1 # `p.d.t`\rfrom `p.d.t`", True),
        ("select '--' from `p.d.t`", True),
        ("select t from d", False),
        ("select * from `p.d.t2` join `p.d.t` using (x)", True),
    ],
)
def test_names(sql: str, found: bool) -> None:
    """A name counts in every spelling, also in strings, but not in comments or longer names."""
    text = Text(sql)
    assert text.names("p.d.t") is found
    assert text.names("p.d.t") is found


def test_names_without_a_project() -> None:
    """A name of two parts is found as it is."""
    assert Text("select * from d.t").names("d.t")


def test_a_project_of_a_domain() -> None:
    """Its name contains dots, and SQL may leave it out."""
    assert Text("SELECT * FROM d.t").names("example.com:p.d.t")
    assert not Text("SELECT * FROM p.t").names("example.com:p.d.t")
