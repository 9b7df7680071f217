"""Short labels for long names that stay distinct. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

_WORD_END = re.compile(r"[_. /-]")


def shared_place(names: Collection[str]) -> str:
    """Return the project and dataset that all names start with, or the project alone.

    Empty if they share none, or if there are fewer than two names.
    """
    places = [name.split(".")[:-1] for name in names]
    # Without this, a dataset could be taken for a project of the same name.
    are_alike = len({len(place) for place in places}) == 1
    if len(places) < 2 or not are_alike or any(name.endswith(".") for name in names):
        return ""
    return ".".join(places[0][: _count_shared(places)])


def without_place(name: str, place: str) -> str:
    """Return a name without a place that ``shared_place`` returned."""
    return name.removeprefix(f"{place}.") if place else name


def _count_shared(sequences: Sequence[Sequence[str]]) -> int:
    """Return how many items are the same at the start of all sequences."""
    for count, items in enumerate(zip(*sequences, strict=False)):
        if len(set(items)) > 1:
            return count
    return min(map(len, sequences))


def make_labels(names: Sequence[str], limit: int) -> list[str]:
    """Return a label for each name: at most ``limit`` characters, and all different.

    A name that is too long keeps its first word and its end. If that makes labels equal, they show
    the part in which the names differ. Labels that are still equal get a number.
    """
    cuts = _cut_apart(dict.fromkeys(names), limit)
    taken: set[str] = set()
    return [_number(cuts[name], taken, limit) for name in names]


def _cut_apart(names: Iterable[str], limit: int, difference: int | None = None) -> dict[str, str]:
    """Return the names with their labels; ``difference`` is the first place where they differ."""
    cuts = {name: _cut(name, limit, difference) for name in names}
    groups: dict[str, list[str]] = {}
    for name, label in cuts.items():
        groups.setdefault(label, []).append(name)
    for group in groups.values():
        # A cut that shows the difference but tells nothing apart would do no better again.
        if len(group) > 1 and (difference is None or len(group) < len(cuts)):
            cuts |= _cut_apart(group, limit, _count_shared(group))
    return cuts


def _cut(name: str, limit: int, difference: int | None) -> str:
    """Return at most ``limit`` characters of a name, cut between words if possible.

    The label has the end of the name. Before that, it has the first word of the name, or the word
    with the difference.
    """
    if len(name) <= limit:
        return name
    if difference is None:
        third = limit // 3
        return _with_end(name, 0, _word_end(name, 0, third) or third, limit)
    half = limit // 2
    start = max(0, difference - half // 2)
    end = start + half - 1
    if start:
        start = _word_end(name, start, difference) or start
    return _with_end(name, start, _word_end(name, difference, end) or end, limit)


def _with_end(name: str, start: int, end: int, limit: int) -> str:
    """Return a part of a name, with as much of the name's end as there is room for."""
    head = f"…{name[start:end]}" if start else name[:end]
    first = len(name) - (limit - len(head) - 1)
    rest = _word_end(name, first - 1, first + limit // 3) or first
    if rest > end:
        return f"{head}…{name[rest:]}"
    # The two parts meet, so there is room for more before them.
    first = len(name) + 1 - limit
    return f"…{name[_word_end(name, first - 1, start) or first :]}"


def _word_end(name: str, start: int, end: int) -> int:
    """Return where the first word ends that ends in a part of a name; 0 if none does."""
    found = _WORD_END.search(name, start, end)
    return 0 if found is None else found.end()


def _number(label: str, taken: set[str], limit: int) -> str:
    """Return a label that is not taken yet, and take it."""
    numbered, count = label, 1
    while numbered in taken:
        count += 1
        suffix = f" ({count})"
        room = limit - len(suffix)
        numbered = (label if len(label) <= room else f"{label[: room - 1]}…") + suffix
    taken.add(numbered)
    return numbered
