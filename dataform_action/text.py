"""Small functions on texts for people: durations, cuts, one printable line. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

_LONGEST_SHOWN = 60

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

    It may be a secret that was given to the wrong input, and the runner masks no part of one.
    """
    return repr(value) if len(value) <= _LONGEST_SHOWN else f"({len(value)} characters)"


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
