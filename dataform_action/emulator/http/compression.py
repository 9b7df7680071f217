"""Compress responses when Google's APIs do: the client accepts gzip, and its User-Agent names it.

https://cloud.google.com/compute/docs/api/how-tos/performance
"""

import gzip
import re
from dataclasses import replace

from dataform_action.emulator.http.request import Headers
from dataform_action.emulator.http.response import Response

_GZIP = re.compile(r"gzip\s*(?:;\s*q=([0-9.]+))?", re.IGNORECASE)


def compress(response: Response, headers: Headers) -> Response:
    """Return the response to a request with these headers, compressed if Google's APIs would."""
    if not response.body or not _wants_gzip(headers):
        return response
    # Without a time, equal responses stay equal.
    body = gzip.compress(response.body, compresslevel=6, mtime=0)
    return replace(response, body=body, headers={**response.headers, "Content-Encoding": "gzip"})


def _wants_gzip(headers: Headers) -> bool:
    encodings = headers.get("Accept-Encoding", "").split(",")
    found = next(filter(None, (_GZIP.fullmatch(one.strip()) for one in encodings)), None)
    accepts = found is not None and (found[1] or "1").strip("0.") != ""
    return accepts and "gzip" in headers.get("User-Agent", "").lower()
