"""The renderer of Markdown shows what GitHub shows, so that tests can rely on it."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from tests.support.github_markdown import read_page, render_html
from tests.support.runner import hostile_texts


def test_extensions_of_github() -> None:
    """Tables, strikethrough, bare addresses, tasks and footnotes work as on GitHub."""
    page = read_page(
        "| a |\n|---|\n| ~~b~~ www.a.example |\n\n- [x] done[^1]\n\n[^1]: c d@e.example\n"
    )
    assert {"table", "del", "input", "sup", "section"} <= set(page.elements)
    assert page.addresses[0] == "http://www.a.example"
    assert "mailto:d@e.example" in page.addresses


def test_cell_of_a_table_with_code() -> None:
    """An escaped bar stays in the cell, also in code."""
    page = read_page("| a | b |\n|---|---|\n| `c\\|d` | e\\|f |\n")
    assert [part.text.strip() for part in page.body.walk() if part.name == "td"] == ["c|d", "e|f"]


@pytest.mark.parametrize(
    ("markdown", "elements", "dropped", "text"),
    [
        ("<b onclick=alert(1)>a</b>", ["p", "b"], ("b onclick",), "a"),
        ("a <foo>b</foo>", ["p"], ("foo",), "a b"),
        ("a<!-- b -->c", ["p"], ("#comment",), "ac"),
        ("<div><style>b{}</style></div>", ["div"], (), "<style>b{}</style>"),
        ('<p style="color:red">a', ["p"], ("p style",), "a"),
        ("<svg><a href='http://a.example'>b</a></svg>", ["p"], None, "b"),
        ("a</details></p><table><b>c", ["p", "b", "p", "table"], (), "a\nc"),
    ],
)
def test_html_is_cleaned(
    markdown: str, elements: list[str], dropped: tuple[str, ...] | None, text: str
) -> None:
    """HTML is parsed as in browsers, and everything that GitHub does not allow is removed."""
    page = read_page(markdown)
    assert page.elements == elements
    assert dropped is None or page.dropped == dropped
    assert page.text.strip() == text


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_addresses_that_github_refuses(address: str) -> None:
    """A link works only if it leads to the web, to mail or into the repository."""
    page = read_page(f"<a href='{address}'>a</a> <img src='{address}'> [b](<{address}>)")
    assert page.addresses == []


def test_addresses_of_links_and_pictures() -> None:
    """All addresses of a page are found, in order."""
    page = read_page("[a](https://a.example/?b=c&d) ![e](f.png)\n\n<https://g.example>\n\nh")
    assert page.addresses == ["https://a.example/?b=c&d", "f.png", "https://g.example"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@octocat", ("mention", "@octocat")),
        ("(@octo-cat/team_1).", ("mention", "@octo-cat/team_1")),
        ("é@octocat", ("mention", "@octocat")),
        ("&#64;octocat", ("mention", "@octocat")),
        ("\\@octocat", ("mention", "@octocat")),
        ("@<!-- -->octocat", ("mention", "@octocat")),
        ("#12", ("issue", "#12")),
        ("fixes GH-7.", ("issue", "GH-7")),
        ("a-b/c.d#12", ("issue", "a-b/c.d#12")),
        ("at 3f2a9c1d0b", ("commit", "3f2a9c1d0b")),
        ("a@3f2a9c1d0b", ("commit", "3f2a9c1d0b")),
        ("so :tada: it", ("emoji", ":tada:")),
        ("is $x^2$ it", ("formula", "$x^2$")),
    ],
)
def test_references(text: str, expected: tuple[str, str]) -> None:
    """References that GitHub renders are found in text, even if they are escaped."""
    assert expected in read_page(text).references
    assert expected in read_page(f"| a |\n|---|\n| **{text}** |").references


@pytest.mark.parametrize(
    "markdown",
    [
        "`@octocat #12 :tada: 3f2a9c1d0b $x$`",
        "```\n@octocat #12\n```",
        "[@octocat #12](https://a.example)",
        "<code>@octocat</code> <pre>#12</pre>",
        "a@octocat a#b 12# @-a : tada: 3f2a9c 3f2a9c1dg $ 5 $",
        "<b>@</b>octocat",
    ],
)
def test_no_references(markdown: str) -> None:
    """Code, links, and texts that only resemble references contain no references."""
    assert read_page(markdown).references == []


def test_line_breaks_of_comments() -> None:
    """In a comment, the end of a line is a line break; on a page it is not."""
    assert read_page("a\nb").elements == ["p"]
    assert read_page("a\nb", is_comment=True).elements == ["p", "br"]


def test_code_blocks_by_language() -> None:
    """The text of a fenced block is unchanged; blocks of other languages are ignored."""
    page = read_page("```mermaid\ngantt\n a<b & c\n```\n\n```\nother\n```\n")
    assert page.code_blocks("mermaid") == ["gantt\n a<b & c\n"]


def test_alert() -> None:
    """A quotation with GitHub's marker becomes an alert; other quotations stay."""
    assert render_html("> [!WARNING]\n> a `b`\n>\n> c") == (
        '<div class="markdown-alert markdown-alert-warning">'
        '<p class="markdown-alert-title">Warning</p><p>a <code>b</code></p><p>c</p></div>\n'
    )
    for markdown in ("> [!OTHER]\n> a", "> a [!NOTE]", ">", "> `[!NOTE]`"):
        assert "alert" not in render_html(markdown)


@given(hostile_texts())
@example("\ud800\x00")
@example("<table><tr><td></table></td>" * 5)
def test_any_text_is_rendered(text: str) -> None:
    """For any Markdown, the rendered HTML is unchanged when it is parsed again."""
    page = read_page(text)
    again = read_page(f"<div>{render_html(text)}</div>".replace("\n", "&#10;"))
    assert sorted(page.elements) == sorted(again.elements[1:])
