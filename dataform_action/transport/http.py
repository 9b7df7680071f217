"""One HTTP request: sent once, with a size limit, and without redirects, cookies or ``.netrc``."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPMessage
from typing import NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import default_headers

from dataform_action.errors import Misconfigured
from dataform_action.redaction import Redactor
from dataform_action.transport.certificates import (
    certificate_bundle,
    check_key_log,
    check_tls_files,
)
from dataform_action.transport.connection import OnSend, sending, use_connections, watch
from dataform_action.transport.environment import HOST_HINT, Proxy, find_proxy
from dataform_action.transport.exceptions import (
    REQUEST_ERRORS,
    BodyTooLong,
    FailedRequest,
    failure_of,
    proxy_refusal,
)
from dataform_action.transport.http_reader import Argument
from dataform_action.transport.response import Json, Response
from dataform_action.validation import is_host

_CHUNK = 64 * 1024
#: How many connections are kept alive: as many as the requests at the same time, at most.
_MOST_CONNECTIONS = 8
#: Response headers with an id by which the service can find the request.
_REQUEST_IDS = ("X-Request-Id", "X-Goog-Request-Id", "X-Cloud-Trace-Context")
_ID = r"[A-Za-z0-9._:/;=*-]{1,100}"
#: Without it, requests accepts every encoding that a module of this Python can read.
_ENCODING = {"Accept-Encoding": "gzip"}
_ADDRESS_HINT = "Use the form https://host/path, without a user name or password."

#: An address that all libraries parse in the same way, without user, password and fragment.
_URL = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::[0-9]{1,5})?(?:[/?][!-~]*)?", re.ASCII)


class Request(NamedTuple):
    """One HTTP request, and the limits of its response."""

    #: The name of the request in messages.
    what: str
    method: str
    url: str
    headers: Mapping[str, str | bytes]
    #: The seconds to connect, and the seconds between two reads.
    timeout: tuple[float, float]
    #: The longest body of the response, in bytes.
    limit: int
    json: Json = None
    data: bytes | None = None
    #: The files of a client certificate and its key.
    cert: tuple[str, str] | None = None
    #: Whether to use no proxy.
    direct: bool = False


class _Adapter(HTTPAdapter):
    """An adapter that does not read cookies, which nothing here needs.

    A proxy's user name and password are in ``authorizations`` and never in its address: error
    messages of libraries would repeat them.
    """

    def __init__(self) -> None:
        #: The credentials in the Proxy-Authorization header, by the proxy's address.
        self.authorizations: dict[str, str] = {}
        super().__init__(pool_connections=1, pool_maxsize=_MOST_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *arguments: Argument, **options: Argument) -> None:
        """Create the manager of direct connections."""
        super().init_poolmanager(*arguments, **options)
        use_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Argument) -> urllib3.PoolManager:
        """Return the manager of connections through a proxy."""
        manager: urllib3.PoolManager = super().proxy_manager_for(proxy, **options)
        if not proxy.startswith("socks"):
            use_connections(manager)
        return manager

    def get_connection_with_tls_context(
        self, *arguments: Argument, **options: Argument
    ) -> Argument:
        """Return the pool of connections for a request."""
        watch()
        return super().get_connection_with_tls_context(*arguments, **options)

    def cert_verify(self, conn: Argument, url: str, verify: Argument, cert: Argument) -> None:
        """Set up the verification of certificates, also for a TLS proxy of an http address."""
        has_tls = conn.proxy is not None and conn.proxy.scheme == "https"
        super().cert_verify(  # type: ignore[no-untyped-call]
            conn, "https:" if has_tls else url, verify, cert
        )

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the headers for a proxy."""
        known = self.authorizations.get(proxy, "")
        return {"Proxy-Authorization": f"Basic {known}"} if known else {}

    def build_response(
        self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse
    ) -> requests.Response:
        message = getattr(getattr(resp, "_original_response", None), "msg", None)
        if isinstance(message, HTTPMessage):
            del message["Set-Cookie"], message["Set-Cookie2"]
        return super().build_response(req, resp)


class HttpSession:
    """Make HTTP requests over kept-alive connections, without retries.

    It may be used by several threads: each request has a connection of its own.
    """

    def __init__(self, secrets: Redactor) -> None:
        # Not a session of requests: it reads .netrc and variables that ``environment`` does not
        # check, keeps cookies, and needs as much processor time as the rest of a request.
        self._adapter = _Adapter()
        self._secrets = secrets

    def send(
        self,
        request: Request,
        hide: Callable[[str], str],
        on_send: OnSend = lambda _end: None,
    ) -> Response:
        """Send a request once and return the response with its whole body.

        ``hide`` removes secrets from error messages. ``on_send`` is called just before the first
        byte of the request is sent, with a function that ends the connection.

        Raises:
            NotConnected, Misconfigured: nothing was sent.
            NoResponse, InvalidResponse: the request may have been sent.
        """
        _check_address(request)
        check_key_log()
        proxy = None if request.direct else self._proxy_for(request.url)
        if request.url.startswith("https") or (proxy is not None and proxy.has_tls):
            check_tls_files()
        with sending(on_send) as progress:
            if proxy is not None and proxy.is_opaque:
                # Its connections are of another library, and do not report when a request begins.
                progress.begin()
            try:
                response = self._send(request, proxy)
            except REQUEST_ERRORS as error:
                failed = FailedRequest(request.what, request.url, proxy, progress.is_unsent, hide)
                raise failure_of(error, failed) from error
        if response.status == 407 and proxy is not None and request.url.startswith("http:"):
            # The proxy may have forwarded the request, and the response of a server.
            raise proxy_refusal(proxy, request.what, unprocessed=False)
        return response

    def _send(self, request: Request, proxy: Proxy | None) -> Response:
        with self._adapter.send(
            _prepared(request),
            stream=True,
            timeout=request.timeout,
            verify=certificate_bundle() or True,
            cert=request.cert,
            proxies={} if proxy is None else {"http": proxy.url, "https": proxy.url},
        ) as response:
            body = _read_body(response, request.limit)
        return Response(response.status_code, response.headers, body)

    def _proxy_for(self, url: str) -> Proxy | None:
        proxy = find_proxy(url)
        if proxy is not None:
            self._adapter.authorizations[proxy.url] = proxy.authorization
            for secret in proxy.secrets:
                self._secrets.add(secret)
        return proxy

    def close(self) -> None:
        """Close the connection."""
        self._adapter.close()


def _prepared(request: Request) -> requests.PreparedRequest:
    """Return a request with the usual headers, and without cookies and other credentials."""
    prepared = requests.PreparedRequest()
    prepared.prepare_method(request.method)
    prepared.prepare_url(request.url, None)
    prepared.prepare_headers({**default_headers(), **_ENCODING, **request.headers})
    prepared.prepare_body(request.data, None, request.json)
    return prepared


def report_request(
    observer: Callable[[str], object] | None,
    hide: Callable[[str], str],
    what: str,
    seconds: float,
    outcome: Response | Exception,
) -> None:
    """Report a request and its response or failure to an observer, in a line without secrets.

    The line contains no query, no body, and no header except an id of the request.
    """
    if observer is None:
        return
    if isinstance(outcome, Response):
        parts = [f"HTTP {outcome.status} in {seconds:.2f} s", f"{len(outcome.body)} bytes"]
        ids = ((name, hide(outcome.headers.get(name, ""))) for name in _REQUEST_IDS)
        # A long id is left out, not cut: redaction would not find a part of a secret.
        parts += [f"{name}: {value}" for name, value in ids if re.fullmatch(_ID, value, re.ASCII)]
    else:
        parts = [f"{type(outcome).__name__} after {seconds:.2f} s"]
    # The response must not get lost if the observer fails.
    with suppress(Exception):
        observer(hide(f"{what.partition('?')[0]}: {', '.join(parts)}"))


def shown_address(url: str) -> str:
    """Return an address for messages, without its query; an invalid address is not shown."""
    return url.partition("?")[0] if _URL.fullmatch(url) else "(invalid address)"


def _check_address(request: Request) -> None:
    match = _URL.fullmatch(request.url)
    if match is None:
        text = f"{request.what}: the address is invalid, or contains a user name or password"
        raise Misconfigured(text, hint=_ADDRESS_HINT)
    if not is_host(match[1]):
        raise Misconfigured(f"{request.what}: the host name is invalid", hint=HOST_HINT)


def _read_body(response: requests.Response, limit: int) -> bytes:
    """Return the body of a streamed response.

    Raises:
        BodyTooLong: the body is longer than ``limit`` bytes.
        requests.exceptions.ContentDecodingError: the body is damaged.
    """
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > limit:
            raise BodyTooLong(f"the response is longer than {limit} bytes")
    return bytes(content)
