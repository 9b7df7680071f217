"""Credentials as google-github-actions/auth leaves them, in the container.

The stand-ins for Google listen on loopback, so these containers share the host's network.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator
from tests.e2e.job import Job
from tests.google_stand_ins import EXCHANGE, IDENTITY, IMPERSONATION, GoogleStandIns
from tests.runner import Command, parse_log
from tests.steps import google_inputs_for

_FILE = "gha-creds-0123456789abcdef.json"


@pytest.fixture
def auth_job(make_job: Callable[..., Job]) -> Job:
    return make_job(network="host")


def _accept(token: str | None) -> bool:
    return token is not None and token.startswith("impersonated-token-")


def test_workload_identity_federation(auth_job: Job) -> None:
    """The credentials file in the workspace is found at its place in the container, and works."""
    with GoogleStandIns() as google, Emulator(advance="poll", access_tokens=_accept) as emulator:
        path = Path(auth_job.workspace, _FILE)
        path.write_text(json.dumps(google.external_account()), "utf-8")
        path.chmod(0o640)
        variables = dict.fromkeys(
            (
                "GOOGLE_APPLICATION_CREDENTIALS",
                "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
                "GOOGLE_GHA_CREDS_PATH",
            ),
            str(path),
        )
        inputs = google_inputs_for(emulator, token="", poll_interval="1")
        step = auth_job.run(inputs, **variables)
        assert (step.exit_code, step.outputs["status"]) == (0, "success"), step.log
        assert google.paths == [IDENTITY, EXCHANGE, IMPERSONATION]
        masked = {
            line.message
            for line in parse_log("\n".join(step.log))
            if isinstance(line, Command) and line.name == "add-mask"
        }
        assert any(mask.startswith("impersonated-token-") for mask in masked)


def test_file_outside_the_workspace(auth_job: Job) -> None:
    """A file that no mount shows is named, with what to do, and nothing is sent."""
    with Emulator(advance="poll") as emulator:
        inputs = google_inputs_for(emulator, token="")
        step = auth_job.run(inputs, GOOGLE_APPLICATION_CREDENTIALS="/home/runner/key.json")
        assert step.exit_code == 3
        assert "/home/runner/key.json" in step.errors[0]
        assert "does not exist" in step.errors[0]
        assert emulator.requests == []
