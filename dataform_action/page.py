"""A page of Markdown with room for so many bytes, which says what it left out."""

from __future__ import annotations

from collections.abc import Iterable

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
