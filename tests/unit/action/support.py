"""Helpers for the tests of the inputs: valid inputs, and how they are read."""

from __future__ import annotations

import pytest

from dataform_action.action.inputs import read_inputs
from dataform_action.action.service_factory import SERVICES
from dataform_action.action.settings import Settings, parse_settings
from dataform_action.errors import InputError
from dataform_action.events import Fact
from dataform_action.model import Polling, RunRequest
from dataform_action.services import specs
from dataform_action.services.specs import DATAFORM_WEB

API_URL = "https://dataform.example.com"
GOOD = {"project-id": "1234", "token": "s3cret", "api-url": API_URL}
PLACE = {"location": "europe-west1", "repository": "warehouse"}
#: The minimum for Google Cloud Dataform.
GOOD_GOOGLE = {"project-id": "my-project", "schedule": "nightly", **PLACE}
BLANKS = ("", " ", "\n", " \t\r\n")
PRINTABLE_PROBLEM = "must be one line of printable text: check its quotes"
TOKEN_PROBLEM = f"{specs.TOKEN_PROBLEM}: store it again without that"
SPECS = [spec for spec, _ in SERVICES]


def parse(environ: dict[str, str]) -> Settings:
    """Read the settings of a step from its environment."""
    return parse_settings(read_inputs(environ), SPECS)


def environ_of(values: dict[str, str]) -> dict[str, str]:
    """Return the environment that the runner makes from a workflow's ``with``."""
    return {f"INPUT_{name.upper()}": value for name, value in values.items()}


def read(**values: str) -> Settings:
    """Parse valid inputs with changes; an underscore in a name stands for a hyphen."""
    changes = {name.replace("_", "-"): value for name, value in values.items()}
    return parse(environ_of({**GOOD, **changes}))


def problems(values: dict[str, str]) -> dict[str, str]:
    """Return the problems of valid inputs after these changes."""
    with pytest.raises(InputError) as caught:
        parse(environ_of({**GOOD, **values}))
    found = caught.value.problems
    assert len(found) == len(dict(found))
    return dict(found)


def read_google(values: dict[str, str]) -> Settings:
    """Parse the valid inputs of Google Cloud Dataform with changes."""
    return parse(environ_of({**GOOD_GOOGLE, **values}))


def google_problems(values: dict[str, str]) -> list[tuple[str, str]]:
    """Return the problems of the valid inputs of Google Cloud after these changes."""
    with pytest.raises(InputError) as caught:
        read_google(values)
    return list(caught.value.problems)


MINIMUM = Settings(
    service=DATAFORM_WEB,
    place=(Fact("Project", "1234"),),
    project_id="1234",
    location="",
    repository="",
    token="s3cret",
    request=RunRequest(),
    polling=Polling(interval=10, timeout=21600, outage_timeout=600, cancel=True),
    wait=True,
    run_id=None,
    api_url=API_URL,
    summary=True,
)
