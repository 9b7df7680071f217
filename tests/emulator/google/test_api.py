"""All methods: unknown names, access tokens, faults."""

from __future__ import annotations

from typing import get_args

import pytest

from dataform_action.emulator import Course, Emulator, Fault
from dataform_action.emulator.http.endpoint import Operation
from tests.emulator.google.support import HOME, INVALID, MISSING, Warehouse


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "message"),
    [
        ("POST", "/compilationResults", {}, INVALID, "One of git_commitish, workspace and "),
        ("POST", "/compilationResults", None, INVALID, "One of git_commitish, workspace and "),
        (
            *("POST", "/compilationResults", {"gitCommitish": "6f1c2b"}, INVALID),
            "Git commitish '6f1c2b' does not exist in the repository",
        ),
        (
            *("POST", "/compilationResults", {"workspace": f"{HOME}/workspaces/w"}, MISSING),
            f"{HOME}/workspaces/w does not exist",
        ),
        (
            *("POST", "/compilationResults", {"releaseConfig": f"{HOME}/releaseConfigs/x"}),
            *(MISSING, f"{HOME}/releaseConfigs/x does not exist"),
        ),
        (
            *("POST", "/compilationResults", {"releaseConfig": f"https://host/{HOME}"}, INVALID),
            f"Resource name 'https://host/{HOME}' does not match projects/*/locations/*/"
            "repositories/*/releaseConfigs/*",
        ),
        ("POST", "/workflowInvocations", {}, INVALID, "One of compilation_result and workflow_"),
        (
            *("POST", "/workflowInvocations", {"workflowConfig": f"{HOME}/workflowConfigs/x"}),
            *(MISSING, f"{HOME}/workflowConfigs/x does not exist"),
        ),
        (
            *("POST", "/workflowInvocations"),
            {"compilationResult": f"{HOME.replace('my', 'your')}/compilationResults/x"},
            *(MISSING, "'projects/your-project/locations/europe-west1/repositories/warehouse/com"),
        ),
        (
            *("POST", "/workflowInvocations"),
            {"workflowConfig": f"{HOME}/workflowConfigs/nightly", "invocationConfig": {}},
            *(INVALID, "invocation_config must not be set together with workflow_config"),
        ),
        ("GET", "/workflowInvocations/x", None, MISSING, f"{HOME}/workflowInvocations/x does not"),
        ("GET", "/compilationResults/x:query", None, MISSING, f"{HOME}/compilationResults/x does"),
        ("GET", "/releaseConfigs/x", None, MISSING, f"{HOME}/releaseConfigs/x does not exist"),
        ("GET", "/workflowConfigs/x", None, MISSING, f"{HOME}/workflowConfigs/x does not exist"),
        ("PATCH", "/releaseConfigs/x", {}, MISSING, f"{HOME}/releaseConfigs/x does not exist"),
        ("PUT", "", None, MISSING, "Method not found: the emulator does not serve PUT /v1/proj"),
        ("GET", ":query", None, MISSING, "parent resource not found"),
        ("GET", "/compilationResults/x:run", None, MISSING, "Method not found: "),
        ("GET", "/compilationResults/x/y", None, MISSING, "Method not found: "),
    ],
)
def test_wrong_requests_are_reported(
    client: Warehouse,
    method: str,
    path: str,
    body: object,
    code: tuple[int, str],
    message: str,
) -> None:
    """Unknown, missing or contradictory names are refused with Google's errors."""
    response = client.error(method, path, body)
    assert response[0] == code
    assert response[1].startswith(message)


@pytest.mark.parametrize(
    "path", ["", "/compilationResults", "/workflowInvocations/x", "/releaseConfigs/production"]
)
@pytest.mark.parametrize("part", ["my-project", "europe-west1", "warehouse"])
def test_other_repositories_do_not_exist(client: Warehouse, path: str, part: str) -> None:
    """Another project, location or repository gets the error of the service."""
    response = client.call("GET", f"/v1/{HOME.replace(part, 'other')}{path}")
    assert response.data == {
        "error": {"code": 404, "message": "parent resource not found", "status": "NOT_FOUND"}
    }
    assert client.call("GET", "/v1/projects/my-project/locations").status == 404


@pytest.mark.parametrize(
    ("headers", "message", "reason"),
    [
        ({}, "Request is missing required authentication credential. ", "CREDENTIALS_MISSING"),
        (
            {"Authorization": "Basic abc"},
            "Request is missing required authentication credential. ",
            "CREDENTIALS_MISSING",
        ),
        (
            {"Authorization": "Bearer wrong"},
            "Request had invalid authentication credentials. Expected OAuth 2 access token, ",
            "ACCESS_TOKEN_EXPIRED",
        ),
    ],
)
def test_tokens_are_required(
    client: Warehouse, headers: dict[str, str], message: str, reason: str
) -> None:
    """Without a valid token every response is 401 with Google's error."""
    for path in (f"/v1/{HOME}", f"/v1/{HOME}/x", "/v1beta1/projects/other"):
        response = client.call("GET", path, headers=headers)
        error = response.data["error"]
        assert (response.status, error["status"]) == (401, "UNAUTHENTICATED")
        assert error["message"].startswith(message)
        assert error["details"][0]["reason"] == reason
        assert response.headers["WWW-Authenticate"].startswith("Bearer ")


def test_tokens_expire(emulator: Emulator, client: Warehouse) -> None:
    """A test can change the accepted tokens, or set a function that checks each request."""
    emulator.accept_tokens({"new"})
    assert client.request("GET", "").status == 401
    client.token = "new"
    assert client.request("GET", "").status == 200
    seen: list[str | None] = []

    def accept(token: str | None) -> bool:
        seen.append(token)
        return len(seen) == 1

    emulator.accept_tokens(accept)
    assert [client.request("GET", "").status for _ in range(2)] == [200, 401]
    assert client.call("GET", f"/v1/{HOME}", headers={}).status == 401
    assert seen == ["new", "new", None]


def test_tokens_stay_out_of_the_records() -> None:
    """Neither the log nor the control API shows a token that was ever accepted."""
    lines: list[str] = []
    with Emulator(access_tokens=("ya", "ya-long"), log=lines.append) as emulator:
        client = Warehouse(emulator.url, "ya-long")
        emulator.accept_tokens(("second",))
        client.request("GET", "/releaseConfigs/ya-long?key=second")
        records = client.call("GET", "/_emulator/requests", headers={}).text
        client.close()
    assert lines == [f"GET /v1/{HOME}/releaseConfigs/*** -> 401"]
    assert "key=***" in records
    assert "ya" not in records.replace("ya***", "")
    assert "second" not in records


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("get", "GET", "/workflowInvocations/x"),
        ("create", "POST", "/workflowInvocations"),
        ("cancel", "POST", "/workflowInvocations/x:cancel"),
        ("compile", "POST", "/compilationResults"),
        ("query", "GET", "/workflowInvocations/x:query"),
        ("query", "GET", "/compilationResults/x:query"),
        ("list", "GET", "/workflowInvocations"),
        ("list", "GET", "/compilationResults"),
        ("list", "GET", "/releaseConfigs"),
        ("list", "GET", "/workflowConfigs"),
        ("other", "GET", ""),
        ("other", "GET", "/compilationResults/x"),
        ("update", "PATCH", "/releaseConfigs/x"),
        ("other", "DELETE", "/workflowInvocations/x"),
    ],
)
def test_faults_apply_to_their_operation(
    emulator: Emulator, client: Warehouse, operation: str, method: str, path: str
) -> None:
    """Each method has an operation that faults select; their errors look like Google's."""
    for other in {*get_args(Operation)} - {operation}:
        fault = {"kind": "status", "status": 500, "on": other}
        assert client.call("POST", "/_emulator/faults", fault).status == 200
    assert client.request(method, path, {}).status in (200, 400, 404)
    client.call("POST", "/_emulator/faults", {"kind": "status", "on": operation})
    response = client.request(method, path, {})
    message = "The emulator injected the status 503"
    assert response.data == {"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}


def test_broken_responses_are_plausible(emulator: Emulator, client: Warehouse) -> None:
    """A broken response has a plausible body, and a processed request has its effect."""
    body = {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}
    emulator.add_fault(Fault("huge", on="create", size=1000))
    sample = client.request("POST", "/workflowInvocations", body).data
    assert sample == {"name": f"{HOME}/workflowInvocations/sample", "state": "RUNNING"}
    emulator.add_fault(Fault("huge", on="other", size=1000))
    assert client.request("GET", "").data == {"name": f"{HOME}/sample"}
    assert emulator.invocations == []
    emulator.add_fault(Fault("cut-json", on="create", processed=True))
    cut = client.request("POST", "/workflowInvocations", body).text
    (invocation,) = emulator.invocations
    assert invocation.name in cut


def test_unusual_statuses_have_a_code(emulator: Emulator, client: Warehouse) -> None:
    """A status without its own code has the code UNKNOWN."""
    emulator.add_fault(Fault("status", status=418))
    assert client.request("GET", "").data["error"]["status"] == "UNKNOWN"


def test_page_shows_invocations(emulator: Emulator, client: Warehouse) -> None:
    """The page shows invocations and runs together, with the states of the actions."""
    path = client.invoke("failure")
    client.create("nightly")
    client.finish(path)
    client.invoke(includedTags=["none"])
    emulator.set_course("nightly", Course(state="", action_states={"revenue": ""}))
    client.invoke("nightly")
    page = client.call("GET", "/").text
    assert "4 runs, newest first." in page
    assert f'<section id="/{HOME}{path}">' in page
    assert '<span class="badge failure">FAILED</span>' in page
    section = page.partition(f'id="/{HOME}{path}">')[2].partition("</section>")[0]
    for count in ("1 FAILED", "1 DISABLED", "5 SUCCEEDED", "4 SKIPPED"):
        assert count in section
    assert '<span class="badge unknown">no state</span>' in page
    assert "1 without a state" in page
    assert "<dd>none</dd>" in page
