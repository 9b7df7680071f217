"""What an HTTP response means: a JSON value or an error of this package, with secrets hidden."""

import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import NoneType
from typing import Any, NamedTuple

from dataform_action.errors import (
    DataformError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    Refused,
    Throttled,
    TooLarge,
    Unusable,
)
from dataform_action.redaction import redacted_json
from dataform_action.transport.error_body import describe_error, excerpt
from dataform_action.transport.json_values import TooManyValues, parse_json, texts_in

#: A JSON value from a response. The parsers of the services convert it to typed data.
Json = Any

#: The remedy for a response that needs too much memory.
MEMORY_HINT = "Give the step more memory, and check that the address is that of the service."
#: Codes of google.rpc after which the same request may succeed later.
_TRANSIENT_CODES = (
    *("ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED"),
    *("UNAVAILABLE", "UNKNOWN"),
)
#: Their numbers, for gRPC gateways. Not 2: gateways use UNKNOWN for every error they do not know.
_NUMBERED_CODES = {
    **{1: "CANCELLED", 4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED", 10: "ABORTED"},
    **{13: "INTERNAL", 14: "UNAVAILABLE"},
}
#: The values that a response may have, and their names in messages.
_EXPECTED: Mapping[type, str] = {dict: "JSON object", list: "JSON list", NoneType: "empty body"}
_TRANSIENT_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "backendError"}
#: BigQuery's reason for an error in a query, whose text is then part of the message.
_INVALID_QUERY = "invalidQuery"
#: Messages of a service about a lost connection of its own, such as that to a Git server.
_LOST_CONNECTION = (
    r"(?:closed|reset|lost|aborted|interrupted|dropped)[a-z ]* (?:the |by )?(?:connection|peer)"
    r"|connection (?:was |is |has been |got )?(?:unexpectedly )?"
    r"(?:closed|reset|lost|aborted|interrupted|dropped|timed out)"
    r"|hung up unexpectedly|remote (?:end |server |host )?(?:has )?disconnected"
    r"|unexpected disconnect|early eof|broken pipe|temporary failure"
    r"|(?:remote|server|host|git)[^.]{0,40} timed out|returned error: 5[0-9]{2}"
)


class Response(NamedTuple):
    """An HTTP response with its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failure(NamedTuple):
    """The properties of an HTTP 4xx or 5xx response that decide which error it is.

    ``code`` is the name of the google.rpc code in the body, or empty. ``reasons`` are the reasons
    in the older format of Google's errors. ``text`` is the message in lower case.
    """

    method: str
    status: int
    code: str = ""
    reasons: frozenset[str] = frozenset()
    text: str = ""


class Rule(NamedTuple):
    """A group of failures, as a description and as a test, and the class of their error."""

    failures: str
    kind: type[Throttled | Misconfigured | NoResponse | Refused]
    applies: Callable[[Failure], bool]
    #: Whether the rule applies only to GET.
    is_of_reads: bool = False


#: The first rule that applies decides. No other code interprets the status of an error.
#: ``docs/faults.md`` shows this table. https://cloud.google.com/apis/design/errors#handling_errors
RULES = (
    Rule("HTTP 429", Throttled, lambda failure: failure.status == 429),
    Rule("HTTP 5xx", NoResponse, lambda failure: failure.status >= 500),
    Rule(
        "HTTP 407, 408, 421, 425 or 499, from the service or a proxy in front of it",
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
        "HTTP 409 without a code",
        NoResponse,
        lambda failure: failure.status == 409 and not failure.code,
    ),
    Rule(
        "any other HTTP 409 for a read",
        NoResponse,
        lambda failure: failure.status == 409,
        is_of_reads=True,
    ),
    Rule(
        "HTTP 400 whose message says that a remote connection was closed, reset or timed out, "
        f"unless the reason is {_INVALID_QUERY}",
        NoResponse,
        lambda failure: (
            failure.status == 400
            and _INVALID_QUERY not in failure.reasons
            and bool(re.search(_LOST_CONNECTION, failure.text))
        ),
    ),
    Rule("any other HTTP 4xx", Refused, lambda failure: True),  # noqa: ARG005
)


def kind_of_failure(response: Response, method: str) -> type[DataformError]:
    """Return the class of the error for an HTTP 4xx or 5xx response."""
    failure = _failure_of(response, method)
    reads = failure.method == "GET"
    return next(
        rule.kind for rule in RULES if rule.applies(failure) and (reads or not rule.is_of_reads)
    )


def _failure_of(response: Response, method: str) -> Failure:
    value = parse_json(response.body)
    value = value if isinstance(value, dict) else {}
    error = value.get("error")
    # Google's APIs nest the error. gRPC gateways do not, and their code is a number.
    inner = error if isinstance(error, dict) else value
    code = inner.get("status")
    if not isinstance(code, str):
        number = inner.get("code")
        code = _NUMBERED_CODES.get(number, "") if isinstance(number, int) else ""
    return Failure(
        method=method,
        status=response.status,
        code=code,
        reasons=frozenset(_older_reasons(inner)),
        text=describe_error(response.body, str).lower(),
    )


def _older_reasons(error: Mapping[str, Json]) -> list[str]:
    """Return the reasons in the older format of Google's errors."""
    errors = error.get("errors")
    listed = errors if isinstance(errors, list) else []
    reasons = [item.get("reason") for item in listed if isinstance(item, dict)]
    return [reason for reason in reasons if isinstance(reason, str)]


def read_response(
    response: Response,
    method: str,
    what: str,
    hide: Callable[[str], str],
    expected: type = dict,
) -> Json:
    """Return the JSON value of a response; ``what`` names the request in errors.

    ``hide`` removes secrets from everything returned or raised: services repeat requests.
    ``expected`` is the type of the value: dict, list, or NoneType for an empty body.

    Raises:
        InvalidResponse: HTTP 1xx or 2xx without a value of this type, or a redirect.
        TooLarge: the response does not fit into the memory.
        Throttled, Misconfigured, NoResponse, Refused: HTTP 4xx and 5xx, according to ``RULES``.
    """
    try:
        return _read_response(response, method, what, hide, expected)
    except TooManyValues:
        text = f"{what}: HTTP {response.status}: the response has too many values"
    except MemoryError:
        text = f"{what}: HTTP {response.status}: the response does not fit into the memory"
    # Outside of the except blocks: an error in progress keeps the memory in use.
    raise TooLarge(text, hint=MEMORY_HINT)


def _read_response(
    response: Response, method: str, what: str, hide: Callable[[str], str], expected: type
) -> Json:
    status = response.status
    value = _parse_redacted(response.body, hide)
    if status < 300:
        if isinstance(value, expected) and (value is not None or not response.body):
            return value
        start = excerpt(response.body, hide)
        raise InvalidResponse(f"{what}: HTTP {status}, but no {_EXPECTED[expected]}: {start}")
    if status < 400:
        raise InvalidResponse(f"{what}: HTTP {status}: redirects are not followed")
    detail = describe_error(response.body, hide)
    text = f"{what}: HTTP {status}: {detail}"
    retry_after = parse_retry_after(response.headers)
    kind = kind_of_failure(response, method)
    if issubclass(kind, NoResponse):
        raise kind(text, retry_after=retry_after, http_status=status)
    if issubclass(kind, Unusable):
        raise kind(text, retry_after=retry_after)
    reason, metadata = parse_error_info(value)
    raise Refused(
        text,
        status=status,
        detail=detail,
        reason=reason,
        metadata=metadata,
        retry_after=retry_after,
    )


def _parse_redacted(body: bytes, hide: Callable[[str], str]) -> Json:
    value = parse_json(body)
    # Search all texts at once: it is much faster than each text, and rarely finds a secret.
    text = "\n".join(texts_in(value))
    return value if hide(text) == text else redacted_json(value, hide)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait according to ``Retry-After`` (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        # A date is wall-clock time, so it is compared with time.time().
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def parse_error_info(value: Json) -> tuple[str, dict[str, str]]:
    """Return the reason and metadata of the google.rpc.ErrorInfo in an error, or empty values.

    Without one, the reason is the first one in the older format.
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
    older = _older_reasons(error) if isinstance(error, dict) else []
    return next(iter(older), ""), {}
