"""Requests to BigQuery: the address, the token, and the hints of refusals."""

from __future__ import annotations

import pytest
import responses

from dataform_action.errors import CredentialsRefused, InputError, NoResponse, Refused
from tests.unit.bigquery.support import API, TOKEN, add_error, make_bigquery

ROLE = "roles/bigquery.resourceViewer"


def _get(project: str = "my-project", **more: object) -> dict[str, object]:
    arguments = {"token": TOKEN, **more}
    return make_bigquery(**arguments).get(project, "jobs", "jobs(id,x/y)", {"a": "b c"}, role=ROLE)


def test_a_request(api: responses.RequestsMock) -> None:
    """It names the project, the parameters and the fields, and has the token."""
    api.add("GET", f"{API}/example.com:old/jobs", json={"jobs": []})
    assert _get("example.com:old") == {"jobs": []}
    request = api.calls[0].request
    assert str(request.url).endswith("/projects/example.com:old/jobs?a=b+c&fields=jobs(id,x/y)")
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert "X-Goog-User-Project" not in request.headers


def test_quota_project(api: responses.RequestsMock) -> None:
    """The project that pays for the quota is named if the credentials have one."""

    class Token:
        quota_project = "payer"

        def __call__(self) -> str:
            return TOKEN

    api.add("GET", f"{API}/my-project/jobs", json={})
    _get(token=Token())
    assert api.calls[0].request.headers["X-Goog-User-Project"] == "payer"


def test_another_address(api: responses.RequestsMock) -> None:
    """The address may have a slash at its end."""
    api.add("GET", "https://bq.example.com/x/bigquery/v2/projects/my-project/jobs", json={})
    assert _get(api_url="https://bq.example.com/x/") == {}


@pytest.mark.parametrize(
    ("status", "words", "hint"),
    [
        (
            403,
            "Access Denied: bigquery.jobs.list",
            f"Grant the caller {ROLE} on project my-project.",
        ),
        (403, "Request is prohibited by VPC Service Controls.", Refused.hint),
        (401, "Invalid credentials", "BigQuery did not accept the credentials."),
        (404, "Not found: Project x", Refused.hint),
    ],
)
def test_refusals_say_what_to_do(
    api: responses.RequestsMock, status: int, words: str, hint: str
) -> None:
    """A missing permission names the role and the project. Another reason does not."""
    add_error(api, status, words)
    with pytest.raises(Refused, match=words.partition(":")[0]) as caught:
        _get()
    assert caught.value.hint.startswith(hint)


def test_disabled_api_is_not_a_missing_role(api: responses.RequestsMock) -> None:
    """If BigQuery is disabled in the project, no role helps."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    error = {"code": 403, "message": "Enable the API", "details": [info]}
    api.add("GET", f"{API}/my-project/jobs", json={"error": error}, status=403)
    with pytest.raises(Refused) as caught:
        _get()
    assert ROLE not in caught.value.hint


def test_rate_limit_is_temporary(api: responses.RequestsMock) -> None:
    """BigQuery reports an exceeded rate with HTTP 403."""
    error = {"code": 403, "message": "slow down", "errors": [{"reason": "rateLimitExceeded"}]}
    api.add("GET", f"{API}/my-project/jobs", json={"error": error}, status=403)
    with pytest.raises(NoResponse):
        _get()


def test_missing_credentials_keep_their_hint() -> None:
    """Errors of the token function are raised as they are."""

    def token() -> str:
        raise CredentialsRefused("none", hint="sign in")

    with pytest.raises(CredentialsRefused) as caught:
        _get(token=token)
    assert caught.value.hint == "sign in"


@pytest.mark.parametrize(
    ("name", "value"),
    [("project_id", "a/b"), ("token", "a b"), ("api_url", "http://bigquery.example.com")],
)
def test_invalid_arguments(name: str, value: str) -> None:
    """A name cannot leave its place in a path, and the token is not sent unencrypted."""
    with pytest.raises(InputError) as caught:
        make_bigquery(**{name: value})
    assert [problem[0] for problem in caught.value.problems] == [name]
