"""One JSON request with a bearer token: whether it was sent, and what its response means."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from dataform_action.errors import DataformError, InputError, NoResponse, NotConnected
from dataform_action.redaction import Redactor
from dataform_action.transport.deadline import Late, in_time
from dataform_action.transport.exceptions import reason_of
from dataform_action.transport.http import HttpSession, report_request
from dataform_action.transport.response import Json, Response, read_response
from dataform_action.validation import api_url_problem, is_token
from dataform_action.version import __version__

READ_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_USER_AGENT = f"dataform-action/{__version__}"
#: A project's graph has at most 20 MB, and JSON escapes some of its characters. It bounds what a
#: hostile server can make us hold.
_BODY_LIMIT = 32 * 1024 * 1024


@runtime_checkable
class RenewableToken(Protocol):
    """A token function whose tokens can be replaced before they expire."""

    def __call__(self) -> str:
        """Return a token."""
        ...

    def invalidate(self, token: str) -> None:
        """Take note that a token was not accepted: the next call returns another one."""
        ...


class Transport:
    """Send JSON requests with a bearer token over one kept-alive connection.

    A call is one attempt: there are no retries and no redirects here. ``token`` is
    asked for at every request, so that it may change during a long wait; a ``RenewableToken``
    is renewed when the API does not accept it. ``on_exchange`` is told of each request and its
    answer, in a line without secrets. ``more_headers`` returns those of the service, after the
    token is known.

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
        #: The passwords of proxies.
        self._secrets = Redactor()
        self._session = HttpSession(self._secrets)

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        read_seconds: float = READ_SECONDS,
        creates: bool = False,
    ) -> dict[str, Json]:
        """Make one request and return the JSON object that answers it.

        If the token is not accepted (HTTP 401) and can be renewed, it is, and the request is made
        a second time: unless it ``creates`` what must not be there twice.

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
        seconds = connect_seconds + read_seconds
        deadline = time.monotonic() + seconds

        def attempt(seconds: float) -> tuple[Response, _Attempt]:
            return self._attempt(what, method, path, body, (connect_seconds, read_seconds), seconds)

        response, made = attempt(seconds)
        if response.status == 401 and not creates and isinstance(self._token, RenewableToken):
            # It was not carried out. What expired or was revoked early is replaced, once.
            self._token.invalidate(made.token)
            response, made = attempt(round(deadline - time.monotonic(), 2))
        return read_response(response, method, what, made.hide)

    def _attempt(
        self,
        what: str,
        method: str,
        path: str,
        body: Json,
        timeout: tuple[float, float],
        seconds: float,
    ) -> tuple[Response, _Attempt]:
        """Make the request once, and report it; return the response with what was sent."""
        attempt = _Attempt(what, self._token, self._secrets)
        asked = time.monotonic()
        try:
            response = attempt.response(
                lambda: self._exchange(method, path, body, attempt, timeout), seconds
            )
        except DataformError as error:
            self._report(what, asked, error, attempt.hide)
            raise
        self._report(what, asked, response, attempt.hide)
        return response, attempt

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
        _Attempt(self._base_url, self._token, self._secrets).authorize(READ_SECONDS)

    def _exchange(
        self, method: str, path: str, body: Json, attempt: _Attempt, timeout: tuple[float, float]
    ) -> Response:
        token = attempt.get_token()
        return self._session.exchange(
            method,
            self._base_url + path,
            what=attempt.what,
            hide=attempt.hide,
            headers={
                **self._more_headers(),
                "Authorization": f"Bearer {token}",
                "User-Agent": _USER_AGENT,
            },
            timeout=timeout,
            limit=_BODY_LIMIT,
            json=body,
            on_send=attempt.begin,
        )


class _Attempt:
    """One request: the token that it is sent with, and whether it may have been sent."""

    def __init__(self, what: str, source: Callable[[], str], secrets: Redactor) -> None:
        self.what = what
        self.token = ""
        self._source = source
        self._secrets = secrets
        self._redact_token = Redactor()
        #: Taken once: by the worker to send the request, or by the caller to leave it unsent.
        self._decision = threading.Lock()

    def hide(self, text: str) -> str:
        """Return a text without the token, and without other secrets of the transport."""
        return self._secrets(self._redact_token(text))

    def get_token(self) -> str:
        """Return the token. For the worker."""
        try:
            token = self._source()
        except DataformError:
            raise
        except Exception as error:
            # Not all of it: texts of the operating system hold names of files.
            text = f"{self.what}: no token to be had: {reason_of(error)}"
            raise NotConnected(text) from error
        if not is_token(token):
            raise NotConnected(f"{self.what}: what was given as a token is none")
        self.token, self._redact_token = token, Redactor(token)
        return token

    def begin(self) -> None:
        """Take note that the request is sent from now on. For the worker.

        Raises:
            Late: the caller has left, so that nothing may be sent any more.
        """
        if not self._decision.acquire(blocking=False):
            raise Late

    def authorize(self, seconds: float) -> None:
        """Have a worker ask for the token, and raise what came of it."""
        try:
            in_time(seconds, self.get_token, name="dataform-token")
        except Late as error:
            raise self._unsent(seconds) from error

    def response(self, exchange: Callable[[], Response], seconds: float) -> Response:
        """Have a worker make the exchange, and return its answer or raise what came of it."""
        try:
            return in_time(seconds, exchange, name="dataform-request")
        except Late as error:
            if self._decision.acquire(blocking=False):
                raise self._unsent(seconds) from error
            text = f"{self.what}: no whole answer within {seconds:g} seconds"
            raise NoResponse(text) from error
        finally:
            # A signal ends the wait as well: nothing is sent behind the caller's back.
            self._decision.acquire(blocking=False)

    def _unsent(self, seconds: float) -> NotConnected:
        missing = "no connection" if self.token else "no token to be had"
        return NotConnected(f"{self.what}: {missing} within {seconds:g} seconds")
