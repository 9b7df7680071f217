"""Errors as BigQuery sends them: those of Google's APIs, with a reason in an older format.

https://cloud.google.com/bigquery/docs/error-messages
"""

import json
from collections.abc import Mapping
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
        502: "badGateway",
        503: "backendError",
    }
)


def api_error_response(error: ApiError) -> Response:
    """Make the response to a refused request."""
    return _response(HTTP_STATUSES[error.code], error.code, error.message, error)


def http_error_response(error: HttpError) -> Response:
    """Make the response for an HTTP error that a fault injects."""
    return _response(error.status, CODES.get(error.status, "UNKNOWN"), error.message, error)


def _response(status: int, code: str, message: str, error: ApiError | HttpError) -> Response:
    reason = _REASONS.get(status, "internalError")
    body: dict[str, object] = {
        "code": status,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": reason}],
        "status": code,
    }
    if isinstance(error, ApiError) and error.details:
        body["details"] = list(error.details)
    return Response(status, json.dumps({"error": body}).encode(), headers=error.headers)
