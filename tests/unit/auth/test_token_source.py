"""Token sources: where tokens come from, when they are renewed, and what a failure means."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dataform_action.auth import credentials as google_credentials, token_source as google_auth
from dataform_action.auth.credentials import FILE_VARIABLES, SCOPE
from dataform_action.auth.token_source import ApplicationDefaultCredentials
from dataform_action.errors import (
    CredentialsRefused,
    DataformError,
    Misconfigured,
    NotConnected,
    Unusable,
)
from tests.support.fakes import FakeClock
from tests.support.google_stand_ins import (
    AUDIENCE,
    EXCHANGE,
    IDENTITY,
    IMPERSONATION,
    METADATA,
    OAUTH,
    RUNTIME_TOKEN,
    SERVICE_ACCOUNT,
    Given,
    GoogleStandIns,
)
from tests.support.steps import run_program

_FEDERATION = [IDENTITY, EXCHANGE, IMPERSONATION]
_GENERATED = "gha-creds-0123456789abcdef.json"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStandIns]:
    """The stand-ins, which are the proxy as well: nothing reaches the real ones."""
    with GoogleStandIns() as google:
        monkeypatch.setenv("HTTPS_PROXY", google.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield google


@dataclass
class Setting:
    """A token source with a credentials file, a clock, and what it told to mask."""

    folder: Path
    google: GoogleStandIns
    clock: FakeClock = field(default_factory=FakeClock)
    masked: list[str] = field(default_factory=list)
    #: What was told of each exchange.
    told: list[str] = field(default_factory=list)
    on_mask: Callable[[int], object] = lambda _count: None

    def source(self, info: object, *, refresh_seconds: float = 30) -> ApplicationDefaultCredentials:
        path = self.folder / "credentials.json"
        path.write_bytes(info if isinstance(info, bytes) else json.dumps(info).encode())
        environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
        return self.source_of(environ, refresh_seconds=refresh_seconds)

    def source_of(
        self, environ: dict[str, str], *, refresh_seconds: float = 30
    ) -> ApplicationDefaultCredentials:
        return ApplicationDefaultCredentials(
            environ,
            on_token=self.mask,
            on_exchange=self.told.append,
            clock=self.clock,
            refresh_seconds=refresh_seconds,
        )

    def federation(self, *, refresh_seconds: float = 30) -> ApplicationDefaultCredentials:
        return self.source(self.google.external_account(), refresh_seconds=refresh_seconds)

    def mask(self, token: str) -> None:
        self.masked.append(token)
        self.on_mask(len(self.masked))


@pytest.fixture
def setting(tmp_path: Path, google: GoogleStandIns) -> Setting:
    return Setting(tmp_path, google)


@cache
def private_key() -> str:
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def service_account_key(google: GoogleStandIns) -> dict[str, str]:
    return {
        "type": "service_account",
        "client_email": SERVICE_ACCOUNT,
        "private_key_id": "1",
        "private_key": private_key(),
        "token_uri": google.url + OAUTH,
    }


def be_real(google: GoogleStandIns, host: str, bundle: Path) -> None:
    """Have the stand-ins answer, behind their proxy, as ``host`` and by TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(bundle))
    google.certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(google.certificate)


def refusal(source: ApplicationDefaultCredentials) -> CredentialsRefused:
    with pytest.raises(CredentialsRefused) as caught:
        source()
    assert not caught.value.retryable
    return caught.value


def misconfiguration(source: ApplicationDefaultCredentials) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        source()
    assert caught.value.hint == Misconfigured.hint
    return caught.value


def failure(source: ApplicationDefaultCredentials) -> NotConnected:
    with pytest.raises(NotConnected) as caught:
        source()
    assert caught.value.retryable
    return caught.value


# Where tokens come from


def test_workload_identity_federation_with_a_service_account(setting: Setting) -> None:
    """Three exchanges make a token, and nothing else is asked, not even for a project."""
    google = setting.google
    assert setting.federation()() == "impersonated-token-3"
    assert google.paths == _FEDERATION
    identity, exchange, impersonation = google.asked
    assert identity.headers["authorization"] == f"Bearer {RUNTIME_TOKEN}"
    assert exchange.form["subject_token"] == "identity-token-1"
    assert exchange.form["audience"] == AUDIENCE
    assert impersonation.headers["authorization"] == "Bearer federated-token-2"
    assert json.loads(impersonation.body)["scope"] == [SCOPE]


def test_all_tokens_are_masked_in_the_order_of_their_making(setting: Setting) -> None:
    """The caller gets the tokens of the steps between as well, each once."""
    source = setting.federation()
    source()
    source()
    assert setting.masked == ["identity-token-1", "federated-token-2", "impersonated-token-3"]


def test_each_exchange_is_told(setting: Setting) -> None:
    """Address, status, time and size are told of each, without query, body and tokens."""
    echo = {"X-Request-Id": "identity-token-1"}
    setting.google.fail(EXCHANGE, Given(503, headers=echo), Given(fault="close"))
    for _ in range(2):
        failure(setting.federation())
    url = setting.google.url
    parts = [re.sub(r"\d+\.\d\d s", "0 s", line) for line in setting.told]
    assert parts[0].startswith(f"GET {url}{IDENTITY}: HTTP 200 in 0 s, ")
    assert parts[1] == f"POST {url}{EXCHANGE}: HTTP 503 in 0 s, 0 bytes, X-Request-Id: ***"
    assert parts[2].startswith(f"GET {url}{IDENTITY}: HTTP 200 in 0 s, ")
    assert parts[3] == f"POST {url}{EXCHANGE}: NotConnected after 0 s"
    assert "token-" not in "".join(setting.told)


def test_direct_workload_identity_federation(setting: Setting) -> None:
    """Without a service account, the exchanged token is the one that is used."""
    source = setting.source(setting.google.external_account(impersonation=False))
    assert source() == "federated-token-2"
    assert setting.google.paths == [IDENTITY, EXCHANGE]
    assert setting.google.asked[1].form["scope"] == SCOPE


def test_nothing_goes_on_in_the_background(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """google-auth starts no thread of its own, which would look up where a token may be used."""
    started: list[tuple[str, str]] = []
    start = threading.Thread.start

    def record(thread: threading.Thread) -> None:
        started.append((type(thread).__module__, thread.name.partition("-")[0]))
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", record)
    setting.federation()()
    assert {module for module, _ in started} == {"threading"}
    # The others are the stand-ins' own, one a request.
    assert sorted(name for _, name in started) == ["Thread", "Thread", "Thread", "dataform"]


def test_service_account_key(setting: Setting) -> None:
    """A key signs an assertion, which is exchanged for a token and masked."""
    assert setting.source(service_account_key(setting.google))() == "oauth-token-1"
    assertion = setting.google.asked[0].form["assertion"]
    claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
    assert (claims["iss"], claims["scope"]) == (SERVICE_ACCOUNT, SCOPE)
    assert setting.masked == [assertion, "oauth-token-1"]


def test_impersonated_service_account(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of gcloud may make a key impersonate another service account."""
    google, bundle = setting.google, setting.folder / "bundle.pem"
    be_real(google, "iamcredentials.googleapis.com", bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    info = {
        "type": "impersonated_service_account",
        "source_credentials": service_account_key(google),
        "service_account_impersonation_url": google.url + IMPERSONATION,
    }
    assert setting.source(info)() == "impersonated-token-2"
    assert google.paths == [OAUTH, "iamcredentials.googleapis.com:443", IMPERSONATION]


def test_workforce_login(setting: Setting) -> None:
    """A login through a workforce pool is refreshed at the address in its file."""
    info = {
        "type": "external_account_authorized_user",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/p/providers/q",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "refresh-token",
        "token_url": setting.google.url + EXCHANGE,
    }
    assert setting.source(info)() == "federated-token-1"
    assert setting.google.asked[0].form["refresh_token"] == "refresh-token"


def test_user_login_through_a_proxy_and_a_private_authority(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies and REQUESTS_CA_BUNDLE are heeded, and .netrc is not."""
    bundle, netrc = setting.folder / "bundle.pem", setting.folder / "netrc"
    be_real(setting.google, "oauth2.googleapis.com", bundle)
    netrc.write_text("machine oauth2.googleapis.com login eve password x\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("NETRC", str(netrc))
    info = {
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "refresh-token",
    }
    assert setting.source(info)() == "oauth-token-1"
    connect, asked = setting.google.asked
    assert (connect.path, asked.path) == ("oauth2.googleapis.com:443", OAUTH)
    assert "authorization" not in asked.headers


def test_amazon_machine(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner on AWS exchanges a signed request."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    info = setting.google.external_account(impersonation=False) | {
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "credential_source": {
            "environment_id": "aws1",
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?x=y",
        },
    }
    assert setting.source(info)() == "federated-token-1"
    assert setting.google.paths == [EXCHANGE]


def test_metadata_server(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of Google Cloud, one request is enough, and it passes by the proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY")
    source = setting.source_of({"GCE_METADATA_HOST": setting.google.host})
    assert source() == "machine-token-1"
    assert setting.google.paths == [METADATA]
    assert setting.google.asked[0].headers["metadata-flavor"] == "Google"
    assert setting.masked == ["machine-token-1"]


def test_an_answer_without_a_lifetime(setting: Setting) -> None:
    """A token of unknown lifetime is used once."""
    setting.google.fail(OAUTH, *[Given(body={"access_token": f"token-{n}"}) for n in range(2)])
    source = setting.source(service_account_key(setting.google))
    assert [source(), source()] == ["token-0", "token-1"]


# Which file is read


@pytest.mark.parametrize("variable", FILE_VARIABLES)
def test_each_variable_of_the_auth_action_names_the_file(setting: Setting, variable: str) -> None:
    """Any one of the variables is enough; the first one that is not blank counts."""
    path = setting.folder / "x.json"
    path.write_text(json.dumps(setting.google.external_account()))
    environ = dict.fromkeys(FILE_VARIABLES, " ") | {variable: f"{path}\n"}
    assert setting.source_of(environ)() == "impersonated-token-3"


def test_the_file_of_a_job_in_a_container(setting: Setting) -> None:
    """The path of the job's container is found again in this container's workspace."""
    (setting.folder / _GENERATED).write_text(json.dumps(setting.google.external_account()))
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": f"/__w/repository/repository/{_GENERATED}",
        "GITHUB_WORKSPACE": str(setting.folder),
    }
    assert setting.source_of(environ)() == "impersonated-token-3"


@pytest.mark.parametrize("name", ["key.json", "gha-creds-1.json"])
def test_no_other_file_of_the_workspace_is_read(setting: Setting, name: str) -> None:
    """A file that a stranger's checkout could hold is never taken for the missing one."""
    (setting.folder / name).write_text(json.dumps(setting.google.external_account()))
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": f"/nowhere/{name}",
        "GITHUB_WORKSPACE": str(setting.folder),
    }
    error = refusal(setting.source_of(environ))
    assert error.message == (
        f"The credentials file /nowhere/{name}, which GOOGLE_APPLICATION_CREDENTIALS names, does "
        "not exist."
    )
    assert "actions/checkout deletes it: run checkout first" in error.hint


def test_a_deleted_file(setting: Setting) -> None:
    """The usual mistake is named: a checkout after the authentication deletes the file."""
    environ = {
        "GOOGLE_GHA_CREDS_PATH": f"/nowhere/{_GENERATED}",
        "GITHUB_WORKSPACE": str(setting.folder),
    }
    error = refusal(setting.source_of(environ))
    assert "which GOOGLE_GHA_CREDS_PATH names, does not exist." in error.message


def test_an_unreadable_file(setting: Setting) -> None:
    """A file that cannot be opened is told apart from one that is missing."""
    error = refusal(setting.source_of({"GOOGLE_APPLICATION_CREDENTIALS": str(setting.folder)}))
    assert error.message.endswith(", cannot be read: Is a directory.")
    assert "run this step as the same user, or as root" in error.hint


@pytest.mark.parametrize("variable", ["HOME", "CLOUDSDK_CONFIG"])
def test_the_file_of_gcloud(setting: Setting, variable: str) -> None:
    """Without any variable, gcloud's own file is read."""
    folder = setting.folder / (".config/gcloud" if variable == "HOME" else ".")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "application_default_credentials.json"
    path.write_text(json.dumps(setting.google.external_account()))
    assert setting.source_of({variable: str(setting.folder)})() == "impersonated-token-3"


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (b"", "holds no JSON object."),
        (b"[1]", "holds no JSON object."),
        (b"[" * 100_000, "holds no JSON object."),
        (b"\xff\xfe", "holds no JSON object."),
        ({}, "is of a type that is not supported: None"),
        ({"type": "gdch_service_account"}, "not supported: 'gdch_service_account'"),
        (
            {"type": "external_account", "credential_source": {"executable": {}}},
            "asks to run a program, which is not supported.",
        ),
        ({"type": "external_account"}, "A valid credential source or a subject token supplier"),
        ({"type": "service_account"}, "missing fields"),
        ({"type": "authorized_user"}, "missing fields"),
        ({"type": "impersonated_service_account"}, "'NoneType' object has no attribute 'get'"),
        ({"type": "external_account_authorized_user"}, "fields to allow it to refresh"),
    ],
)
def test_a_broken_file(setting: Setting, info: object, words: str) -> None:
    """A file of no use is refused in words that say why, before anything is sent."""
    error = refusal(setting.source(info))
    assert words in error.message
    assert error.hint.startswith("Give the file that google-github-actions/auth or gcloud made")
    assert setting.google.asked == []


def test_a_broken_key_is_not_shown(setting: Setting) -> None:
    """What is wrong with a key is said without the key."""
    info = service_account_key(setting.google) | {"private_key": "secret-but-no-key"}
    error = refusal(setting.source(info))
    assert error.message.startswith("The Google Cloud credentials cannot be used: ")
    assert "secret-but-no-key" not in error.message


def test_a_missing_library(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without google-auth is told to install it."""
    monkeypatch.setitem(sys.modules, "google.oauth2", None)
    error = refusal(setting.source(service_account_key(setting.google)))
    assert "google.oauth2" in error.message
    assert error.hint == "Install google-auth, or give an access token."


# No credentials at all


def test_no_credentials(setting: Setting) -> None:
    """Where nothing is set, the variables are named, and what to do."""
    error = refusal(setting.source_of({"NO_GCE_CHECK": "true"}))
    assert error.message == (
        "There are no Google Cloud credentials: none of GOOGLE_APPLICATION_CREDENTIALS, "
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE, GOOGLE_GHA_CREDS_PATH is set, and no metadata "
        "server answers. NO_GCE_CHECK forbids to ask it"
    )
    assert error.hint == (
        "In a workflow, run google-github-actions/auth before this step (with permissions: "
        "id-token: write for workload identity federation); elsewhere, run gcloud auth "
        "application-default login; or give a token."
    )


def test_no_metadata_server(setting: Setting) -> None:
    """A machine elsewhere, where nobody listens, has no credentials."""
    error = refusal(setting.source_of({"GCE_METADATA_HOST": "127.0.0.1:1"}))
    assert error.message.endswith("Connection refused")


def test_a_metadata_server_of_another_cloud(setting: Setting) -> None:
    """GitHub's own runners have one at the same address: it is not taken for Google's."""
    setting.google.fail(METADATA, Given(body={"access_token": "x", "expires_in": 1}))
    error = refusal(setting.source_of({"GCE_METADATA_HOST": setting.google.host}))
    assert error.message.endswith(" is not of Google Cloud")


def test_a_silent_metadata_server(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look for a metadata server is short."""
    monkeypatch.setattr(google_credentials, "_PROBE_SECONDS", 0.1)
    setting.google.fail(METADATA, Given(fault="hang"))
    error = refusal(setting.source_of({"GCE_METADATA_HOST": setting.google.host}))
    assert "timed out" in error.message


def test_a_machine_without_a_service_account(setting: Setting) -> None:
    """Google's own metadata server may have nothing to give."""
    google_says = {"Metadata-Flavor": "Google"}
    setting.google.fail(METADATA, Given(status=404, body=b"<html>", headers=google_says))
    error = refusal(setting.source_of({"GCE_METADATA_HOST": setting.google.host}))
    assert error.message.endswith("/default/token: HTTP 404: an HTML page")
    assert error.hint.startswith("Attach a service account to the virtual machine")


# The first token is refused

_DENIED = {
    "error": {
        "code": 403,
        "message": "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may "
        "not exist).",
        "status": "PERMISSION_DENIED",
    }
}
_DISABLED = {
    "error": {
        "code": 403,
        "message": "IAM Service Account Credentials API has not been used in project 123 before "
        "or it is disabled.",
    }
}
_CONDITION = {
    "error": "unauthorized_client",
    "error_description": "The given credential is rejected by the attribute condition.",
}
_AUDIENCE = {
    "error": "invalid_target",
    "error_description": 'The target service indicated by the "audience" parameters is invalid.',
}


@pytest.mark.parametrize(
    ("path", "given", "words", "hint"),
    [
        (
            IMPERSONATION,
            Given(403, _DENIED),
            "HTTP 403: Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it "
            "may not exist).",
            "Grant roles/iam.workloadIdentityUser on the service account",
        ),
        (IMPERSONATION, Given(403, _DISABLED), "project 123", "Enable the IAM Service Account"),
        (EXCHANGE, Given(400, _CONDITION), "unauthorized_client: The given", "The attribute cond"),
        (EXCHANGE, Given(400, _AUDIENCE), "invalid_target", "Check workload_identity_provider"),
        (EXCHANGE, Given(404, b""), "HTTP 404: an empty body", "Check workload_identity_provider"),
        (
            IDENTITY,
            Given(403, {"message": "Can't issue ID_TOKEN for job in 'Completed' state."}),
            "HTTP 403: Can't issue ID_TOKEN for job in 'Completed' state.",
            "Give the job permissions: id-token: write",
        ),
        (IDENTITY, Given(401, b"no " * 400), "HTTP 401: no no", "Give the job permissions"),
    ],
)
def test_a_refusal_names_the_remedy(
    setting: Setting, path: str, given: Given, words: str, hint: str
) -> None:
    """Each step says in the service's words why, and what to change; it is tried once."""
    setting.google.fail(path, given)
    error = refusal(setting.federation())
    method = "GET" if path == IDENTITY else "POST"
    assert error.message.startswith(
        f"No access token: {method} {setting.google.url}{path}: HTTP {given.status}: "
    )
    assert words in error.message
    assert len(error.message) < 800
    assert error.hint.startswith(hint)
    assert setting.google.paths == _FEDERATION[: _FEDERATION.index(path) + 1]


def test_a_refused_key(setting: Setting) -> None:
    """A deleted key is told apart from a wrong set-up of federation."""
    words = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    setting.google.fail(OAUTH, Given(400, words))
    error = refusal(setting.source(service_account_key(setting.google)))
    assert error.message.endswith("HTTP 400: invalid_grant: Invalid JWT Signature.")
    assert error.hint.startswith("The service account's key may be deleted or disabled")


def test_a_revoked_login(setting: Setting) -> None:
    """A login that has run out is to be made again."""
    setting.google.fail(EXCHANGE, Given(400, {"error": "invalid_grant"}))
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


def test_secrets_are_hidden_in_what_a_service_says(setting: Setting) -> None:
    """A service that echoes tokens, as they are or as in a form, does not betray them."""
    echo = (
        f"identity-token-1 federated-token-2 {RUNTIME_TOKEN} impersonated tokens "
        f"{setting.google.url}"
    )
    setting.google.fail(IMPERSONATION, Given(403, {"error": {"message": echo}}))
    error = refusal(setting.federation())
    assert error.message.endswith(f"HTTP 403: *** *** *** impersonated tokens {setting.google.url}")


def test_a_reused_source_asks_again_after_a_refusal(setting: Setting) -> None:
    """A refusal is not kept: the next call may find the mistake mended."""
    setting.google.fail(IMPERSONATION, Given(403, _DENIED))
    source = setting.federation()
    refusal(source)
    assert source() == "impersonated-token-6"


# The first token cannot be had for now


@pytest.mark.parametrize("path", _FEDERATION)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Given(500, b""), "HTTP 500: an empty body"),
        (Given(503, b"<html>"), "HTTP 503: an HTML page"),
        (Given(429, {"error": {"message": "slow down"}}), "HTTP 429: slow down"),
        (Given(408, b"late"), "HTTP 408: late"),
        (Given(400, {"error": "temporarily_unavailable"}), "HTTP 400: temporarily_unavailable"),
        (Given(302, b"", {"Location": "/idtoken"}), "HTTP 302, a redirect, is not followed"),
        (Given(fault="close"), "Remote end closed connection without response"),
        (Given(fault="flood"), "the answer is longer than 65536 bytes"),
        (Given(body=b"<html>"), "the answer holds no usable token"),
        (Given(body=b""), "the answer holds no usable token"),
        (Given(body={}), "the answer holds no usable token"),
        (Given(body=[]), "the answer holds no usable token"),
        (
            Given(body={"value": "", "access_token": None, "accessToken": "", "expireTime": ""}),
            "the answer holds no usable token",
        ),
        (Given(body={"accesstoken": "surprise"}), "the answer holds no usable token"),
    ],
)
def test_a_failure_that_may_pass(setting: Setting, path: str, given: Given, words: str) -> None:
    """No step is repeated here, and each failure says which step it was; nobody sleeps."""
    setting.google.fail(path, given)
    source = setting.federation()
    error = failure(source)
    assert f"{setting.google.url}{path}: {words}" in error.message
    assert "surprise" not in error.message
    assert setting.google.paths == _FEDERATION[: _FEDERATION.index(path) + 1]
    assert source().startswith("impersonated-token-")


def test_an_empty_token(setting: Setting) -> None:
    """An answer that names a lifetime, but no token, is no answer."""
    setting.google.fail(EXCHANGE, Given(body={"access_token": "", "expires_in": 3600}))
    error = failure(setting.source(setting.google.external_account(impersonation=False)))
    assert error.message.endswith(f"{EXCHANGE}: the answer holds no usable token")


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_refresh_is_bounded_in_time(setting: Setting, fault: str) -> None:
    """Neither silence nor an endless answer holds a caller up."""
    setting.google.fail(EXCHANGE, Given(fault=fault))
    error = failure(setting.federation(refresh_seconds=0.2))
    assert "timed out" in error.message or "in time" in error.message or "0.2" in error.message
    assert error.hint


class _Stuck(dict[str, str]):
    """An environment that takes its time, as a resolver may."""

    over = threading.Event()

    def get(self, *_: object) -> str:
        self.over.wait(60)
        return ""


def test_a_caller_waits_no_longer_than_the_limit(setting: Setting) -> None:
    """Where no timeout of a socket helps, the caller goes on alone."""
    environ = _Stuck()
    error = failure(setting.source_of(environ, refresh_seconds=0.05))
    environ.over.set()
    assert error.message == "No access token could be had within 0.05 seconds"
    assert error.hint == Unusable.hint
    assert not error.has_remedy


def test_time_may_run_out_between_two_exchanges(setting: Setting) -> None:
    """The limit is one for all the exchanges together."""
    setting.google.on_request = lambda _path: setting.google.pause(0.3)
    error = failure(setting.federation(refresh_seconds=0.2))
    setting.google.on_request = lambda _path: None
    assert len(setting.google.paths) == 1
    assert error.retryable


def test_no_connection(setting: Setting) -> None:
    """A service that cannot be reached is one that did not get the request."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    info = service_account_key(setting.google) | {"token_uri": f"http://127.0.0.1:{port}/token"}
    error = failure(setting.source(info))
    assert error.message.startswith(f"No access token: POST http://127.0.0.1:{port}/token: ")
    assert "Connection refused" in error.message
    assert error.hint == NotConnected.hint


# This machine's set-up


def test_a_missing_bundle_of_certificates(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No attempt can succeed without the certificates that were asked for."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    info = service_account_key(setting.google) | {"token_uri": "https://127.0.0.1:1/token"}
    error = misconfiguration(setting.source(info))
    assert "Could not find a suitable TLS CA certificate bundle" in error.message


def test_an_authority_that_is_not_trusted(setting: Setting) -> None:
    """A certificate of an unknown authority will not be trusted later either."""
    be_real(setting.google, "sts.googleapis.com", setting.folder / "unused.pem")
    info = service_account_key(setting.google) | {"token_uri": "https://sts.googleapis.com/token"}
    error = misconfiguration(setting.source(info))
    assert "certificate verify failed" in error.message


def test_a_proxy_that_fails(setting: Setting) -> None:
    """A proxy that has no way to the service may have one later."""
    info = service_account_key(setting.google) | {"token_uri": "https://sts.googleapis.com/token"}
    assert "Tunnel connection failed: 502" in failure(setting.source(info)).message


def test_an_address_of_no_use(setting: Setting) -> None:
    """An address that is none is a mistake in the file."""
    info = service_account_key(setting.google) | {"token_uri": "token"}
    assert "Invalid URL 'token'" in misconfiguration(setting.source(info)).message


# Renewal


@pytest.mark.parametrize(("lifetime", "renewed"), [(300, 180), (3600, 3480), (43_200, 3480)])
def test_a_token_is_renewed_before_it_expires(
    setting: Setting, lifetime: int, renewed: float
) -> None:
    """Two minutes before the end there is a new one; no token is trusted beyond an hour."""
    setting.google.lifetime = lifetime
    source = setting.source(setting.google.external_account(impersonation=False))
    first = source()
    setting.clock.time += renewed - 2
    assert source() == first
    setting.clock.time += 2
    second = source()
    assert second != first
    assert source() == second
    assert setting.google.paths == 2 * [IDENTITY, EXCHANGE]
    assert second in setting.masked


def test_the_file_is_read_once(setting: Setting) -> None:
    """A file that is deleted during a long run is not missed."""
    source = setting.federation()
    source()
    (setting.folder / "credentials.json").unlink()
    setting.clock.time += 3600
    assert source() == "impersonated-token-6"


@pytest.mark.parametrize(
    "given", [Given(500), Given(403, _DENIED), Given(fault="close"), Given(body={})]
)
def test_a_failed_renewal_is_an_outage(setting: Setting, given: Given) -> None:
    """Credentials that were good once are tried again, whatever the answer was."""
    source = setting.federation()
    source()
    setting.clock.time += 3600
    setting.google.fail(IMPERSONATION, given)
    error = failure(source)
    assert error.unprocessed
    assert error.message.startswith("No access token: POST ")
    assert error.hint
    assert source().startswith("impersonated-token-")


def test_a_renewal_may_fail_while_the_old_token_lasts(setting: Setting) -> None:
    """Until half a minute before its end, the old token is used on."""
    source = setting.federation()
    first = source()
    setting.google.fail(IDENTITY, Given(500), Given(403), Given(500))
    setting.clock.time += 3500
    assert source() == first
    setting.clock.time += 65
    assert source() == first
    setting.clock.time += 10
    failure(source)
    assert len(setting.google.paths) == 6


def test_a_slow_renewal_does_not_hold_up(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old token is used at once, and the new one as soon as it is there."""
    monkeypatch.setattr(google_auth, "_PATIENCE", 0.05)
    source = setting.federation()
    first = source()
    go_on = threading.Event()
    setting.google.on_request = lambda _path: go_on.wait(60)
    setting.clock.time += 3500
    assert source() == first
    go_on.set()
    _join_workers()
    assert source() == "impersonated-token-6"
    assert len(setting.google.paths) == 6


def _join_workers() -> None:
    for thread in threading.enumerate():
        if thread.name == "dataform-token":
            thread.join(60)


# Threads and signals


def test_many_threads(setting: Setting) -> None:
    """Threads may share a source; each gets a token that was masked."""
    source = setting.federation()
    found: list[tuple[str, bool]] = []

    def work() -> None:
        token = source()
        found.append((token, token in setting.masked))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert all(token.startswith("impersonated-token-") and masked for token, masked in found)
    assert source() in dict(found)


class _Stop(Exception):
    pass


def _stop(*_: object) -> None:
    raise _Stop


@pytest.mark.parametrize("path", _FEDERATION)
def test_a_signal_in_the_middle(setting: Setting, path: str) -> None:
    """A handler that raises ends the call at once, and leaves the source in order."""
    go_on = threading.Event()

    def interrupt(asked: str) -> None:
        if asked == path:
            os.kill(os.getpid(), signal.SIGTERM)
            go_on.wait(60)

    signal.signal(signal.SIGTERM, _stop)
    setting.google.on_request = interrupt
    source = setting.federation()
    with pytest.raises(_Stop):
        source()
    setting.google.on_request = lambda _path: None
    assert source().startswith("impersonated-token-")
    go_on.set()
    _join_workers()
    token = source()
    assert token in setting.masked


def test_a_signal_while_masking(setting: Setting) -> None:
    """What was not masked yet is masked by the next call, before it returns."""

    def interrupt(count: int) -> None:
        if count == 2:
            raise _Stop

    setting.on_mask = interrupt
    source = setting.federation()
    with pytest.raises(_Stop):
        source()
    assert source() == "impersonated-token-3"
    assert setting.masked == [
        *("identity-token-1", "federated-token-2"),
        *("federated-token-2", "impersonated-token-3"),
    ]


# The rest


def test_a_source_without_options(setting: Setting) -> None:
    """Neither a mask nor a clock has to be given."""
    path = setting.folder / "credentials.json"
    path.write_text(json.dumps(setting.google.external_account()))
    source = ApplicationDefaultCredentials({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert source() == source() == "impersonated-token-3"


def test_a_refusal_is_final() -> None:
    """A refusal is an error of this package that no retry catches."""
    error = CredentialsRefused("x")
    assert isinstance(error, DataformError)
    assert not isinstance(error, Unusable)
    assert not error.retryable
    assert error.hint.startswith("In a workflow, run google-github-actions/auth before this step")


@pytest.mark.parametrize("module", ["dataform_action", "dataform_action.auth.token_source"])
def test_importing_loads_nothing_of_google(module: str) -> None:
    """google-auth costs a run of the other service nothing."""
    program = (
        f"import sys, {module}\n"
        "print(*[n for n in sys.modules if n.split('.')[0] in ('google', 'cryptography')])"
    )
    assert run_program(program).split() == []
