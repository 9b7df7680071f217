"""Invalid formats are refused immediately, with a remedy."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from dataform_action.model import RunRequest
from dataform_action.services.google_forms import commitish_of, form_problems


def problem(**changes: object) -> str:
    """Return the problem of one part of a request; empty if there is none."""
    problems = form_problems(RunRequest(**changes))  # type: ignore[arg-type]
    assert len(problems) <= 1
    return ": ".join(problems[0]) if problems else ""


@pytest.mark.parametrize("field", ["schema_suffix", "table_prefix"])
@pytest.mark.parametrize("value", ["pr_7", "X", "_a", "7", "a" * 300])
def test_parts_of_names(field: str, value: str) -> None:
    """Letters, digits and underscores are allowed."""
    assert problem(**{field: value}) == ""


@pytest.mark.parametrize("field", ["schema_suffix", "table_prefix"])
@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("feature/x-1", "feature_x_1"),
        ("pr-7", "pr_7"),
        ("a b", "a_b"),
        ("é.x", "x"),
        ("dependabot/npm_and_yarn/x-1.2", "dependabot_npm_and_yarn_x_1_2"),
        ("`; drop", "drop"),
    ],
)
def test_other_parts_of_names(field: str, value: str, near: str) -> None:
    """For another text, such as a branch name, the problem suggests a similar one."""
    assert problem(**{field: value}) == (
        f"{field.replace('_', '-')}: {value!r} may contain only letters, digits and underscores, "
        f"because it becomes part of BigQuery names: use {near!r}, for example"
    )


def test_parts_of_names_without_a_suggestion() -> None:
    """If no character is allowed, there is no suggestion."""
    assert problem(schema_suffix="---").endswith("it becomes part of BigQuery names")
    assert problem(table_prefix="a" * 301) == (
        "table-prefix: has 301 characters, but at most 300 are allowed"
    )


@given(st.text(min_size=1, max_size=50))
def test_suggestions_are_valid(value: str) -> None:
    """The suggested text is always valid."""
    text = problem(schema_suffix=value)
    if "use '" in text:
        assert problem(schema_suffix=text.rsplit("use '", 1)[1].partition("'")[0]) == ""


@pytest.mark.parametrize("name", ["env", "a_b", "a-b", "a.b", "7", "_x"])
def test_names_of_variables(name: str) -> None:
    """Variable names are keys of a settings file. Values can be any text."""
    assert problem(vars=((name, "any ' \" value"),)) == ""


@pytest.mark.parametrize(
    ("name", "near"), [("my var", "my_var"), ("a:b", "a_b"), ("é1", "1"), ("'x'", "x")]
)
def test_other_names_of_variables(name: str, near: str) -> None:
    """The problem names the invalid variable."""
    assert problem(vars=(("good", "1"), (name, "2"))) == (
        f"vars: name {name!r} may contain only letters, digits, underscores, dots and hyphens: "
        f"use {near!r}, for example"
    )


@pytest.mark.parametrize("path", ["shop", "pipelines/shop", "shop/", "a b/é", "a..b", ".hidden"])
def test_paths_of_projects(path: str) -> None:
    """A path from the root of the repository is accepted, also with a slash at its end."""
    assert problem(project_path=path) == ""


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("/shop", "use 'shop', for example"),
        ("./shop", "use 'shop', for example"),
        ("../shop", "use 'shop', for example"),
        ("a//b", "use 'a/b', for example"),
        ("a\\b", "use 'a/b', for example"),
        ("shop//", "use 'shop', for example"),
        *((path, "remove it for the root") for path in ("/", ".", "./", "..")),
    ],
)
def test_other_paths_of_projects(path: str, remedy: str) -> None:
    """Another form is refused, and the problem suggests a path."""
    text = f"{path!r} is not a path from the root of the Git repository: {remedy}"
    assert problem(project_path=path) == f"project-path: {text}"


@pytest.mark.parametrize(
    "changes",
    [
        *({"query_priority": value} for value in ("interactive", "batch", "BATCH")),
        *({"unit_tests": value} for value in ("only", "false", "False")),
        *({"max_concurrent_actions": value} for value in (1, 2**31 - 1)),
    ],
)
def test_settings_of_the_execution(changes: dict[str, object]) -> None:
    """The values of the API are accepted in any case."""
    assert problem(**changes) == ""


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("query_priority", "high", "'high' is not a priority: use interactive or batch"),
        ("unit_tests", "all", "'all' is not valid: use only or false"),
        (
            "unit_tests",
            "True",
            "cannot be true, because Dataform runs unit tests only without other actions: use "
            "only, and run the other actions in another step",
        ),
        *(
            ("max_concurrent_actions", value, f"{value!r} is not a positive number")
            for value in (0, -1, 2**31, "3")
        ),
    ],
)
def test_other_settings_of_the_execution(name: str, value: object, text: str) -> None:
    """Another value is refused, and the problem says which are possible."""
    assert problem(**{name: value}) == f"{name.replace('_', '-')}: {text}"


@pytest.mark.parametrize("name", ["defaultDatabase", "databaseSuffix", "assertionSchema"])
def test_names_of_overrides(name: str) -> None:
    """An override has the name that the API gives to it, and any value but an empty one."""
    assert problem(compile_overrides=((name, "my-project"),)) == ""
    assert problem(compile_overrides=((name, ""),)) == (
        f"compile-overrides: has no value for {name}: set one, or remove the line"
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("default_database", "is not the name of a setting. Did you mean defaultDatabase?"),
        ("DefaultSchema", "is not the name of a setting. Did you mean defaultSchema?"),
        ("defaultProject", "is not the name of a setting. Did you mean defaultDatabase?"),
        ("defaultDataset", "is not the name of a setting. Did you mean defaultSchema?"),
        ("projectSuffix", "is not the name of a setting. Did you mean databaseSuffix?"),
        ("vars", "has an input of its own: use vars"),
        ("schemaSuffix", "has an input of its own: use schema-suffix"),
        ("datasetSuffix", "has an input of its own: use schema-suffix"),
        ("namePrefix", "has an input of its own: use table-prefix"),
        (
            "region",
            "is not the name of a setting. Use one of defaultDatabase, defaultSchema, "
            "defaultLocation, assertionSchema, databaseSuffix, builtinAssertionNamePrefix",
        ),
    ],
)
def test_other_names_of_overrides(name: str, remedy: str) -> None:
    """The problem suggests a similar name, the name in the API, or another input."""
    assert problem(compile_overrides=((name, "x"),)) == f"compile-overrides: {name!r} {remedy}"


@pytest.mark.parametrize(
    "account",
    [
        "runner@my-project.iam.gserviceaccount.com",
        "runner@my-project.example.com.iam.gserviceaccount.com",
        "123456-compute@developer.gserviceaccount.com",
        "my-project@appspot.gserviceaccount.com",
        "my-project.example.com@appspot.gserviceaccount.com",
    ],
)
def test_service_accounts(account: str) -> None:
    """Service accounts have email addresses of Google."""
    assert problem(service_account=account) == ""


_EXAMPLE = "use an address such as name@project-id.iam.gserviceaccount.com"
_RUNNER = "runner@my-project.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("account", "remedy"),
    [
        ("runner", _EXAMPLE),
        ("runner@my-project", _EXAMPLE),
        ("alice@example.com", _EXAMPLE),
        ("117394876543210987654", _EXAMPLE),
        ("projects/x", _EXAMPLE),
        (f"a {_RUNNER}", _EXAMPLE),
        (f"serviceAccount:{_RUNNER}", f"use {_RUNNER}"),
        (f"projects/-/serviceAccounts/{_RUNNER}", f"use {_RUNNER}"),
        (f"<{_RUNNER}>", f"use {_RUNNER}"),
    ],
)
def test_other_service_accounts(account: str, remedy: str) -> None:
    """Other texts are refused. If they contain an address, it is suggested."""
    text = problem(service_account=account)
    assert text.startswith("service-account: ")
    assert text.endswith(f"is not the email address of a service account: {remedy}")


@pytest.mark.parametrize(
    ("ref", "used"),
    [
        ("main", "main"),
        ("refs/heads/main", "main"),
        ("refs/heads/feature/x", "feature/x"),
        ("refs/tags/v1", "v1"),
        ("refs/tags/release/1.2", "release/1.2"),
        ("refs/heads/refs/heads/x", "refs/heads/x"),
        ("refs/heads/7/merge", "7/merge"),
        ("refs/heads/gh-readonly-queue/main/pr-7-abc", "gh-readonly-queue/main/pr-7-abc"),
        ("v1.2", "v1.2"),
        ("feature/é", "feature/é"),
        ("0a1b2c3d", "0a1b2c3d"),
        ("7", "7"),
        ("merge", "merge"),
        ("x@y", "x@y"),
    ],
)
def test_refs(ref: str, used: str) -> None:
    """The forms in GitHub's contexts are shortened to what Dataform expects."""
    assert problem(git_ref=ref) == ""
    assert commitish_of(ref) == used


@pytest.mark.parametrize(
    "ref",
    [
        "refs/pull/7/merge",
        "refs/pull/7/head",
        "7/merge",
        "7/head",
        "pull/7/merge",
        "pull/7/head",
        "refs/remotes/pull/7/merge",
    ],
)
def test_refs_of_pull_requests(ref: str) -> None:
    """Dataform cannot fetch pull request refs, so the problem suggests other values."""
    assert problem(git_ref=ref) == (
        f"git-ref: {ref!r} is a pull request ref, which only GitHub has: use the branch "
        "(github.head_ref) or the head commit (github.event.pull_request.head.sha)"
    )


@pytest.mark.parametrize(
    ("ref", "example"),
    [
        ("refs/remotes/origin/feature/x", ", such as 'feature/x'"),
        ("refs/notes/commits", ""),
        ("refs/pull/7", ""),
        ("refs/", ""),
    ],
)
def test_other_refs(ref: str, example: str) -> None:
    """Dataform supports only branches, tags and commits."""
    assert problem(git_ref=ref) == (
        f"git-ref: {ref!r} is not supported by Dataform: use a branch, a tag or a commit{example}"
    )


@pytest.mark.parametrize(
    "ref",
    [
        *("a b", "main~1", "HEAD^", "a..b", "a:b", "a?", "a*", "[a", "a\\b", "a@{1}", "@"),
        *("a.lock", "-x", "/a", "a/", "a//b", "a.", "https://github.com/OWNER/shop"),
        *("refs/heads/", "refs/heads/a b", "refs/tags/"),
    ],
)
def test_invalid_refs(ref: str) -> None:
    """Characters that Git forbids in all refs are refused."""
    assert problem(git_ref=ref) == (
        f"git-ref: {ref!r} is not a valid Git ref: use a branch, a tag or a commit"
    )


def test_all_problems_at_once() -> None:
    """Every invalid input is reported at once."""
    request = RunRequest(
        git_ref="7/merge",
        schema_suffix="a-b",
        table_prefix="c-d",
        vars=(("e f", ""), ("g h", "")),
        service_account="x",
    )
    assert [name for name, _ in form_problems(request)] == [
        *("schema-suffix", "table-prefix", "vars", "vars", "service-account", "git-ref"),
    ]


@pytest.mark.parametrize("number", [-1, 4, True, "2", None, 1.5, float("nan")])
def test_retries_are_a_small_whole_number(number: object) -> None:
    """A program may set any object. Half an attempt or true is a mistake."""
    assert problem(retry_failed=number) == "retry-failed: is not a number from 0 to 3"
