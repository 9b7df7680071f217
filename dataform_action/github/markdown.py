"""Escape remote text for GitHub Flavored Markdown: no formatting, no links, no mentions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap
from urllib.parse import quote

from dataform_action.text import cut
from dataform_action.validation import is_link

#: Characters with a meaning in Markdown, HTML or GitHub's own filters. For emphasis and lists, the
#: neighbors matter; for addresses, what follows.
_SPECIAL = re.compile(
    r"[\[\]<>&|*`~\\#@$]|:(?! |\Z)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    r"|^[-+=]|(?<=[0-9])[.)](?= |\Z)|(?<=[wW])\."
)
#: Invisible characters: controls, formats that reorder or join text, and surrogates.
_BLANK = re.compile(
    "[\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
#: A word that GitHub would turn into a mention, a reference, a picture or a formula, or that looks
#: like code.
_CODE = re.compile(r"[@#$<>|*_~^`\[\]{}\\&=]|:.|www\.|gh-[0-9]|(?<![0-9a-z])[0-9a-f]{7}", re.I)
_WORD = re.compile(r"(\(?)(.*?)([.,:;!?)]*)", re.S)
#: Where GitHub could find an email address, even in code.
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
_DIFF_WIDTH = 300


def one_line(text: str, limit: int = _TEXT_LIMIT) -> str:
    """Return a text on one line, without invisible characters, cut at a word."""
    return cut(" ".join(_BLANK.sub(" ", text).split()), limit)


def escape(text: str) -> str:
    """Return a text as one line without special meaning in Markdown or HTML.

    GitHub's filters, which follow Markdown, still find mentions and addresses in it. ``prose`` and
    ``code`` prevent that.
    """
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line(text))


def code(text: str, limit: int = _CODE_LIMIT) -> str:
    """Return a text as code on one line; empty if nothing is visible.

    Backticks do not support a pipe in a table, nor a summary element, so this is an HTML element.
    The invisible ``<wbr>`` breaks up an email address, and lets the browser break long words.
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
    """Return a text as prose. Words that GitHub would interpret become code."""
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
    """Return the lines of a code block, cut at a word if it is too long.

    Long lines are wrapped, at words if possible, because GitHub's page would hide their ends.
    """
    lines = text.strip().splitlines()
    kept = [_wrapped(_visible(line)) for line in lines[:_BLOCK_LINES]]
    shown = cut("\n".join(kept), limit)
    if len(lines) > _BLOCK_LINES:
        shown += "\n…"
    return _fenced(shown.split("\n"), language)


def diff_block(lines: Sequence[str]) -> list[str]:
    """Return the lines of a unified diff as a code block. Long lines are cut, not wrapped.

    GitHub colors a line by its first character, so a wrapped line would look like context.
    """
    return _fenced([cut(_visible(line).rstrip(), _DIFF_WIDTH) for line in lines], "diff")


def _visible(line: str) -> str:
    return _BLANK.sub(" ", line.expandtabs(4))


def _fenced(lines: list[str], language: str) -> list[str]:
    """Return lines inside a fence that is longer than every run of backticks in them."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


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
    """Return Markdown as a link, if the address is safe."""
    if not markdown or not is_link(url):
        return markdown
    return f"[{markdown}](<{url.replace('&', '&amp;')}>)"


def file_url(file: str, files_url: str, line: int | None = None) -> str:
    """Return the address of a file of the repository; empty if it is not known."""
    # A path that leads out of the commit's folder is not a file of it.
    if not files_url or {"", ".", ".."}.intersection(file.split("/")):
        return ""
    path = quote(file, safe="/", errors="replace")
    return f"{files_url}/{path}" + (f"#L{line}" if line else "")


def file_link(file: str, files_url: str, line: int | None = None, column: int | None = None) -> str:
    """Return a file of the repository as code, with a link if the commit is known."""
    place = ":".join(str(part) for part in (one_line(file), line, column) if part)
    return link(code(place), file_url(file, files_url, line))


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


#: The size that is kept free for the list of what is omitted, in bytes.
_RESERVE = 1000


class Page:
    """Blocks of lines, the most important first; a block that does not fit is omitted."""

    def __init__(self, limit: int) -> None:
        self._room = limit - _RESERVE
        self._lines: list[str] = []
        self._omitted: list[str] = []

    def add(self, name: str, lines: list[str]) -> bool:
        """Add a block and a blank line; ``name`` is listed if the block is omitted."""
        block = [*lines, ""]
        fits = self._reserve(block)
        if fits:
            self._lines += block
        else:
            self._omitted.append(name)
        return fits

    def fold(
        self,
        title: str,
        name: str,
        head: tuple[str, str],
        rows: Iterable[str],
        *,
        most: int,
        total: int | None = None,
    ) -> None:
        """Add a folded table with the rows that fit, and the number of the other rows.

        ``title`` is HTML. ``head`` is the first two lines of the table. At most ``most`` rows are
        shown. ``total`` is the number of rows; without it, they are counted. Rows that are not
        shown need not be made if it is given.
        """
        before = ["<details>", f"<summary>{title}</summary>", "", *head]
        after = ["", "</details>", ""]
        longest_note = _omitted_rows(10**9, name)
        if not self._reserve([*before, "", longest_note, *after]):
            self._omitted.append(name)
            return
        self._lines += before
        shown = omitted = 0
        for row in rows:
            # After the first row that does not fit, all others are omitted: there are no gaps.
            if omitted or shown >= most or not self._reserve([row]):
                omitted += 1
                if total is not None:
                    break
            else:
                shown += 1
                self._lines.append(row)
        omitted = omitted if total is None else total - shown
        if omitted:
            self._lines += ["", _omitted_rows(omitted, name)]
        self._lines += after

    def render(self) -> str:
        """Return the text, with a last line that lists what was omitted."""
        lines = self._lines
        if self._omitted:
            names = ", ".join(dict.fromkeys(self._omitted))
            lines = [*lines, f"Omitted to stay within GitHub's size limit: {names}."]
        return "\n".join(lines).rstrip("\n") + "\n"

    def _reserve(self, lines: list[str]) -> bool:
        """Reserve the size of lines, if they fit."""
        size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
        if size > self._room:
            return False
        self._room -= size
        return True


def _omitted_rows(count: int, name: str) -> str:
    return f"{count:,} more {name} are not shown."
