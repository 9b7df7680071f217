"""One JSON request with a bearer token: whether it was sent, and what its response means."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import requests

from dataform_action.errors import (
    DataformError,
    InputError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    TooLarge,
    Unusable,
)
from dataform_action.redaction import Redactor
from dataform_action.transport.deadline import Late, in_time
from dataform_action.transport.exceptions import (
    EXCHANGE_ERRORS,
    hint_of,
    is_misconfiguration,
    is_unconnected,
    reason_of,
)
from dataform_action.transport.http import BodyTooLong, HttpSession
from dataform_action.transport.response import Json, Response, read_response, report_request
from dataform_action.validation import api_url_problem, is_token
from dataform_action.version import __version__

READ_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_USER_AGENT = f"dataform-action/{__version__}"
#: A project's graph has at most 20 MB, and JSON escapes some of its characters. It bounds what a
#: hostile server can make us hold.
_BODY_LIMIT = 32 * 1024 * 1024


class Transport:
    """Send JSON requests with a bearer token over one kept-alive connection.

    A call is one attempt: there are no retries and no redirects here. ``token`` is
    asked for at every request, so that it may change during a long wait. ``on_exchange``
    is told of each request and its answer, in a line without secrets. ``more_headers`` returns
    those of the service, after the token is known.

    Raises:
        InputError: ``base_url`` is no address that the token may be sent to.
    """

    def __init__(
        self,
        base_url: str,
        token: Callable[[], str],
        *,
        on_exchange: Callable[[str], object] | None = None,
        more_headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        problem = api_url_problem(base_url)
        if problem:
            raise InputError([("api_url", problem)])
        self._base_url = base_url
        self._token = token
        self._on_exchange = on_exchange
        self._more_headers = more_headers
        self._session = HttpSession()

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
            Throttled, NoResponse, InvalidResponse, Refused: as ``read_response``.
            DataformError: what the token function raised.
        """
        # Without the query, which is long and says nothing about what failed.
        what = f"{method} {self._base_url}{path.partition('?')[0]}"
        connect_seconds = min(_CONNECT_SECONDS, read_seconds)
        timeout = (connect_seconds, read_seconds)
        attempt = _Attempt(what, self._token)
        asked = time.monotonic()
        try:
            response = attempt.response(
                lambda: self._exchange(method, path, body, attempt.begin(), timeout),
                connect_seconds + read_seconds,
            )
        except DataformError as error:
            self._report(what, asked, error, attempt.hide)
            raise
        self._report(what, asked, response, attempt.hide)
        return read_response(response, what, attempt.hide)

    def _report(
        self, what: str, asked: float, outcome: Response | Exception, hide: Callable[[str], str]
    ) -> None:
        seconds = time.monotonic() - asked
        report_request(self._on_exchange, hide, what, seconds, outcome)

    def authorize(self) -> None:
        """Ask for the token and send nothing.

        Raises:
            NotConnected: there is no token to be had.
            DataformError: what the token function raised.
        """
        _Attempt(self._base_url, self._token).authorize(READ_SECONDS)

    def _exchange(
        self, method: str, path: str, body: Json, token: str, timeout: tuple[float, float]
    ) -> Response:
        return self._session.exchange(
            method,
            self._base_url + path,
            headers={
                **self._more_headers(),
                "Authorization": f"Bearer {token}",
                "User-Agent": _USER_AGENT,
            },
            timeout=timeout,
            limit=_BODY_LIMIT,
            json=body,
        )


class _Attempt:
    """One request: the token that it is sent with, and whether it may have been sent."""

    def __init__(self, what: str, source: Callable[[], str]) -> None:
        self._what = what
        self._source = source
        self.token = ""
        #: Takes the token out of a text.
        self.hide = Redactor()
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
        self.hide = Redactor(token)
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

    def response(self, exchange: Callable[[], Response], seconds: float) -> Response:
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
            raise _failure(error, self._what, self.hide) from error
        finally:
            # A signal ends the wait as well: nothing is sent behind the caller's back.
            self._decision.acquire(blocking=False)


def _failure(error: Exception, what: str, hide: Callable[[str], str]) -> Unusable:
    """Say what a failed exchange means: above all, whether the request ever left.

    That it did not must be proved by the error itself.
    """
    text = hide(f"{what}: {reason_of(error)}")
    if is_misconfiguration(error):
        return Misconfigured(text)
    if isinstance(error, BodyTooLong):
        return TooLarge(text)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return InvalidResponse(text)
    if is_unconnected(error):
        return NotConnected(text, hint=hint_of(error))
    return NoResponse(text)
