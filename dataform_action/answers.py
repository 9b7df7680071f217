"""What an HTTP answer means: an object, or one of our errors, with the token hidden."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from dataform_action.errors import InvalidResponse, NoResponse, Refused, Throttled

#: A JSON value as it comes off the wire. ``Any`` ends at the service modules' parsers.
Json = Any

_EXCERPT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read_answer(answer: Answer, what: str, token: str) -> dict[str, Json]:
    """Return the JSON object of an answer; ``what`` names the request in errors.

    Raises:
        Throttled: HTTP 429.
        NoResponse: HTTP 408 or 5xx.
        InvalidResponse: HTTP 1xx to 3xx that is no JSON object, or a redirect.
        Refused: any other HTTP 4xx.
    """
    status = answer.status
    value = _redacted(_parse(answer.body), token)
    if status < 300:
        if isinstance(value, dict):
            return value
        excerpt = redact(_excerpt(answer.body), token)
        raise InvalidResponse(f"{what}: HTTP {status}, but no JSON object: {excerpt}")
    if status < 400:
        raise InvalidResponse(f"{what}: HTTP {status}, a redirect, which is not followed")
    text = f"{what}: HTTP {status}: {_message(value) or redact(_excerpt(answer.body), token)}"
    if status == 429:
        raise Throttled(text, retry_after=parse_retry_after(answer.headers))
    if status == 408 or status >= 500:
        raise NoResponse(text, retry_after=parse_retry_after(answer.headers))
    raise Refused(text, status=status)


def redact(text: str, token: str) -> str:
    """Return a text without the token."""
    return text.replace(token, "***") if token else text


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        # A date is of the wall clock on both ends; only the difference is used.
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _parse(body: bytes) -> Json:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _message(value: Json) -> str:
    """Return the words of an error body in either of the shapes in use.

    Google's is ``{"error": {"message"}}``; gRPC gateways send ``{"error", "message"}``.
    """
    if not isinstance(value, dict):
        return ""
    error = value.get("error")
    candidates = (error.get("message") if isinstance(error, dict) else error, value.get("message"))
    return next((words for words in candidates if isinstance(words, str) and words.strip()), "")


def _excerpt(body: bytes) -> str:
    text = " ".join(body[: 4 * _EXCERPT].decode("utf-8", "replace").split())
    if not text:
        return "an empty body"
    if text[:1] == "<":
        return "an HTML page"
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def _redacted(value: Json, token: str) -> Json:
    """Replace the token in every string of an answer: services echo requests."""
    if isinstance(value, str):
        return redact(value, token)
    if isinstance(value, list):
        return [_redacted(item, token) for item in value]
    if isinstance(value, dict):
        return {redact(key, token): _redacted(item, token) for key, item in value.items()}
    return value
