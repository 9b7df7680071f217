"""The proxies and certificates in the process's environment: read, checked and explained.

requests and the TLS library read the environment themselves, so this module reads the same
variables. Error messages of those libraries may repeat a value, and a value may be a secret: a
proxy's password, or a key in the wrong variable. Messages of this module name the variable and
never repeat its value.
"""

import importlib.util
import ipaddress
import os
import re
import ssl
from binascii import b2a_base64
from typing import NamedTuple
from urllib.parse import unquote

from requests.utils import get_environ_proxies, select_proxy
from urllib3.util import parse_url

from dataform_action.errors import Misconfigured
from dataform_action.redaction import describe_secret
from dataform_action.validation import is_host

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
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_BUNDLE_HINT = (
    "Set the variable to a file of PEM certificates that this step can read. A container can read "
    "files in the workspace and in the image, but no other files of the runner. If you do not need "
    "a private certificate authority, unset the variable."
)
_KEY_LOG_HINT = (
    "Unset SSLKEYLOGFILE for this step, or set it to a file in a folder that exists and is "
    "writable. In a container, the workspace is the only folder of the runner that exists."
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

    Raises:
        Misconfigured: the variable does not hold the address of a usable proxy.
    """
    try:
        given = select_proxy(url, get_environ_proxies(url))
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


def certificate_bundle() -> str | None:
    """Return the certificate file or folder that requests takes from the environment, or None."""
    return next((os.environ[name] for name in _BUNDLES if os.environ.get(name)), None)


def find_tls_problem() -> Misconfigured | None:
    """Return the error of a variable that makes every TLS connection fail, or None."""
    return _bundle_problem() or _key_log_problem()


def _bundle_problem() -> Misconfigured | None:
    variable = next((name for name in _BUNDLES if os.environ.get(name)), None)
    if variable is None:
        return None
    path = os.environ[variable]
    problem = "does not exist"
    try:
        if os.path.isdir(path):  # noqa: PTH112
            os.listdir(path)  # noqa: PTH208
        else:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        problem = "contains no PEM certificates"
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not a path'}"
    else:
        return None
    text = f"The certificate file set in {variable} {problem}. {describe_secret(path)}"
    return Misconfigured(text.strip(), hint=_BUNDLE_HINT)


def check_key_log() -> None:
    """Refuse a value of SSLKEYLOGFILE that is not a path: OpenSSL would create a file of that name.

    Raises:
        Misconfigured: SSLKEYLOGFILE does not hold a path.
    """
    problem = describe_secret(os.environ.get("SSLKEYLOGFILE", ""))
    if problem:
        text = f"The file set in SSLKEYLOGFILE cannot be written: it is not a path. {problem}"
        raise Misconfigured(text, hint=_KEY_LOG_HINT)


def _key_log_problem() -> Misconfigured | None:
    path = os.path.expandvars(os.environ.get("SSLKEYLOGFILE", ""))
    if not path:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
    else:
        return None
    text = f"The file set in SSLKEYLOGFILE cannot be written: {reason}."
    return Misconfigured(text, hint=_KEY_LOG_HINT)


def private_authority_hint() -> str | None:
    """Return a special hint for an untrusted certificate, or None."""
    if certificate_bundle() is None and os.environ.get("SSL_CERT_FILE"):
        return f"SSL_CERT_FILE has no effect here. {Misconfigured.hint}"
    return None
