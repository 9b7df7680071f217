"""Finds secrets in the output of a step: whole or in part, and in every encoding.

A leak is any eight consecutive characters of a secret or of one of its encodings. Only the command
that tells the runner to mask a secret may contain it.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote

#: The number of consecutive characters of a secret that are a leak.
PART = 8
_MASK = re.compile(r"^::add-mask::.*$", re.MULTILINE)
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")


class Leaks:
    """The parts of all secrets in all their encodings, with the names of the secrets."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._kinds: dict[str, Mapping[str, str]] = {}
        for name, secret in secrets.items():
            assert len(secret) >= PART, f"{name} is too short to search for"
            self._kinds[name] = _kinds_of_parts(secret)

    def find(self, text: str) -> list[str]:
        """Return the secrets in a text, each with the text around it."""
        found: dict[str, str] = {}
        for reading in readings(_MASK.sub("", text)):
            held = {reading[place : place + PART] for place in range(len(reading) - PART + 1)}
            for name, kinds in self._kinds.items():
                for part in held & kinds.keys():
                    place = reading.index(part)
                    around = reading[max(0, place - 60) : place + 60]
                    found.setdefault(f"{name} ({kinds[part]})", around)
        return [f"{name}: …{around}…" for name, around in found.items()]


# A key has tens of thousands of parts, and many tests search for the same one.
@lru_cache(100)
def _kinds_of_parts(secret: str) -> Mapping[str, str]:
    """Return the first encoding of each part of a secret."""
    kinds: dict[str, str] = {}
    for kind, form in forms(secret):
        for part in parts(form):
            kinds.setdefault(part, kind)
    return kinds


def forms(secret: str) -> Iterator[tuple[str, str]]:
    """Yield a secret in every encoding, each with the name of the encoding."""
    yield "plain", secret
    for character in ("ascii", "unicode"):
        as_json = json.dumps(secret, ensure_ascii=character == "ascii")[1:-1]
        yield "JSON-escaped", as_json
        yield "JSON-escaped", as_json.replace("/", "\\/")
    encoded = quote(secret, safe="", errors="replace")
    yield "percent-encoded", encoded
    yield "percent-encoded", quote(secret, errors="replace")
    yield "percent-encoded in lower case", _lower(encoded)
    yield "HTML-escaped", html.escape(secret)
    for encode in (b64encode, urlsafe_b64encode):
        for shift in range(3):
            # The characters at both ends also depend on the text around the secret.
            data = b"\0" * shift + secret.encode("utf-8", "replace")
            whole = encode(data[: len(data) // 3 * 3]).decode()
            yield f"base64, shifted by {shift}", whole[4 if shift else 0 :]


def parts(form: str) -> Iterator[str]:
    """Yield all parts of an encoded secret that are long and specific enough to be a leak."""
    for place in range(len(form) - PART + 1):
        part = form[place : place + PART]
        # Repeated escapes, such as %0A%0A%0, or characters are not specific to the secret.
        if len(set(part)) > PART // 2 and sum(map(str.isalnum, part)) > PART // 2:
            yield part


def readings(text: str) -> set[str]:
    """Return a text and all its decoded forms: of the runner, JSON, HTML and Markdown."""
    found = {text}
    newest = {text}
    for _ in range(2):
        newest = {decode(read) for read in newest for decode in _DECODERS} - found
        found |= newest
    return found


def _lower(encoded: str) -> str:
    return re.sub("%..", lambda match: match[0].lower(), encoded)


def _without_marks(text: str) -> str:
    """Remove the characters that our own escaping inserts."""
    return _INVISIBLE.sub("", re.sub(r"\\(?=[^\w\s])", "", text))


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)


_DECODERS = (unquote, html.unescape, _without_marks, _unescaped)


def written(folder: Path, *texts: str) -> str:
    """Return everything that a step wrote: its streams, and the files in its folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return "\n".join([*texts, *(path.read_text("utf-8", "replace") for path in files)])
