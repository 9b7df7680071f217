"""The requests for a token: their reports, and the errors of failed requests."""

from __future__ import annotations

import re
import socket

import pytest

from dataform_action.transport.exceptions import LOOPBACK_HINT
from tests.support.google_stand_ins import EXCHANGE, IDENTITY, IMPERSONATION, OAUTH, Reply
from tests.unit.auth.support import (
    DENIED,
    FEDERATION,
    Setting,
    failure,
    misconfiguration,
    refusal,
    serve_as,
    service_account_key,
)


def test_each_request_is_reported(setting: Setting) -> None:
    """A report has the address, status, time and size, but no query, body or token."""
    echo = {"X-Request-Id": "identity-token-1"}
    setting.google.fail(EXCHANGE, Reply(503, headers=echo), Reply(fault="close"))
    for _ in range(2):
        failure(setting.federation())
    url = setting.google.url
    parts = [re.sub(r"\d+\.\d\d s", "0 s", line) for line in setting.lines]
    assert parts[0].startswith(f"GET {url}{IDENTITY}: HTTP 200 in 0 s, ")
    assert parts[1] == f"POST {url}{EXCHANGE}: HTTP 503 in 0 s, 0 bytes, X-Request-Id: ***"
    assert parts[2].startswith(f"GET {url}{IDENTITY}: HTTP 200 in 0 s, ")
    assert parts[3] == f"POST {url}{EXCHANGE}: NotConnected after 0 s"
    assert "token-" not in "".join(setting.lines)


_DISABLED = {
    "error": {
        "code": 403,
        "message": "IAM Service Account Credentials API has not been used in project 123 before "
        "or it is disabled.",
    }
}
_CONDITION = {
    "error": "unauthorized_client",
    "error_description": "The reply credential is rejected by the attribute condition.",
}
_AUDIENCE = {
    "error": "invalid_target",
    "error_description": 'The target service indicated by the "audience" parameters is invalid.',
}


@pytest.mark.parametrize(
    ("path", "reply", "words", "hint"),
    [
        (
            IMPERSONATION,
            Reply(403, DENIED),
            "HTTP 403: Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it "
            "may not exist).",
            "Grant roles/iam.workloadIdentityUser on the service account",
        ),
        (IMPERSONATION, Reply(403, _DISABLED), "project 123", "Enable the IAM Service Account"),
        (EXCHANGE, Reply(400, _CONDITION), "unauthorized_client: The reply", "The attribute cond"),
        (EXCHANGE, Reply(400, _AUDIENCE), "invalid_target", "Check workload_identity_provider"),
        (EXCHANGE, Reply(404, b""), "HTTP 404: an empty body", "Check workload_identity_provider"),
        (
            IDENTITY,
            Reply(403, {"message": "Can't issue ID_TOKEN for job in 'Completed' state."}),
            "HTTP 403: Can't issue ID_TOKEN for job in 'Completed' state.",
            "Set permissions: id-token: write for the job",
        ),
        (IDENTITY, Reply(401, b"no " * 400), "HTTP 401: no no", "Set permissions: id-token"),
    ],
)
def test_refusals(setting: Setting, path: str, reply: Reply, words: str, hint: str) -> None:
    """The message has the service's reason, and the hint a remedy. Nothing is retried."""
    setting.google.fail(path, reply)
    error = refusal(setting.federation())
    method = "GET" if path == IDENTITY else "POST"
    assert error.message.startswith(
        f"No access token: {method} {setting.google.url}{path}: HTTP {reply.status}: "
    )
    assert words in error.message
    assert len(error.message) < 800
    assert error.hint.startswith(hint)
    assert setting.google.paths == FEDERATION[: FEDERATION.index(path) + 1]


def test_refused_key(setting: Setting) -> None:
    """The hint for a deleted key differs from the hints for federation."""
    words = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    setting.google.fail(OAUTH, Reply(400, words))
    error = refusal(setting.source(service_account_key(setting.google)))
    assert error.message.endswith("HTTP 400: invalid_grant: Invalid JWT Signature.")
    assert error.hint.startswith("The service account's key may be deleted or disabled")


def test_revoked_login(setting: Setting) -> None:
    """The hint for an expired login is to log in again."""
    setting.google.fail(EXCHANGE, Reply(400, {"error": "invalid_grant"}))
    info = {
        "type": "external_account_authorized_user",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "refresh-token",
        "token_url": setting.google.url + EXCHANGE,
    }
    error = refusal(setting.source(info))
    assert error.message.endswith("HTTP 400: invalid_grant")
    assert error.hint.startswith("The login has expired or was revoked")


@pytest.mark.parametrize("path", FEDERATION)
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(500, b""), "HTTP 500: an empty body"),
        (Reply(503, b"<html>"), "HTTP 503: an HTML page"),
        (Reply(429, {"error": {"message": "slow down"}}), "HTTP 429: slow down"),
        (Reply(408, b"late"), "HTTP 408: late"),
        (Reply(400, {"error": "temporarily_unavailable"}), "HTTP 400: temporarily_unavailable"),
        (Reply(302, b"", {"Location": "/idtoken"}), "HTTP 302: redirects are not followed"),
        (Reply(fault="close"), "Remote end closed connection without response"),
        (Reply(fault="flood"), "the response is longer than 65536 bytes"),
        (Reply(body=b"<html>"), "the response has no usable token"),
        (Reply(body=b""), "the response has no usable token"),
        (Reply(body={}), "the response has no usable token"),
        (Reply(body=[]), "the response has no usable token"),
        (
            Reply(body={"value": "", "access_token": None, "accessToken": "", "expireTime": ""}),
            "the response has no usable token",
        ),
        (Reply(body={"accesstoken": "surprise"}), "the response has no usable token"),
    ],
)
def test_temporary_failures(setting: Setting, path: str, reply: Reply, words: str) -> None:
    """The message names the request that failed. Nothing is retried, and the next call succeeds."""
    setting.google.fail(path, reply)
    source = setting.federation()
    error = failure(source)
    assert f"{setting.google.url}{path}: {words}" in error.message
    assert "surprise" not in error.message
    assert setting.google.paths == FEDERATION[: FEDERATION.index(path) + 1]
    assert source().startswith("impersonated-token-")


def test_empty_token(setting: Setting) -> None:
    """A response with a lifetime but without a token is not usable."""
    setting.google.fail(EXCHANGE, Reply(body={"access_token": "", "expires_in": 3600}))
    error = failure(setting.source(setting.google.external_account(impersonation=False)))
    assert error.message.endswith(f"{EXCHANGE}: the response has no usable token")


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_time_limit_of_a_refresh(setting: Setting, fault: str) -> None:
    """No response, or an endless one, does not exceed the time limit."""
    setting.google.fail(EXCHANGE, Reply(fault=fault))
    error = failure(setting.federation(refresh_seconds=0.2))
    assert "timed out" in error.message or "within 0.2 seconds" in error.message
    assert error.hint


def test_time_limit_between_two_requests(setting: Setting) -> None:
    """All requests together have one time limit."""
    setting.google.on_request = lambda _path: setting.google.pause(0.7)
    error = failure(setting.federation(refresh_seconds=0.5))
    setting.google.on_request = lambda _path: None
    assert len(setting.google.paths) == 1
    assert error.retryable


def test_no_connection(setting: Setting) -> None:
    """If the service cannot be reached, the error is the same as for the API."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    info = service_account_key(setting.google) | {"token_uri": f"http://127.0.0.1:{port}/token"}
    error = failure(setting.source(info))
    assert error.message.startswith(f"No access token: POST http://127.0.0.1:{port}/token: ")
    assert "Connection refused" in error.message
    assert error.hint == LOOPBACK_HINT


def test_missing_certificate_file(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing certificate file is a configuration error."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    info = service_account_key(setting.google) | {"token_uri": "https://127.0.0.1:1/token"}
    error = misconfiguration(setting.source(info))
    assert error.message == "The certificate file set in REQUESTS_CA_BUNDLE does not exist."


def test_untrusted_certificate(setting: Setting) -> None:
    """A certificate of an unknown authority is a configuration error."""
    serve_as(setting.google, "sts.googleapis.com", setting.folder / "unused.pem")
    info = service_account_key(setting.google) | {"token_uri": "https://sts.googleapis.com/token"}
    error = misconfiguration(setting.source(info))
    assert "certificate verify failed" in error.message


def test_failure_of_a_proxy(setting: Setting) -> None:
    """A proxy that cannot reach the service may reach it later."""
    info = service_account_key(setting.google) | {"token_uri": "https://sts.googleapis.com/token"}
    assert "Tunnel connection failed: 502" in failure(setting.source(info)).message


@pytest.mark.parametrize(
    "address", ["token", "https://user:hunter2@sts.example/token", "https://a b/", "ftp://x/y"]
)
def test_invalid_address(setting: Setting, address: str) -> None:
    """An invalid address in the file is not shown, because it may be a secret."""
    info = service_account_key(setting.google) | {"token_uri": address}
    error = misconfiguration(setting.source(info))
    assert error.message == (
        "No access token: POST (invalid address): the address is invalid, or contains a user name "
        "or password"
    )


def test_invalid_host(setting: Setting) -> None:
    """An address in the file with an impossible host name is refused immediately."""
    info = service_account_key(setting.google) | {"token_uri": "https://a..b/token"}
    error = misconfiguration(setting.source(info))
    assert error.message == ("No access token: POST https://a..b/token: the host name is invalid")


@pytest.mark.parametrize("path", FEDERATION)
def test_deeply_nested_response(setting: Setting, path: str) -> None:
    """A response that is nested too deeply is an outage, not an error of the credentials file."""
    body = b'{"value":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    setting.google.fail(path, Reply(body=body))
    error = failure(setting.federation())
    assert error.message.endswith("HTTP 200, but no usable JSON")
