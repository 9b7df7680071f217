"""One HTTP exchange with a JSON API: whether it was made, and what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.client import HTTPMessage

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from dataform_action.errors import (
    DataformError,
    InputError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Unusable,
)
from dataform_action.transport.deadline import Late, in_time, read_body
from dataform_action.transport.exceptions import (
    EXCHANGE_ERRORS,
    hint_of,
    is_misconfiguration,
    is_unconnected,
    reason_of,
)
from dataform_action.transport.response import Answer, Json, read_answer, redact, tell_exchange
from dataform_action.validation import api_url_problem, is_token
from dataform_action.version import __version__

READ_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
#: Far above any real answer; it bounds what a hostile server can make us hold.
_BODY_LIMIT = 16 * 1024 * 1024


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


class _Adapter(HTTPAdapter):
    """An adapter that keeps no cookies: an API that sets some must not make requests grow."""

    def build_response(
        self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse
    ) -> requests.Response:
        message = getattr(getattr(resp, "_original_response", None), "msg", None)
        if isinstance(message, HTTPMessage):
            del message["Set-Cookie"], message["Set-Cookie2"]
        return super().build_response(req, resp)


class _Session(requests.Session):
    """A session that neither follows a redirect nor reads its body to know where it leads."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class Transport:
    """Send JSON requests with a bearer token over one kept-alive connection.

    A call is one attempt: there are no retries and no redirects here. ``token`` is
    asked for at every request, so that it may change during a long wait. ``on_exchange``
    is told of each request and its answer, in a line without secrets.

    Raises:
        InputError: ``base_url`` is no address that the token may be sent to.
    """

    def __init__(
        self,
        base_url: str,
        token: Callable[[], str],
        *,
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        problem = api_url_problem(base_url)
        if problem:
            raise InputError([("api_url", problem)])
        self._base_url = base_url
        self._token = token
        self._on_exchange = on_exchange
        self._session = _Session()
        self._session.headers["User-Agent"] = f"dataform-action/{__version__}"
        adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
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
        whole, from asking for the token on, ``read_seconds`` more, whatever the token
        function, the resolver, the proxy or a server that drips bytes may do. The token is
        replaced in all that is returned or raised.

        Raises:
            NotConnected: the request never left: no connection, or no token to be had.
            NoResponse: the answer was lost or late, after the request may have left.
            Throttled, NoResponse, InvalidResponse, Refused: as ``read_answer``.
            DataformError: what the token function raised.
        """
        what = f"{method} {self._base_url}{path}"
        connect_seconds = min(_CONNECT_SECONDS, read_seconds)
        timeout = (connect_seconds, read_seconds)
        attempt = _Attempt(what, self._token)
        asked = time.monotonic()
        try:
            answer = attempt.answer(
                lambda: self._exchange(method, path, body, attempt.begin(), timeout),
                connect_seconds + read_seconds,
            )
        except DataformError as error:
            self._tell(what, asked, error, attempt.token)
            raise
        self._tell(what, asked, answer, attempt.token)
        return read_answer(answer, what, attempt.token)

    def _tell(self, what: str, asked: float, outcome: Answer | Exception, token: str) -> None:
        seconds = time.monotonic() - asked
        tell_exchange(self._on_exchange, lambda text: redact(text, token), what, seconds, outcome)

    def authorize(self) -> None:
        """Ask for the token and send nothing.

        Raises:
            NotConnected: there is no token to be had.
            DataformError: what the token function raised.
        """
        _Attempt(self._base_url, self._token).authorize(READ_SECONDS)

    def _exchange(
        self, method: str, path: str, body: Json, token: str, timeout: tuple[float, float]
    ) -> Answer:
        with self._session.request(
            method,
            self._base_url + path,
            json=body,
            auth=_BearerAuth(token),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            content = read_body(response, _BODY_LIMIT)
            return Answer(response.status_code, response.headers, content)


class _Attempt:
    """One request: the token that it is sent with, and whether it may have been sent."""

    def __init__(self, what: str, source: Callable[[], str]) -> None:
        self._what = what
        self._source = source
        self.token = ""
        #: Taken once: by the worker to send the request, or by the caller to leave it unsent.
        self._decision = threading.Lock()

    def begin(self) -> str:
        """Return the token; after that, the request may be sent. For the worker.

        Raises:
            Late: the caller has left, so that nothing may be sent any more.
        """
        try:
            token = self._source()
        except DataformError:
            raise
        except Exception as error:
            raise NotConnected(f"{self._what}: no token to be had: {error}") from error
        if not is_token(token):
            raise NotConnected(f"{self._what}: what was given as a token is none")
        self.token = token
        if not self._decision.acquire(blocking=False):
            raise Late
        return token

    def authorize(self, seconds: float) -> None:
        """Have a worker ask for the token, and raise what came of it."""
        try:
            in_time(seconds, self.begin, name="dataform-token")
        except Late as error:
            text = f"{self._what}: no token to be had within {seconds:g} seconds"
            raise NotConnected(text) from error

    def answer(self, exchange: Callable[[], Answer], seconds: float) -> Answer:
        """Have a worker make the exchange, and return its answer or raise what came of it."""
        try:
            return in_time(seconds, exchange, name="dataform-request")
        except Late as error:
            if self._decision.acquire(blocking=False):
                text = f"{self._what}: no token to be had within {seconds:g} seconds"
                raise NotConnected(text) from error
            text = f"{self._what}: no whole answer within {seconds:g} seconds"
            raise NoResponse(text) from error
        except DataformError:
            raise
        except EXCHANGE_ERRORS as error:
            raise _failure(error, self._what, self.token) from error
        finally:
            # A signal ends the wait as well: nothing is sent behind the caller's back.
            self._decision.acquire(blocking=False)


def _failure(error: Exception, what: str, token: str) -> Unusable:
    """Say what a failed exchange means: above all, whether the request ever left.

    That it did not must be proved by the error itself.
    """
    text = redact(f"{what}: {reason_of(error)}", token)
    if is_misconfiguration(error):
        return Misconfigured(text)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return InvalidResponse(text)
    if is_unconnected(error):
        return NotConnected(text, hint=hint_of(error))
    return NoResponse(text)
