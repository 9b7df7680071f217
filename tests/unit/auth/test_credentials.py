"""Each type of credentials, and how the environment selects one."""

from __future__ import annotations

import base64
import errno
import json
import os
from io import BytesIO
from pathlib import Path

import pytest

from dataform_action.auth import credentials
from dataform_action.auth.credentials import SCOPE
from dataform_action.auth.credentials_file import FILE_VARIABLES
from tests.support.google_stand_ins import (
    AUDIENCE,
    EXCHANGE,
    IDENTITY,
    IMPERSONATION,
    METADATA,
    OAUTH,
    RUNTIME_TOKEN,
    SERVICE_ACCOUNT,
    Reply,
)
from tests.unit.auth.support import (
    FEDERATION,
    GENERATED,
    Setting,
    failure,
    refusal,
    serve_as,
    service_account_key,
)


def test_workload_identity_federation_with_a_service_account(setting: Setting) -> None:
    """A token needs exactly three requests, without a request for the project."""
    google = setting.google
    assert setting.federation()() == "impersonated-token-3"
    assert google.paths == FEDERATION
    identity, exchange, impersonation = google.requests
    assert identity.headers["authorization"] == f"Bearer {RUNTIME_TOKEN}"
    assert exchange.form["subject_token"] == "identity-token-1"
    assert exchange.form["audience"] == AUDIENCE
    assert impersonation.headers["authorization"] == "Bearer federated-token-2"
    assert json.loads(impersonation.body)["scope"] == [SCOPE]


def test_direct_workload_identity_federation(setting: Setting) -> None:
    """Without a service account, the federated token is used."""
    source = setting.source(setting.google.external_account(impersonation=False))
    assert source() == "federated-token-2"
    assert setting.google.paths == [IDENTITY, EXCHANGE]
    assert setting.google.requests[1].form["scope"] == SCOPE


def test_service_account_key(setting: Setting) -> None:
    """A key signs an assertion that is exchanged for a token. Both are masked."""
    assert setting.source(service_account_key(setting.google))() == "oauth-token-1"
    assertion = setting.google.requests[0].form["assertion"]
    claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
    assert (claims["iss"], claims["scope"]) == (SERVICE_ACCOUNT, SCOPE)
    assert setting.masked == [assertion, "oauth-token-1"]


def test_impersonated_service_account(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of gcloud may contain a key that impersonates another service account."""
    google, bundle = setting.google, setting.folder / "bundle.pem"
    serve_as(google, "iamcredentials.googleapis.com", bundle)
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
    assert setting.google.requests[0].form["refresh_token"] == "refresh-token"


def test_user_login_through_a_proxy_and_a_private_authority(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies and REQUESTS_CA_BUNDLE are used, and .netrc is not."""
    bundle, netrc = setting.folder / "bundle.pem", setting.folder / "netrc"
    serve_as(setting.google, "oauth2.googleapis.com", bundle)
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
    connect, refresh = setting.google.requests
    assert (connect.path, refresh.path) == ("oauth2.googleapis.com:443", OAUTH)
    assert "authorization" not in refresh.headers


def test_amazon_machine(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner on AWS exchanges a signed request for a token."""
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
    """On a Google Cloud machine, one request without the proxy gets a token."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY")
    source = setting.source_of({"GCE_METADATA_HOST": setting.google.host})
    assert source() == "machine-token-1"
    assert setting.google.paths == [METADATA]
    assert setting.google.requests[0].headers["metadata-flavor"] == "Google"
    assert setting.masked == ["machine-token-1"]


@pytest.mark.parametrize("variable", FILE_VARIABLES)
def test_each_variable_of_the_auth_action_names_the_file(setting: Setting, variable: str) -> None:
    """Each variable may name the file. The first one that is not blank counts."""
    path = setting.folder / "x.json"
    path.write_text(json.dumps(setting.google.external_account()))
    environ = dict.fromkeys(FILE_VARIABLES, " ") | {variable: f"{path}\n"}
    assert setting.source_of(environ)() == "impersonated-token-3"


def test_file_of_a_job_in_a_container(setting: Setting) -> None:
    """A path of the job's container is mapped to this container's workspace."""
    (setting.folder / GENERATED).write_text(json.dumps(setting.google.external_account()))
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": f"/__w/repository/repository/{GENERATED}",
        "GITHUB_WORKSPACE": str(setting.folder),
    }
    assert setting.source_of(environ)() == "impersonated-token-3"


@pytest.mark.parametrize("name", ["key.json", "gha-creds-1.json"])
def test_no_other_file_of_the_workspace_is_read(setting: Setting, name: str) -> None:
    """A file of the checkout with another name is not used instead of the missing file."""
    (setting.folder / name).write_text(json.dumps(setting.google.external_account()))
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": f"/nowhere/{name}",
        "GITHUB_WORKSPACE": str(setting.folder),
    }
    error = refusal(setting.source_of(environ))
    assert error.message == (
        "The credentials file set in GOOGLE_APPLICATION_CREDENTIALS does not exist."
    )
    assert "actions/checkout deletes it: run actions/checkout first" in error.hint


def test_deleted_file(setting: Setting) -> None:
    """A missing file in the workspace is an error that names the variable."""
    environ = {
        "GOOGLE_GHA_CREDS_PATH": f"/nowhere/{GENERATED}",
        "GITHUB_WORKSPACE": str(setting.folder),
    }
    error = refusal(setting.source_of(environ))
    assert error.message == "The credentials file set in GOOGLE_GHA_CREDS_PATH does not exist."


def test_unreadable_file(setting: Setting) -> None:
    """The error for an unreadable file differs from that for a missing file."""
    error = refusal(setting.source_of({"GOOGLE_APPLICATION_CREDENTIALS": str(setting.folder)}))
    assert error.message.endswith("_CREDENTIALS cannot be read: Is a directory.")
    assert "run this step as the same user, or as root" in error.hint


@pytest.mark.parametrize("variable", ["HOME", "CLOUDSDK_CONFIG"])
def test_file_of_gcloud(setting: Setting, variable: str) -> None:
    """Without any of the variables, gcloud's own file is read."""
    folder = setting.folder / (".config/gcloud" if variable == "HOME" else ".")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "application_default_credentials.json"
    path.write_text(json.dumps(setting.google.external_account()))
    assert setting.source_of({variable: str(setting.folder)})() == "impersonated-token-3"


_BAD_FIELD = (
    "The Google Cloud credentials cannot be used: a field of the credentials file is missing or "
    "has the wrong type"
)
_EXTERNAL = {
    "type": "external_account",
    "audience": "a",
    "subject_token_type": "b",
    "token_url": "https://127.0.0.1:1/c",
    "credential_source": {"file": __file__},
}


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (b"", "does not contain a JSON object."),
        (b"[1]", "does not contain a JSON object."),
        (b"[" * 100_000, "does not contain a JSON object."),
        (b"\xff\xfe", "does not contain a JSON object."),
        ({}, "does not name a type of credentials."),
        ({"type": "hunter2"}, "set in GOOGLE_APPLICATION_CREDENTIALS has an unsupported type."),
        ({"type": ["hunter2"]}, "has an unsupported type."),
        ({"type": "gdch_service_account"}, "has an unsupported type: gdch_service_account."),
        (
            {"type": "external_account", "credential_source": {"executable": {}}},
            "requires an external program, which is not supported.",
        ),
        ({"type": "external_account"}, "A valid credential source or a subject token supplier"),
        ({"type": "service_account"}, "missing fields"),
        ({"type": "authorized_user"}, "missing fields"),
        ({"type": "impersonated_service_account"}, _BAD_FIELD),
        (
            {
                "type": "impersonated_service_account",
                "source_credentials": {
                    "type": "authorized_user",
                    **dict.fromkeys(("client_id", "client_secret", "refresh_token"), "x"),
                },
                "service_account_impersonation_url": 1,
            },
            _BAD_FIELD,
        ),
        ({**_EXTERNAL, "token_url": ["hunter2"]}, _BAD_FIELD),
        ({"type": "external_account_authorized_user"}, "fields to allow it to refresh"),
    ],
)
def test_invalid_file(setting: Setting, info: object, words: str) -> None:
    """An invalid file is refused with the reason, before anything is sent."""
    error = refusal(setting.source(info))
    assert words in error.message
    assert "hunter2" not in error.message
    assert error.hint.startswith("Use the file that google-github-actions/auth or gcloud creates")
    assert setting.google.requests == []


def test_special_file(setting: Setting) -> None:
    """A pipe or a device is not read: it could block the step, or fill the memory."""
    pipe = setting.folder / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        error = refusal(setting.source_of({"GOOGLE_APPLICATION_CREDENTIALS": str(path)}))
        assert error.message == (
            "The credentials file set in GOOGLE_APPLICATION_CREDENTIALS cannot be read: it is not "
            "a regular file."
        )
        assert error.hint.startswith("Use the file that google-github-actions/auth")


def test_special_file_of_gcloud(setting: Setting) -> None:
    """A pipe instead of gcloud's own file is ignored."""
    os.mkfifo(setting.folder / "application_default_credentials.json")
    environ = {"CLOUDSDK_CONFIG": str(setting.folder), "NO_GCE_CHECK": "true"}
    assert "No Google Cloud credentials" in refusal(setting.source_of(environ)).message


def test_large_file(setting: Setting) -> None:
    """A file that is much too large is not read."""
    error = refusal(setting.source(b" " * 1_100_000))
    assert error.message.endswith("cannot be read: it is larger than 1024 KiB.")


def test_no_credentials(setting: Setting) -> None:
    """Without credentials, the error names the variables and says what to do."""
    error = refusal(setting.source_of({"NO_GCE_CHECK": "true"}))
    assert error.message == (
        "No Google Cloud credentials were found: none of GOOGLE_APPLICATION_CREDENTIALS, "
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE, GOOGLE_GHA_CREDS_PATH is set, and no metadata "
        "server of Google Cloud responds. NO_GCE_CHECK forbids the request"
    )
    assert error.hint == (
        "In a workflow, run google-github-actions/auth before this step (workload identity "
        "federation needs permissions: id-token: write). Elsewhere, run gcloud auth "
        "application-default login. Or provide a token."
    )


def test_no_metadata_server(setting: Setting) -> None:
    """Without a metadata server, there are no credentials."""
    error = refusal(setting.source_of({"GCE_METADATA_HOST": "127.0.0.1:1"}))
    assert error.message.endswith("Connection refused")


def test_metadata_server_of_another_cloud(setting: Setting) -> None:
    """A metadata server of another cloud is not used. GitHub's runners have one at this address."""
    setting.google.fail(METADATA, Reply(body={"access_token": "x", "expires_in": 1}))
    error = refusal(setting.source_of({"GCE_METADATA_HOST": setting.google.host}))
    assert error.message.endswith(" The server at its address is not of Google Cloud")


def test_silent_metadata_server(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request to a metadata server has a short time limit."""
    monkeypatch.setattr(credentials, "_PROBE_SECONDS", 0.1)
    setting.google.fail(METADATA, Reply(fault="hang"))
    error = refusal(setting.source_of({"GCE_METADATA_HOST": setting.google.host}))
    assert "timed out" in error.message


def test_machine_without_a_service_account(setting: Setting) -> None:
    """If Google's metadata server has no token, the hint says what to do."""
    headers = {"Metadata-Flavor": "Google"}
    setting.google.fail(METADATA, Reply(status=404, body=b"<html>", headers=headers))
    error = refusal(setting.source_of({"GCE_METADATA_HOST": setting.google.host}))
    assert error.message.endswith("/default/token: HTTP 404: an HTML page")
    assert error.hint.startswith("Attach a service account to the virtual machine")


_KEY = {
    "type": "service_account",
    "project_id": "qqproject1",
    "private_key_id": "0123456789abcdef",
    "private_key": (
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----\n"
    ),
    "client_email": "robot@qqproject1.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}
#: Values that are not the path of a credentials file, and a part of the error message.
WRONG_VALUES = {
    "JSON": (json.dumps(_KEY), "contains JSON"),
    "JSON on many lines": (json.dumps(_KEY, indent=2), "contains JSON"),
    "quoted JSON": (f"'{json.dumps(_KEY)}'", "contains JSON"),
    "escaped JSON": (json.dumps(json.dumps(_KEY)), "contains JSON"),
    "Base64": (base64.b64encode(json.dumps(_KEY).encode()).decode(), "contains Base64"),
    "Base64 of many lines": (
        base64.encodebytes(json.dumps(_KEY, indent=2).encode()).decode(),
        "contains Base64",
    ),
    "PEM": (_KEY["private_key"], "contains a key or a certificate"),
    "PEM on one line": (
        _KEY["private_key"].replace("\n", "\\n"),
        "contains a key or a certificate",
    ),
    "body of a key": ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ" * 30, "contains Base64"),
    "access token": ("ya29.a0ARW5m75qqWxYz_0123456789-abcdefghijkl", ""),
    "token of GitHub": ("ghp_0123456789abcdefghijABCDEFGHIJ", ""),
    "lines": ("hunter2hunter2\nhunter2hunter2", "contains several lines"),
    "long": ("/hunter2" * 1000, "cannot be read: File name too long"),
    "zero": ("/hunter2\x00hunter2", "it is not a path"),
    "path": ("/home/hunter2/secret-key.json", "does not exist."),
    "part of a file": ("/dev/null/hunter2hunter2", "cannot be read: Not a directory."),
}


def _has_piece(secret: str, shown: str) -> bool:
    """Tell whether eight characters of a secret are shown, other than words of our messages."""
    ours = {"type", "service_account", "private_key", "PRIVATE KEY", "several lines"}
    pieces = {secret[at : at + 8] for at in range(len(secret) - 7)}
    return any(piece in shown and not any(piece in word for word in ours) for piece in pieces)


@pytest.mark.parametrize("variable", FILE_VARIABLES)
@pytest.mark.parametrize(("value", "words"), WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
def test_key_in_the_wrong_variable(setting: Setting, variable: str, value: str, words: str) -> None:
    """The error describes a value that is not a path, and repeats no part of it."""
    error = refusal(setting.source_of({variable: value}))
    assert variable in error.message
    assert words in error.message
    shown = f"{error.message}\n{error.hint}\n{error!r}\n{setting.lines}"
    assert not _has_piece(value, shown)
    if words.startswith("contains"):
        assert error.hint.startswith("Set the variable to the path of a file, not to its contents")


@pytest.mark.parametrize(("value", "words"), WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
def test_key_instead_of_the_folder_of_gcloud(setting: Setting, value: str, words: str) -> None:
    """The error also describes an invalid CLOUDSDK_CONFIG if there are no other credentials."""
    environ = {"CLOUDSDK_CONFIG": value, "GCE_METADATA_HOST": "127.0.0.1:1"}
    error = refusal(setting.source_of(environ))
    assert " The folder set in CLOUDSDK_CONFIG contains no application_def" in error.message
    if words.startswith("contains"):
        assert words in error.message
    assert not _has_piece(value, error.message + error.hint)


@pytest.mark.parametrize("value", [value for value, _ in WRONG_VALUES.values()])
def test_key_instead_of_the_metadata_server(setting: Setting, value: str) -> None:
    """The host of the metadata server is never shown, even if it is a valid one."""
    error = refusal(setting.source_of({"GCE_METADATA_HOST": value}))
    assert not _has_piece(value, f"{error.message} {error.hint} {setting.lines}")


def test_user_and_password_of_the_metadata_server(setting: Setting) -> None:
    """A user and a password are not allowed in the host of the metadata server."""
    error = refusal(setting.source_of({"GCE_METADATA_HOST": "svc:hunter2@127.0.0.1:1"}))
    assert "GCE_METADATA_HOST is not a host, such as host:80." in error.message
    assert "hunter2" not in error.message


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM])
def test_file_that_cannot_be_read_now(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """If the machine has no free file or memory, the file is read again later."""
    source = setting.federation()

    def fail(_path: Path, _mode: str) -> BytesIO:
        raise OSError(code, os.strerror(code), "hunter2")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", fail)
        error = failure(source)
    assert error.message.endswith(f"cannot be read: {os.strerror(code)}.")
    assert source() == "impersonated-token-3"


def test_contents_of_the_file_in_a_message_of_google_auth(setting: Setting) -> None:
    """If a message of google-auth repeats a text of the file, the text is hidden."""
    info = setting.google.external_account() | {
        "credential_source": {"file": "/nowhere/hunter2hunter2"}
    }
    error = refusal(setting.source(info))
    assert "was not found" in error.message
    assert "hunter2" not in error.message
