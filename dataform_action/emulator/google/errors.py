"""Errors as Google's REST APIs send them: an HTTP status and the name of a gRPC code.

https://docs.cloud.google.com/apis/design/errors
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import HttpError, Response

_CREDENTIAL = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
HTTP_STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "UNAUTHENTICATED": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
    }
)
CODES: Mapping[int, str] = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        405: "UNIMPLEMENTED",
        409: "ABORTED",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        500: "INTERNAL",
        501: "UNIMPLEMENTED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)
#: The numbers of google.rpc.Code: operations use them instead of the names.
_NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        "INVALID_ARGUMENT": 3,
        "NOT_FOUND": 5,
        "PERMISSION_DENIED": 7,
        "FAILED_PRECONDITION": 9,
        "UNAUTHENTICATED": 16,
    }
)


@dataclass(slots=True, eq=False)
class ApiError(Exception):
    """A request that the API refuses: the name of a gRPC code, and the details of the response."""

    code: str
    message: str
    details: Sequence[Mapping[str, object]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the message."""
        return self.message


def render_status(error: ApiError) -> dict[str, object]:
    """Render the google.rpc.Status of an operation that failed."""
    details = {"details": list(error.details)} if error.details else {}
    return {"code": _NUMBERS[error.code], "message": error.message, **details}


def api_error_response(error: ApiError) -> Response:
    """Make the response to a refused request."""
    status = HTTP_STATUSES[error.code]
    return _response(status, error.code, error.message, error.details, error.headers)


def http_error_response(error: HttpError) -> Response:
    """Make the response for an HTTP error that a fault injects."""
    code = CODES.get(error.status, "UNKNOWN")
    return _response(error.status, code, error.message, (), error.headers)


def _response(
    status: int,
    code: str,
    message: str,
    details: Sequence[Mapping[str, object]],
    headers: Mapping[str, str],
) -> Response:
    error: dict[str, object] = {"code": status, "message": message, "status": code}
    if details:
        error["details"] = list(details)
    return Response(status, json.dumps({"error": error}).encode(), headers=headers)


def check_token(accept: Callable[[str | None], bool], request: Request, service: str) -> None:
    """Raise ApiError unless the bearer token of a request to a service is accepted."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token if scheme.lower() == "bearer" and token else None
    if accept(given):
        return
    if given is None:
        message = f"Request is missing required authentication credential. {_CREDENTIAL}"
        reason = "CREDENTIALS_MISSING"
    else:
        message = f"Request had invalid authentication credentials. {_CREDENTIAL}"
        reason = "ACCESS_TOKEN_EXPIRED"
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": service},
    }
    challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'}
    raise ApiError("UNAUTHENTICATED", message, [detail], challenge)


def bad_request(message: str, path: str = "") -> ApiError:
    """Make the error for a malformed request; ``path`` is the path of the invalid field."""
    violation = {"description": message} | ({"field": path} if path else {})
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    return ApiError("INVALID_ARGUMENT", message, [detail])
