"""Small functions on texts for people: durations, cuts, one printable line. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

_LONGEST_SHOWN = 60
#: Letters and digits in a row: words of names are shorter, and do not change between the two often.
_LONGEST_WORD = 18
_SHORTEST_TOKEN = 8
_MOST_CHANGES = 2

#: Characters that end a line, move the cursor, colour the log or turn its direction.
_UNPRINTABLE = (
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def format_duration(seconds: float) -> str:
    """Return a duration for people: ``45s``, ``2m 13s``, ``6h``; parts of a second are cut."""
    if seconds == math.inf:
        return "an unlimited time"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n]
    return " ".join(parts) or "0s"


def shown(value: str) -> str:
    """Return a value as a message repeats it: whole or not at all.

    It may be a secret that was given to the wrong input, and the runner masks no part of one. So
    what is long, or looks as if a machine made it, is not repeated.
    """
    return repr(value) if is_showable(value) else f"({len(value)} characters)"


def is_showable(value: str) -> bool:
    """Tell whether a value is neither long nor looks like a token."""
    return len(value) <= _LONGEST_SHOWN and not _is_opaque(value)


def _is_opaque(value: str) -> bool:
    """Tell whether a part of a value looks like a token rather than like words."""
    for word in re.findall("[0-9A-Za-z]+", value):
        changes = len(re.findall("[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])", word))
        is_token = len(word) >= _SHORTEST_TOKEN and changes > _MOST_CHANGES
        if len(word) > _LONGEST_WORD or is_token:
            return True
    return False


def printable(text: str) -> str:
    """Return a text as one line that neither moves the cursor nor changes colours."""
    return text if text.isprintable() else re.sub(_UNPRINTABLE, " ", text)


def join_names(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def cut(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters, cut between words if it is longer."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    space = head.rfind(" ")
    return (head[:space] if space > limit // 2 else head) + "…"
