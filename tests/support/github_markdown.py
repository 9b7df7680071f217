"""What GitHub makes of Markdown: the elements, links, text and references of the page.

Markdown becomes HTML by GitHub's own parser (cmark-gfm); the HTML is read as a browser reads it,
cleaned by the allow-list that GitHub published with html-pipeline, and its text is searched for
what GitHub turns into links, pictures or formulas afterwards. Where GitHub asks whether a user, a
commit or an emoji exists, the answer here is always yes.
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
#: Attributes that hold addresses, and the elements that may have them.
_ADDRESSES = {"href": ("a",), "src": ("img",), "cite": ("blockquote", "del", "ins", "q")}
_SCHEMES = ("http", "https", "mailto")
_VOID = frozenset(("br", "hr", "img", "input", "source", "wbr"))
#: No text in these is searched for references.
_LITERAL = frozenset(("a", "code", "pre", "tt"))
#: Letters to Unicode, but nothing to be seen.
UNSEEN = frozenset("\u115f\u1160\u3164\uffa0")

# Ruby's \w and \W are ASCII; each pattern takes at least what GitHub's own takes.
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
    """An element of the page; a text among its children is never beside another text."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Element | str, ...] = ()

    def walk(self) -> Iterator[Element]:
        """Return the elements inside, in the document's order, without this one."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    @property
    def text(self) -> str:
        """Return what is read, with a line break wherever a block begins or ends."""
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        text = "".join(parts)
        return f"\n{text}\n" if self.name in _BLOCKS else text


@dataclass(frozen=True, slots=True)
class Page:
    """The page that GitHub shows; ``dropped`` are the elements that it refused to show."""

    body: Element
    dropped: tuple[str, ...]

    @property
    def elements(self) -> list[str]:
        """Return the names of all elements, in the document's order."""
        return [element.name for element in self.body.walk()]

    @property
    def addresses(self) -> list[str]:
        """Return where links lead and pictures come from."""
        return [
            value
            for element in self.body.walk()
            for name, value in element.attributes.items()
            if name in _ADDRESSES
        ]

    @property
    def text(self) -> str:
        """Return what is read."""
        return self.body.text

    @property
    def references(self) -> list[tuple[str, str]]:
        """Return what GitHub would turn into something else: its kind and its text."""
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
    """Return the letters and digits of a text, without those that nobody sees."""
    return "".join(sign for sign in text if sign.isalnum() and sign not in UNSEEN)


def read_page(markdown: str) -> Page:
    """Return the page that GitHub makes of a Markdown text."""
    # What cannot be written to a file as UTF-8 reaches GitHub as a question mark.
    source = markdown.encode("utf-8", "replace").decode()
    rendered = cmarkgfm.cmark.markdown_to_html_with_extensions(source, _OPTIONS, _EXTENSIONS)
    # As a whole document: html5lib loses text that a browser moves out of a table of a fragment.
    document = html5lib.parse(f"<!DOCTYPE html><body>{rendered}", namespaceHTMLElements=False)
    [body] = document.iter("body")
    dropped: list[str] = []
    return Page(Element("body", {}, _clean(body, dropped)), tuple(dropped))


def render_html(markdown: str) -> str:
    """Return a Markdown text as the HTML that GitHub shows, with its alerts."""
    children = (
        _as_alert(child) if isinstance(child, Element) and child.name == "blockquote" else child
        for child in read_page(markdown).body.children
    )
    return "".join(map(_serialize, children))


def _clean(parent: ParsedElement, dropped: list[str]) -> tuple[Element | str, ...]:
    """Return the children of a parsed element that GitHub shows; an unknown one leaves its own."""
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
    """Return the texts of an element in which GitHub looks for references."""
    for child in element.children:
        if isinstance(child, str):
            yield child
        elif child.name not in _LITERAL:
            yield from _plain_texts(child)


def _as_alert(quote: Element) -> Element:
    """Return a quotation that starts with ``[!NOTE]`` or the like as GitHub's alert."""
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
