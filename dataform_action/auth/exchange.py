"""The HTTP exchanges that make a Google access token: each once, and what its failure means.

google-auth makes them through ``Exchanges``. Left to itself, it would follow redirects, heed
``.netrc``, sleep between attempts, and wait for two minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from dataform_action.auth.token_secrets import Secrets, secrets_in
from dataform_action.errors import CredentialsRefused, NotConnected, Refused, Unusable
from dataform_action.transport.http import HttpSession, report_request, shown_address
from dataform_action.transport.response import (
    Response,
    describe_error,
    kind_of_failure,
    parse_json,
)

_CONNECT_SECONDS = 10.0
_BODY_LIMIT = 64 * 1024

#: Answers of HTTP 4xx that may be others a moment later.
_TRANSIENT = (
    "internal_failure",
    "server_error",
    "temporarily_unavailable",
    "Error connecting to the given credential's issuer",
)
#: What to do when a step towards a token is refused.
_REFUSALS = {
    "metadata": (
        "Attach a service account to the virtual machine (on GKE: link the Kubernetes service "
        "account to one, or grant roles to it), or run google-github-actions/auth before this step."
    ),
    "impersonation": (
        "Grant roles/iam.workloadIdentityUser on the service account to the principalSet of the "
        "workload identity pool (roles/iam.serviceAccountTokenCreator to a service account or "
        "user), and check the name of the service account. A new grant takes some minutes."
    ),
    "disabled": (
        "Enable the IAM Service Account Credentials API (iamcredentials.googleapis.com) in the "
        "project that the message names."
    ),
    "condition": (
        "The attribute condition of the workload identity provider excludes this repository, "
        "branch or event: change the condition, or run the workflow where it holds."
    ),
    "token-exchange": (
        "Check workload_identity_provider in the step of google-github-actions/auth: the pool and "
        "the provider must exist, be enabled, and trust "
        "https://token.actions.githubusercontent.com."
    ),
    "jwt-bearer": (
        "The service account's key may be deleted or disabled, or this machine's clock is wrong: "
        "make a new key, or better use workload identity federation."
    ),
    "refresh_token": (
        "The login has expired or was revoked: run gcloud auth application-default login again, or "
        "better use a service account."
    ),
    "identity": (
        "Give the job permissions: id-token: write and run google-github-actions/auth in the same "
        "job: GitHub gives identity tokens only while the job runs."
    ),
}


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A response, with the names that google-auth uses (``google.auth.transport.Response``)."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Exchanges:
    """The HTTP exchanges of one refresh, all before ``deadline``: a moment of ``time.monotonic``.

    It is what google-auth takes for its ``Request``. Failures leave it as errors of this
    package, which google-auth neither catches nor tries again; only good responses come back.
    ``on_exchange`` is told of each, in a line without secrets.
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
        #: What was asked last with success, such as ``POST https://…``.
        self.answered = ""

    def __enter__(self) -> Exchanges:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        cert: tuple[str, str] | None = None,
        **_timeout: object,
    ) -> TokenResponse:
        """Return a good response. It raises what ``send`` and ``check`` do."""
        form = dict(parse_qsl((body or b"").decode("utf-8", "replace")))
        for secret in secrets_in({**(headers or {}), **form}):
            self._secrets.learn(secret)
        response = self.send(url, method, body, headers, cert=cert)
        self.check(response, url, method, form.get("grant_type", ""))
        return TokenResponse(response.status, response.headers, response.body)

    def send(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        cert: tuple[str, str] | None = None,
        seconds: float | None = None,
        direct: bool = False,
    ) -> Response:
        """Send one request and return its response, whatever its status.

        ``direct`` leaves out any proxy.

        Raises:
            NotConnected: there was no response.
            Misconfigured: this machine's set-up forbids the connection.
        """
        asked = time.monotonic()
        try:
            left = self._deadline - asked
            if left <= 0:
                raise NotConnected(self._text(method, url, "no time is left"))
            read_seconds = left if seconds is None else min(left, seconds)
            response = self._session.exchange(
                method,
                url,
                what=self._text(method, url),
                hide=self._secrets.redact,
                headers=headers or {},
                timeout=(min(read_seconds, _CONNECT_SECONDS), read_seconds),
                limit=_BODY_LIMIT,
                data=body,
                cert=cert,
                direct=direct,
            )
        except Unusable as error:
            # Whether the request was sent does not matter here: nothing is done twice by it.
            failure = error if isinstance(error, NotConnected) else NotConnected(error.message)
            self._report(method, url, asked, failure)
            raise failure from error
        self._report(method, url, asked, response)
        return response

    def check(self, response: Response, url: str, method: str = "GET", grant: str = "") -> Response:
        """Return a good response.

        Raises:
            NotConnected: another attempt may have another response.
            CredentialsRefused: it is final.
        """
        status = response.status
        if 200 <= status < 300:
            for token in secrets_in(parse_json(response.body)):
                self._secrets.learn(token)
            self.answered = self._secrets.redact(_request(method, url))
            return response
        if status < 400:
            text = self._text(method, url, f"HTTP {status}, a redirect, is not followed")
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False)
        said = _said(response.body, self._secrets.redact)
        text = self._text(method, url, f"HTTP {status}: {said}")
        transient = not issubclass(kind_of_failure(response, method), Refused)
        if transient or any(words in said for words in _TRANSIENT):
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False)
        raise CredentialsRefused(text, hint=_REFUSALS[_step(url, grant, said)])

    def _report(self, method: str, url: str, asked: float, outcome: Response | Exception) -> None:
        what, seconds = _request(method, url), time.monotonic() - asked
        report_request(self._on_exchange, self._secrets.redact, what, seconds, outcome)

    def _text(self, method: str, url: str, words: str = "") -> str:
        text = f"No access token: {_request(method, url)}"
        return self._secrets.redact(f"{text}: {words}" if words else text)


def _request(method: str, url: str) -> str:
    return f"{method} {shown_address(url)}"


def _said(body: bytes, hide: Callable[[str], str]) -> str:
    """Return the words of an error, those of OAuth (RFC 6749, section 5.2) among them."""
    match parse_json(body):
        case {"error": str(code), "error_description": str(words)}:
            return hide(f"{code}: {words}")
    return describe_error(body, hide)


def _step(url: str, grant: str, said: str) -> str:
    """Return which step towards a token was refused: a key of ``_REFUSALS``."""
    if "/computeMetadata/" in url:
        return "metadata"
    if ":generateAccessToken" in url:
        return "disabled" if "has not been used in project" in said else "impersonation"
    if "attribute condition" in said:
        return "condition"
    name = grant.rpartition(":")[2]
    return name if name in _REFUSALS else "identity"
