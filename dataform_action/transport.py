"""One HTTP exchange with a JSON API: the only module that knows the network library."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from dataform_action.answers import Answer, Json, read_answer, redact
from dataform_action.errors import (
    DataformError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Unusable,
)
from dataform_action.model import is_token
from dataform_action.version import __version__

READ_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
#: Far above any real answer; it bounds what a hostile server can make us hold.
_BODY_LIMIT = 32 * 1024 * 1024
_CHUNK = 64 * 1024


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


class _Session(requests.Session):
    """A session that neither follows a redirect nor reads its body to know where it leads."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class Transport:
    """Send JSON requests with a bearer token over one kept-alive connection.

    A call is one attempt: there are no retries and no redirects here. ``token`` is
    asked for at every request, so that it may change during a long wait.
    """

    def __init__(self, base_url: str, token: Callable[[], str]) -> None:
        self._base_url = base_url
        self._token = token
        self._session = _Session()
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
            NotConnected: the request never left: no connection, or no token to be had.
            NoResponse: the answer was lost or late, after the request may have left.
            Throttled, NoResponse, InvalidResponse, Refused: as ``read_answer``.
        """
        what = f"{method} {self._base_url}{path}"
        token = self._current_token(what)
        connect_seconds = min(_CONNECT_SECONDS, read_seconds)

        def exchange() -> Answer:
            return self._exchange(method, path, body, token, (connect_seconds, read_seconds))

        try:
            answer = _in_time(connect_seconds + read_seconds, exchange)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise _failure(e, what, token) from e
        return read_answer(answer, what, token)

    def _current_token(self, what: str) -> str:
        try:
            token = self._token()
        except DataformError:
            raise
        except Exception as error:
            raise NotConnected(f"{what}: no token to be had: {error}") from error
        if not is_token(token):
            raise NotConnected(f"{what}: what was given as a token is none")
        return token

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
            content = bytearray()
            for chunk in response.iter_content(_CHUNK):
                content += chunk
                if len(content) > _BODY_LIMIT:
                    raise requests.exceptions.ContentDecodingError(
                        f"the answer is longer than {_BODY_LIMIT} bytes"
                    )
            return Answer(response.status_code, response.headers, bytes(content))


def _in_time(seconds: float, action: Callable[[], Answer]) -> Answer:
    """Run an exchange on a thread of its own and wait for it no longer than ``seconds``.

    Socket timeouts bound one read, not a whole answer, and no timeout bounds a name
    look-up; a wait for a thread is bounded, and a signal handler may cut it short.
    """
    box: list[Answer | BaseException] = []
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
    """Say what a failed exchange means: above all, whether the request ever left.

    That it did not must be proved by the error itself. urllib3's ``ProxyError`` proves
    nothing: it also wraps answers that were lost behind a proxy.
    """
    causes = _causes(error)
    text = redact(f"{what}: {_reason(causes)}", token)
    if any(_is_misconfiguration(cause) for cause in causes):
        return Misconfigured(text)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return InvalidResponse(text)
    if any(_is_unconnected(cause) for cause in causes):
        return NotConnected(text)
    return NoResponse(text)


def _is_unconnected(cause: BaseException) -> bool:
    """Tell whether a cause proves that no connection to the service was made."""
    if isinstance(
        cause, requests.exceptions.ConnectTimeout | urllib3.exceptions.NewConnectionError
    ):
        return True
    # http.client's bare OSError for a proxy that declines to open a tunnel.
    return isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed")


def _is_misconfiguration(cause: BaseException) -> bool:
    """Tell whether a cause lies in this machine's set-up, before anything was sent."""
    if isinstance(cause, ssl.SSLError):
        # We ended the handshake ourselves: the server's certificate, or our own bundle.
        return cause.reason in ("CERTIFICATE_VERIFY_FAILED", "NO_CERTIFICATE_OR_CRL_FOUND")
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
        inside = (getattr(error, "reason", None), *error.args, error.__cause__)
        error = next((inner for inner in inside if isinstance(inner, BaseException)), None)
    return found


def _reason(causes: list[BaseException]) -> str:
    """Return the innermost words: the outer ones repeat the address and object names."""
    innermost = causes[-1]
    words = str(innermost).rsplit(">: ", 1)[-1].strip()
    return words or type(innermost).__name__
