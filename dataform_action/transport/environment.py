"""What requests and the TLS library take from the process's environment: checked and explained.

Those libraries read the environment by themselves, so this module looks at the same one. Their
texts may repeat a value, and a value may be a secret: a proxy's password, a key in the wrong
variable. Here no value is ever repeated, only the name of its variable.
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

from dataform_action.errors import Misconfigured
from dataform_action.redaction import describe_secret

PROXY_FORM = (
    "Write it like http://host:port or http://user:password@host:port. In the user and the "
    "password, write special characters as percent-escapes: %23 for #, %2F for /, %3F for ?, "
    "%40 for @, %5C for a backslash, %25 for %."
)
LOCAL_PROXY_HINT = (
    "In a container, 127.0.0.1 and localhost are the container itself: name the proxy by an "
    "address that the container can reach, such as that of Docker's bridge "
    "(http://172.17.0.1:3128), and let the proxy listen there. Or unset the variable, or add the "
    "service's host to NO_PROXY."
)
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_BUNDLE_HINT = (
    "Name a file of certificates in PEM form that this step can read. In a container, that is one "
    "in the workspace or in the image: other files of the runner are not visible. If no private "
    "certificate authority is needed, unset the variable."
)
_KEY_LOG_HINT = (
    "Unset SSLKEYLOGFILE for this step, or name a file in a folder that exists here and can be "
    "written to. In a container, only the workspace of the runner's folders exists."
)
#: A text, which a start without a proxy need not compile.
_PROXY = (
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://|(?![A-Za-z0-9+.-]*://))"
    r"(?:(?P<user>[^/?#\\\x00-\x1f\x7f]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/?#\\@%]+)(?::(?P<port>[0-9]{0,5}))?(?:/[^@?#\\]*)?"
)


class Proxy(NamedTuple):
    """A proxy: the variable that names it, and its address without user and password.

    ``authorization`` is what follows ``Basic`` in its header, and ``secrets`` what must not be
    printed. ``is_opaque`` tells that the connections through it are not ours.
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
        """Tell whether the proxy itself is spoken to by TLS."""
        return self.url.startswith("https://")


def find_proxy(url: str) -> Proxy | None:
    """Return the proxy that the environment names for an address, if it names one.

    Raises:
        Misconfigured: what it names is no address of a proxy that can be used.
    """
    try:
        given = select_proxy(url, get_environ_proxies(url))
    except ValueError as error:
        # The value is not repeated: it may be a proxy's address with a password.
        text = "The variables for proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY)"
        raise Misconfigured(f"{text} cannot be read: one holds bytes that are no text") from error
    value = (given or "").strip()
    if given is None or not value:
        return None
    variable = _proxy_variable(url.partition(":")[0], given)
    match = re.fullmatch(_PROXY, value)
    if match is None or int(match["port"] or 0) > 65535:
        text = f"{variable} does not hold the address of a proxy. {describe_secret(value)}".strip()
        raise Misconfigured(text, hint=PROXY_FORM)
    scheme = (match["scheme"] or "http").lower()
    if scheme.startswith("socks"):
        return _socks(variable, value, match["host"])
    if scheme not in ("http", "https"):
        text = f"{variable} names a proxy of a kind that is not supported: use http or https."
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


def _encoded(text: str) -> bytes:
    """Return the bytes of a user and password: as requests sends them, where it can."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _proxy_variable(scheme: str, value: str) -> str:
    """Return the name of the variable that holds a proxy's address, as requests chooses it."""
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        names = [name for name in os.environ if name.lower() == wanted]
        found = [name for name in names if os.environ[name] == value]
        if found:
            # The lower case one counts, if both are there; it comes later in the alphabet.
            return max(found)
    return "The proxy setting of this system"


def _socks(variable: str, value: str, host: str) -> Proxy:
    if importlib.util.find_spec("socks") is None:
        text = f"{variable} names a SOCKS proxy, which is not supported here."
        raise Misconfigured(text, hint="Name an http proxy, or unset the variable.")
    return Proxy(variable=variable, url=value, host=host, is_opaque=True)


def is_loopback(host: str) -> bool:
    """Tell whether a host's name or address is this machine itself, without asking anybody."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".").rpartition(".")[2] == "localhost"
    return address.is_loopback or address.is_unspecified


def certificate_bundle() -> str | None:
    """Return the file or folder of certificates that the environment names, as requests does."""
    return next((os.environ[name] for name in _BUNDLES if os.environ.get(name)), None)


def find_tls_problem() -> Misconfigured | None:
    """Return which variable prevents every connection by TLS from here, if one does."""
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
        problem = "holds no certificates in PEM form"
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'it is no path'}"
    else:
        return None
    text = f"The file of certificates that {variable} names {problem}. {describe_secret(path)}"
    return Misconfigured(text.strip(), hint=_BUNDLE_HINT)


def check_key_log() -> None:
    """Refuse a name of the log of keys that is none: OpenSSL would make a file of that name.

    Raises:
        Misconfigured: SSLKEYLOGFILE holds something else than a path.
    """
    problem = describe_secret(os.environ.get("SSLKEYLOGFILE", ""))
    if problem:
        text = f"The file that SSLKEYLOGFILE names cannot be written: it is no path. {problem}"
        raise Misconfigured(text, hint=_KEY_LOG_HINT)


def _key_log_problem() -> Misconfigured | None:
    path = os.path.expandvars(os.environ.get("SSLKEYLOGFILE", ""))
    if not path:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "it is no path"
    else:
        return None
    text = f"The file that SSLKEYLOGFILE names cannot be written: {words}."
    return Misconfigured(text, hint=_KEY_LOG_HINT)


def private_authority_hint() -> str | None:
    """Return what to do about a certificate that is not trusted, where more is known."""
    if certificate_bundle() is None and os.environ.get("SSL_CERT_FILE"):
        return f"SSL_CERT_FILE is not read here. {Misconfigured.hint}"
    return None
