"""Remote text in Markdown; test_summary_html.py parses it with GitHub's own parser."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given

from dataform_action.github.markdown import (
    Page,
    code,
    code_block,
    file_link,
    link,
    one_line,
    prose,
)
from tests.support.runner import BOUNDED, hostile_texts

_URL = "https://github.com/example/warehouse/blob/abc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It failed after 3m 2s (wait: false).", "It failed after 3m 2s (wait: false)."),
        ("project-id 'a/b' is not one!", "project-id 'a/b' is not one!"),
        ("é ✅ שלום", "é ✅ שלום"),
        (" a\r\n\tb\u202ec\ud800 ", "a b c"),
        ("- one", "&#45; one"),
        ("1. one 2) two", "1&#46; one 2&#41; two"),
        ("a|b", "<code>a&#124;b</code>"),
        ("(see @octocat),", "(see <code>&#64;<wbr>octocat</code>),"),
        ("#1 GH-2 a/b#3", "<code>&#35;1</code> <code>GH-2</code> <code>a/b&#35;3</code>"),
        ("eGH-1 ⅷgh-2", "<code>eGH-1</code> <code>ⅷgh-2</code>"),
        (":tada: a::b", "<code>&#58;tada</code>: <code>a&#58;&#58;b</code>"),
        ("$x$", "<code>&#36;x&#36;</code>"),
        ("of 3f2a9c1.", "of <code>3f2a9c1</code>."),
        ("export_revenue", "<code>export_revenue</code>"),
        ("<b>", "<code>&#60;b&#62;</code>"),
        ("&lt;", "<code>&#38;lt</code>;"),
        ("https://a/. Then", "<code>https&#58;//a/</code>. Then"),
        ("www.example.com", "<code>www&#46;example.com</code>"),
        ("a@b.example", "<code>a&#64;<wbr>b.example</code>"),
        ("x" * 2001, f"{'x' * 1999}…"),
    ],
)
def test_prose_keeps_plain_words(text: str, shown: str) -> None:
    """Plain words are unchanged, and words that GitHub would interpret are code."""
    assert prose(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("d.a_b", "<code>d.a_b</code>"),
        ("_a_ *b*", "<code>&#95;a&#95; &#42;b&#42;</code>"),
        ("`a``", "<code>&#96;a&#96;&#96;</code>"),
        ("a: b", "<code>a: b</code>"),
        ("", ""),
        (" \u200b\n", ""),
        ("x " * 200, f"<code>{'x ' * 148}x…</code>"),
    ],
)
def test_code_is_one_line_of_its_text(text: str, shown: str) -> None:
    """No character needs a counterpart, and invisible text gives no element."""
    assert code(text) == shown


_HARMLESS = re.compile(r"(?:[^\[\]<>|*`~\\#@$&]|&#[0-9]+;)*")


@BOUNDED
@given(hostile_texts())
@example("".join(map(chr, range(256))))
def test_no_markdown_is_left(text: str) -> None:
    """Only harmless characters and entities are left, and the text reads the same."""
    for shown in (prose(text), code(text)):
        inside = re.sub("</?code>|<wbr>", "", shown)
        assert _HARMLESS.fullmatch(inside)
        assert len(shown.splitlines()) <= 1
    assert html.unescape(re.sub("</?code>|<wbr>", "", prose(text))) == one_line(text)


@BOUNDED
@given(hostile_texts())
@example("`" * 50 + "\n" + "~" * 5)
@example("a\r```\r\n```text")
def test_no_text_ends_its_block(text: str) -> None:
    """The fence is longer than any sequence of backticks, and lines stay lines."""
    opening, *lines, closing = code_block(text)
    assert opening == f"{closing}text"
    assert set(closing) == {"`"}
    assert len(closing) >= 3
    assert all(closing not in line and len(line.splitlines()) <= 1 for line in lines)


def test_lines_of_a_block_are_kept() -> None:
    """Line breaks, indents and tabs are kept; invisible characters become spaces."""
    block = code_block("\n\na\r\n  b\n\n\tc\u202ed\x1b[31m\n")
    assert block == ["```text", "a", "  b", "", "    c d [31m", "```"]


def test_long_lines_of_a_block_are_wrapped() -> None:
    """Long lines continue in the next line with the same indent."""
    _, first, second, *long, _ = code_block(f"x\n  {'word ' * 24}end\n{'y' * 200}")[1:]
    assert first == ("  " + "word " * 20).rstrip()
    assert second == "  word word word word end"
    assert long == ["y" * 105, "y" * 95]


def test_a_block_may_be_of_a_language() -> None:
    """GitHub colours it."""
    assert code_block("SELECT 1", language="sql") == ["```sql", "SELECT 1", "```"]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("x" * 40, ["x" * 40]),
        ("x" * 41, ["x" * 20, "x" * 20, "x"]),
        (
            "my-project.dataform_assertions.staging_countries_unique",
            ["my-project.", "dataform_", "assertions.", "staging_countries_", "unique"],
        ),
        ("a/" * 21, ["a/a/a/a/a/"] * 4 + ["a/"]),
        (f"{'a' * 40}@b", ["a" * 20, "a" * 20, "@", "b"]),
        (f"a {'<' * 45} b", ["a " + "<" * 20, "<" * 20, "<" * 5 + " b"]),
    ],
)
def test_long_words_of_code_can_be_broken(word: str, pieces: list[str]) -> None:
    """A browser may break them where people would, so that they fit; the text is the same."""
    shown = code(word).removeprefix("<code>").removesuffix("</code>")
    assert list(map(html.unescape, shown.split("<wbr>"))) == pieces


def test_a_broken_word_holds_no_emphasis() -> None:
    """An underscore inside a word means nothing, but beside an element it could."""
    assert "_" not in code("_".join(["word"] * 20))


def test_a_long_block_is_cut() -> None:
    """At most 40 lines and 2,000 characters are kept, and the cut is at a word."""
    lines = code_block("a\n" * 41)
    assert lines == ["```text", *["a"] * 40, "…", "```"]
    [_, *words, _] = code_block("word " * 1000)
    text = "\n".join(words)
    assert 1900 < len(text) <= 2000
    assert text.endswith("word…")


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://a/?b=1&lt;", "[x](<https://a/?b=1&amp;lt;>)"),
        ("http://a/(b)", "[x](<http://a/(b)>)"),
        ("", "x"),
        ("javascript:alert(1)", "x"),
        ("https://a/>b", "x"),
        ("https://a/b c", "x"),
        ("https://user@a/", "x"),
    ],
)
def test_only_plain_addresses_become_links(url: str, linked: str) -> None:
    """An address that is not plain http(s) or would end the link is no link."""
    assert link("x", url) == linked
    assert link("", url) == ""


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("definitions/a.sqlx", f"[<code>definitions/a.sqlx</code>](<{_URL}/definitions/a.sqlx>)"),
        ("a b#ü?.js", f"[<code>a b&#35;ü?.js</code>](<{_URL}/a%20b%23%C3%BC%3F.js>)"),
        ("a\ud800", f"[<code>a</code>](<{_URL}/a%3F>)"),
        ("../../x", "<code>../../x</code>"),
        ("a//b", "<code>a//b</code>"),
        ("/etc/passwd", "<code>/etc/passwd</code>"),
        ("", ""),
    ],
)
def test_files_are_linked_to_their_commit(file: str, shown: str) -> None:
    """Paths are encoded, and a path that leaves the commit's folder has no link."""
    assert file_link(file, _URL) == shown


def test_a_line_of_a_file_is_linked() -> None:
    """The position has the form that editors use. Without an address, there is no link."""
    shown = "<code>a.js&#58;12&#58;37</code>"
    assert file_link("a.js", _URL, 12, 37) == f"[{shown}](<{_URL}/a.js#L12>)"
    assert file_link("a.js", "", 12, 37) == shown


def test_no_row_follows_an_omitted_row() -> None:
    """A short row after a long one is also omitted, so that there is no gap."""
    page = Page(2000)
    page.fold("All", "rows", ("| a |", "|---|"), ["| 1 |", f"| {'x' * 2000} |", "| 3 |"], most=9)
    text = page.render()
    assert "| 1 |" in text
    assert "| 3 |" not in text
    assert "2 more rows are not shown." in text


def test_omitted_blocks_are_named_within_the_limit() -> None:
    """Each block is shown or named, and the size stays within the limit."""
    for size in range(1, 2010):
        page = Page(2000)
        page.add("the first", ["x" * size])
        page.add("the second", ["y" * 100])
        text = page.render()
        assert ("x" * size in text) is not ("the first" in text)
        assert ("y" * 100 in text) is not ("the second" in text)
        assert len(text.encode()) <= 2000
