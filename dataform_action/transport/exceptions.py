"""What the network library's exceptions say: the cause, and whether anything was sent."""

from __future__ import annotations

import ipaddress
import ssl
from urllib.parse import urlsplit

import requests
import urllib3

#: What an exchange may raise; those of requests are ``OSError`` as well.
EXCHANGE_ERRORS = (OSError, ValueError, urllib3.exceptions.HTTPError)
#: True wherever it is read: the library may run outside any container.
LOOPBACK_HINT = (
    "Check that the server runs. Inside a container, a loopback address is the container itself: "
    "the host is reached by the address of Docker's bridge, such as http://172.17.0.1:8080, and "
    "the server must listen there."
)
_UNUSABLE_ADDRESSES = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


def causes_of(error: BaseException | None) -> list[BaseException]:
    """Return an exception with what it was made from; requests and urllib3 nest them."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inside = (getattr(error, "reason", None), *error.args, error.__cause__)
        error = next((inner for inner in inside if isinstance(inner, BaseException)), None)
    return found


def reason_of(error: BaseException) -> str:
    """Return the innermost words: the outer ones repeat the address and object names."""
    innermost = causes_of(error)[-1]
    words = str(innermost).rsplit(">: ", 1)[-1].strip()
    return words or type(innermost).__name__


def hint_of(error: BaseException) -> str | None:
    """Return what to do about an exception, where more is known than its kind tells."""
    causes = causes_of(error)
    if any(isinstance(cause, requests.exceptions.ProxyError) for cause in causes):
        return None
    url = str(getattr(getattr(error, "request", None), "url", ""))
    refused = isinstance(causes[-1], ConnectionRefusedError)
    return LOOPBACK_HINT if refused and _is_loopback(url) else None


def _is_loopback(url: str) -> bool:

    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_unconnected(error: BaseException) -> bool:
    """Tell whether an exception proves that no connection to the service was made.

    urllib3's ``ProxyError`` proves nothing: it also wraps answers that were lost behind
    a proxy.
    """
    return any(map(_proves_no_connection, causes_of(error)))


def is_misconfiguration(error: BaseException) -> bool:
    """Tell whether the cause lies in this machine's set-up, before anything was sent."""
    return any(map(_blames_the_setup, causes_of(error)))


def _proves_no_connection(cause: BaseException) -> bool:
    if isinstance(
        cause, requests.exceptions.ConnectTimeout | urllib3.exceptions.NewConnectionError
    ):
        return True
    # http.client's bare OSError for a proxy that declines to open a tunnel.
    return isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed")


def _blames_the_setup(cause: BaseException) -> bool:
    if isinstance(cause, ssl.SSLError):
        # We ended the handshake ourselves: the server's certificate, or our own bundle.
        return cause.reason in ("CERTIFICATE_VERIFY_FAILED", "NO_CERTIFICATE_OR_CRL_FOUND")
    if isinstance(cause, _UNUSABLE_ADDRESSES):
        # An address, of the API or of a proxy, that cannot be used at all.
        return True
    # A bundle of certificates that is not there: requests raises a bare OSError.
    return isinstance(cause, OSError) and str(cause).startswith("Could not find")
