"""What the inputs of Google Cloud Dataform mean, and which of them go together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.settings import Settings
from dataform_action.events import Fact
from dataform_action.model import Polling, RunRequest
from dataform_action.services.specs import GOOGLE_CLOUD
from tests.unit.action.support import (
    GOOD,
    MINIMUM,
    PLACE,
    PRINTABLE_PROBLEM,
    TOKEN_PROBLEM,
    environ_of,
    google_problems,
    parse,
    problems,
    read_google,
)

_GOOGLE = GOOGLE_CLOUD.own_inputs
_GOOGLE_BOOLEANS = sorted(i.name for i in INPUTS if i.name in _GOOGLE and i.is_boolean)
#: Those that choose the service are never refused by the other one.
_ONLY_GOOGLE = sorted(_GOOGLE - set(PLACE))
_GOOGLE_PROBLEM = "is for Google Cloud Dataform: give location and repository, or remove it"


@pytest.mark.parametrize("name", _ONLY_GOOGLE)
@pytest.mark.parametrize("value", ["true", "True", "x", "0", "no", "a\tb"])
def test_inputs_for_google_are_refused(name: str, value: str) -> None:
    """An input that would do nothing is an error, as is one that says no by another word."""
    assert problems({name: value}) == {name: _GOOGLE_PROBLEM}


@pytest.mark.parametrize("name", _GOOGLE_BOOLEANS)
@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_a_boolean_for_google_may_say_false(name: str, value: str) -> None:
    """``compile-only: False`` asks for nothing that this service cannot do."""
    settings = parse(environ_of({**GOOD, name: value}))
    off = replace(MINIMUM.request, **{name.replace("-", "_"): False})  # type: ignore[arg-type]
    assert settings == MINIMUM._replace(request=off)


@pytest.mark.parametrize("name", sorted(set(_ONLY_GOOGLE) - set(_GOOGLE_BOOLEANS)))
@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_a_name_for_google_may_not_say_false(name: str, value: str) -> None:
    """A branch or a data set can have that name, which must not be passed over in silence."""
    assert problems({name: value}) == {name: _GOOGLE_PROBLEM}


def test_the_least_that_google_cloud_needs() -> None:
    """A project, a place and what to run are enough: without a token, credentials are found."""
    assert read_google({}) == Settings(
        service=GOOGLE_CLOUD,
        place=(
            Fact("Project", "my-project"),
            Fact("Repository", "warehouse", "europe-west1"),
        ),
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        token="",
        request=RunRequest(schedule="nightly"),
        polling=Polling(interval=10, timeout=21600, outage_timeout=600, cancel=True),
        wait=True,
        run_id=None,
        api_url="https://dataform.googleapis.com",
        summary=True,
    )


def test_all_inputs_of_google_cloud_are_read() -> None:
    """Every input that compiles and selects arrives in its place."""
    inputs = read_google(
        {
            "schedule": "",
            "environment": "production",
            "token": "ya29.s3cret\n",
            "git-ref": "feature/é",
            "vars": " a = b=c \r\n\n d=\n",
            "schema-suffix": "pr_7",
            "table-prefix": "tmp",
            "tags": "daily, x",
            "actions": "orders\nmarts.revenue, my-project.marts.customers",
            "include-dependencies": "true",
            "include-dependents": "True",
            "full-refresh": "TRUE",
            "service-account": "a@b.iam.gserviceaccount.com",
            "compile-only": "true",
        }
    )
    assert inputs.token == "ya29.s3cret"
    assert inputs.request == RunRequest(
        environment="production",
        git_ref="feature/é",
        vars=(("a", "b=c"), ("d", "")),
        schema_suffix="pr_7",
        table_prefix="tmp",
        tags=("daily", "x"),
        actions=("orders", "marts.revenue", "my-project.marts.customers"),
        include_dependencies=True,
        include_dependents=True,
        full_refresh=True,
        service_account="a@b.iam.gserviceaccount.com",
        compile_only=True,
    )


def test_promote_is_read() -> None:
    """What succeeded can become what scheduled runs use."""
    inputs = read_google({"schedule": "", "environment": "production", "promote": "true"})
    assert inputs.request == RunRequest(environment="production", promote=True)


@pytest.mark.parametrize(
    ("name", "other"), [("location", "repository"), ("repository", "location")]
)
def test_location_and_repository_go_together(name: str, other: str) -> None:
    """One of the two chooses Google Cloud, which needs both."""
    assert google_problems({name: " "}) == [
        (name, f"is missing: {other} is given, and Google Cloud needs both")
    ]


@pytest.mark.parametrize("name", sorted(PLACE))
def test_the_place_cannot_leave_its_path(name: str) -> None:
    """A location or repository that is none is refused, and is not taken for missing."""
    [(named, problem)] = google_problems({name: "../x"})
    assert named == name
    assert problem.startswith("'../x' may hold only letters, digits, - and _: give ")


@pytest.mark.parametrize("value", ["my-project", "example.com:my-project", "123456"])
def test_projects_of_google_cloud(value: str) -> None:
    """A project is named by its id, an older form of it, or its number."""
    assert read_google({"project-id": value}).project_id == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is missing: set it to your project's id"),
        ("a/b", "'a/b' is no Google Cloud project's id"),
        ("..", "'..' is no Google Cloud project's id"),
    ],
)
def test_project_of_google_cloud_that_is_none(value: str, problem: str) -> None:
    """A project that is missing or cannot be part of a path is one problem."""
    assert google_problems({"project-id": value}) == [("project-id", problem)]


@pytest.mark.parametrize("name", ["schedule", "environment"])
def test_names_on_google_cloud_are_ids(name: str) -> None:
    """Configurations have ids there, which become part of a path."""
    assert google_problems({"schedule": "", name: "nightly run"}) == [
        (name, "'nightly run' may hold only letters, digits, - and _")
    ]
    assert (name, PRINTABLE_PROBLEM) in google_problems({name: "a\nb"})


def test_all_problems_of_a_combination_come_at_once() -> None:
    """What does not go together is told with everything else that is wrong, the place first."""
    problems = google_problems(
        {
            "repository": "",
            "schedule": "a b",
            "vars": "x=1",
            "schema-suffix": "s",
            "table-prefix": "t",
            "tags": "daily",
            "actions": "a",
            "include-dependencies": "true",
            "include-dependents": "true",
            "full-refresh": "true",
            "service-account": "a@b.iam.gserviceaccount.com",
            "compile-only": "true",
            "promote": "true",
            "wait": "false",
            "timeout": "soon",
        }
    )
    assert [name for name, _ in problems] == [
        *("repository", "schedule", "timeout", "compile-only", "promote", "promote", "promote"),
        *("vars", "schema-suffix", "table-prefix", "tags", "actions", "include-dependencies"),
        *("include-dependents", "full-refresh", "service-account"),
    ]
    assert ("promote", "waits for success, which wait: false forbids") in problems


def test_nothing_to_run_on_google_cloud() -> None:
    """Unlike Dataform Web, there is no run of the whole project by default."""
    assert google_problems({"schedule": ""}) == [
        ("schedule", "is missing, and so are environment and git-ref: give one of them")
    ]


_RUN_NAME = "projects/p/locations/l/repositories/r/workflowInvocations/1-a"


@pytest.mark.parametrize("value", ["1700000000-abc", _RUN_NAME])
def test_a_run_of_google_cloud_has_an_id_or_a_full_name(value: str) -> None:
    """Both are what other tools give; with one of them nothing else has to be chosen."""
    inputs = read_google({"schedule": "", "run-id": f" {value}\n"})
    assert inputs.run_id == value


@pytest.mark.parametrize("value", ["a b", "a/b\nc", "..", "a\u202e/b"])
def test_a_run_of_google_cloud_that_is_none(value: str) -> None:
    """What is neither is refused before anything is sent."""
    [(name, problem)] = google_problems({"run-id": value})
    assert name == "run-id"
    assert problem.startswith(f"{value!r} may hold only")


@pytest.mark.parametrize("name", ["compile-only", "promote"])
def test_a_run_that_is_watched_was_compiled_before(name: str) -> None:
    """Compiling and promoting belong to a run of one's own."""
    changes = {"schedule": "", "environment": "production", "run-id": "1", name: "true"}
    assert google_problems(changes) == [
        (name, "does not go with run-id, which watches a run: remove one of them")
    ]


@pytest.mark.parametrize("name", _GOOGLE_BOOLEANS)
@pytest.mark.parametrize("value", ["yes", "1", "on"])
def test_booleans_of_google_cloud_are_booleans(name: str, value: str) -> None:
    """Nothing is guessed, least of all with full-refresh."""
    changes = {"schedule": "", "environment": "production", name: value}
    problem = (name, f"{value!r} is neither true nor false: write one of them")
    assert problem in google_problems(changes)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("name", "must hold a name=value a line"),
        ("a=1\nname", "must hold a name=value a line"),
        ("=value", "must hold a name=value a line"),
        (" = ", "must hold a name=value a line"),
        ("a=1\na=2", "gives a name twice: remove one of its lines"),
        ("a=1\n a =1", "gives a name twice: remove one of its lines"),
    ],
)
def test_vars_are_names_with_values(value: str, problem: str) -> None:
    """A line without a name or an equals sign is a mistake, as is a name that has two values."""
    changes = {"schedule": "", "git-ref": "main", "vars": value}
    assert google_problems(changes) == [("vars", problem)]


def test_a_token_is_checked_on_google_cloud_as_well() -> None:
    """It may be missing, but not broken, and is not repeated."""
    assert google_problems({"token": "a b"}) == [("token", TOKEN_PROBLEM)]
