"""What an HTTP answer means: an object, or one of our errors, with the token hidden."""

import json
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from dataform_action.errors import (
    DataformError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    Refused,
    Throttled,
    Unusable,
)
from dataform_action.redaction import redacted_json

#: A JSON value as it comes off the wire. ``Any`` ends at the service modules' parsers.
Json = Any

_EXCERPT = 500
#: So much more is read that no secret is cut off where the excerpt ends.
_READ_FOR_EXCERPT = 256 * 1024
#: How much of an error's own words is kept.
_LONGEST_MESSAGE = 2000
#: Codes of google.rpc that say: the same request may succeed a moment later.
_TRANSIENT_CODES = (
    *("ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED"),
    *("UNAVAILABLE", "UNKNOWN"),
)
#: The same as gRPC gateways number them. Not 2: they say UNKNOWN of whatever they do not know.
_NUMBERED_CODES = {
    **{1: "CANCELLED", 4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED", 10: "ABORTED"},
    **{13: "INTERNAL", 14: "UNAVAILABLE"},
}
_TRANSIENT_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "backendError"}
#: What a service says of a connection of its own, such as that to a Git server, that broke off.
_LOST_CONNECTION = (
    r"(?:closed|reset|lost|aborted|interrupted|dropped)[a-z ]* (?:the |by )?(?:connection|peer)"
    r"|connection (?:was |is |has been |got )?(?:unexpectedly )?"
    r"(?:closed|reset|lost|aborted|interrupted|dropped|timed out)"
    r"|hung up unexpectedly|remote (?:end |server |host )?(?:has )?disconnected"
    r"|unexpected disconnect|early eof|broken pipe|temporary failure"
    r"|(?:remote|server|host|git)[^.]{0,40} timed out|returned error: 5[0-9]{2}"
)


class Response(NamedTuple):
    """An HTTP answer with its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failure(NamedTuple):
    """What the meaning of a response with HTTP 4xx or 5xx depends on.

    ``code`` is the name of a google.rpc code, if the body has one, ``reasons`` are Google's older
    ones, and ``words`` are the message in lower case.
    """

    method: str
    status: int
    code: str = ""
    reasons: frozenset[str] = frozenset()
    words: str = ""


class Rule(NamedTuple):
    """Some failures, in words and as a test, and the error that they are."""

    failures: str
    kind: type[Throttled | Misconfigured | NoResponse | Refused]
    applies: Callable[[Failure], bool]
    is_of_reads: bool = False


#: What each failure means: the first rule that applies counts, and nobody else judges a status.
#: ``docs/faults.md`` shows it. https://cloud.google.com/apis/design/errors#handling_errors
RULES = (
    Rule("HTTP 429", Throttled, lambda failure: failure.status == 429),
    Rule("HTTP 5xx", NoResponse, lambda failure: failure.status >= 500),
    Rule(
        "HTTP 407, 408, 421, 425 or 499, of the service or a proxy in front of it",
        NoResponse,
        lambda failure: failure.status in (407, 408, 421, 425, 499),
    ),
    Rule(
        f"any other HTTP 4xx with one of these in the body: {', '.join(_TRANSIENT_CODES)}",
        NoResponse,
        lambda failure: failure.code in _TRANSIENT_CODES,
    ),
    Rule(
        f"HTTP 403 with the reason {', '.join(sorted(_TRANSIENT_REASONS))}",
        NoResponse,
        lambda failure: failure.status == 403 and bool(failure.reasons & _TRANSIENT_REASONS),
    ),
    Rule(
        "HTTP 409 that gives no code",
        NoResponse,
        lambda failure: failure.status == 409 and not failure.code,
    ),
    Rule(
        "any other HTTP 409 to a read",
        NoResponse,
        lambda failure: failure.status == 409,
        is_of_reads=True,
    ),
    Rule(
        "HTTP 400 whose message says that a remote connection was closed, reset or timed out",
        NoResponse,
        lambda failure: failure.status == 400 and bool(re.search(_LOST_CONNECTION, failure.words)),
    ),
    Rule("any other HTTP 4xx", Refused, lambda failure: True),  # noqa: ARG005
)


def kind_of_failure(response: Response, method: str) -> type[DataformError]:
    """Return which error a response with HTTP 4xx or 5xx is."""
    failure = _failure_of(response, method)
    reads = failure.method == "GET"
    return next(
        rule.kind for rule in RULES if rule.applies(failure) and (reads or not rule.is_of_reads)
    )


def _failure_of(response: Response, method: str) -> Failure:
    value = parse_json(response.body)
    value = value if isinstance(value, dict) else {}
    error = value.get("error")
    # Google's shape, and that of gRPC gateways, where the code is a number.
    inner = error if isinstance(error, dict) else value
    code, errors = inner.get("status"), inner.get("errors")
    if not isinstance(code, str):
        number = inner.get("code")
        code = _NUMBERED_CODES.get(number, "") if isinstance(number, int) else ""
    reasons = [
        item.get("reason")
        for item in (errors if isinstance(errors, list) else [])
        if isinstance(item, dict)
    ]
    return Failure(
        method=method,
        status=response.status,
        code=code,
        reasons=frozenset(reason for reason in reasons if isinstance(reason, str)),
        words=describe_error(response.body, str).lower(),
    )


def read_response(
    response: Response, method: str, what: str, hide: Callable[[str], str]
) -> dict[str, Json]:
    """Return the JSON object of an answer; ``what`` names the request in errors.

    ``hide`` takes secrets out of all that is returned or raised: services echo requests.

    Raises:
        InvalidResponse: HTTP 1xx to 3xx that is no JSON object, or a redirect.
        Throttled, Misconfigured, NoResponse, Refused: HTTP 4xx and 5xx, as ``RULES`` say.
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
    retry_after = parse_retry_after(response.headers)
    kind = kind_of_failure(response, method)
    if issubclass(kind, NoResponse):
        raise kind(text, retry_after=retry_after, http_status=status)
    if issubclass(kind, Unusable):
        raise kind(text, retry_after=retry_after)
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
