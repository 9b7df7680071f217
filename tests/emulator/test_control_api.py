"""The emulator's own API, at ``/_emulator``."""

from __future__ import annotations

import pytest

from dataform_action.emulator import Emulator
from tests.emulator.support import Client


def test_faults_are_controlled_over_http(emulator: Emulator, client: Client, run_path: str) -> None:
    """Faults are added and cleared over HTTP, without a token."""
    fault = {"kind": "status", "on": "get", "times": None, "status": 429, "seconds": 1}
    assert client.call("POST", "/_emulator/faults", fault, headers={}).data == {}
    assert client.call("GET", run_path).status == 429
    assert client.call("DELETE", "/_emulator/faults", headers={}).data == {}
    assert client.call("GET", run_path).status == 200


def test_outcomes_are_controlled_over_http(client: Client) -> None:
    """Outcomes are set over HTTP."""
    outcome = {"schedule": "nightly", "statuses": ["QUEUED", "FAILED"]}
    assert client.call("POST", "/_emulator/outcomes", outcome, headers={}).data == {}
    assert client.poll(client.create("nightly"), 3) == ["QUEUED", "FAILED", "FAILED"]


@pytest.mark.parametrize(
    "body",
    [
        {"schedule": "nightly"},
        {"schedule": 1, "statuses": []},
        {"schedule": "nightly", "statuses": "FAILED"},
        {"schedule": "nightly", "statuses": [1]},
        {"schedule": "nightly", "statuses": [], "seconds": 1},
    ],
)
def test_malformed_outcomes_are_refused(client: Client, body: object) -> None:
    """A malformed outcome gets a 400 that shows the correct form."""
    response = client.call("POST", "/_emulator/outcomes", body)
    wanted = 'An outcome must look like {"schedule": "<name>", "statuses": ["<status>", ...]}'
    assert (response.status, response.data["message"]) == (400, wanted)


def test_pull_requests_are_controlled_over_http(client: Client) -> None:
    """A pull request is defined over HTTP, and its comments are listed."""
    head, base = "a" * 40, "b" * 40
    pull_request = {
        **{"repository": "octo/shop", "number": 7, "head": head},
        **{"branches": {"main": base}, "commits": {base: [], head: [base]}},
    }
    control = "/_emulator/pull-requests"
    assert client.call("POST", control, pull_request, headers={}).data == {}
    root = "/api/v3/repos/octo/shop"
    compared = client.call("GET", f"{root}/compare/main...{head}").data
    assert compared["merge_base_commit"]["sha"] == base
    closed = {"repository": "octo/shop", "number": 7, "head": head, "state": "closed"}
    assert client.call("POST", control, closed, headers={}).data == {}
    assert client.call("GET", f"{root}/pulls/7").data["state"] == "closed"
    identifier = client.call("POST", f"{root}/issues/7/comments", {"body": "Hi"}).data["id"]
    assert client.call("GET", "/_emulator/comments", headers={}).data["comments"] == [
        {
            "repository": "octo/shop",
            "number": 7,
            "id": identifier,
            "author": "github-actions[bot]",
            "body": "Hi",
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"repository": "octo/shop", "number": "7", "head": "a"},
        {"repository": "octo/shop", "number": 7, "head": "a", "state": "merged"},
        {"repository": "octo/shop", "number": 7, "head": "a", "branches": {"main": 1}},
        {"repository": "octo/shop", "number": 7, "head": "a", "commits": {"a": "b"}},
        {"repository": "octo/shop", "number": 7, "head": "a", "title": "x"},
    ],
)
def test_malformed_pull_requests_are_refused(client: Client, body: object) -> None:
    """A malformed pull request gets a 400 that shows the correct form."""
    response = client.call("POST", "/_emulator/pull-requests", body)
    assert response.status == 400
    assert response.data["message"].startswith('A pull request must look like {"repository": ')


def test_unknown_controls_are_reported(client: Client) -> None:
    """An unknown path of the control API gets a 404 that names it."""
    response = client.call("PUT", "/_emulator/faults")
    message = "The emulator does not serve PUT /_emulator/faults"
    assert (response.status, response.data["message"]) == (404, message)


def test_runs_are_listed_over_http(emulator: Emulator, client: Client) -> None:
    """The runs are listed over HTTP as in Python."""
    run_id = client.create("nightly")
    client.poll(run_id, 1)
    assert client.call("GET", "/_emulator/runs", headers={}).data["runs"] == [
        {
            "id": run_id,
            "project_id": "1234",
            "schedule": "nightly",
            "environment": None,
            "tags": [],
            "status": "RUNNING",
            "polls": 1,
            "started": emulator.runs[0].started,
        }
    ]


def test_requests_are_listed_without_tokens(emulator: Emulator, client: Client) -> None:
    """The requests are listed over HTTP, without any form of the token."""
    quoted = "7301846295512064%7CjxU7Flmorr%2Fb4PK%2BhiR48c%2FgtLYiC3il5FEWcGekiSc%3D%7C1"
    headers = {"Authorization": "Bearer another-secret", "X-Copy": emulator.token}
    client.call("POST", f"/v1/{quoted}?token={quoted}", emulator.token.encode(), headers)
    response = client.call("GET", "/_emulator/requests", headers={})
    (request,) = response.data["requests"]
    assert response.data["connections"] == 1
    assert (request["method"], request["path"], request["query"]) == (
        "POST",
        "/v1/***",
        "token=***",
    )
    assert request["headers"]["Authorization"] == "***"
    assert (request["headers"]["X-Copy"], request["body"]) == ("***", "***")
    assert request["time"] == emulator.requests[0].time
    assert "another-secret" not in response.text
    assert "jxU7" not in response.text
