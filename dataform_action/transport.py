"""One HTTP exchange with a JSON API: the only module that knows the network library."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from dataform_action.errors import (
    NoAnswer,
    NotConnected,
    NotTrusted,
    OddAnswer,
    Refused,
    Throttled,
    Unusable,
)
from dataform_action.version import __version__

#: A JSON value as it comes off the wire. ``Any`` ends at the service modules' parsers.
Json = Any

_CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
#: Far above any real answer; it bounds what a hostile server can make us hold.
_BODY_LIMIT = 32 * 1024 * 1024
_CHUNK = 64 * 1024
_EXCERPT = 500
#: OpenSSL's words for failures that happen only before the first byte of a request.
_HANDSHAKE_REASONS = frozenset(
    {
        "CERTIFICATE_VERIFY_FAILED",
        "NO_CERTIFICATE_OR_CRL_FOUND",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _BearerAuth(AuthBase):
    """Set the bearer token.

    As ``auth=`` rather than a header, since requests lets a ``.netrc`` entry for the
    host replace a header that was set by hand.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """Send JSON requests with a bearer token over one kept-alive connection.

    A call is one attempt: there are no retries and no redirects here. ``token`` is
    asked for at every request, so that it may change during a long wait.
    """

    def __init__(self, base_url: str, token: Callable[[], str]) -> None:
        self._base_url = base_url
        self._token = token
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"dataform-action/{__version__}"
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        read_seconds: float = READ_SECONDS,
    ) -> dict[str, Json]:
        """Make one request and return the JSON object that answers it.

        A connection may take 10 seconds (or ``read_seconds`` if that is less), and the
        whole exchange ``read_seconds`` more, whatever the resolver, the proxy or a server
        that drips bytes may do. The token is replaced in all that is returned or raised.

        Raises:
            NotConnected: the request never left.
            Throttled: HTTP 429.
            NoAnswer: the answer was lost, late, or HTTP 408 or 5xx.
            OddAnswer: the answer is no JSON object, or a redirect.
            Refused: any other HTTP 4xx.
        """
        token = self._token()
        connect_seconds = min(_CONNECT_SECONDS, read_seconds)
        what = f"{method} {self._base_url}{path}"

        def exchange() -> _Answer:
            return self._exchange(method, path, body, token, (connect_seconds, read_seconds))

        try:
            answer = _in_time(connect_seconds + read_seconds, exchange)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise _failure(e, what, token) from e
        return _read(answer, what, token)

    def _exchange(
        self, method: str, path: str, body: Json, token: str, timeout: tuple[float, float]
    ) -> _Answer:
        with self._session.request(
            method,
            self._base_url + path,
            json=body,
            auth=_BearerAuth(token),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            content = bytearray()
            for chunk in response.iter_content(_CHUNK):
                content += chunk
                if len(content) > _BODY_LIMIT:
                    raise requests.exceptions.ContentDecodingError(
                        f"the answer is longer than {_BODY_LIMIT} bytes"
                    )
            return _Answer(response.status_code, response.headers, bytes(content))


def _in_time(seconds: float, action: Callable[[], _Answer]) -> _Answer:
    """Run an exchange on a thread of its own and wait for it no longer than ``seconds``.

    Socket timeouts bound one read, not a whole answer, and no timeout bounds a name
    look-up; a wait for a thread is bounded, and a signal handler may cut it short.
    """
    box: list[_Answer | BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            box.append(action())
        except BaseException as error:  # Carried over to the caller's thread.
            box.append(error)
        done.set()

    threading.Thread(target=work, name="dataform-request", daemon=True).start()
    if not done.wait(seconds):
        raise requests.exceptions.ReadTimeout(f"no whole answer within {seconds:g} seconds")
    outcome = box[0]
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _failure(error: Exception, what: str, token: str) -> Unusable:
    """Say what a failed exchange means: above all, whether the request ever left."""
    causes = _causes(error)
    text = _redact(f"{what}: {_reason(causes)}", token)
    if any(_is_setup(cause) for cause in causes):
        return NotTrusted(text)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return OddAnswer(text)
    if any(
        isinstance(
            cause,
            requests.exceptions.ConnectTimeout
            | urllib3.exceptions.NewConnectionError
            | urllib3.exceptions.ProxyError,
        )
        for cause in causes
    ):
        return NotConnected(text)
    # Whatever else it is, it may have happened after the request had left.
    return NoAnswer(text)


def _is_setup(cause: BaseException) -> bool:
    """Tell whether a cause lies in this machine's set-up, before anything was sent."""
    if isinstance(cause, ssl.SSLError):
        return cause.reason in _HANDSHAKE_REASONS
    if isinstance(cause, requests.RequestException):
        # An address, a proxy's address or a header that cannot be used at all.
        return isinstance(cause, ValueError)
    # A bundle of certificates that is not there: requests raises a bare OSError.
    return isinstance(cause, OSError) and str(cause).startswith("Could not find")


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return an exception with what it was made from; requests and urllib3 nest them."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        error = inner if isinstance(inner, BaseException) else error.__cause__
    return found


def _reason(causes: list[BaseException]) -> str:
    """Return the innermost words: the outer ones repeat the address and object names."""
    innermost = causes[-1]
    words = str(innermost).rsplit(">: ", 1)[-1].strip()
    return words or type(innermost).__name__


def _read(answer: _Answer, what: str, token: str) -> dict[str, Json]:
    status = answer.status
    value = _redacted(_parse(answer.body), token)
    if status < 300:
        if isinstance(value, dict):
            return value
        excerpt = _redact(_excerpt(answer.body), token)
        raise OddAnswer(f"{what}: HTTP {status}, but no JSON object: {excerpt}")
    said = _message(value) or _redact(_excerpt(answer.body), token)
    text = f"{what}: HTTP {status}: {said}"
    if status < 400:
        raise OddAnswer(f"{what}: HTTP {status}, a redirect, which is not followed")
    if status == 429:
        raise Throttled(text, retry_after=_retry_after(answer.headers))
    if status == 408 or status >= 500:
        raise NoAnswer(text, retry_after=_retry_after(answer.headers))
    raise Refused(text, status=status)


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


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        # A date is of the wall clock on both ends; only the difference is used.
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _redact(text: str, token: str) -> str:
    return text.replace(token, "***") if token else text


def _redacted(value: Json, token: str) -> Json:
    """Replace the token in every string of an answer: services echo requests."""
    if isinstance(value, str):
        return _redact(value, token)
    if isinstance(value, list):
        return [_redacted(item, token) for item in value]
    if isinstance(value, dict):
        return {_redact(key, token): _redacted(item, token) for key, item in value.items()}
    return value
