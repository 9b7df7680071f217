"""Decodes the escapes of JSON, HTML and addresses in a text, to search in it. No I/O."""

from __future__ import annotations

import re
import sys
from functools import lru_cache

#: The HTML names of characters, and of those that look the same.
_ENTITIES = {
    **{"amp": "&", "AMP": "&", "lt": "<", "LT": "<", "gt": ">", "GT": ">", "quot": '"'},
    **{"QUOT": '"', "apos": "'", "sol": "/", "plus": "+", "equals": "=", "lowbar": "_"},
    **{"UnderBar": "_", "hyphen": "-", "dash": "-", "minus": "-", "period": ".", "colon": ":"},
    **{"comma": ",", "semi": ";", "excl": "!", "quest": "?", "ast": "*", "midast": "*"},
    **{"percnt": "%", "num": "#", "dollar": "$", "commat": "@", "bsol": "\\", "vert": "|"},
    **{"verbar": "|", "VerticalLine": "|", "tilde": "~", "grave": "`", "DiacriticalGrave": "`"},
    **{"Hat": "^", "lpar": "(", "rpar": ")", "lsqb": "[", "lbrack": "[", "rsqb": "]"},
    **{"rbrack": "]", "lcub": "{", "lbrace": "{", "rcub": "}", "rbrace": "}", "nbsp": " "},
    **{"NewLine": "\n", "Tab": "\t"},
}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE = (
    # A run of backslashes is one match, because a text may consist of them.
    r"\\(?:\\(?:\\\\)*"
    r"|u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}"
    r"|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-3][0-7]{2}"
    r"|[nrtbf]|[^0-9A-Za-z\n])"
    r"|%(?:[0-7][0-9A-Fa-f]|u[0-9A-Fa-f]{4})|(?:%[89A-Fa-f][0-9A-Fa-f])+"
    r"|&#(?:0*[0-9]{1,7}|[xX]0*[0-9A-Fa-f]{1,6});"
    # Without a semicolon, the digits of the text may follow.
    r"|&#(?:0*(?:1[01][0-9]|12[0-6]|[3-9][0-9])|[xX]0*[2-7][0-9A-Fa-f])"
    r"|&(?:" + "|".join(sorted(_ENTITIES, key=len, reverse=True)) + ");?"
)


def decoded(text: str) -> str:
    """Return a text in which each escape is replaced by its meaning, once."""
    if "%" in text or "\\" in text or "&" in text:
        return re.sub(_ESCAPE, lambda match: _meaning(match[0]), text)
    return text


def spans_before_decoding(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of a text that become the given parts of the decoded text."""
    points = sorted({point for first, last in spans for point in (first, last - 1)}, reverse=True)
    places: dict[int, tuple[int, int]] = {}
    removed = 0
    for match in re.finditer(_ESCAPE, text):
        if not points:
            break
        start = match.start() - removed
        size = len(_meaning(match[0]))
        while points and points[-1] < start + size:
            point = points.pop()
            at = point + removed
            places[point] = (at, at + 1) if point < start else match.span()
        removed += len(match[0]) - size
    places.update((point, (point + removed, point + removed + 1)) for point in points)
    return [(places[first][0], places[last - 1][1]) for first, last in spans]


@lru_cache(maxsize=4096)
def _meaning(escape: str) -> str:
    """Return what an escape means: at least one character."""
    if escape.startswith("&#"):
        number = escape[2:].rstrip(";")
        return _character(int(number[1:], 16) if number[0] in "xX" else int(number))
    if escape.startswith("&"):
        return _ENTITIES[escape[1:].rstrip(";")]
    if escape.startswith("%u"):
        return _character(int(escape[2:], 16))
    if escape.startswith("%"):
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "replace")
    return _meaning_after_backslash(escape[1:])


def _meaning_after_backslash(code: str) -> str:
    if code[0] in "uUx":
        units = [int(unit.strip("{}"), 16) for unit in code[1:].split("\\u")]
        high, low = units[0], units[-1]
        is_pair = len(units) == 2
        return _character(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00 if is_pair else high)
    if code[0] in "0123":
        return chr(int(code, 8))
    if code[0] == "\\":
        return code[len(code) // 2 :]
    return _CONTROLS.get(code, code)


def _character(code: int) -> str:
    return chr(code) if code <= sys.maxunicode else "\ufffd"
