"""Google Cloud Dataform: the names that are given, and what becomes of them in paths."""

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
    """Names that could change the path and a broken token are refused together."""
    with pytest.raises(InputError) as caught:
        make_google(project_id=name, location=name, repository=name, token="a b")
    assert caught.value.problems == (
        ("location", "may hold only letters, digits, - and _"),
        ("repository", "may hold only letters, digits, - and _"),
        ("project_id", "is no id of a Google Cloud project"),
        ("token", "holds a blank or a character that no token has"),
    )


@pytest.mark.parametrize("project", ["my-project", "example.com:my-project", "123456", "p-1"])
def test_project_ids_of_every_age(api: responses.RequestsMock, project: str) -> None:
    """Project ids with dots and colons, and project numbers, stand in paths as they are."""
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
    """Another API address gets the same paths, with or without a slash at its end."""
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
    """A run may be given by its id or its full name, with the project's id or number."""
    assert google.describe(run_id) == make_run()


def test_project_that_is_given_by_number() -> None:
    """A project that is given by its number takes run names with its id."""
    assert make_google(project_id="123456").describe(RUN).id == "1700-abc"


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
    """A run of another repository, or what is no name at all, is refused."""
    with pytest.raises(InputError) as caught:
        google.describe(run_id)
    assert caught.value.message == "run-id is neither an id nor a name in this repository"


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a:cancel"])
def test_names_stay_in_their_segment(google: GoogleDataform, name: str) -> None:
    """No name of a configuration becomes more than one segment of a path."""
    for request_ in (RunRequest(schedule=name), RunRequest(environment=name)):
        with pytest.raises(InputError, match="may hold only letters"):
            google.prepare(request_)
    with pytest.raises(InputError, match="environment may hold only letters"):
        google.promote(make_prepared(environment=name))
