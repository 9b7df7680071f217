"""The proxies in the process's environment: read, checked and explained.

It reads the variables as requests does. Error messages of other libraries may repeat a value, and a
value may contain a password. Messages of this module name the variable and never repeat its value.
"""

import importlib.util
import ipaddress
import os
import re
from binascii import b2a_base64
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from requests import utils
from urllib3.util import parse_url

from dataform_action.errors import Misconfigured
from dataform_action.redaction import describe_secret
from dataform_action.validation import is_host, is_local

PROXY_FORM = (
    "Use the form http://host:port or http://user:password@host:port. In the user name and the "
    "password, percent-encode special characters: %23 for #, %2F for /, %3F for ?, %40 for @, "
    "%5C for a backslash, %25 for %."
)
HOST_HINT = "Check the host name: each part between dots must have 1 to 63 characters."
LOCAL_PROXY_HINT = (
    "In a container, 127.0.0.1 and localhost mean the container itself. Use an address that the "
    "container can reach, such as that of Docker's bridge (http://172.17.0.1:3128), and make the "
    "proxy listen there. Or unset the variable, or add the service's host to NO_PROXY."
)
#: A string, because a start without a proxy does not need the compiled pattern.
_PROXY = (
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://|(?![A-Za-z0-9+.-]*://))"
    r"(?:(?P<user>[^/?#\\\x00-\x1f\x7f]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/?#\\@%]+)(?::(?P<port>[0-9]{0,5}))?(?:/[^@?#\\]*)?"
)


class Proxy(NamedTuple):
    """A proxy: the variable that names it, and its address without user name and password.

    ``authorization`` follows ``Basic`` in the Proxy-Authorization header. ``secrets`` must not be
    printed. If ``is_opaque``, another library makes the connections, and nothing is known of them.
    """

    variable: str
    url: str
    host: str
    authorization: str = ""
    secrets: tuple[str, ...] = ()
    is_opaque: bool = False

    def __repr__(self) -> str:
        """Return the proxy without its secrets."""
        return f"Proxy({self.variable}: {self.url})"

    @property
    def has_tls(self) -> bool:
        """Tell whether the connection to the proxy itself uses TLS."""
        return self.url.startswith("https://")


def find_proxy(url: str) -> Proxy | None:
    """Return the proxy that the environment names for an address, or None.

    An http address is allowed only because it is local. So it is not sent to a proxy that is not
    local, which could read the token.

    Raises:
        Misconfigured: the variable does not hold the address of a usable proxy.
    """
    if not _may_name_proxies():
        return None
    try:
        given = utils.select_proxy(url, utils.get_environ_proxies(url))
    except ValueError as error:
        # The value is not repeated: it may be the address of a proxy with its password.
        variables = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY or NO_PROXY"
        raise Misconfigured(f"{variables} cannot be read: its value is not text") from error
    value = (given or "").strip()
    if given is None or not value:
        return None
    variable = _proxy_variable(url.partition(":")[0], given)
    match = re.fullmatch(_PROXY, value)
    if match is None or int(match["port"] or 0) > 65535:
        text = f"{variable} is not the address of a proxy. {describe_secret(value)}".strip()
        raise Misconfigured(text, hint=PROXY_FORM)
    if not _is_valid_host(match["host"]):
        raise Misconfigured(f"{variable} contains an invalid host name.", hint=HOST_HINT)
    if _is_plain_and_local(url) and not is_local(match["host"]):
        return None
    scheme = (match["scheme"] or "http").lower()
    if scheme.startswith("socks"):
        return _socks(variable, value, match["host"])
    if scheme not in ("http", "https"):
        text = f"{variable} names a proxy with an unsupported scheme: use http or https."
        raise Misconfigured(text, hint=PROXY_FORM)
    port = f":{match['port']}" if match["port"] else ""
    user, _, password = (match["user"] or "").partition(":")
    pair = f"{unquote(user)}:{unquote(password)}"
    authorization = b2a_base64(_encoded(pair), newline=False).decode() if match["user"] else ""
    return Proxy(
        variable=variable,
        url=f"{scheme}://{match['host']}{port}",
        host=match["host"],
        authorization=authorization,
        secrets=(password, unquote(password), authorization),
    )


def _may_name_proxies() -> bool:
    """Tell whether a proxy may be set.

    It saves time: requests reads every variable twice for each request.
    """
    if utils.getproxies is not getproxies_environment:  # type: ignore[attr-defined]
        # This system has settings for proxies.
        return True
    return "_proxy" in " ".join(os.environ).lower()


def _is_plain_and_local(url: str) -> bool:
    address = urlsplit(url)
    return address.scheme == "http" and is_local(address.hostname or "")


def _is_valid_host(host: str) -> bool:
    """Tell whether urllib3 and the resolver accept a host."""
    try:
        ascii_host = parse_url(f"http://{host}").host
    except ValueError:
        return False
    return ascii_host is not None and is_host(ascii_host)


def _encoded(text: str) -> bytes:
    """Return the bytes of a user name and password, encoded as requests does if possible."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _proxy_variable(scheme: str, value: str) -> str:
    """Return the name of the variable from which requests takes a proxy's address."""
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        names = [name for name in os.environ if name.lower() == wanted]
        found = [name for name in names if os.environ[name] == value]
        if found:
            # If both exist, the lower-case one counts, which is later in the alphabet.
            return max(found)
    return "The proxy setting of this system"


def _socks(variable: str, value: str, host: str) -> Proxy:
    if importlib.util.find_spec("socks") is None:
        text = f"{variable} names a SOCKS proxy, which is not supported here."
        raise Misconfigured(text, hint="Use an http proxy, or unset the variable.")
    return Proxy(variable=variable, url=value, host=host, is_opaque=True)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine itself, without a name lookup."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".").rpartition(".")[2] == "localhost"
    return address.is_loopback or address.is_unspecified
