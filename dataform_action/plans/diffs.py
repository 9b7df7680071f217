"""Unified diffs of what differs in an action, within limits. Pure.

A hunk names its part: ``@@ -1,3 +1,4 @@ SQL``. A line that starts with a backslash says that
something is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import takewhile

from dataform_action.plans.aspects import Part
from dataform_action.text import cut

_CONTEXT = 3
#: The limits of one diff, and of all diffs of a plan, in characters.
_LONGEST_LINE = 1_000
_LONGEST_DIFF = 40_000
#: If two lines are equal at the start for longer, only the last characters of it are shown.
_LONGEST_START = 120
_BEFORE = 40
_LONGEST_TOTAL = 2_000_000
#: The limits of the search for equal lines, whose time may grow with the product of the numbers of
#: lines: for one part, and for all diffs of a plan.
_MOST_PAIRS = 1_000_000
_MOST_PAIRS_IN_TOTAL = 20_000_000

_BETWEEN_STATEMENTS = "---"
_OMITTED = "\\ This diff is omitted, because the diffs of the plan are too long."

Opcode = tuple[str, int, int, int, int]


class Differ:
    """Makes the diffs of one plan, which together stay within limits."""

    def __init__(self) -> None:
        self._characters = _LONGEST_TOTAL
        self._pairs = _MOST_PAIRS_IN_TOTAL

    def diff(self, pairs: Iterable[tuple[Part, Part]]) -> str:
        """Return the diff of the parts of an action that differ, those of the base first."""
        lines: list[str] = []
        seen: list[list[str]] = []
        for old, new in pairs:
            found = list(self._hunks(_lines(old), _lines(new), new.aspect))
            edits = [line for line in found if not line.startswith((" ", "@"))]
            # The incremental SQL of a table usually differs in the same lines as its SQL.
            if edits not in seen:
                lines += found
                seen.append(edits)
        return self._within_limits(lines)

    def _within_limits(self, lines: list[str]) -> str:
        limit = min(_LONGEST_DIFF, self._characters)
        if lines and limit < _LONGEST_LINE:
            return _OMITTED
        kept: list[str] = []
        for line in lines:
            limit -= len(line) + 1
            if limit < 0:
                break
            kept.append(line)
        more = len(lines) - len(kept)
        if more:
            kept.append(f"\\ {more:,} more {'line is' if more == 1 else 'lines are'} not shown.")
        self._characters -= sum(len(line) + 1 for line in kept)
        return "\n".join(kept)

    def _hunks(self, old: list[str], new: list[str], aspect: str) -> Iterator[str]:
        for group in _grouped(self._opcodes(old, new)):
            (_, first, _, new_first, _), (_, _, last, _, new_last) = group[0], group[-1]
            yield f"@@ -{_range(first, last)} +{_range(new_first, new_last)} @@ {aspect}"
            for tag, i1, i2, j1, j2 in group:
                if tag == "equal":
                    yield from (f" {_shown(line)}" for line in old[i1:i2])
                else:
                    before, after = _without_equal_starts(old[i1:i2], new[j1:j2])
                    yield from (f"-{_shown(line)}" for line in before)
                    yield from (f"+{_shown(line)}" for line in after)

    def _opcodes(self, old: list[str], new: list[str]) -> list[Opcode]:
        """Return how to turn old lines into new ones, as ``SequenceMatcher.get_opcodes`` does."""
        start = _common(old, new)
        end = _common(old[start:][::-1], new[start:][::-1])
        a, b = old[start : len(old) - end], new[start : len(new) - end]
        pairs = len(a) * len(b)
        codes: list[Opcode] = [("equal", 0, start, 0, start)] if start else []
        if pairs > min(_MOST_PAIRS, self._pairs):
            codes.append(("replace", start, start + len(a), start, start + len(b)))
        else:
            self._pairs -= pairs
            codes += [
                (tag, i1 + start, i2 + start, j1 + start, j2 + start)
                for tag, i1, i2, j1, j2 in SequenceMatcher(None, a, b).get_opcodes()
            ]
        if end:
            codes.append(("equal", len(old) - end, len(old), len(new) - end, len(new)))
        return codes


class _Known(SequenceMatcher[str]):
    """A matcher whose result is known."""

    def __init__(self, codes: list[Opcode]) -> None:
        super().__init__()
        self._codes = codes

    def get_opcodes(self) -> list[Opcode]:  # type: ignore[override]
        return self._codes


def _grouped(codes: list[Opcode]) -> Iterator[list[Opcode]]:
    """Yield groups of changes with a few equal lines around, see ``get_grouped_opcodes``."""
    yield from _Known(codes).get_grouped_opcodes(_CONTEXT)


def _common(one: list[str], other: list[str]) -> int:
    """Return how many lines are equal at the start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _lines(part: Part) -> list[str]:
    lines: list[str] = []
    for text in part.texts:
        lines += [_BETWEEN_STATEMENTS] if lines and part.is_sql else []
        lines += text.strip("\r\n").replace("\r\n", "\n").split("\n")
    return lines


def _range(first: int, last: int) -> str:
    """Return a range of lines in the format of unified diffs."""
    count = last - first
    start = first + 1 if count else first
    return f"{start}" if count == 1 else f"{start},{count}"


def _without_equal_starts(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Return lines that replace each other, long ones from shortly before their difference.

    Otherwise the end of a long line, where the difference is, may be cut.
    """
    if len(old) != len(new):
        return old, new
    starts = [_difference(one, other) - _BEFORE for one, other in zip(old, new, strict=True)]

    def shown(lines: list[str]) -> list[str]:
        pairs = zip(lines, starts, strict=True)
        return [f"…{line[at:]}" if at > _LONGEST_START else line for line, at in pairs]

    return shown(old), shown(new)


def _difference(one: str, other: str) -> int:
    """Return how many characters are equal at the start."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _shown(line: str) -> str:
    return cut(line, _LONGEST_LINE)
