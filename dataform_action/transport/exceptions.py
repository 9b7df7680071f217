"""The errors of requests without a complete response: the cause, and whether one was sent."""

import http.client
import re
import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3

from dataform_action.errors import (
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    TooLarge,
    Unusable,
)
from dataform_action.transport.certificates import find_tls_problem, private_authority_hint
from dataform_action.transport.environment import (
    LOCAL_PROXY_HINT,
    PROXY_FORM,
    Proxy,
    is_loopback,
)
from dataform_action.transport.response import MEMORY_HINT

#: The errors that a request may raise. Those of requests are ``OSError`` as well.
REQUEST_ERRORS = (
    *(OSError, ValueError, MemoryError),
    *(urllib3.exceptions.HTTPError, http.client.HTTPException),
)
#: It is also true outside a container, where the library may run.
LOOPBACK_HINT = (
    "Check that the server is running. Inside a container, a loopback address means the container "
    "itself. To reach a server on the host, use the address of Docker's bridge, such as "
    "http://172.17.0.1:8080, and make the server listen there."
)
_NO_MEMORY = "the response does not fit into the memory"
_PLAIN_SERVER_HINT = (
    "The server does not use TLS. Check the port, and check whether the address must start with "
    "http:// instead of https://."
)
#: OpenSSL's reasons for an error if the other side does not send TLS.
_NO_TLS = (
    *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"),
    *("UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "BAD_RECORD_TYPE", "INVALID_RECORD_TYPE"),
)
#: OpenSSL's reasons if its configuration on this machine leaves nothing to negotiate.
_NO_CIPHERS = (
    *("LIBRARY_HAS_NO_CIPHERS", "NO_CIPHERS_AVAILABLE", "NO_CIPHER_MATCH"),
    *("NO_PROTOCOLS_AVAILABLE", "NO_SUITABLE_GROUPS"),
)
_NO_CIPHERS_HINT = (
    "The TLS library of this machine has no usable ciphers or protocols. If OPENSSL_CONF is set, "
    "unset it for this step, or correct its file."
)
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "NO_CERTIFICATE_OR_CRL_FOUND")
#: http.client raises a plain OSError with this text if a proxy refuses to open a tunnel.
_TUNNEL = r"Tunnel connection failed: ([0-9]+)"


class BodyTooLong(requests.exceptions.ContentDecodingError):
    """The body is longer than the limit."""


class FailedRequest(NamedTuple):
    """A request that failed without a complete response.

    ``what`` names the request in messages, and ``hide`` removes secrets from them. ``is_unsent``
    is true if it is certain that no byte of the request was sent. The connection reports that;
    the text of an exception never decides it.
    """

    what: str
    url: str
    proxy: Proxy | None
    is_unsent: bool
    hide: Callable[[str], str]

    def message(self, reason: str) -> str:
        """Return an error message about the request."""
        return self.hide(f"{self.what}: {reason}")


def failure_of(error: Exception, request: FailedRequest) -> Unusable:
    """Return the error of this package for an error of a request."""
    message = request.message(_reason_by(error, request.proxy))
    if isinstance(error, BodyTooLong):
        return TooLarge(message)
    if isinstance(error, MemoryError) and not request.is_unsent:
        return TooLarge(request.message(_NO_MEMORY), hint=MEMORY_HINT)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return InvalidResponse(message)
    if not request.is_unsent:
        return NoResponse(message)
    causes, proxy = causes_of(error), request.proxy
    if request.url.startswith("https") or (proxy is not None and proxy.has_tls):
        problem = find_tls_problem()
        if problem is not None:
            return problem
    if any(isinstance(cause, ssl.SSLError) and _lacks_ciphers(cause) for cause in causes):
        return Misconfigured(message, hint=_NO_CIPHERS_HINT)
    if any(isinstance(cause, ssl.SSLError) and cause.reason in _UNTRUSTED for cause in causes):
        # This side ended the handshake.
        return Misconfigured(message, hint=private_authority_hint())
    if proxy is not None:
        return _proxy_failure(causes, proxy, request)
    hint = None
    if _has_no_tls(causes):
        hint = _PLAIN_SERVER_HINT
    elif isinstance(causes[-1], ConnectionRefusedError) and is_loopback(_host_of(request.url)):
        hint = LOOPBACK_HINT
    return NotConnected(message, hint=hint)


def _proxy_failure(
    causes: list[BaseException], proxy: Proxy, request: FailedRequest
) -> NotConnected:
    """Return the error for a connection through a proxy that was not completed."""
    innermost = causes[-1]
    reason = _reason_by(innermost, proxy)
    text = request.message(f"the proxy set in {proxy.variable} failed: {reason}")
    tunnel = next(filter(None, (re.match(_TUNNEL, str(cause)) for cause in causes)), None)
    if tunnel is not None and tunnel[1] == "407":
        return proxy_refusal(proxy, request.what, unprocessed=True)
    if isinstance(innermost, socket.gaierror) and innermost.errno != socket.EAI_AGAIN:
        hint = f"Check the host name in {proxy.variable}, and that this machine can resolve it."
        return Misconfigured(text, hint=hint)
    if isinstance(innermost, ConnectionRefusedError) and is_loopback(proxy.host):
        return Misconfigured(f"{text} (its address is this machine itself)", hint=LOCAL_PROXY_HINT)
    if tunnel is not None:
        hint = f"The proxy refuses this address: change the proxy's rules, or {proxy.variable}."
    elif proxy.has_tls and _has_no_tls(causes):
        hint = f"If the proxy uses plain HTTP, write http:// in {proxy.variable}, not https://."
    else:
        hint = f"Check that this machine can reach the proxy set in {proxy.variable}."
    return NotConnected(text, hint=hint)


def proxy_refusal(proxy: Proxy, what: str, *, unprocessed: bool) -> Misconfigured:
    """Return the error for a response with status 407 through a proxy."""
    problem = "rejects the" if proxy.authorization else "requires a"
    text = f"{what}: the proxy set in {proxy.variable} {problem} user name and password (HTTP 407)"
    error = Misconfigured(text, hint=f"Correct {proxy.variable}. {PROXY_FORM}")
    error.unprocessed = unprocessed
    return error


def causes_of(error: BaseException | None) -> list[BaseException]:
    """Return an exception and its causes; requests and urllib3 nest them."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inside = (getattr(error, "reason", None), *error.args, error.__cause__)
        error = next((inner for inner in inside if isinstance(inner, BaseException)), None)
    return found


def reason_of(error: BaseException) -> str:
    """Return the text of the innermost cause: the outer texts repeat the address and object names.

    For an error of the operating system, leave out the names of files and hosts.
    """
    innermost = causes_of(error)[-1]
    if isinstance(innermost, OSError) and not isinstance(innermost, ssl.SSLError):
        reason = innermost.strerror or str(innermost)
    else:
        reason = str(innermost).rsplit(">: ", 1)[-1].strip()
    return reason or type(innermost).__name__


def _reason_by(error: BaseException, proxy: Proxy | None) -> str:
    if proxy is not None and proxy.is_opaque:
        # The text is of another library, and may contain the proxy's address with its password.
        return type(causes_of(error)[-1]).__name__
    return reason_of(error)


def _lacks_ciphers(error: ssl.SSLError) -> bool:
    return error.reason in _NO_CIPHERS or "No cipher can be selected" in str(error)


def _has_no_tls(causes: list[BaseException]) -> bool:
    return any(isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS for cause in causes)


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""
