"""Inputs that do not say where the run is: what they are taken for, and what is asked for first."""

from __future__ import annotations

import pytest

from dataform_action.errors import InputError
from dataform_action.services.specs import GOOGLE_INPUTS
from tests.unit.action.support import API_URL, GOOD, environ_of, parse

CLOSED = "Google closed hosted Dataform Web on 26 February 2024."
WEB_INSTEAD = "For a Dataform Web API of your own, give api-url and token instead."


def _problems(values: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        parse(environ_of(values))
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"project-id": "my-project", "schedule": "nightly"}, "project-id is not a number"),
        ({"project-id": "my-project", "environment": "production"}, "project-id is not a number"),
        ({"project-id": "my-project", "schedule": "a", "token": "x"}, "project-id is not a number"),
        (
            {"project-id": "example.com:my-project", "schedule": "nightly"},
            "project-id is not a number",
        ),
        (
            {"project-id": "my-project", "schedule": "a", "api-url": API_URL},
            "project-id is not a number",
        ),
        (
            {"project-id": "123456", "git-ref": "main"},
            "git-ref is for Google Cloud Dataform",
        ),
        (
            {"project-id": "123456", "environment": "a", "full-refresh": "true", "token": "x"},
            "full-refresh is for Google Cloud Dataform",
        ),
    ],
)
def test_values_of_google_cloud_without_a_place(values: dict[str, str], why: str) -> None:
    """Location and repository are asked for, first and with the reason, and never a token."""
    assert _problems(values) == [
        (
            "location",
            f"is missing: {why}, so this looks like Google Cloud Dataform. Give the region of the "
            f"Dataform repository, such as europe-west1. {WEB_INSTEAD}",
        ),
        (
            "repository",
            "is missing: give the id of the Dataform repository, together with location",
        ),
    ]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"token": "ya29.a0AfH6SMB"}, "the token is an OAuth access token of Google"),
        (
            {"token": "ya29.a0AfH6SMB", "api-url": API_URL},
            "the token is an OAuth access token of Google",
        ),
        (
            {"token": "x", "api-url": "https://dataform.googleapis.com"},
            "api-url is an address of Google Cloud",
        ),
        (
            {"token": "x", "api-url": "https://dataform.europe-west1.rep.googleapis.com"},
            "api-url is an address of Google Cloud",
        ),
    ],
)
def test_a_token_or_an_address_of_google_leaves_no_doubt(values: dict[str, str], why: str) -> None:
    """It goes nowhere else, whatever the other values are, and is not repeated."""
    (name, text), (other, _) = _problems({"project-id": "123456", "schedule": "a", **values})
    assert (name, other) == ("location", "repository")
    assert text.startswith(f"is missing: {why}, so this looks like Google Cloud Dataform.")
    assert WEB_INSTEAD not in text
    assert "a0AfH6SMB" not in text


@pytest.mark.parametrize("name", GOOGLE_INPUTS)
def test_every_input_of_google_cloud_is_a_sign(name: str) -> None:
    """A boolean only when it is true, as its default is false."""
    (first, text), *_ = _problems({"project-id": "1234", "schedule": "a", name: "true"})
    assert first == "location"
    assert f"{name} is for Google Cloud Dataform" in text
    (first, _), *_ = _problems({"project-id": "1234", "schedule": "a", name: "false"})
    assert first == "api-url"


def test_other_problems_come_after_the_place() -> None:
    """Everything that is wrong is reported at once."""
    values = {"project-id": "my-project", "timeout": "soon", "promote": "true"}
    assert [name for name, _ in _problems(values)] == [
        *("location", "repository", "schedule", "timeout", "promote"),
    ]


@pytest.mark.parametrize("token", ["", "an-api-token"])
def test_a_forgotten_address_of_dataform_web(token: str) -> None:
    """That the hosted service is closed is said at once, and nobody is sent to make a token."""
    [(name, text)] = _problems({"project-id": "1234", "schedule": "nightly", "token": token})
    assert name == "api-url"
    assert text == (
        f"is missing: {CLOSED} For Google Cloud Dataform, give location and repository. For a "
        "Dataform Web API of your own, give its address in api-url."
    )


@pytest.mark.parametrize(
    "api_url",
    [
        "https://api.dataform.co",
        "https://api.dataform.co/",
        "https://app.dataform.co/v2",
        "https://api.dataform.co:443",
    ],
)
def test_the_address_of_the_closed_service(api_url: str) -> None:
    """To write it down does not open it."""
    [(name, text)] = _problems({**GOOD, "api-url": api_url})
    assert name == "api-url"
    assert text.startswith(f"is that of hosted Dataform Web. {CLOSED}")


@pytest.mark.parametrize(
    "api_url", ["https://api.dataform.co.example", "https://api.dataform.company", API_URL]
)
@pytest.mark.parametrize("project_id", ["1234", "my-project"])
def test_an_api_of_ones_own_stays_possible(api_url: str, project_id: str) -> None:
    """With an address and a token, any project is taken for one of Dataform Web."""
    settings = parse(environ_of({**GOOD, "project-id": project_id, "api-url": api_url}))
    assert (settings.service.name, settings.api_url) == ("Dataform Web", api_url)


def test_nothing_at_all() -> None:
    """A step without inputs is told what decides everything, and the project."""
    assert [name for name, _ in _problems({})] == ["api-url", "project-id"]
