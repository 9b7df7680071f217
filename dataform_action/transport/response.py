"""What an HTTP answer means: an object, or one of our errors, with the token hidden."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from dataform_action.errors import InvalidResponse, NoResponse, Refused, Throttled
from dataform_action.redaction import redacted_json

#: A JSON value as it comes off the wire. ``Any`` ends at the service modules' parsers.
Json = Any

_EXCERPT = 500
#: So much more is read that no secret is cut off where the excerpt ends.
_READ_FOR_EXCERPT = 256 * 1024
#: How much of an error's own words is kept.
_LONGEST_MESSAGE = 2000
#: Headers by which a service finds a request again.
_REQUEST_IDS = ("X-Request-Id", "X-Goog-Request-Id", "X-Cloud-Trace-Context")
_ID = r"[A-Za-z0-9._:/;=*-]{1,100}"


class Response(NamedTuple):
    """An HTTP answer with its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read_response(response: Response, what: str, hide: Callable[[str], str]) -> dict[str, Json]:
    """Return the JSON object of an answer; ``what`` names the request in errors.

    ``hide`` takes secrets out of all that is returned or raised: services echo requests.

    Raises:
        Throttled: HTTP 429.
        NoResponse: HTTP 408 or 5xx.
        InvalidResponse: HTTP 1xx to 3xx that is no JSON object, or a redirect.
        Refused: any other HTTP 4xx.
    """
    status = response.status
    value = _parse_redacted(response.body, hide)
    if status < 300:
        if isinstance(value, dict):
            return value
        excerpt = _excerpt(response.body, hide)
        raise InvalidResponse(f"{what}: HTTP {status}, but no JSON object: {excerpt}")
    if status < 400:
        raise InvalidResponse(f"{what}: HTTP {status}, a redirect, which is not followed")
    detail = describe_error(response.body, hide)
    text = f"{what}: HTTP {status}: {detail}"
    if status == 429:
        raise Throttled(text, retry_after=parse_retry_after(response.headers))
    if status == 408 or status >= 500:
        raise NoResponse(text, retry_after=parse_retry_after(response.headers), http_status=status)
    reason, metadata = parse_error_info(value)
    raise Refused(text, status=status, detail=detail, reason=reason, metadata=metadata)


def _parse_redacted(body: bytes, hide: Callable[[str], str]) -> Json:
    value = parse_json(body)
    # One look at the whole is much faster than one at each text, and mostly enough.
    text = body.decode("utf-8", "replace")
    if value is None or hide(text) == text:
        return value
    try:
        return redacted_json(value, hide)
    except RecursionError:
        # Nested deeper than anything real, and so not to be understood.
        return None


def report_request(
    observer: Callable[[str], object] | None,
    hide: Callable[[str], str],
    what: str,
    seconds: float,
    outcome: Response | Exception,
) -> None:
    """Tell an observer of a request and its answer or failure, in a line without secrets.

    The line has no query, no body, and of the headers only an id of the request.
    """
    if observer is None:
        return
    if isinstance(outcome, Response):
        parts = [f"HTTP {outcome.status} in {seconds:.2f} s", f"{len(outcome.body)} bytes"]
        ids = ((name, hide(outcome.headers.get(name, ""))) for name in _REQUEST_IDS)
        # Not cut: half a secret is found by nobody.
        parts += [f"{name}: {value}" for name, value in ids if re.fullmatch(_ID, value, re.ASCII)]
    else:
        parts = [f"{type(outcome).__name__} after {seconds:.2f} s"]
    # A request that has been made must not get lost with an observer that fails.
    with suppress(Exception):
        observer(hide(f"{what.partition('?')[0]}: {', '.join(parts)}"))


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


def parse_json(body: bytes) -> Json:
    """Return the JSON value that a body holds, or None if it holds none."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def parse_error_info(value: Json) -> tuple[str, dict[str, str]]:
    """Return reason and metadata of the google.rpc.ErrorInfo in an error; empty without one.

    See https://cloud.google.com/apis/design/errors#error_info.
    """
    error = value.get("error") if isinstance(value, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        match detail:
            case {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": str() as reason}:
                given = detail.get("metadata")
                pairs = given.items() if isinstance(given, dict) else ()
                return reason, {key: text for key, text in pairs if isinstance(text, str)}
    return "", {}


def describe_error(body: bytes, hide: Callable[[str], str]) -> str:
    """Return the words of an error body in one of the shapes in use, or else its start.

    Google's is ``{"error": {"message"}}``; gRPC gateways send ``{"error", "message"}``.
    ``hide`` takes secrets out, before the words are cut: half a secret is found by nobody.
    """
    value = parse_json(body)
    if not isinstance(value, dict):
        return _excerpt(body, hide)
    error = value.get("error")
    candidates = (error.get("message") if isinstance(error, dict) else error, value.get("message"))
    words = (words for words in candidates if isinstance(words, str) and words.strip())
    said = next(words, None)
    return hide(said)[:_LONGEST_MESSAGE] if said else _excerpt(body, hide)


def _excerpt(body: bytes, hide: Callable[[str], str]) -> str:
    text = " ".join(hide(body[:_READ_FOR_EXCERPT].decode("utf-8", "replace")).split())
    if not text:
        return "an empty body"
    if text[:1] == "<":
        return "an HTML page"
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
