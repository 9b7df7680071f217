"""Hides secrets in texts and data, before other code cuts, escapes or joins the texts."""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

from dataform_action.escapes import decoded, spans_before_decoding

_T = TypeVar("_T")
_Json = Any

# Patterns that not every start needs are strings: re compiles them at their first use.

#: The replacement of a secret.
HIDDEN = "***"
#: A shorter text is not a secret, and to replace it would make the text unreadable.
_SHORTEST_SECRET = 4
#: The Base64 form of a shorter secret is so short that other texts contain it by chance.
_SHORTEST_BASE64 = 8

#: The number of escapes inside each other that are decoded.
_LAYERS = 6


class Redactor:
    """Replace secrets in texts, in every form in which services and libraries repeat them.

    The forms are the secret itself, one line of Base64 of a text that contains the secret (also
    encoded once), and escapes of these: percent-encoding, and those of JSON and HTML, of any
    characters, inside each other in any order.
    """

    def __init__(self, *secrets: str) -> None:
        self._known: set[str] = set()
        #: A dict keeps the order. Threads share it, so each change is one atomic operation.
        self._forms: dict[str, None] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide a secret and each of its lines from now on. Ignore blank and very short texts."""
        if secret in self._known:
            return
        parts = dict.fromkeys((secret, secret.strip(), *map(str.strip, secret.splitlines())))
        texts = [part for part in parts if part.strip() and len(part) >= _SHORTEST_SECRET]
        self._forms.update(dict.fromkeys(form for text in texts for form in _forms_of(text)))
        self._known.add(secret)

    def __call__(self, text: str) -> str:
        """Return a text without the secrets."""
        return _without(text, sorted(_spans(text, tuple(self._forms), _LAYERS)))


def _spans(text: str, forms: tuple[str, ...], layers: int) -> list[tuple[int, int]]:
    """Return the start and end of each form in a text, also inside escapes."""
    spans = _find(text, forms)
    if layers and (plain := decoded(text)) != text:
        inner = _spans(plain, forms, layers - 1)
        spans += spans_before_decoding(text, inner) if inner else []
    return spans


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    if not spans:
        return text
    parts, end = [], 0
    for first, last in spans:
        # Spans may overlap.
        if first >= end:
            parts += [text[end:first], HIDDEN]
        end = max(end, last)
    return "".join((*parts, text[end:]))


def _find(text: str, forms: Iterable[str]) -> list[tuple[int, int]]:
    spans = []
    for form in forms:
        at = text.find(form)
        while at >= 0:
            spans.append((at, at + len(form)))
            at = text.find(form, at + len(form))
    return spans


def _forms_of(secret: str) -> Iterator[str]:
    for text in _texts_of(secret):
        yield text
    for text in _encoded(secret):
        yield from _base64_forms(text)
    for text in _base64_forms(secret):
        yield from _base64_forms(text)


def _texts_of(secret: str) -> Iterator[str]:
    """Return the texts to search for: a secret, and what is left of it after decoding."""
    unicode = secret.encode("utf-8", "replace").decode()
    for text in (secret, unicode, secret.replace(" ", "+"), secret.replace("\n", "\r\n")):
        yield text
        plain = text
        for _ in range(_LAYERS):
            plain = decoded(plain)
        # These may be part of an escape together with the text after them.
        plain = plain.rstrip("\\%&")
        if len(plain) >= _SHORTEST_SECRET:
            yield plain


def _encoded(secret: str) -> dict[str, None]:
    """Return a secret as services write it into a text that they encode in Base64."""
    json_text = json.dumps(secret)[1:-1]
    html = secret
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        html = html.replace(character, entity)
    # Go escapes the plus sign.
    go = html.replace('"', "&#34;").replace("'", "&#39;").replace("+", "&#43;")
    python = html.replace('"', "&quot;").replace("'", "&#x27;")
    quoted = quote(secret, safe="", errors="replace")
    paths = quote(secret, errors="replace")
    forms = (secret, quoted, paths, json_text, json_text.replace("/", "\\/"), go, python)
    return dict.fromkeys(forms)


def _base64_forms(secret: str) -> Iterator[str]:
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
        yield text
        yield text.replace("+", "-").replace("/", "_")


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
    # In a graph of thousands of actions, most strings occur many times.
    return _redacted(value, cache(redact))


def _redacted(value: _T, redact: Callable[[str], str]) -> _T:
    """Return the value itself if nothing in it is hidden."""
    new: Any = value
    if isinstance(value, str) and type(value) is str:
        clean_text = redact(value)
        # An equal text may be another object.
        new = value if clean_text == value else clean_text
    elif isinstance(value, tuple):
        items = [_redacted(item, redact) for item in value]
        if any(item is not old for item, old in zip(items, value, strict=True)):
            new = value._make(items) if hasattr(value, "_make") else tuple(items)
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for field in fields(value):
            old = getattr(value, field.name)
            clean = _redacted(old, redact)
            if clean is not old:
                changed[field.name] = clean
        new = replace(value, **changed) if changed else value
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
