"""Errors as BigQuery sends them: those of Google's APIs, with a reason in an older format.

https://cloud.google.com/bigquery/docs/error-messages
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from dataform_action.emulator.google.errors import CODES, HTTP_STATUSES, ApiError
from dataform_action.emulator.http.response import HttpError, Response

_REASONS: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid",
        401: "authError",
        403: "accessDenied",
        404: "notFound",
        429: "rateLimitExceeded",
        500: "internalError",
        502: "backendError",
        503: "backendError",
    }
)
#: The HTTP status and the code of each reason that the emulator gives.
_STATUSES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "invalid": (400, "INVALID_ARGUMENT"),
        "invalidQuery": (400, "INVALID_ARGUMENT"),
        "resourceInUse": (400, "FAILED_PRECONDITION"),
        "accessDenied": (403, "PERMISSION_DENIED"),
        "notFound": (404, "NOT_FOUND"),
        "duplicate": (409, "ALREADY_EXISTS"),
        "backendError": (503, "UNAVAILABLE"),
    }
)
_QUERY = {"location": "q", "locationType": "parameter"}


@dataclass(slots=True, eq=False)
class BigQueryError(Exception):
    """A request that BigQuery refuses, with the reason that BigQuery gives."""

    message: str
    reason: str = "invalid"

    def __str__(self) -> str:
        """Return the message."""
        return self.message


def error_response(error: ApiError | BigQueryError | HttpError) -> Response:
    """Make the response to a refused request, or for an HTTP error that a fault injects."""
    headers: Mapping[str, str] = {}
    details: Sequence[Mapping[str, object]] = ()
    match error:
        case BigQueryError(reason=reason):
            status, code = _STATUSES[reason]
        case ApiError(code=code, details=details, headers=headers):
            status = HTTP_STATUSES[code]
            reason = _REASONS.get(status, "internalError")
        case HttpError(status=status, headers=headers):
            code = CODES.get(status, "UNKNOWN")
            reason = _REASONS.get(status, "internalError")
    entry = {"message": error.message, "domain": "global", "reason": reason}
    body: dict[str, object] = {
        "code": status,
        "message": error.message,
        "errors": [entry | (_QUERY if reason == "invalidQuery" else {})],
        "status": code,
        **({"details": list(details)} if details else {}),
    }
    return Response(status, json.dumps({"error": body}).encode(), headers=headers)
