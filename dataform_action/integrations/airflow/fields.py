"""Rendered template fields as a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataform_action import InputError, RunRequest


def make_request(fields: Mapping[str, Any]) -> RunRequest:
    """Return the request for rendered fields; templates render blanks and texts.

    Raises:
        InputError: a flag is neither true nor false, or this operator does not offer a field.
    """
    parsed: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("compile_only", "promote"):
            raise InputError([(name, "is not offered by this operator")])
        if name in ("tags", "actions"):
            names = value.replace("\n", ",").split(",") if isinstance(value, str) else value or ()
            parsed[name] = tuple(text.strip() for text in names if text.strip())
        elif name in ("vars", "compile_overrides"):
            parsed[name] = tuple((value or {}).items())
        elif name == "max_concurrent_actions":
            parsed[name] = _count(name, value)
        elif name == "retry_failed":
            parsed[name] = _count(name, value) or 0
        elif name == "full_refresh" or name.startswith("include_"):
            text = str(value).lower()
            if text not in ("true", "false", "none", ""):
                raise InputError([(name, f"is neither true nor false: {value!r}")])
            # None means the setting of the schedule.
            parsed[name] = None if text in ("none", "") else text == "true"
        else:
            parsed[name] = value or None
    return RunRequest(**parsed)


def _count(name: str, value: Any) -> int | None:
    text = str("" if value is None else value).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise InputError([(name, f"is not a number: {value!r}")])
    return int(text)
