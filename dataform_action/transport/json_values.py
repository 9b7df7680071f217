"""Parses JSON of a server, within limits that keep it from filling the memory or the stack.

Its values may have any type, so each is checked when it is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_Json = Any

#: The deepest JSON of the services has about 10 levels. Each level needs space on the stack, and a
#: thread may have a small one.
_MOST_LEVELS = 100
#: The most brackets, braces and commas. A compiled graph of 20 MB has fewer, even if it consists of
#: short names. An empty object takes 2 bytes of the body and 64 bytes of memory.
_MOST_MARKS = 2_000_000
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))


class TooManyValues(ValueError):
    """The JSON has so many values that they may not fit into the memory."""


def parse_json(body: bytes) -> _Json:
    """Return the JSON value of a body. Return None if it is not JSON, or is nested too deeply.

    Raises:
        TooManyValues: the body has too many values.
    """
    try:
        text = body.decode("utf-8")
        return json.loads(text) if _is_flat(body) else None
    except TooManyValues:
        raise
    except (ValueError, RecursionError):
        return None


def _is_flat(body: bytes) -> bool:
    """Tell whether the JSON in a body is not nested too deeply."""
    if body.count(b"[") + body.count(b"{") <= _MOST_LEVELS and len(body) < _MOST_MARKS:
        return True
    structure = re.sub(_STRING, b"", body, flags=re.DOTALL).translate(None, _NOT_STRUCTURE)
    if len(structure) > _MOST_MARKS:
        raise TooManyValues
    depth = 0
    for byte in structure:
        if byte in b"[{":
            depth += 1
            if depth > _MOST_LEVELS:
                return False
        elif byte in b"]}":
            depth -= 1
    return True


def value_at(value: _Json, path: str) -> _Json:
    """Return the value at a path such as ``user.login``; None if there is none."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def object_in(value: Mapping[str, _Json], key: str) -> dict[str, _Json]:
    """Return an object in an object; empty if there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def objects_in(value: Mapping[str, _Json], key: str) -> list[dict[str, _Json]]:
    """Return the objects in a list of an object; empty if there is no list."""
    found = value.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def text_in(value: Mapping[str, _Json], key: str) -> str:
    """Return a text in an object; empty if there is none."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def texts_in(value: _Json) -> Iterator[str]:
    """Return all strings in JSON, including the names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from texts_in(item)
