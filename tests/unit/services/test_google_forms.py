"""What has a form that cannot be right is refused at once, with what to give instead."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from dataform_action.model import RunRequest
from dataform_action.services.google_forms import commitish_of, form_problems


def problem(**changes: object) -> str:
    """Return what is wrong with one part of a request; empty if nothing is."""
    problems = form_problems(RunRequest(**changes))  # type: ignore[arg-type]
    assert len(problems) <= 1
    return ": ".join(problems[0]) if problems else ""


@pytest.mark.parametrize("field", ["schema_suffix", "table_prefix"])
@pytest.mark.parametrize("value", ["pr_7", "X", "_a", "7", "a" * 300])
def test_parts_of_names(field: str, value: str) -> None:
    """Letters, digits and underscores are parts of names."""
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
    """A branch's name is no part of a dataset's, and the nearest that is one is told."""
    assert problem(**{field: value}) == (
        f"{field.replace('_', '-')}: {value!r} becomes part of names in BigQuery, so it may hold "
        f"only letters, digits and underscores: give {near!r}, for example"
    )


def test_parts_of_names_without_a_nearest() -> None:
    """Where nothing would be left, nothing is proposed."""
    assert problem(schema_suffix="---").endswith("letters, digits and underscores")
    assert problem(table_prefix="a" * 301) == (
        "table-prefix: has 301 characters: at most 300 fit in a name"
    )


@given(st.text(min_size=1, max_size=50))
def test_what_is_proposed_is_accepted(value: str) -> None:
    """Whatever is refused, the proposal is not."""
    words = problem(schema_suffix=value)
    if "give '" in words:
        assert problem(schema_suffix=words.rsplit("give '", 1)[1].partition("'")[0]) == ""


@pytest.mark.parametrize("name", ["env", "a_b", "a-b", "a.b", "7", "_x"])
def test_names_of_variables(name: str) -> None:
    """Names of variables are keys of a settings file; their values are anything."""
    assert problem(vars=((name, "any ' \" value"),)) == ""


@pytest.mark.parametrize(
    ("name", "near"), [("my var", "my_var"), ("a:b", "a_b"), ("é1", "1"), ("'x'", "x")]
)
def test_other_names_of_variables(name: str, near: str) -> None:
    """What cannot be such a key is told by its name."""
    assert problem(vars=(("good", "1"), (name, "2"))) == (
        f"vars: name {name!r} may hold only letters, digits, underscores, dots and hyphens: "
        f"give {near!r}, for example"
        if "'" not in name
        else "vars: name \"'x'\" may hold only letters, digits, underscores, dots and hyphens: "
        "give 'x', for example"
    )


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
    """Service accounts have email addresses of Google's."""
    assert problem(service_account=account) == ""


_EMAIL = "give its email address, such as name@project-id.iam.gserviceaccount.com"
_RUNNER = "runner@my-project.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("account", "advice"),
    [
        ("runner", _EMAIL),
        ("runner@my-project", _EMAIL),
        ("alice@example.com", _EMAIL),
        ("117394876543210987654", _EMAIL),
        ("projects/x", _EMAIL),
        (f"a {_RUNNER}", _EMAIL),
        (f"serviceAccount:{_RUNNER}", f"give {_RUNNER}"),
        (f"projects/-/serviceAccounts/{_RUNNER}", f"give {_RUNNER}"),
        (f"<{_RUNNER}>", f"give {_RUNNER}"),
    ],
)
def test_other_service_accounts(account: str, advice: str) -> None:
    """Other ways to name one, and other things, are told from an address."""
    words = problem(service_account=account)
    assert words.startswith("service-account: ")
    assert words.endswith(f"is no service account: {advice}")


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
    """The forms that GitHub's contexts give are stripped to what Dataform knows."""
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
    """A ref that only GitHub has is explained, with what to give instead."""
    assert problem(git_ref=ref) == (
        f"git-ref: {ref!r} is GitHub's own ref of a pull request, which Dataform does not know: "
        "give the branch (github.head_ref) or the commit of its head "
        "(github.event.pull_request.head.sha)"
    )


@pytest.mark.parametrize(
    ("ref", "advice"),
    [
        ("refs/remotes/origin/feature/x", ", such as 'feature/x'"),
        ("refs/notes/commits", ""),
        ("refs/pull/7", ""),
        ("refs/", ""),
    ],
)
def test_other_refs(ref: str, advice: str) -> None:
    """Refs that are neither branches nor tags are not known to Dataform."""
    assert problem(git_ref=ref) == (
        f"git-ref: {ref!r} is neither a branch nor a tag, and Dataform knows no other refs: "
        f"give a branch, a tag or a commit{advice}"
    )


@pytest.mark.parametrize(
    "ref",
    [
        *("a b", "main~1", "HEAD^", "a..b", "a:b", "a?", "a*", "[a", "a\\b", "a@{1}", "@"),
        *("a.lock", "-x", "/a", "a/", "a//b", "a.", "https://github.com/OWNER/shop"),
        *("refs/heads/", "refs/heads/a b", "refs/tags/"),
    ],
)
def test_what_no_branch_is_called(ref: str) -> None:
    """Git forbids some characters in all refs, so that these are a mistake."""
    assert problem(git_ref=ref) == (
        f"git-ref: {ref!r} cannot be the name of a branch or a tag, nor a commit: give one of them"
    )


def test_all_problems_at_once() -> None:
    """Every input that is wrong is told, in one attempt."""
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
