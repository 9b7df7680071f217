"""Renders Markdown as GitHub does: the elements, links, text and references of the page.

GitHub's own parser (cmark-gfm) converts Markdown to HTML. The HTML is parsed as a browser does, and
cleaned with the allow-list that GitHub published with html-pipeline. Then the text is searched for
references that GitHub converts to links, pictures or formulas. GitHub checks whether a user, a
commit or an emoji exists. Here, all of them exist.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element as ParsedElement

import cmarkgfm.cmark  # type: ignore[import-untyped]
import html5lib

_OPTIONS = (
    cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE
    | cmarkgfm.cmark.Options.CMARK_OPT_GITHUB_PRE_LANG
    | cmarkgfm.cmark.Options.CMARK_OPT_FOOTNOTES
)
_EXTENSIONS = ("table", "strikethrough", "autolink", "tagfilter", "tasklist")

_BLOCKS = frozenset(
    (
        *("blockquote", "br", "caption", "dd", "details", "div", "dl", "dt", "figcaption"),
        *("figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "section"),
        *("summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    )
)
_ALLOWED_ELEMENTS = _BLOCKS | frozenset(
    (
        *("a", "abbr", "b", "bdo", "cite", "code", "del", "dfn", "em", "i", "img", "input", "ins"),
        *("kbd", "mark", "picture", "q", "rp", "rt", "ruby", "s", "samp", "small", "source"),
        *("span", "strike", "strong", "sub", "sup", "time", "tt", "var", "wbr"),
    )
)
_ALLOWED_ATTRIBUTES = frozenset(
    (
        *("align", "alt", "aria-describedby", "aria-hidden", "aria-label", "aria-labelledby"),
        *("border", "checked", "colspan", "datetime", "dir", "disabled", "headers", "height"),
        *("hspace", "lang", "media", "name", "open", "rel", "role", "rowspan", "scope", "span"),
        *("srcset", "start", "summary", "title", "type", "valign", "value", "width"),
    )
)
#: Attributes with addresses, and the elements that may have them.
_ADDRESSES = {"href": ("a",), "src": ("img",), "cite": ("blockquote", "del", "ins", "q")}
_SCHEMES = ("http", "https", "mailto")
_VOID = frozenset(("br", "hr", "img", "input", "source", "wbr"))
#: The text of these elements is not searched for references.
_LITERAL = frozenset(("a", "code", "pre", "tt"))
#: Invisible characters that Unicode classifies as letters.
UNSEEN = frozenset("\u115f\u1160\u3164\uffa0")

# Ruby's \w and \W are ASCII. Each pattern matches at least what GitHub's own pattern matches.
_REFERENCES = {
    "mention": re.compile(r"(?:^|(?<=\W))@[a-z0-9][a-z0-9-]*(?:/[a-z0-9][\w-]*)?", re.A | re.I),
    "issue": re.compile(r"(?:[\w-]+/?[\w.-]*|^|(?<=\W))(?:gh-|#)[0-9]+\b", re.A | re.I),
    "commit": re.compile(r"(?:^|(?<=[\s(\[{@.]))[0-9a-f]{7,40}\b", re.A),
    "emoji": re.compile(r":[a-z0-9+_-]+:", re.A | re.I),
    "formula": re.compile(r"\$\$?(?=\S).*?\S?\$", re.S),
}
_ALERT = re.compile(r"\s*\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*(?:\n|$)", re.I)


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the page. Its children never contain two adjacent texts."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Element | str, ...] = ()

    def walk(self) -> Iterator[Element]:
        """Yield the elements inside this one, in document order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    @property
    def text(self) -> str:
        """Return the visible text, with a line break where a block begins or ends."""
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        text = "".join(parts)
        return f"\n{text}\n" if self.name in _BLOCKS else text


@dataclass(frozen=True, slots=True)
class Page:
    """The page that GitHub shows. ``dropped`` contains the elements that it removes."""

    body: Element
    dropped: tuple[str, ...]

    @property
    def elements(self) -> list[str]:
        """Return the names of all elements, in document order."""
        return [element.name for element in self.body.walk()]

    @property
    def addresses(self) -> list[str]:
        """Return the addresses of links and pictures."""
        return [
            value
            for element in self.body.walk()
            for name, value in element.attributes.items()
            if name in _ADDRESSES
        ]

    @property
    def text(self) -> str:
        """Return the visible text."""
        return self.body.text

    @property
    def references(self) -> list[tuple[str, str]]:
        """Return the references that GitHub would convert: kind and text of each."""
        return [
            (kind, match[0])
            for text in _plain_texts(self.body)
            for kind, pattern in _REFERENCES.items()
            for match in pattern.finditer(text)
        ]

    def code_blocks(self, language: str) -> list[str]:
        """Return the fenced blocks of a language, such as ``mermaid``."""
        return [
            "".join(part.text for part in element.walk())
            for element in self.body.walk()
            if element.name == "pre" and element.attributes.get("lang") == language
        ]


def letters_of(text: str) -> str:
    """Return the visible letters and digits of a text."""
    return "".join(sign for sign in text if sign.isalnum() and sign not in UNSEEN)


def read_page(markdown: str, *, is_comment: bool = False) -> Page:
    """Return the page that GitHub renders from a Markdown text.

    In a comment, the end of a line inside a paragraph is a line break.
    """
    # Characters that UTF-8 cannot encode reach GitHub as question marks.
    source = markdown.encode("utf-8", "replace").decode()
    hard_breaks = cmarkgfm.cmark.Options.CMARK_OPT_HARDBREAKS if is_comment else 0
    rendered = cmarkgfm.cmark.markdown_to_html_with_extensions(
        source, _OPTIONS | hard_breaks, _EXTENSIONS
    )
    # Parsed as a document: in a fragment, html5lib loses text that a browser moves out of a table.
    document = html5lib.parse(f"<!DOCTYPE html><body>{rendered}", namespaceHTMLElements=False)
    [body] = document.iter("body")
    dropped: list[str] = []
    return Page(Element("body", {}, _clean(body, dropped)), tuple(dropped))


def render_html(markdown: str, *, is_comment: bool = False) -> str:
    """Return a Markdown text as the HTML that GitHub shows, with its alerts."""
    children = (
        _as_alert(child) if isinstance(child, Element) and child.name == "blockquote" else child
        for child in read_page(markdown, is_comment=is_comment).body.children
    )
    return "".join(map(_serialize, children))


def _clean(parent: ParsedElement, dropped: list[str]) -> tuple[Element | str, ...]:
    """Return the visible children of an element. An unknown child is replaced by its children."""
    children: list[Element | str] = [parent.text or ""]
    for parsed in parent:
        # The tag of a comment is a function.
        name = "#comment" if callable(parsed.tag) else parsed.tag
        if name in _ALLOWED_ELEMENTS:
            attributes = _clean_attributes(name, parsed, dropped)
            children.append(Element(name, attributes, _clean(parsed, dropped)))
        else:
            dropped.append(name)
            children += () if name in ("#comment", "script") else _clean(parsed, dropped)
        children.append(parsed.tail or "")
    return tuple(_join_texts(children))


def _clean_attributes(name: str, parsed: ParsedElement, dropped: list[str]) -> dict[str, str]:
    attributes = {}
    for key, value in parsed.items():
        scheme = re.match(r"\s*([^/#?]*?):", value)
        allowed = (
            name in _ADDRESSES[key] and (scheme is None or scheme[1].lower() in _SCHEMES)
            if key in _ADDRESSES
            else key in _ALLOWED_ATTRIBUTES
        )
        if allowed:
            attributes[key] = value
        else:
            dropped.append(f"{name} {key}")
    return attributes


def _join_texts(children: list[Element | str]) -> Iterator[Element | str]:
    text = ""
    for child in children:
        if isinstance(child, str):
            text += child
            continue
        if text:
            yield text
            text = ""
        yield child
    if text:
        yield text


def _plain_texts(element: Element) -> Iterator[str]:
    """Yield the texts of an element in which GitHub searches for references."""
    for child in element.children:
        if isinstance(child, str):
            yield child
        elif child.name not in _LITERAL:
            yield from _plain_texts(child)


def _as_alert(quote: Element) -> Element:
    """Convert a quotation that starts with ``[!NOTE]`` or similar to an alert."""
    blocks = [child for child in quote.children if isinstance(child, Element)]
    first = blocks[0].children[0] if blocks and blocks[0].children else ""
    match = _ALERT.match(first) if isinstance(first, str) else None
    if match is None or not isinstance(first, str):
        return quote
    kind = match[1].lower()
    title = Element("p", {"class": "markdown-alert-title"}, (kind.capitalize(),))
    opening = Element("p", {}, (first[match.end() :], *blocks[0].children[1:]))
    attributes = {"class": f"markdown-alert markdown-alert-{kind}"}
    return Element("div", attributes, (title, opening, *blocks[1:]))


def _serialize(node: Element | str) -> str:
    if isinstance(node, str):
        return html.escape(node, quote=False)
    attributes = "".join(f' {key}="{html.escape(text)}"' for key, text in node.attributes.items())
    if node.name in _VOID:
        return f"<{node.name}{attributes}>"
    return f"<{node.name}{attributes}>{''.join(map(_serialize, node.children))}</{node.name}>"
