"""JSON requests with a bearer token, which return a JSON value or raise an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol, cast, runtime_checkable

from dataform_action.errors import DataformError, InputError, NoResponse, NotConnected
from dataform_action.redaction import Redactor
from dataform_action.transport.deadline import Late, in_time
from dataform_action.transport.exceptions import reason_of
from dataform_action.transport.http import HttpSession, Request, report_request
from dataform_action.transport.response import Json, Response, read_response
from dataform_action.validation import api_url_problem, is_token
from dataform_action.version import __version__

READ_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
#: Google's APIs compress a response only if the name of the client contains "gzip" as well:
#: https://cloud.google.com/compute/docs/api/how-tos/performance
_USER_AGENT = f"dataform-action/{__version__} (gzip)"
#: How long after a response the same connection is used for a request that creates something.
_TRUSTED_SECONDS = 30.0
#: A compiled graph has at most 20 MB, and JSON escapes some of its characters. The limit keeps a
#: hostile server from filling the memory.
_BODY_LIMIT = 32 * 1024 * 1024


@runtime_checkable
class RenewableToken(Protocol):
    """A token function whose tokens can be replaced before they expire."""

    def __call__(self) -> str:
        """Return a token."""
        ...

    def invalidate(self, token: str) -> None:
        """Record that a token was not accepted: the next call returns another one."""
        ...


class Transport:
    """Send JSON requests with a bearer token over kept-alive connections.

    It may be used by several threads. A call is one attempt, without retries or redirects.
    ``token`` is called for every request, because it may change during a long wait. A
    ``RenewableToken`` is renewed when the API does not accept it. ``on_exchange`` receives one line
    without secrets for each request and its response.
    ``more_headers`` returns the headers of the service. It is called after ``token``.

    Raises:
        InputError: ``base_url`` is not an address to which the token may be sent.
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
        #: All tokens so far, because a service may repeat an old one, and the passwords of proxies.
        self._secrets = Redactor()
        self._session = HttpSession(self._secrets)
        self._last_response = time.monotonic()

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        read_seconds: float = READ_SECONDS,
        creates: bool = False,
        limit: int | None = None,
    ) -> dict[str, Json]:
        """Make one request and return the JSON object of its response. See ``exchange``."""
        value, _ = self.exchange(
            method, path, body, read_seconds=read_seconds, creates=creates, limit=limit
        )
        return cast(dict[str, Json], value)

    def exchange(
        self,
        method: str,
        path: str,
        body: Json = None,
        expected: type = dict,
        *,
        read_seconds: float = READ_SECONDS,
        creates: bool = False,
        limit: int | None = None,
    ) -> tuple[Json, Mapping[str, str]]:
        """Make one request and return the JSON value and the headers of its response.

        ``expected`` is the type of the value: dict, list, or NoneType for an empty body. A body
        with more than ``limit`` bytes is too large; None is the limit of a compiled graph.

        If the API does not accept the token (HTTP 401) and it can be renewed, renew it and make
        the request again, unless the request ``creates`` something that must not exist twice. Such
        a request uses a new connection if the present one was not used for 30 seconds.

        The connection may take 10 seconds, or ``read_seconds`` if that is less. The whole call,
        including the token function, may take ``read_seconds`` more. A slow resolver, proxy or
        server cannot exceed this limit. The token is hidden in everything returned or raised.

        Raises:
            NotConnected: nothing was sent: there was no connection or no token.
            NoResponse: the response was lost or late. The request may have been sent.
            Throttled, NoResponse, InvalidResponse, Refused: as ``read_response``.
            TooLarge: the response is too large.
            DataformError: raised by the token function.
        """
        # The query is left out: it is long, and does not help to find what failed.
        what = f"{method} {self._base_url}{path.partition('?')[0]}"
        connect_seconds = min(_CONNECT_SECONDS, read_seconds)
        seconds = connect_seconds + read_seconds
        deadline = time.monotonic() + seconds
        if creates and time.monotonic() > self._last_response + _TRUSTED_SECONDS:
            # A network may have dropped the connection silently, and the response would be lost.
            self._session.close()

        def attempt(seconds: float) -> tuple[Response, _Attempt]:
            timeout = (connect_seconds, read_seconds)
            return self._attempt(what, method, path, body, timeout, limit, seconds)

        response, made = attempt(seconds)
        self._last_response = time.monotonic()
        if response.status == 401 and not creates and isinstance(self._token, RenewableToken):
            # The request was not processed. A token that expired early is replaced once.
            self._token.invalidate(made.token)
            response, made = attempt(round(deadline - time.monotonic(), 2))
        value = read_response(response, method, what, self._secrets, expected)
        return value, response.headers

    def _attempt(
        self,
        what: str,
        method: str,
        path: str,
        body: Json,
        timeout: tuple[float, float],
        limit: int | None,
        seconds: float,
    ) -> tuple[Response, _Attempt]:
        """Make the request once and report it. Return the response and the attempt."""
        attempt = _Attempt(what, self._token, self._secrets)
        started_at = time.monotonic()
        try:
            response = attempt.response(
                lambda: self._send(method, path, body, attempt, timeout, limit), seconds
            )
        except DataformError as error:
            self._report(what, started_at, error)
            raise
        self._report(what, started_at, response)
        return response, attempt

    def _report(self, what: str, started_at: float, outcome: Response | Exception) -> None:
        seconds = time.monotonic() - started_at
        report_request(self._on_exchange, self._secrets, what, seconds, outcome)

    def authorize(self) -> None:
        """Call the token function without sending a request.

        Raises:
            NotConnected: no token is available.
            DataformError: raised by the token function.
        """
        _Attempt(self._base_url, self._token, self._secrets).authorize(READ_SECONDS)

    def _send(
        self,
        method: str,
        path: str,
        body: Json,
        attempt: _Attempt,
        timeout: tuple[float, float],
        limit: int | None,
    ) -> Response:
        token = attempt.get_token()
        headers = {
            **self._more_headers(),
            "Authorization": f"Bearer {token}",
            "User-Agent": _USER_AGENT,
        }
        request = Request(
            what=attempt.what,
            method=method,
            url=self._base_url + path,
            headers=headers,
            timeout=timeout,
            limit=_BODY_LIMIT if limit is None else min(limit, _BODY_LIMIT),
            json=body,
        )
        return self._session.send(request, self._secrets, on_send=attempt.begin)


def quota_headers(token: object) -> dict[str, str]:
    """Return the header with the project that pays for Google's quota, if the credentials have one.

    See https://cloud.google.com/docs/quotas/set-quota-project.
    """
    project = getattr(token, "quota_project", "")
    return {"X-Goog-User-Project": project} if project else {}


class _Attempt:
    """One attempt to make a request: its token, and whether it may have been sent."""

    def __init__(self, what: str, source: Callable[[], str], secrets: Redactor) -> None:
        self.what = what
        self.token = ""
        self._source = source
        self._secrets = secrets
        self._end: Callable[[], object] = lambda: None
        #: Acquired once: by the worker to send the request, or by the caller to prevent that.
        self._decision = threading.Lock()

    def get_token(self) -> str:
        """Return the token. The worker calls it."""
        try:
            token = self._source()
        except DataformError:
            raise
        except Exception as error:
            # The full text of an error of the operating system contains names of files.
            text = f"{self.what}: no token is available: {reason_of(error)}"
            raise NotConnected(text) from error
        if not is_token(token):
            raise NotConnected(f"{self.what}: the token is empty or contains an invalid character")
        self._secrets.add(token)
        self.token = token
        return token

    def begin(self, end: Callable[[], object]) -> None:
        """Record that the request is sent from now on. The worker calls it.

        ``end`` ends the connection.

        Raises:
            Late: the caller no longer waits, so nothing may be sent.
        """
        self._end = end
        if not self._decision.acquire(blocking=False):
            raise Late

    def authorize(self, seconds: float) -> None:
        """Get the token on a worker thread, and raise the error if that fails."""
        try:
            in_time(seconds, self.get_token, name="dataform-token")
        except Late as error:
            raise self._unsent(seconds) from error

    def response(self, send: Callable[[], Response], seconds: float) -> Response:
        """Send the request on a worker thread. Return its response or raise its error."""
        try:
            return in_time(seconds, send, name="dataform-request")
        except DataformError:
            raise
        except BaseException as error:
            # The time is up, or a signal ended the wait. The worker must neither send the request
            # now, nor continue to read the response.
            is_unsent = self._decision.acquire(blocking=False)
            self._end()
            if not isinstance(error, Late):
                raise
            if is_unsent:
                raise self._unsent(seconds) from error
            text = f"{self.what}: no complete response within {seconds:g} seconds"
            raise NoResponse(text) from error

    def _unsent(self, seconds: float) -> NotConnected:
        missing = "no connection" if self.token else "no token"
        return NotConnected(f"{self.what}: {missing} within {seconds:g} seconds")
