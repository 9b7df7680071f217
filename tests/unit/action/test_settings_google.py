"""The inputs of Google Cloud Dataform, and which of them can be combined."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.settings import CostSettings, Settings
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
_DEFAULTS = {declared.name: declared.default for declared in INPUTS}
#: The other service never refuses the inputs that select a service.
_ONLY_GOOGLE = sorted(_GOOGLE - set(PLACE))
_GOOGLE_PROBLEM = "is for Google Cloud Dataform: set location and repository, or remove it"


@pytest.mark.parametrize("name", _ONLY_GOOGLE)
@pytest.mark.parametrize("value", ["true", "True", "x", "0", "no", "a\tb"])
def test_inputs_for_google_are_refused(name: str, value: str) -> None:
    """An input without effect is an error, also if it means false in another way."""
    if value != _DEFAULTS[name]:
        assert problems({name: value}) == {name: _GOOGLE_PROBLEM}


@pytest.mark.parametrize("name", _GOOGLE_BOOLEANS)
@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_a_boolean_for_google_may_be_false(name: str, value: str) -> None:
    """``compile-only: False`` requests nothing that this service cannot do."""
    settings = parse(environ_of({**GOOD, name: value}))
    field = name.replace("-", "_")
    known = {} if name == "costs" else {field: False}
    off = replace(MINIMUM.request, **known)  # type: ignore[arg-type]
    assert settings == MINIMUM._replace(request=off)


@pytest.mark.parametrize("name", sorted(set(_ONLY_GOOGLE) - set(_GOOGLE_BOOLEANS)))
@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_a_name_for_google_may_not_be_false(name: str, value: str) -> None:
    """A branch or a dataset can have that name, so it must not be ignored."""
    assert problems({name: value}) == {name: _GOOGLE_PROBLEM}


def test_the_minimum_for_google_cloud() -> None:
    """Project, location, repository and what to run are enough, without a token."""
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
    """Every input for compilation and selection is in its place."""
    inputs = read_google(
        {
            "schedule": "",
            "environment": "production",
            "token": "ya29.s3cret\n",
            "git-ref": "feature/é",
            "vars": " a = b=c \r\n\n d=\n",
            "schema-suffix": "pr_7",
            "table-prefix": "tmp",
            "compile-overrides": "defaultDatabase = other\nassertionSchema=checks",
            "tags": "daily, x",
            "actions": "orders\nmarts.revenue, my-project.marts.customers",
            "include-dependencies": "true",
            "include-dependents": "True",
            "full-refresh": "TRUE",
            "service-account": "a@b.iam.gserviceaccount.com",
            "query-priority": "BATCH",
            "max-concurrent-actions": "008",
            "unit-tests": "only",
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
        compile_overrides=(("defaultDatabase", "other"), ("assertionSchema", "checks")),
        tags=("daily", "x"),
        actions=("orders", "marts.revenue", "my-project.marts.customers"),
        include_dependencies=True,
        include_dependents=True,
        full_refresh=True,
        service_account="a@b.iam.gserviceaccount.com",
        query_priority="BATCH",
        max_concurrent_actions=8,
        unit_tests="only",
        compile_only=True,
    )


def test_workspace_is_read() -> None:
    """``workspace`` replaces the other sources of code."""
    inputs = read_google({"schedule": "", "workspace": "dev", "project-path": "shop"})
    assert inputs.request == RunRequest(workspace="dev", project_path="shop")


def test_promote_is_read() -> None:
    """``promote`` needs an environment."""
    inputs = read_google({"schedule": "", "environment": "production", "promote": "true"})
    assert inputs.request == RunRequest(environment="production", promote=True)


@pytest.mark.parametrize(
    ("name", "other"), [("location", "repository"), ("repository", "location")]
)
def test_location_and_repository_go_together(name: str, other: str) -> None:
    """One of the two selects Google Cloud, which requires both."""
    assert google_problems({name: " "}) == [
        (name, f"is missing: {other} is set, and Google Cloud Dataform requires both")
    ]


@pytest.mark.parametrize("name", sorted(PLACE))
def test_the_place_cannot_leave_its_path(name: str) -> None:
    """An invalid location or repository is refused, and does not count as missing."""
    [(named, problem)] = google_problems({name: "../x"})
    assert named == name
    assert problem.startswith("'../x' may contain only letters, digits, - and _: set it to ")


@pytest.mark.parametrize("value", ["my-project", "example.com:my-project", "123456"])
def test_projects_of_google_cloud(value: str) -> None:
    """A project may be an id, an older form of it, or a number."""
    assert read_google({"project-id": value}).project_id == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is missing: set it to your project's id"),
        ("a/b", "'a/b' is not a Google Cloud project id"),
        ("..", "'..' is not a Google Cloud project id"),
    ],
)
def test_invalid_projects_of_google_cloud(value: str, problem: str) -> None:
    """A missing or invalid project is one problem."""
    assert google_problems({"project-id": value}) == [("project-id", problem)]


@pytest.mark.parametrize("name", ["schedule", "environment", "workspace"])
def test_names_on_google_cloud_are_ids(name: str) -> None:
    """Configurations have ids, which become part of a path."""
    assert google_problems({"schedule": "", name: "nightly run"}) == [
        (name, "'nightly run' may contain only letters, digits, - and _")
    ]
    assert (name, PRINTABLE_PROBLEM) in google_problems({name: "a\nb"})


def test_all_problems_of_a_combination_at_once() -> None:
    """All problems are reported at once, those of the repository first."""
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
        *("repository", "schedule", "timeout", "compile-only", "promote"),
        *("vars", "schema-suffix", "table-prefix", "tags", "actions", "include-dependencies"),
        *("include-dependents", "full-refresh", "service-account"),
    ]


def test_promote_without_waiting() -> None:
    """A run must succeed before its compilation is promoted. Without a run there is no wait."""
    changes = {"schedule": "", "environment": "production", "promote": "true", "wait": "false"}
    assert google_problems(changes) == [
        ("promote", "cannot be combined with wait: false, as it waits for success")
    ]
    request = read_google({**changes, "compile-only": "true"}).request
    assert request == RunRequest(environment="production", promote=True, compile_only=True)


def test_nothing_to_run_on_google_cloud() -> None:
    """Unlike on Dataform Web, the whole project is not run by default."""
    assert google_problems({"schedule": ""}) == [
        ("schedule", "is missing, and so are environment, git-ref and workspace: set one of them")
    ]


_RUN_NAME = "projects/p/locations/l/repositories/r/workflowInvocations/1-a"


@pytest.mark.parametrize("value", ["1700000000-abc", _RUN_NAME])
def test_a_run_of_google_cloud_has_an_id_or_a_full_name(value: str) -> None:
    """Other tools print both forms. With a run id, no other selection is needed."""
    inputs = read_google({"schedule": "", "run-id": f" {value}\n"})
    assert inputs.run_id == value


@pytest.mark.parametrize("value", ["a b", "a/b\nc", "..", "a\u202e/b"])
def test_invalid_runs_of_google_cloud(value: str) -> None:
    """Another form is refused before anything is sent."""
    [(name, problem)] = google_problems({"run-id": value})
    assert name == "run-id"
    assert problem.startswith(f"{value!r} may contain only")


@pytest.mark.parametrize("name", ["compile-only", "promote"])
def test_a_watched_run_cannot_be_compiled_or_promoted(name: str) -> None:
    """Compiling and promoting need a new run."""
    changes = {"schedule": "", "environment": "production", "run-id": "1", name: "true"}
    assert google_problems(changes) == [
        (name, "cannot be combined with run-id, which starts no run: remove one of them")
    ]


@pytest.mark.parametrize("name", _GOOGLE_BOOLEANS)
@pytest.mark.parametrize("value", ["yes", "1", "on"])
def test_booleans_of_google_cloud_are_booleans(name: str, value: str) -> None:
    """Other values are refused, above all for full-refresh."""
    changes = {"schedule": "", "environment": "production", name: value}
    problem = (name, f"{value!r} is not a boolean: use true or false")
    assert problem in google_problems(changes)


@pytest.mark.parametrize("value", ["0", "00", "-1", "1.5", "many", "1e3", "1_0", "٣", "1" * 10])
def test_a_number_is_positive(value: str) -> None:
    """A number without effect, such as 0, is refused."""
    changes = {"schedule": "", "environment": "production", "max-concurrent-actions": value}
    problem = ("max-concurrent-actions", f"{value!r} is not a number from 1 to 999999999")
    assert google_problems(changes) == [problem]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("name", "must have one name=value per line"),
        ("a=1\nname", "must have one name=value per line"),
        ("=value", "must have one name=value per line"),
        (" = ", "must have one name=value per line"),
        ("a=1\na=2", "has the same name twice: remove one of the lines"),
        ("a=1\n a =1", "has the same name twice: remove one of the lines"),
    ],
)
def test_vars_are_names_with_values(value: str, problem: str) -> None:
    """A line without name or equals sign is a problem, and so is a repeated name."""
    changes = {"schedule": "", "git-ref": "main", "vars": value}
    assert google_problems(changes) == [("vars", problem)]


def test_a_token_is_checked_on_google_cloud_as_well() -> None:
    """It may be missing, but not invalid, and is not repeated."""
    assert google_problems({"token": "a b"}) == [("token", TOKEN_PROBLEM)]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\r", "\0"])
def test_vars_are_separated_by_line_breaks_only(separator: str) -> None:
    """A branch name with another separator of lines adds no variable."""
    value = f"branch=feature{separator}target=production"
    changes = {"schedule": "", "git-ref": "main", "vars": value}
    problem = (
        "contains a control character or a Unicode line separator: remove it. Only line breaks "
        "separate the names"
    )
    assert google_problems(changes) == [("vars", problem)]


def test_vars_with_tabs_and_spaces() -> None:
    """A tab and a no-break space are part of a value."""
    changes = {"schedule": "", "git-ref": "main", "vars": "a=b\tc\r\nd=e\u00a0f"}
    assert read_google(changes).request.vars == (("a", "b\tc"), ("d", "e\u00a0f"))


_COSTS = {"costs": "true"}


def test_costs() -> None:
    """The price and the address have their places. Without them, the defaults are used."""
    assert read_google({}).costs is None
    assert read_google(_COSTS).costs == CostSettings(price_per_tib=None, api_url="")
    given = {"costs": "True", "price-per-tib": "7.5", "bigquery-url": "https://bq.example.com/"}
    settings = read_google(given)
    assert settings.costs == CostSettings(price_per_tib=7.5, api_url="https://bq.example.com")
    assert settings.api_url == "https://dataform.googleapis.com"


@pytest.mark.parametrize(
    ("text", "price"), [("0", 0.0), ("6", 6.0), ("06.250", 6.25), ("0.000000001", 1e-9)]
)
def test_prices(text: str, price: float) -> None:
    """A price may be 0, and needs no decimals."""
    costs = read_google({**_COSTS, "price-per-tib": text}).costs
    assert costs is not None
    assert costs.price_per_tib == price


@pytest.mark.parametrize(
    "text",
    ["-1", "6,25", "$6.25", "1e3", ".5", "5.", "1.2.3", "nan", "inf", "x", "\u0661", "1" * 10],
)
def test_invalid_prices(text: str) -> None:
    """A currency or a comma is refused, with the right form."""
    problem = f"{text!r} is not a price: write it like 6.25, without a currency"
    assert google_problems({**_COSTS, "price-per-tib": text}) == [("price-per-tib", problem)]


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://bigquery.example.com", "'http://bigquery.example.com' would send the token"),
        ("bigquery", "is not an API address"),
        ("https://user@example.com", "is not an API address"),
    ],
)
def test_invalid_addresses_of_bigquery(url: str, start: str) -> None:
    """The rules are those of api-url, because the same token is sent there."""
    [(name, problem)] = google_problems({**_COSTS, "bigquery-url": url})
    assert name == "bigquery-url"
    assert problem.startswith(start)


@pytest.mark.parametrize("given", [{}, {"costs": "false"}])
def test_settings_of_costs_need_costs(given: dict[str, str]) -> None:
    """An input without effect is an error."""
    both = {"price-per-tib": "x", "bigquery-url": "x"}
    text = "requires costs: true"
    assert google_problems({**given, **both}) == [("price-per-tib", text), ("bigquery-url", text)]


def test_invalid_costs_hide_no_other_problem() -> None:
    """With an invalid boolean, the other inputs are still checked."""
    found = google_problems({"costs": "yes", "price-per-tib": "x"})
    assert [name for name, _ in found] == ["costs", "price-per-tib"]


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ({"wait": "false"}, "wait: false"),
        ({"compile-only": "true", "schedule": "", "git-ref": "main"}, "compile-only"),
    ],
)
def test_costs_need_the_end_of_a_run(given: dict[str, str], other: str) -> None:
    """Without a run that ends in this step, there is nothing to measure."""
    text = f"cannot be combined with {other}, as it measures a run that has ended"
    assert google_problems({**_COSTS, **given}) == [("costs", text)]
