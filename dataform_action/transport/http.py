"""One HTTP exchange: sent once, not redirected, without cookies or ``.netrc``, bounded in size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPMessage

import requests
import urllib3
from requests.adapters import HTTPAdapter

from dataform_action.transport.response import Json, Response

_CHUNK = 64 * 1024


def _setting(
    headers: Mapping[str, str],
) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Return what sets the headers of a request when it is passed as ``auth=``.

    requests lets an entry of ``.netrc`` for the host replace an Authorization header that was
    set in any other way.
    """

    def set_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(headers)
        return request

    return set_headers


class _Adapter(HTTPAdapter):
    """An adapter that keeps no cookies: an API that sets some must not make requests grow."""

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


class BodyTooLong(requests.exceptions.ContentDecodingError):
    """A body that is longer than is read."""


class HttpSession:
    """Make HTTP requests one at a time over one kept-alive connection. There are no retries."""

    def __init__(self) -> None:
        self._session = _Session()
        adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: tuple[float, float],
        limit: int,
        json: Json = None,
        data: bytes | None = None,
        cert: tuple[str, str] | None = None,
        direct: bool = False,
    ) -> Response:
        """Send one request and return the response with its whole body.

        ``timeout`` holds the seconds to connect and the seconds between two reads, ``limit`` is
        the longest body in bytes, and ``direct`` leaves out any proxy.

        Raises:
            EXCHANGE_ERRORS: see ``exceptions``, which says what they mean.
        """
        self._session.trust_env = not direct
        with self._session.request(
            method,
            url,
            json=json,
            data=data,
            auth=_setting(headers),
            cert=cert,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            return Response(response.status_code, response.headers, _read_body(response, limit))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


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
