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
from tests.unit.auth.support import service_account_key

_VARIABLES = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "GOOGLE_GHA_CREDS_PATH",
)


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
