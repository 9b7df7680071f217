"""Hides secrets in texts and data, before other code cuts, escapes or joins the texts."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

_T = TypeVar("_T")
_Json = Any

# Patterns that not every start needs are strings: re compiles them at their first use.

#: The replacement of a secret.
HIDDEN = "***"
#: A shorter text is not a secret, and to replace it would make the text unreadable.
_SHORTEST_SECRET = 4
#: The Base64 form of a shorter secret is so short that other texts contain it by chance.
_SHORTEST_BASE64 = 8

#: The HTML names of characters.
_ENTITIES = {
    **{"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos", "/": "sol", "+": "plus"},
    **{"=": "equals", "_": "lowbar", "-": "(?:hyphen|dash)", ".": "period", ":": "colon"},
    **{",": "comma", ";": "semi", "!": "excl", "?": "quest", "*": "ast", "%": "percnt"},
    **{"#": "num", "$": "dollar", "@": "commat", "\\": "bsol", "|": "(?:vert|verbar)"},
    **{"~": "tilde", "`": "grave", "^": "Hat", "(": "lpar", ")": "rpar", "[": "lsqb", "]": "rsqb"},
}
#: An escape inside another escape has twice as many backslashes.
_MOST_BACKSLASHES = 8
_BACKSLASHES = rf"\\{{1,{_MOST_BACKSLASHES}}}+"
_CONTROLS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
#: An escaped letter or digit, although letters and digits need no escape.
_NEEDLESS = (
    rf"(?i:(?:{_BACKSLASHES}(?:u00|x)|%|&#x0*)([3-7][0-9a-f]);?|&#0*([4-9][0-9]|1[0-2][0-9]);)"
)


class Redactor:
    """Replace secrets in texts, in every form in which services and libraries repeat them.

    The forms are the secret itself, percent-encoding, JSON and HTML escapes, and one line of Base64
    of a text that contains the secret. Letters and digits that are escaped twice are not found.
    """

    def __init__(self, *secrets: str) -> None:
        # The tuple is replaced and never changed, so threads need no lock.
        self._forms: tuple[_Form, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide a secret and each of its lines from now on. Ignore blank and very short texts."""
        known = {form.text for form in self._forms}
        parts = dict.fromkeys((secret, secret.strip(), *map(str.strip, secret.splitlines())))
        texts = [part for part in parts if part.strip() and len(part) >= _SHORTEST_SECRET]
        new = [form for text in texts if text not in known for form in _forms_of(text)]
        self._forms += tuple(new)

    def __call__(self, text: str) -> str:
        """Return a text without the secrets."""
        clean = self._replaced(text)
        if "%" in clean or "\\" in clean or "&#" in clean:
            plain = re.sub(_NEEDLESS, _letter_or_digit, clean)
            if plain != clean and (found := self._replaced(plain)) != plain:
                return found
        return clean

    def _replaced(self, text: str) -> str:
        spans = sorted(span for form in self._forms for span in form.spans(text))
        if not spans:
            return text
        parts, end = [], 0
        for first, last in spans:
            # Spans may overlap.
            if first >= end:
                parts += [text[end:first], HIDDEN]
            end = max(end, last)
        return "".join((*parts, text[end:]))


class _Form:
    """A text to hide, in all spellings that do not change its letters and digits."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _anchor(self) -> str:
        """The longest part that is the same in all spellings. To search for it first is fast."""
        return max(re.findall("[0-9A-Za-z]+", self.text), key=len, default="")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # A run of backslashes is one part, because each of them may be doubled several times.
        return re.compile("".join(map(_spellings, re.findall(r"\\+|[^\\]", self.text))))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each occurrence in another text."""
        if self._anchor in text:
            for match in self._pattern.finditer(text):
                yield match.span()


def _forms_of(secret: str) -> Iterator[_Form]:
    yield _Form(secret)
    data = secret.encode("utf-8", "replace")
    if len(data) < _SHORTEST_BASE64:
        return
    # Other text may precede the secret in the encoded text. Only its length modulo 3 matters. The
    # characters that depend on the surrounding text are left out.
    for before in range(3):
        encoded = b2a_base64(bytes(before) + data, newline=False).decode()
        first = (0, 2, 3)[before]
        last = (before + len(data)) * 8 // 6
        text = encoded[first:last]
        yield _Form(text)
        if "+" in text or "/" in text:
            yield _Form(text.replace("+", "-").replace("/", "_"))


def _spellings(text: str) -> str:
    """Return the pattern of all spellings of a character or of a run of backslashes."""
    character, count = text[0], len(text)
    if character.isascii() and character.isalnum():
        return character
    escaped = "(?:" + "|".join(_escapes(character)) + ")"
    if character == "\\":
        return rf"(?:\\{{{count},{count * _MOST_BACKSLASHES}}}|{escaped}{{{count}}}+)"
    return rf"(?:(?:{_BACKSLASHES})?{re.escape(character)}|{escaped})"


def _escapes(character: str) -> Iterator[str]:
    code = ord(character)
    data = character.encode("utf-8", "replace")
    units = character.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    yield "".join(f"%(?:25)*{_any_case(f'{byte:02x}')}" for byte in data)
    yield "".join(rf"{_BACKSLASHES}u{_any_case(unit)}" for unit in units)
    yield rf"&(?:amp;)*#(?:0*{code}|[xX]0*{_any_case(f'{code:x}')});"
    if code < 256:
        yield rf"{_BACKSLASHES}x{_any_case(f'{code:02x}')}"
    if character in _ENTITIES:
        yield f"&(?:amp;)*{_ENTITIES[character]};"
    if character in _CONTROLS:
        yield rf"{_BACKSLASHES}{_CONTROLS[character]}"
    if character == "\n":
        yield "\r\n"
    if character == " ":
        yield r"\+"


def _any_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _letter_or_digit(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16) if match[1] else int(match[2]))
    return character if character.isascii() and character.isalnum() else match[0]


def redacted_json(value: _Json, redact: Callable[[str], str]) -> _Json:
    """Return a JSON value in which all strings are redacted, including the names."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redacted_json(item, redact) for item in value]
    if isinstance(value, dict):
        return {redact(key): redacted_json(item, redact) for key, item in value.items()}
    return value


def redacted(value: _T, redact: Callable[[str], str]) -> _T:
    """Return immutable data in which all strings are redacted, including tuples and fields."""
    new: Any = value
    if isinstance(value, str) and type(value) is str:
        new = redact(value)
    elif isinstance(value, tuple):
        items = (redacted(item, redact) for item in value)
        new = value._make(items) if hasattr(value, "_make") else tuple(items)
    elif is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        clean = {name: redacted(item, redact) for name, item in old.items()}
        new = value if clean == old else replace(value, **clean)
    result: _T = new
    return result


_BASE64 = r"[0-9A-Za-z+/_=\s-]{40,}"
#: A name is always shorter.
_LONG_BASE64 = 200
#: How JSON and PEM start in Base64.
_BASE64_STARTS = ("ey", "ewog", "ew0K", "eyI", "LS0tLS1", "MII")


def looks_like_a_key(value: str) -> bool:
    """Tell whether a value looks like a key, although it should be a name, flag or duration."""
    if "-----BEGIN" in value or "private_key" in value.lower():
        return True
    return len(value) >= _LONG_BASE64 and re.fullmatch(_BASE64, value) is not None


def describe_secret(value: str) -> str:
    """Describe a value that should be a path or an address but is a secret, without repeating it.

    Return an empty string if the value may be right.
    """
    text = value.strip().strip("'\"` ")
    if text.startswith(("{", "[")) or '": "' in text:
        kind = "JSON"
    elif "-----BEGIN" in text or "PRIVATE KEY" in text:
        kind = "a key or a certificate"
    elif re.fullmatch(_BASE64, text) and (text.startswith(_BASE64_STARTS) or "/" not in text):
        kind = "Base64"
    elif "\n" in text:
        kind = "several lines"
    else:
        return ""
    return f"The variable contains {kind}."
