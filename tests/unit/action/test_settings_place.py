"""Inputs without an address: which service they look like, and what is reported first."""

from __future__ import annotations

import pytest

from dataform_action.errors import InputError
from dataform_action.services.specs import GOOGLE_INPUTS
from tests.unit.action.support import API_URL, GOOD, environ_of, parse

CLOSED = "Google closed hosted Dataform Web on 26 February 2024."
WEB_INSTEAD = "For your own Dataform Web API, set api-url and token instead."


def _problems(values: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        parse(environ_of(values))
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("values", "sign"),
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
def test_values_of_google_cloud_without_a_place(values: dict[str, str], sign: str) -> None:
    """Location and repository are reported first, with the reason and without the token."""
    assert _problems(values) == [
        (
            "location",
            f"is missing: {sign}, so this looks like Google Cloud Dataform. Set location to the "
            f"region of the Dataform repository, such as europe-west1. {WEB_INSTEAD}",
        ),
        (
            "repository",
            "is missing: set it to the id of the Dataform repository",
        ),
    ]


@pytest.mark.parametrize(
    ("values", "sign"),
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
def test_a_token_or_an_address_of_google_is_a_sign(values: dict[str, str], sign: str) -> None:
    """It decides regardless of the other values, and is not repeated."""
    (name, text), (other, _) = _problems({"project-id": "123456", "schedule": "a", **values})
    assert (name, other) == ("location", "repository")
    assert text.startswith(f"is missing: {sign}, so this looks like Google Cloud Dataform.")
    assert WEB_INSTEAD not in text
    assert "a0AfH6SMB" not in text


@pytest.mark.parametrize("name", GOOGLE_INPUTS)
def test_every_input_of_google_cloud_is_a_sign(name: str) -> None:
    """A boolean is a sign only if it is true, because its default is false."""
    (first, text), *_ = _problems({"project-id": "1234", "schedule": "a", name: "true"})
    assert first == "location"
    assert f"{name} is for Google Cloud Dataform" in text
    (first, _), *_ = _problems({"project-id": "1234", "schedule": "a", name: "false"})
    assert first == "api-url"


def test_other_problems_come_after_the_place() -> None:
    """All problems are reported at once."""
    values = {"project-id": "my-project", "timeout": "soon", "promote": "true"}
    assert [name for name, _ in _problems(values)] == [
        *("location", "repository", "schedule", "timeout", "promote"),
    ]


@pytest.mark.parametrize("token", ["", "an-api-token"])
def test_a_missing_address_of_dataform_web(token: str) -> None:
    """Only the address is reported, because hosted Dataform Web is closed."""
    [(name, text)] = _problems({"project-id": "1234", "schedule": "nightly", "token": token})
    assert name == "api-url"
    assert text == (
        f"is missing: {CLOSED} For Google Cloud Dataform, set location and repository. For your "
        "own Dataform Web API, set api-url to its address."
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
    """The address of hosted Dataform Web is refused."""
    [(name, text)] = _problems({**GOOD, "api-url": api_url})
    assert name == "api-url"
    assert text.startswith(f"is the address of hosted Dataform Web. {CLOSED}")


@pytest.mark.parametrize(
    "api_url", ["https://api.dataform.co.example", "https://api.dataform.company", API_URL]
)
@pytest.mark.parametrize("project_id", ["1234", "my-project"])
def test_another_api_address_is_possible(api_url: str, project_id: str) -> None:
    """With an address and a token, any project is one of Dataform Web."""
    settings = parse(environ_of({**GOOD, "project-id": project_id, "api-url": api_url}))
    assert (settings.service.name, settings.api_url) == ("Dataform Web", api_url)


def test_no_inputs() -> None:
    """A step without inputs reports the address and the project."""
    assert [name for name, _ in _problems({})] == ["api-url", "project-id"]
