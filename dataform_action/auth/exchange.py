"""The HTTP requests for a Google access token: sends each once, and explains its failure.

google-auth makes its requests through ``TokenRequests``. Its own transport would follow redirects,
read ``.netrc``, sleep between attempts, and wait for two minutes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl

from dataform_action.auth.token_secrets import Secrets, possible_secrets_in, secrets_in
from dataform_action.errors import CredentialsRefused, NotConnected, Refused, Unusable
from dataform_action.transport.error_body import describe_error
from dataform_action.transport.http import HttpSession, Request, report_request, shown_address
from dataform_action.transport.json_values import parse_json
from dataform_action.transport.response import (
    Response,
    kind_of_failure,
)

_CONNECT_SECONDS = 10.0
_BODY_LIMIT = 64 * 1024

#: Texts in HTTP 4xx responses to requests that may succeed later.
_TRANSIENT = (
    "internal_failure",
    "server_error",
    "temporarily_unavailable",
    "Error connecting to the given credential's issuer",
)
#: Hints for each step on the way to a token, if it is refused.
_REFUSALS = {
    "metadata": (
        "Attach a service account to the virtual machine (on GKE: link the Kubernetes service "
        "account to one, or grant roles to it), or run google-github-actions/auth before this step."
    ),
    "impersonation": (
        "Grant roles/iam.workloadIdentityUser on the service account to the principalSet of the "
        "workload identity pool (roles/iam.serviceAccountTokenCreator to a service account or "
        "user), and check the name of the service account. Wait a few minutes after a new grant."
    ),
    "disabled": (
        "Enable the IAM Service Account Credentials API (iamcredentials.googleapis.com) in the "
        "project that the message names."
    ),
    "condition": (
        "The attribute condition of the workload identity provider excludes this repository, "
        "branch or event. Change the condition, or run the workflow where the condition allows it."
    ),
    "token-exchange": (
        "Check workload_identity_provider in the step of google-github-actions/auth: the pool and "
        "the provider must exist, be enabled, and trust "
        "https://token.actions.githubusercontent.com."
    ),
    "jwt-bearer": (
        "The service account's key may be deleted or disabled, or this machine's clock may be "
        "wrong. Create a new key or, better, use workload identity federation."
    ),
    "refresh_token": (
        "The login has expired or was revoked. Run gcloud auth application-default login again "
        "or, better, use a service account."
    ),
    "identity": (
        "Set permissions: id-token: write for the job, and run google-github-actions/auth in the "
        "same job. GitHub issues identity tokens only while the job runs."
    ),
}


class TokenRequest(NamedTuple):
    """One request on the way to a token.

    ``seconds`` limits the time for its response, within the deadline of all requests. A ``direct``
    request uses no proxy.
    """

    url: str
    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str | bytes] | None = None
    cert: tuple[str, str] | None = None
    seconds: float = math.inf
    direct: bool = False

    @property
    def form(self) -> dict[str, str]:
        """Return the fields of the form in the body."""
        return dict(parse_qsl((self.body or b"").decode("utf-8", "replace")))

    def __repr__(self) -> str:
        """Return the request for messages, without secrets."""
        return f"{self.method} {shown_address(self.url)}"


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A response, with the names that google-auth uses (``google.auth.transport.Response``)."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class TokenRequests:
    """The HTTP requests of one refresh, all before ``deadline``, a value of ``time.monotonic``.

    google-auth uses it as its ``Request``. It returns only successful responses. Failures are
    errors of this package, which google-auth does not catch and does not retry. ``on_exchange``
    receives one line without secrets for each request.
    """

    def __init__(
        self,
        deadline: float,
        secrets: Secrets,
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        self._deadline = deadline
        self._secrets = secrets
        self._on_exchange = on_exchange
        self._session = HttpSession(secrets.redact)
        #: The last request that succeeded, such as ``POST https://…``.
        self.last_success = ""

    def __enter__(self) -> TokenRequests:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        cert: tuple[str, str] | None = None,
        **_timeout: object,
    ) -> TokenResponse:
        """Send a request of google-auth and return its successful response.

        It raises the same errors as ``send`` and ``check``.
        """
        request = TokenRequest(url, method, body, headers, cert)
        for secret in secrets_in({**(headers or {}), **request.form}):
            self._secrets.learn(secret)
        for secret in possible_secrets_in(dict(headers or {})):
            self._secrets.hide(secret)
        response = self.send(request)
        self.check(request, response)
        return TokenResponse(response.status, response.headers, response.body)

    def send(self, request: TokenRequest) -> Response:
        """Send one request and return its response with any status.

        Raises:
            NotConnected: there was no response.
            Misconfigured: the configuration of this machine prevents the connection.
        """
        started_at = time.monotonic()
        try:
            left = self._deadline - started_at
            if left <= 0:
                raise NotConnected(self._message(request, "no time is left"))
            response = self._session.send(
                self._http_request(request, min(left, request.seconds)), self._secrets.redact
            )
        except Unusable as error:
            # A token may be requested twice, so it does not matter whether the request was sent.
            failure = error if isinstance(error, NotConnected) else NotConnected(error.message)
            self._report(request, started_at, failure)
            raise failure from error
        self._report(request, started_at, response)
        return response

    def check(self, request: TokenRequest, response: Response) -> Response:
        """Return the response if it is successful.

        Raises:
            NotConnected: another attempt may succeed.
            CredentialsRefused: another attempt would fail as well.
        """
        status = response.status
        if 200 <= status < 300:
            value = parse_json(response.body)
            if value is None and response.body.lstrip()[:1] in (b"{", b"["):
                # google-auth would parse it without a limit for its depth.
                text = self._message(request, f"HTTP {status}, but no usable JSON")
                raise NotConnected(text, hint=Unusable.hint, has_remedy=False)
            for token in secrets_in(value):
                self._secrets.learn(token)
            self.last_success = self._secrets.redact(str(request))
            return response
        if status < 400:
            text = self._message(request, f"HTTP {status}: redirects are not followed")
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False)
        reason = _error_message(response.body, self._secrets.redact)
        text = self._message(request, f"HTTP {status}: {reason}")
        is_transient = not issubclass(kind_of_failure(response, request.method), Refused)
        if is_transient or any(words in reason for words in _TRANSIENT):
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False)
        raise CredentialsRefused(text, hint=_REFUSALS[_refused_step(request, reason)])

    def _http_request(self, request: TokenRequest, seconds: float) -> Request:
        return Request(
            what=self._message(request),
            method=request.method,
            url=request.url,
            headers=request.headers or {},
            timeout=(min(seconds, _CONNECT_SECONDS), seconds),
            limit=_BODY_LIMIT,
            data=request.body,
            cert=request.cert,
            direct=request.direct,
        )

    def _report(
        self, request: TokenRequest, started_at: float, outcome: Response | Exception
    ) -> None:
        seconds = time.monotonic() - started_at
        report_request(self._on_exchange, self._secrets.redact, str(request), seconds, outcome)

    def _message(self, request: TokenRequest, reason: str = "") -> str:
        text = f"No access token: {request}"
        return self._secrets.redact(f"{text}: {reason}" if reason else text)


def _error_message(body: bytes, hide: Callable[[str], str]) -> str:
    """Return the message of an error, also in the format of OAuth (RFC 6749, section 5.2)."""
    match parse_json(body):
        case {"error": str(code), "error_description": str(description)}:
            return hide(f"{code}: {description}")
    return describe_error(body, hide)


def _refused_step(request: TokenRequest, reason: str) -> str:
    """Return which step on the way to a token was refused: a key of ``_REFUSALS``."""
    if "/computeMetadata/" in request.url:
        return "metadata"
    if ":generateAccessToken" in request.url:
        return "disabled" if "has not been used in project" in reason else "impersonation"
    if "attribute condition" in reason:
        return "condition"
    name = request.form.get("grant_type", "").rpartition(":")[2]
    return name if name in _REFUSALS else "identity"
