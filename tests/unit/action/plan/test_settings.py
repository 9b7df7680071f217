"""The inputs of the plan job: what is accepted, and what is refused with which text."""

from __future__ import annotations

import pytest

from dataform_action.action.plan.inputs import PLAN_INPUTS
from dataform_action.action.plan.settings import PlanSettings, parse_plan_settings
from dataform_action.errors import InputError
from dataform_action.model import Polling
from dataform_action.plan import PlanRequest

_GOOD = {"project-id": "my-project", "location": "europe-west1", "repository": "warehouse"}
_SEGMENT = "may contain only letters, digits, - and _"
_NO_FILE = "is not a path of a file in the workspace: use plan.json, for example"


def _problems(**changes: str) -> list[tuple[str, str]]:
    """Return the problems of valid inputs after changes; an underscore stands for a hyphen."""
    with pytest.raises(InputError) as caught:
        _read(**changes)
    return list(caught.value.problems)


def _read(**changes: str) -> PlanSettings:
    return parse_plan_settings(
        {**_GOOD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    )


def test_minimum() -> None:
    """Three inputs are enough for a pull request."""
    assert _read() == PlanSettings(
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        request=PlanRequest(head="", base=""),
        polling=Polling(timeout=1800, outage_timeout=600),
        # The runner replaces the expression; a shell has no default.
        github_token="",
    )


def test_all_inputs() -> None:
    """Each input has an effect on the settings."""
    settings = _read(
        environment="production",
        token="ya29.a",
        head="9f2c1e7",
        base="main",
        validate="true",
        max_bytes="1.5 GB",
        comment="false",
        github_token="ghs_a",
        plan_file="./out/plan.json",
        project_path="dataform/",
        vars="a=1\nb=2",
        schema_suffix="ci",
        table_prefix="p",
        compile_overrides="defaultDatabase=other",
        timeout="5m",
        outage_timeout="1m",
        summary="false",
        api_url="https://dataform.example.com/",
        bigquery_url="https://bigquery.example.com",
    )
    assert settings.request == PlanRequest(
        head="9f2c1e7",
        base="main",
        environment="production",
        project_path="dataform/",
        vars=(("a", "1"), ("b", "2")),
        schema_suffix="ci",
        table_prefix="p",
        compile_overrides=(("defaultDatabase", "other"),),
        max_bytes=1_500_000_000,
    )
    assert settings.polling == Polling(timeout=300, outage_timeout=60)
    assert (settings.token, settings.github_token) == ("ya29.a", "ghs_a")
    assert (settings.comment, settings.summary, settings.plan_file) == (
        False,
        False,
        "out/plan.json",
    )
    assert settings.api_url == "https://dataform.example.com"
    assert settings.bigquery_url == "https://bigquery.example.com"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("500", 500),
        ("500B", 500),
        ("500 GB", 500 * 10**9),
        ("500 GiB", 500 * 2**30),
        ("1.5 tib", 3 * 2**39),
        ("0.000000001 KB", 0),
        ("0", 0),
        ("999999999999999 PB", 999_999_999_999_999 * 10**15),
    ],
)
def test_numbers_of_bytes(text: str, count: int) -> None:
    """Units are decimal, or binary with an i, in any case."""
    assert _read(max_bytes=text).request.max_bytes == count


@pytest.mark.parametrize("text", ["-1", "1 XB", "GB", "1,5 GB", "1  GB", "1e9", "٣ GB", "1.GB"])
def test_bad_numbers_of_bytes(text: str) -> None:
    """Anything else is refused with an example."""
    [(name, problem)] = _problems(max_bytes=text)
    assert name == "max-bytes"
    assert problem.endswith("is not a number of bytes: use a form like 500 GB or 500 GiB")


def test_a_limit_needs_the_check() -> None:
    """Without dry runs, no bytes are known."""
    text = "requires the dry runs of validate: true, which report the bytes"
    assert _problems(max_bytes="1 GB", validate="false") == [("max-bytes", text)]


def test_missing_inputs_are_reported_together() -> None:
    """All problems are reported at once, in the order of the table."""
    with pytest.raises(InputError) as caught:
        parse_plan_settings({"validate": "maybe"})
    assert list(caught.value.problems) == [
        ("project-id", "is missing: set it to the id of your Google Cloud project"),
        (
            "location",
            "is missing: set it to the region of the Dataform repository, such as europe-west1",
        ),
        ("repository", "is missing: set it to the id of the Dataform repository"),
        ("validate", "'maybe' is not a boolean: use true or false"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("project-id", "My Project", "'My Project' is not a Google Cloud project id"),
        ("location", "a/b", f"'a/b' {_SEGMENT}"),
        ("repository", "a/b", f"'a/b' {_SEGMENT}"),
        ("environment", "a/b", f"'a/b' {_SEGMENT}"),
        ("head", "a..b", "'a..b' is not a valid Git ref: use a branch, a tag or a commit"),
        ("base", "a b", "'a b' is not a valid Git ref: use a branch, a tag or a commit"),
        ("vars", "a", "must have one name=value per line"),
        ("plan-file", "../plan.json", f"'../plan.json' {_NO_FILE}"),
        ("plan-file", "/plan.json", f"'/plan.json' {_NO_FILE}"),
        ("plan-file", "plans/", f"'plans/' {_NO_FILE}"),
        ("plan-file", ".", f"'.' {_NO_FILE}"),
        (
            "github-token",
            "a b",
            "contains whitespace or a character that is not valid in a token: store it again "
            "without that",
        ),
    ],
)
def test_bad_values(name: str, value: str, problem: str) -> None:
    """Each problem names the input, the value unless it is a secret, and the remedy."""
    assert _problems(**{name: value}) == [(name, problem)]


@pytest.mark.parametrize("name", ["head", "plan-file", "max-bytes", "vars"])
def test_a_key_is_never_repeated(name: str) -> None:
    """A key in the wrong input is refused, and no problem contains any of it."""
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"
    [(refused, problem)] = _problems(**{name: key})
    assert refused == name
    assert "seems to contain a key" in problem
    assert "c2VjcmV0" not in problem


def test_defaults_in_the_metadata_change_nothing() -> None:
    """The defaults in plan/action.yml have the same meaning as missing inputs."""
    defaults = {i.name: i.default for i in PLAN_INPUTS if "$" not in i.default}
    assert parse_plan_settings({**defaults, **_GOOD}) == _read()
