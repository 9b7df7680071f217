"""One HTTP exchange: sent once, not redirected, without cookies or ``.netrc``, bounded in size."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPMessage

import requests
import urllib3
from requests.adapters import HTTPAdapter

from dataform_action.errors import Misconfigured
from dataform_action.redaction import Redactor
from dataform_action.transport.connection import Argument, sending, use_connections, watch
from dataform_action.transport.environment import (
    Proxy,
    certificate_bundle,
    check_key_log,
    find_proxy,
)
from dataform_action.transport.exceptions import (
    EXCHANGE_ERRORS,
    BodyTooLong,
    Exchange,
    failure_of,
    proxy_refusal,
)
from dataform_action.transport.response import Json, Response

_CHUNK = 64 * 1024
#: Headers by which a service finds a request again.
_REQUEST_IDS = ("X-Request-Id", "X-Goog-Request-Id", "X-Cloud-Trace-Context")
_ID = r"[A-Za-z0-9._:/;=*-]{1,100}"
_ADDRESS_HINT = "Write it like https://host/path, without user and password."

#: An address that the libraries read as we do, without user, password and fragment.
_URL = re.compile(
    r"https?://(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::[0-9]{1,5})?(?:[/?][!-~]*)?", re.ASCII
)


class _Adapter(HTTPAdapter):
    """An adapter that keeps no cookies: an API that sets some must not make requests grow.

    A proxy's user and password come by ``authorizations``, and never with its address: the texts
    of libraries would repeat them.
    """

    def __init__(self) -> None:
        #: What the header of a proxy holds, by its address.
        self.authorizations: dict[str, str] = {}
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *arguments: Argument, **options: Argument) -> None:
        """Make the manager of direct connections."""
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
        """Have certificates verified, that of a proxy as well, whatever lies behind it."""
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


class _Session(requests.Session):
    """A session that neither follows a redirect nor reads its body to know where it leads."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class HttpSession:
    """Make HTTP requests one at a time over one kept-alive connection. There are no retries."""

    def __init__(self, secrets: Redactor) -> None:
        self._session = _Session()
        # No .netrc, and of the environment only what is read and checked here.
        self._session.trust_env = False
        self._adapter = _Adapter()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._secrets = secrets

    def exchange(
        self,
        method: str,
        url: str,
        *,
        what: str,
        hide: Callable[[str], str],
        headers: Mapping[str, str],
        timeout: tuple[float, float],
        limit: int,
        json: Json = None,
        data: bytes | None = None,
        cert: tuple[str, str] | None = None,
        direct: bool = False,
        on_send: Callable[[], object] = lambda: None,
    ) -> Response:
        """Send one request and return the response with its whole body.

        ``timeout`` holds the seconds to connect and the seconds between two reads, ``limit`` is
        the longest body in bytes, and ``direct`` leaves out any proxy. ``what`` names the request
        in errors, and ``hide`` takes secrets out of them. ``on_send`` is called just before the
        first byte of the request is written.

        Raises:
            NotConnected, Misconfigured: nothing was sent.
            NoResponse, InvalidResponse: something may have been sent.
        """
        if _URL.fullmatch(url) is None:
            text = f"{what}: the address is not valid, or holds a user or a password"
            raise Misconfigured(text, hint=_ADDRESS_HINT)
        check_key_log()
        proxy = None if direct else self._proxy_for(url)
        with sending(on_send) as request:
            if proxy is not None and proxy.is_opaque:
                # Its connections are not ours, and do not tell.
                request.begin()
            try:
                with self._session.request(
                    method,
                    url,
                    headers=dict(headers),
                    json=json,
                    data=data,
                    proxies={} if proxy is None else {"http": proxy.url, "https": proxy.url},
                    verify=certificate_bundle() or True,
                    cert=cert,
                    timeout=timeout,
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    body = _read_body(answer, limit)
            except EXCHANGE_ERRORS as error:
                exchange = Exchange(what, url, proxy, request.is_unsent, hide)
                raise failure_of(error, exchange) from error
        if answer.status_code == 407 and proxy is not None and url.startswith("http:"):
            raise proxy_refusal(proxy, what)
        return Response(answer.status_code, answer.headers, body)

    def _proxy_for(self, url: str) -> Proxy | None:
        proxy = find_proxy(url)
        if proxy is not None:
            self._adapter.authorizations[proxy.url] = proxy.authorization
            for secret in proxy.secrets:
                self._secrets.add(secret)
        return proxy

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def report_request(
    observer: Callable[[str], object] | None,
    hide: Callable[[str], str],
    what: str,
    seconds: float,
    outcome: Response | Exception,
) -> None:
    """Tell an observer of a request and its answer or failure, in a line without secrets.

    The line has no query, no body, and of the headers only an id of the request.
    """
    if observer is None:
        return
    if isinstance(outcome, Response):
        parts = [f"HTTP {outcome.status} in {seconds:.2f} s", f"{len(outcome.body)} bytes"]
        ids = ((name, hide(outcome.headers.get(name, ""))) for name in _REQUEST_IDS)
        # Not cut: half a secret is found by nobody.
        parts += [f"{name}: {value}" for name, value in ids if re.fullmatch(_ID, value, re.ASCII)]
    else:
        parts = [f"{type(outcome).__name__} after {seconds:.2f} s"]
    # A request that has been made must not get lost with an observer that fails.
    with suppress(Exception):
        observer(hide(f"{what.partition('?')[0]}: {', '.join(parts)}"))


def shown_address(url: str) -> str:
    """Return an address as messages show it: without a query, and only if it is one."""
    return url.partition("?")[0] if _URL.fullmatch(url) else "(an address that is not valid)"


def _read_body(response: requests.Response, limit: int) -> bytes:
    """Return the body of a streamed response.

    Raises:
        BodyTooLong: it is longer than ``limit`` bytes.
        requests.exceptions.ContentDecodingError: it is broken.
    """
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > limit:
            raise BodyTooLong(f"the answer is longer than {limit} bytes")
    return bytes(content)
