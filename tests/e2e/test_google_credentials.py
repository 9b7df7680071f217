"""The credentials of google-github-actions/auth in the container.

The stand-ins for Google listen on loopback, so these containers use the host's network.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator
from tests.e2e.job import Job
from tests.support.google_stand_ins import EXCHANGE, IDENTITY, IMPERSONATION, OAUTH, GoogleStandIns
from tests.support.runner import Command, parse_log
from tests.support.steps import google_inputs_for
from tests.unit.auth.support import serve_as, service_account_key

_VARIABLES = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "GOOGLE_GHA_CREDS_PATH",
)
_LOGIN = {"client_id": "client", "client_secret": "secret-of-it", "refresh_token": "refresh-token"}


@pytest.fixture
def auth_job(make_job: Callable[..., Job]) -> Job:
    return make_job(network="host")


@pytest.mark.parametrize(
    ("kind", "paths", "prefix"),
    [
        ("external_account", [IDENTITY, EXCHANGE, IMPERSONATION], "impersonated-token-"),
        ("service_account", [OAUTH], "oauth-token-"),
    ],
)
def test_credentials_file(auth_job: Job, kind: str, paths: list[str], prefix: str) -> None:
    """A credentials file in the workspace works at its path in the container."""

    def accept(token: str | None) -> bool:
        return token is not None and token.startswith(prefix)

    with GoogleStandIns() as google, Emulator(advance="poll", access_tokens=accept) as emulator:
        is_key = kind == "service_account"
        content = service_account_key(google) if is_key else google.external_account()
        path = Path(auth_job.workspace, "gha-creds-0123456789abcdef.json")
        path.write_text(json.dumps(content), "utf-8")
        path.chmod(0o640)
        inputs = google_inputs_for(emulator, token="", poll_interval="1")
        step = auth_job.run(inputs, **dict.fromkeys(_VARIABLES, str(path)))
        assert (step.exit_code, step.outputs["status"]) == (0, "success"), step.log
        assert google.paths == paths
        commands = [line for line in parse_log("\n".join(step.log)) if isinstance(line, Command)]
        masked = [command.message for command in commands if command.name == "add-mask"]
        assert any(mask.startswith(prefix) for mask in masked)


def _workforce_login(google: GoogleStandIns) -> dict[str, str]:
    return _LOGIN | {
        "type": "external_account_authorized_user",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/p/providers/q",
        "token_url": google.url + EXCHANGE,
    }


def _user_login(_: GoogleStandIns) -> dict[str, str]:
    return _LOGIN | {"type": "authorized_user"}


def _impersonation(google: GoogleStandIns) -> dict[str, object]:
    return {
        "type": "impersonated_service_account",
        "source_credentials": service_account_key(google),
        "service_account_impersonation_url": google.url + IMPERSONATION,
    }


def _amazon(google: GoogleStandIns) -> dict[str, object]:
    return google.external_account(impersonation=False) | {
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "credential_source": {
            "environment_id": "aws1",
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?x=y",
        },
    }


@pytest.mark.parametrize(
    ("make_content", "host", "path"),
    [
        (_workforce_login, "", EXCHANGE),
        (_user_login, "oauth2.googleapis.com", OAUTH),
        (_impersonation, "iamcredentials.googleapis.com", IMPERSONATION),
        (_amazon, "", EXCHANGE),
    ],
)
def test_other_kinds_of_credentials(
    auth_job: Job, make_content: Callable[[GoogleStandIns], object], host: str, path: str
) -> None:
    """Every kind works with the packages in the image, also through a proxy."""

    def accept(token: str | None) -> bool:
        return token is not None and "-token-" in token

    with GoogleStandIns() as google, Emulator(advance="poll", access_tokens=accept) as emulator:
        environ = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "key"}
        environ["AWS_SECRET_ACCESS_KEY"] = "secret"
        if host:
            bundle = auth_job.workspace / "bundle.pem"
            serve_as(google, host, bundle)
            environ |= {"HTTPS_PROXY": google.url, "REQUESTS_CA_BUNDLE": str(bundle)}
        file = auth_job.workspace / "gha-creds-0123456789abcdef.json"
        file.write_text(json.dumps(make_content(google)), "utf-8")
        environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
        step = auth_job.run(google_inputs_for(emulator, token="", poll_interval="1"), **environ)
        assert (step.exit_code, step.outputs["status"]) == (0, "success"), step.log
        assert google.paths[-1] == path


def test_file_outside_the_workspace(auth_job: Job) -> None:
    """A file outside all mounts is reported with advice, and nothing is sent."""
    with Emulator(advance="poll") as emulator:
        inputs = google_inputs_for(emulator, token="")
        step = auth_job.run(inputs, GOOGLE_APPLICATION_CREDENTIALS="/home/runner/key.json")
        assert step.exit_code == 3
        assert "/home/runner/key.json" not in step.errors[0]
        assert "set in GOOGLE_APPLICATION_CREDENTIALS" in step.errors[0]
        assert "does not exist" in step.errors[0]
        assert emulator.requests == []
