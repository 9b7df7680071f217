"""What an exchange without a response means: the cause, and whether anything was sent."""

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
from dataform_action.transport.environment import (
    LOCAL_PROXY_HINT,
    PROXY_FORM,
    Proxy,
    find_tls_problem,
    is_loopback,
    private_authority_hint,
)

#: What an exchange may raise; those of requests are ``OSError`` as well.
EXCHANGE_ERRORS = (OSError, ValueError, urllib3.exceptions.HTTPError, http.client.HTTPException)
#: True wherever it is read: the library may run outside any container.
LOOPBACK_HINT = (
    "Check that the server runs. Inside a container, a loopback address is the container itself: "
    "the host is reached by the address of Docker's bridge, such as http://172.17.0.1:8080, and "
    "the server must listen there."
)
_PLAIN_SERVER_HINT = (
    "What listens there does not speak TLS: check the port, and whether the address begins with "
    "https by mistake."
)
#: Reasons of OpenSSL that mean: the other side sent something else than TLS.
_NO_TLS = (
    *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"),
    *("UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "BAD_RECORD_TYPE", "INVALID_RECORD_TYPE"),
)
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "NO_CERTIFICATE_OR_CRL_FOUND")
#: http.client's bare OSError for a proxy that declines to open a tunnel.
_TUNNEL = r"Tunnel connection failed: ([0-9]+)"


class BodyTooLong(requests.exceptions.ContentDecodingError):
    """A body that is longer than is read."""


class Exchange(NamedTuple):
    """An exchange that failed.

    ``what`` names its request in messages, and ``hide`` takes secrets out of them. ``is_unsent``
    tells whether it is proved that no byte of the request was written: that is known from the
    connection, and never from the words of an exception.
    """

    what: str
    url: str
    proxy: Proxy | None
    is_unsent: bool
    hide: Callable[[str], str]

    def say(self, words: str) -> str:
        """Return a message about the exchange."""
        return self.hide(f"{self.what}: {words}")


def failure_of(error: Exception, exchange: Exchange) -> Unusable:
    """Return what it means that an exchange failed."""
    reason = exchange.say(_reason_by(error, exchange.proxy))
    if isinstance(error, BodyTooLong):
        return TooLarge(reason)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return InvalidResponse(reason)
    if not exchange.is_unsent:
        return NoResponse(reason)
    causes, proxy = causes_of(error), exchange.proxy
    if exchange.url.startswith("https") or (proxy is not None and proxy.has_tls):
        problem = find_tls_problem()
        if problem is not None:
            return problem
    if any(isinstance(cause, ssl.SSLError) and cause.reason in _UNTRUSTED for cause in causes):
        # We ended the handshake ourselves.
        return Misconfigured(reason, hint=private_authority_hint())
    if proxy is not None:
        return _proxy_failure(causes, proxy, exchange)
    hint = None
    if _has_no_tls(causes):
        hint = _PLAIN_SERVER_HINT
    elif isinstance(causes[-1], ConnectionRefusedError) and is_loopback(_host_of(exchange.url)):
        hint = LOOPBACK_HINT
    return NotConnected(reason, hint=hint)


def _proxy_failure(causes: list[BaseException], proxy: Proxy, exchange: Exchange) -> NotConnected:
    """Return what it means that no connection was made through a proxy."""
    innermost = causes[-1]
    reason = _reason_by(innermost, proxy)
    text = exchange.say(f"the proxy that {proxy.variable} names: {reason}")
    tunnel = next(filter(None, (re.match(_TUNNEL, str(cause)) for cause in causes)), None)
    if tunnel is not None and tunnel[1] == "407":
        return proxy_refusal(proxy, exchange.what)
    if isinstance(innermost, socket.gaierror) and innermost.errno != socket.EAI_AGAIN:
        hint = f"Check the host in {proxy.variable}, and that its name can be resolved from here."
        return Misconfigured(text, hint=hint)
    if isinstance(innermost, ConnectionRefusedError) and is_loopback(proxy.host):
        return Misconfigured(f"{text}; it is on this machine itself", hint=LOCAL_PROXY_HINT)
    if tunnel is not None:
        hint = f"The proxy does not let this address pass: change its rules, or {proxy.variable}."
    elif proxy.has_tls and _has_no_tls(causes):
        hint = f"If the proxy speaks plain HTTP, write http:// in {proxy.variable}, not https://."
    else:
        hint = f"Check that the proxy that {proxy.variable} names can be reached from here."
    return NotConnected(text, hint=hint)


def proxy_refusal(proxy: Proxy, what: str) -> Misconfigured:
    """Return what it means that a proxy answers 407: it passed nothing on."""
    given = "does not accept those in it" if proxy.authorization else "there are none in it"
    text = (
        f"{what}: the proxy that {proxy.variable} names asks for a user and a password, and {given}"
        " (HTTP 407)"
    )
    return Misconfigured(text, hint=f"Correct {proxy.variable}. {PROXY_FORM}")


def causes_of(error: BaseException | None) -> list[BaseException]:
    """Return an exception with what it was made from; requests and urllib3 nest them."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inside = (getattr(error, "reason", None), *error.args, error.__cause__)
        error = next((inner for inner in inside if isinstance(inner, BaseException)), None)
    return found


def reason_of(error: BaseException) -> str:
    """Return the innermost words: the outer ones repeat the address and object names.

    Of the operating system's errors only what it says, without a name of a file or host.
    """
    innermost = causes_of(error)[-1]
    if isinstance(innermost, OSError) and not isinstance(innermost, ssl.SSLError):
        words = innermost.strerror or str(innermost)
    else:
        words = str(innermost).rsplit(">: ", 1)[-1].strip()
    return words or type(innermost).__name__


def _reason_by(error: BaseException, proxy: Proxy | None) -> str:
    if proxy is not None and proxy.is_opaque:
        # Texts of other libraries, which may hold the proxy's address with its password.
        return type(causes_of(error)[-1]).__name__
    return reason_of(error)


def _has_no_tls(causes: list[BaseException]) -> bool:
    return any(isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS for cause in causes)


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""
