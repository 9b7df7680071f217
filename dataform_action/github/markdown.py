"""GitHub-flavoured Markdown of remote text, which means nothing and pings nobody in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap
from urllib.parse import quote

from dataform_action.text import cut
from dataform_action.validation import is_link

#: What may mean something in Markdown, HTML or to GitHub's own filters, where it may: emphasis
#: and lists depend on what stands beside, addresses on what follows.
_SPECIAL = re.compile(
    r"[\[\]<>&|*`~\\#@$]|:(?! |\Z)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    r"|^[-+=]|(?<=[0-9])[.)](?= |\Z)|(?<=[wW])\."
)
#: What is not seen: controls, formats that turn or join text, and halves of characters.
_BLANK = re.compile(
    "[\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
#: A word that GitHub would make a mention, a reference, a picture or a formula of, or that is
#: some language's rather than prose.
_CODE = re.compile(r"[@#$<>|*_~^`\[\]{}\\&=]|:.|www\.|gh-[0-9]|(?<![0-9a-z])[0-9a-f]{7}", re.I)
_WORD = re.compile(r"(\(?)(.*?)([.,:;!?)]*)", re.S)
#: Where a mail address could be seen, even in code.
_AT = re.compile(r"&#64;(?=\w)")
#: A browser may break longer words of code, so that they fit into a heading or a table.
_LONGEST_WORD = 40
#: A part of such a word: up to a separator, such as a dot, or of 20 characters.
_SIGN = re.compile(r"&#[0-9]+;|.")
_PIECE = re.compile(
    rf"(?:{_SIGN.pattern}){{8,20}}?(?:[./:-]|&#(?:46|58|95);)|(?:{_SIGN.pattern}){{1,20}}"
)
_TEXT_LIMIT = 2000
_CODE_LIMIT = 300
_BLOCK_LINES = 40
_BLOCK_WIDTH = 105


def one_line(text: str, limit: int = _TEXT_LIMIT) -> str:
    """Return a text without what is not seen, on one line, cut at a word."""
    return cut(" ".join(_BLANK.sub(" ", text).split()), limit)


def escape(text: str) -> str:
    """Return a text as one line that means nothing to Markdown or HTML, wherever it stands.

    The entities keep it so; GitHub's filters, which come after Markdown, still see the text:
    ``prose`` and ``code`` keep those away.
    """
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line(text))


def code(text: str, limit: int = _CODE_LIMIT) -> str:
    """Return a text as code on one line; nothing if there is nothing to be seen.

    An element rather than backticks: those could not hold a pipe in a table, nor stand in a
    summary element. An empty element, which is not seen, breaks what would be a mail address, and
    lets the browser break long words.
    """
    line = " ".join(map(_breakable, escape(one_line(text, limit)).split(" ")))
    return f"<code>{_AT.sub('&#64;<wbr>', line)}</code>" if line else ""


def _breakable(word: str) -> str:
    """Return an escaped word with the places where a browser may break it, if it is long."""
    if len(word) <= _LONGEST_WORD or len(_SIGN.findall(word)) <= _LONGEST_WORD:
        return word
    # Beside the element, an underscore could be emphasis.
    return "<wbr>".join(_PIECE.findall(word.replace("_", "&#95;")))


def prose(text: str) -> str:
    """Return a text as it is, with the words in code that would not be taken as they are."""
    return " ".join(map(_word, one_line(text).split(" ")))


def _word(word: str) -> str:
    if _CODE.search(word) is None:
        return escape(word)
    match = _WORD.fullmatch(word)
    if match is None or not match[2]:
        return code(word)
    before, core, after = match.groups()
    return f"{escape(before)}{code(core, _TEXT_LIMIT)}{escape(after)}"


def code_block(text: str, limit: int = _TEXT_LIMIT, language: str = "text") -> list[str]:
    """Return the lines of a code block: many lines stay, cut at a word where it is too long.

    Long lines are wrapped, at words if possible, since GitHub's page would hide their ends.
    """
    lines = text.strip().splitlines()
    kept = [_wrapped(_BLANK.sub(" ", line.expandtabs(4))) for line in lines[:_BLOCK_LINES]]
    shown = cut("\n".join(kept), limit)
    if len(lines) > _BLOCK_LINES:
        shown += "\n…"
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *shown.split("\n"), fence]


def _wrapped(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())][: _BLOCK_WIDTH // 2]
    lines = wrap(
        line.rstrip(),
        _BLOCK_WIDTH,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def link(markdown: str, url: str) -> str:
    """Return Markdown as a link, if the address is one that is safe to show."""
    if not markdown or not is_link(url):
        return markdown
    return f"[{markdown}](<{url.replace('&', '&amp;')}>)"


def file_url(file: str, files_url: str, line: int | None = None) -> str:
    """Return the address of a file of the repository; empty where it is not known."""
    # What leaves the commit's own folder is no file of it.
    if not files_url or {"", ".", ".."}.intersection(file.split("/")):
        return ""
    path = quote(file, safe="/", errors="replace")
    return f"{files_url}/{path}" + (f"#L{line}" if line else "")


def file_link(file: str, files_url: str, line: int | None = None, column: int | None = None) -> str:
    """Return a file of the repository as code, linked to the commit where that is known."""
    place = ":".join(str(part) for part in (one_line(file), line, column) if part)
    return link(code(place), file_url(file, files_url, line))


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


#: Kept free for what says what is left out.
_RESERVE = 1000


class Page:
    """Blocks of lines, the most important first; one that does not fit is left out whole."""

    def __init__(self, limit: int) -> None:
        self._room = limit - _RESERVE
        self._lines: list[str] = []
        self._left_out: list[str] = []

    def add(self, name: str, lines: list[str]) -> bool:
        """Add a block and the blank line after it; ``name`` says what is missing without it."""
        block = [*lines, ""]
        fits = self._take(block)
        if fits:
            self._lines += block
        else:
            self._left_out.append(name)
        return fits

    def fold(
        self, title: str, name: str, head: tuple[str, str], rows: Iterable[str], *, most: int
    ) -> None:
        """Add a folded table with the rows that there is room for, and the number of the others.

        ``title`` is HTML, ``head`` the table's first two lines; rows beyond ``most`` only count.
        """
        before = ["<details>", f"<summary>{title}</summary>", "", *head]
        after = ["", "</details>", ""]
        most_words = _words(10**9, name)
        if not self._take([*before, "", most_words, *after]):
            self._left_out.append(name)
            return
        self._lines += before
        left = 0
        for count, row in enumerate(rows):
            # After the first that does not fit none does: a gap would not be seen.
            if left or count >= most or not self._take([row]):
                left += 1
            else:
                self._lines.append(row)
        if left:
            self._lines += ["", _words(left, name)]
        self._lines += after

    def render(self) -> str:
        """Return the text, with a last line of what was left out."""
        lines = self._lines
        if self._left_out:
            names = ", ".join(dict.fromkeys(self._left_out))
            lines = [*lines, f"Left out for want of room: {names}."]
        return "\n".join(lines).rstrip("\n") + "\n"

    def _take(self, lines: list[str]) -> bool:
        """Take the room for lines, if there is enough."""
        size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
        if size > self._room:
            return False
        self._room -= size
        return True


def _words(count: int, name: str) -> str:
    return f"And {count:,} more {name}, which are not shown here."
