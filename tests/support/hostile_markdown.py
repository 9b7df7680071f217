"""Texts that try to become Markdown or HTML, and what to compare a page of them with."""

from __future__ import annotations

import unicodedata
from collections import Counter

from hypothesis import settings, strategies as st

from tests.support.github_markdown import UNSEEN, Page
from tests.support.runner import hostile_texts

_FRAGMENTS = (
    *("```", "~~~~", "`", "``", "    ", "\t", "\n\n", "\r\n", "\\", "|", "\\|", "||"),
    *("\n# a", "\n- a", "\n1. a", "\n> [!NOTE]\n", "\n---\n", "\n===\n", "\n| a |\n|---|\n"),
    *("**a**", "__a__", "~~a~~", "*", "_", "[^1]", "\n[^1]: a", "[a]: http://a.example", "[a]"),
    *("<details>", "</details>", "</td>", "</code>", "</pre>", "<!--", "-->", "<b>", "<br/>"),
    *("<img src=x>", "<a href=x>", "<![CDATA[", "<?", "&lt;b>", "&amp;", "&#64;octocat", "&"),
    *("@octocat", "@a/b", "#12", "GH-7", "a/b#3", "3f2a9c1d0b8e4f5a", ":tada:", "$a$", "$$"),
    *("http://a.example", "www.b.example", "c@d.example", "mailto:e@f.example", "ftp://g.example"),
    *("](http://a.example)", "![a](b)", "javascript:a", "```mermaid\ngantt\n", "a", "7", "שלום"),
)
#: What keeps a text as it is written, and parts what would be a mail address.
_INERT = ("code", "wbr")

texts = (
    st.lists(st.sampled_from(_FRAGMENTS) | hostile_texts(), max_size=6)
    .map("".join)
    # A letter at its start makes every text one that is there to be shown.
    .map(lambda text: f"q{text}"[:200])
)
#: A summary takes a thousand times longer to read than most of what is tested. ``make fuzz`` reads
#: many, and the suite always the same.
few = settings(max_examples=10 if settings().derandomize else 375)


def is_seen(character: str) -> bool:
    seen = character.isalnum() or unicodedata.category(character)[0] in "PS"
    return seen and character not in UNSEEN


def harmless(text: str) -> str:
    """Return a text of the same shape, with a letter for all that is seen but the slashes."""
    return "".join("x" if is_seen(sign) and sign != "/" else sign for sign in text)


def elements(page: Page) -> Counter[str]:
    return Counter(name for name in page.elements if name not in _INERT)
