"""Small functions for texts that people read: durations, sizes, shortened texts, names. No I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

_LONGEST_SHOWN = 60
_LONGEST_NAME = 250
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
#: A longer run of letters and digits may be a token. So may one that often alternates between them.
_LONGEST_WORD = 18
_SHORTEST_TOKEN = 8
_MOST_CHANGES = 2

#: Characters that end a line, move the cursor, color the log or change its direction.
_UNPRINTABLE = (
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def format_duration(seconds: float) -> str:
    """Return a duration such as ``45s``, ``2m 13s`` or ``6h``, rounded down to whole seconds."""
    if seconds == math.inf:
        return "an unlimited time"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n]
    return " ".join(parts) or "0s"


def format_bytes(count: int) -> str:
    """Return a number of bytes such as ``0 B``, ``10 MiB`` or ``1.21 TiB``."""
    value, units = float(count), list(_UNITS)
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    digits = f"{value:,.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits} {units[0]}"


def count_of(count: int, noun: str) -> str:
    """Return a number of things, such as ``1 action`` and ``2 actions``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def shown(value: str) -> str:
    """Return a value for a message: the whole value, or only its length.

    A value may be a secret in the wrong input, and the runner does not mask a part of a secret. So
    a value that is long or looks like a token is not shown.
    """
    return repr(value) if is_showable(value) else f"({len(value)} characters)"


def is_showable(value: str) -> bool:
    """Tell whether a value is short and does not look like a token."""
    return len(value) <= _LONGEST_SHOWN and not _is_opaque(value)


def _is_opaque(value: str) -> bool:
    """Tell whether a part of a value looks like a token."""
    words = re.findall("[0-9A-Za-z]+", value)
    return any(len(word) > _LONGEST_WORD or _changes_often(word) for word in words)


def _changes_often(word: str) -> bool:
    """Tell whether a word often alternates between letters and digits, as random ones do."""
    changes = len(re.findall("[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])", word))
    return len(word) >= _SHORTEST_TOKEN and changes > _MOST_CHANGES


def shown_name(value: str) -> str:
    """Return a name as a message repeats it: whole, unless it is very long or looks random.

    Names of actions and tags may be long words, which ``is_showable`` refuses. A commit is a name.
    """
    is_commit = re.fullmatch("[0-9a-f]{7,64}", value, re.ASCII)
    is_random = any(map(_changes_often, re.findall("[0-9A-Za-z]+", value)))
    hidden = len(value) > _LONGEST_NAME or (is_random and not is_commit)
    return f"({len(value)} characters)" if hidden else value


def printable(text: str) -> str:
    """Return a text as one line that does not move the cursor or change colors."""
    return text if text.isprintable() else re.sub(_UNPRINTABLE, " ", text)


def join_names(names: Sequence[str]) -> str:
    """Return names as they are listed in a sentence: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def cut(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters; a longer text is cut between words."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    space = head.rfind(" ")
    return (head[:space] if space > limit // 2 else head) + "…"
