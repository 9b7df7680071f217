"""Google Cloud Dataform: the names in the inputs, and their use in paths."""

from __future__ import annotations

import pytest
import responses

from dataform_action.errors import InputError
from dataform_action.model import RunRequest, State
from dataform_action.services.google.service import GoogleDataform
from tests.unit.services.google.support import (
    API,
    CONSOLE,
    NUMBERED,
    RUN,
    RUNS,
    expect,
    make_google,
    make_prepared,
    make_run,
)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a?x", "a b", "a\n", "é"])
def test_every_name_is_checked_at_once(name: str) -> None:
    """Names that would change the path and an invalid token are reported together."""
    with pytest.raises(InputError) as caught:
        make_google(project_id=name, location=name, repository=name, token="a b")
    assert caught.value.problems == (
        ("location", "may contain only letters, digits, - and _"),
        ("repository", "may contain only letters, digits, - and _"),
        ("project_id", "is not a Google Cloud project id"),
        ("token", "contains whitespace or a character that is not valid in a token"),
    )


@pytest.mark.parametrize("project", ["my-project", "example.com:my-project", "123456", "p-1"])
def test_project_ids_of_every_form(api: responses.RequestsMock, project: str) -> None:
    """Project ids with dots or colons, and project numbers, are used unchanged."""
    google = make_google(project_id=project)
    parent = f"projects/{project}/locations/europe-west1/repositories/shop"
    name = f"{parent}/workflowInvocations/1"
    expect(api, f"GET {name}", {"name": name, "state": "RUNNING"})
    assert google.get(google.describe("1")).status == "RUNNING"
    assert str(api.calls[0].request.url).partition("?")[0] == f"{API}/{name}"


def test_link_of_a_domain_project() -> None:
    """A project id with a colon is encoded in the console's address."""
    google = make_google(project_id="example.com:p")
    link = google.describe("1").log_url
    assert link == f"{CONSOLE}/workflows/1?project=example.com%3Ap"


def test_regional_address(api: responses.RequestsMock) -> None:
    """Another API address has the same paths, with or without a final slash."""
    base = "https://dataform.europe-west1.rep.googleapis.com"
    for url in (base, f"{base}/"):
        expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"}, base=f"{base}/v1")
        assert make_google(api_url=url).get(make_run()).state is State.RUNNING


@pytest.mark.parametrize(
    "run_id",
    [
        "1700-abc",
        RUN,
        f"{NUMBERED}/workflowInvocations/1700-abc",
    ],
)
def test_run_id_in_each_form(google: GoogleDataform, run_id: str) -> None:
    """A run may be given by id or full name, with the project's id or number."""
    assert google.describe(run_id) == make_run()


def test_project_that_is_given_by_number() -> None:
    """A project given by number accepts run names with a project id."""
    assert make_google(project_id="123456").describe(RUN).id == "1700-abc"


def test_run_of_a_project_with_another_number() -> None:
    """Two different numbers are two projects."""
    google = make_google(project_id="123")
    with pytest.raises(InputError, match="run-id is neither a run id nor the full name of a run"):
        google.describe(f"{NUMBERED}/workflowInvocations/1700-abc")


@pytest.mark.parametrize(
    "run_id",
    [
        RUN.replace("shop", "other"),
        RUN.replace("europe-west1", "us"),
        RUN.replace("my-project", "other-project"),
        f"{RUN}/x",
        f"{RUN}\n",
        f"{RUNS}/..",
        f"{API}/{RUN}",
        "a/b",
        "..",
        "a?b",
        "a:cancel",
        "",
    ],
)
def test_run_of_another_repository(google: GoogleDataform, run_id: str) -> None:
    """A run of another repository and an invalid name are refused."""
    with pytest.raises(InputError) as caught:
        google.describe(run_id)
    assert caught.value.problems == (
        ("run-id", "is neither a run id nor the full name of a run in this repository"),
    )


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a:cancel"])
def test_names_stay_in_their_segment(google: GoogleDataform, name: str) -> None:
    """A configuration name is always one path segment."""
    for request_ in (RunRequest(schedule=name), RunRequest(environment=name)):
        with pytest.raises(InputError, match="may contain only letters"):
            google.prepare(request_)
    with pytest.raises(InputError, match="environment may contain only letters"):
        google.promote(make_prepared(environment=name))
