"""Where tokens come from: each kind of credentials, and which of them the environment offers."""

from __future__ import annotations

import base64
import json

import pytest

from dataform_action.auth import credentials
from dataform_action.auth.credentials import FILE_VARIABLES, SCOPE
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
)
from tests.unit.auth.support import (
    FEDERATION,
    GENERATED,
    Setting,
    be_real,
    refusal,
    service_account_key,
)


def test_workload_identity_federation_with_a_service_account(setting: Setting) -> None:
    """Three exchanges make a token, and nothing else is asked, not even for a project."""
    google = setting.google
    assert setting.federation()() == "impersonated-token-3"
    assert google.paths == FEDERATION
    identity, exchange, impersonation = google.asked
    assert identity.headers["authorization"] == f"Bearer {RUNTIME_TOKEN}"
    assert exchange.form["subject_token"] == "identity-token-1"
    assert exchange.form["audience"] == AUDIENCE
    assert impersonation.headers["authorization"] == "Bearer federated-token-2"
    assert json.loads(impersonation.body)["scope"] == [SCOPE]


def test_direct_workload_identity_federation(setting: Setting) -> None:
    """Without a service account, the exchanged token is the one that is used."""
    source = setting.source(setting.google.external_account(impersonation=False))
    assert source() == "federated-token-2"
    assert setting.google.paths == [IDENTITY, EXCHANGE]
    assert setting.google.asked[1].form["scope"] == SCOPE


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


@pytest.mark.parametrize("variable", FILE_VARIABLES)
def test_each_variable_of_the_auth_action_names_the_file(setting: Setting, variable: str) -> None:
    """Any one of the variables is enough; the first one that is not blank counts."""
    path = setting.folder / "x.json"
    path.write_text(json.dumps(setting.google.external_account()))
    environ = dict.fromkeys(FILE_VARIABLES, " ") | {variable: f"{path}\n"}
    assert setting.source_of(environ)() == "impersonated-token-3"


def test_the_file_of_a_job_in_a_container(setting: Setting) -> None:
    """The path of the job's container is found again in this container's workspace."""
    (setting.folder / GENERATED).write_text(json.dumps(setting.google.external_account()))
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": f"/__w/repository/repository/{GENERATED}",
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
        "GOOGLE_GHA_CREDS_PATH": f"/nowhere/{GENERATED}",
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
    monkeypatch.setattr(credentials, "_PROBE_SECONDS", 0.1)
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
