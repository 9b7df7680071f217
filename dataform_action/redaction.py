"""Secrets hidden in data, before anything cuts, escapes or joins its texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

_T = TypeVar("_T")


def redacted(value: _T, redact: Callable[[str], str]) -> _T:
    """Return frozen data with every text in it redacted, in its tuples and fields as well."""
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
