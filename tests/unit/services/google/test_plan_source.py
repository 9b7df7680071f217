"""Google Cloud Dataform: the compilations and the Git remote of a plan."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from dataform_action.errors import InputError, InvalidResponse, Refused
from dataform_action.model import CompileFailed, RunRequest
from dataform_action.plan import PlanRequest, Remote
from dataform_action.plans.ports import Source
from dataform_action.services.google.plan_source import GooglePlanSource
from tests.support.fakes import FakeClock
from tests.unit.services.google.support import (
    COMMIT,
    COMPILATION,
    COMPILATIONS,
    FILES,
    GIT,
    RELEASE,
    REPOSITORY,
    body_of,
    compiled,
    expect,
    expect_error,
    make_google,
)

BASE = "41ab03d5" * 5
REQUEST = PlanRequest(head=COMMIT, base=BASE)
FULL = PlanRequest(
    head=COMMIT,
    base=BASE,
    environment="production",
    project_path="warehouse/",
    vars=(("currency", "EUR"),),
    schema_suffix="pr_7",
    table_prefix="x",
    compile_overrides=(("defaultLocation", "EU"),),
)
UNKNOWN = f"Git commitish '{COMMIT}' does not exist in the repository"


def make_source(**options: Any) -> GooglePlanSource:  # noqa: ANN401
    return GooglePlanSource(make_google(**options))


def result(**fields: object) -> dict[str, object]:
    return {"name": COMPILATION, "resolvedGitCommitSha": COMMIT, **fields}


def test_it_is_a_source() -> None:
    """The class has the place of the repository and the methods of the port."""
    source: Source = make_source()
    place = (source.project_id, source.location, source.repository)
    assert place == ("my-project", "europe-west1", "shop")


def test_a_compilation(api: responses.RequestsMock) -> None:
    """A commit is compiled, and all pages of its actions are read."""
    config = {"defaultLocation": "EU"}
    expect(
        api,
        f"POST {COMPILATIONS}",
        result(dataformCoreVersion="3.0.1", codeCompilationConfig=config),
        body={"gitCommitish": COMMIT},
    )
    expect(api, f"GET {REPOSITORY}", GIT)
    page = compiled("daily") | {"nextPageToken": "2"}
    expect(api, f"GET {COMPILATION}:query?pageSize=400", page)
    expect(api, f"GET {COMPILATION}:query?pageSize=400&pageToken=2", compiled(name="b"))
    graph = make_source().compile(COMMIT, REQUEST)
    assert graph.commit == COMMIT
    assert (graph.location, graph.core_version, graph.files_url) == ("EU", "3.0.1", FILES)
    assert [action.name for action in graph.actions] == [
        "my-project.sales.orders",
        "my-project.sales.b",
    ]


def test_the_settings_of_the_environment(api: responses.RequestsMock) -> None:
    """The environment's settings are used, with the overrides on top, at another commit."""
    release = {"vars": {"country": "de", "currency": "USD"}, "defaultSchema": "marts"}
    expect(api, f"GET {RELEASE}", {"gitCommitish": "main", "codeCompilationConfig": release})
    config = {
        "vars": {"country": "de", "currency": "EUR"},
        "defaultSchema": "marts",
        "defaultLocation": "EU",
        "pipelineConfig": {"pipelineType": "DATAFORM", "path": "warehouse"},
        "schemaSuffix": "pr_7",
        "tablePrefix": "x",
    }
    expect(
        api,
        f"POST {COMPILATIONS}",
        result(codeCompilationConfig=config, resolvedGitCommitSha=BASE),
        body={"gitCommitish": BASE, "codeCompilationConfig": config},
    )
    expect(api, f"GET {REPOSITORY}", {})
    entry = {"filePath": "definitions/a.sqlx", "relation": {}}
    expect(api, f"GET {COMPILATION}:query?pageSize=400", {"compilationResultActions": [entry]})
    graph = make_source().compile(BASE, FULL)
    assert graph.actions[0].file == "warehouse/definitions/a.sqlx"
    assert graph.files_url == ""


@pytest.mark.parametrize("errors", [[], [{"message": "nope"}]])
def test_another_commit(api: responses.RequestsMock, errors: list[object]) -> None:
    """A plan of another commit than the requested one is refused, whether or not it compiles."""
    response = result(resolvedGitCommitSha=BASE, compilationErrors=errors)
    expect(api, f"POST {COMPILATIONS}", response, body={"gitCommitish": COMMIT})
    if errors:
        expect(api, f"GET {REPOSITORY}", GIT)
    with pytest.raises(InvalidResponse, match=f"compiled commit {BASE} instead of {COMMIT}"):
        make_source().compile(COMMIT, REQUEST)


def test_compile_errors(api: responses.RequestsMock) -> None:
    """Errors in the code are raised with the commit and the address of its files."""
    errors = [{"message": "nope", "path": "definitions/a.sqlx"}]
    expect(
        api, f"POST {COMPILATIONS}", result(compilationErrors=errors), body={"gitCommitish": COMMIT}
    )
    expect(api, f"GET {REPOSITORY}", GIT)
    with pytest.raises(CompileFailed) as caught:
        make_source().compile(COMMIT, REQUEST)
    assert (caught.value.commit, caught.value.files_url) == (COMMIT, FILES)
    assert [error.file for error in caught.value.errors] == ["definitions/a.sqlx"]


def test_a_commit_that_the_remote_does_not_know_yet(api: responses.RequestsMock) -> None:
    """It is requested again, because a new commit may not be everywhere yet."""
    for _ in range(2):
        expect_error(api, f"POST {COMPILATIONS}", 400, UNKNOWN, body={"gitCommitish": COMMIT})
    expect(api, f"POST {COMPILATIONS}", result(), body={"gitCommitish": COMMIT})
    expect(api, f"GET {REPOSITORY}", GIT)
    expect(api, f"GET {COMPILATION}:query?pageSize=400", compiled())
    clock = FakeClock()
    assert make_source(clock=clock).compile(COMMIT, REQUEST).commit == COMMIT
    assert clock.sleeps == [5, 5]


@pytest.mark.parametrize(("commit", "name"), [(COMMIT, "head"), (BASE, "base")])
def test_a_commit_that_the_remote_does_not_have(
    api: responses.RequestsMock, commit: str, name: str
) -> None:
    """After a minute, the refusal names the input, and says that forks are not there."""
    for _ in range(13):
        expect_error(api, f"POST {COMPILATIONS}", 400, UNKNOWN, body={"gitCommitish": commit})
    clock = FakeClock()
    with pytest.raises(Refused) as caught:
        make_source(clock=clock).compile(commit, REQUEST)
    assert sum(clock.sleeps) == 60
    assert caught.value.hint == (
        f"Check {name}: the Git remote of the repository has no such branch, tag or commit. It "
        "does not have those of forks."
    )


def test_a_branch_that_the_remote_does_not_have(api: responses.RequestsMock) -> None:
    """The refusal comes at once: no event names a branch, so the name is wrong."""
    text = "Git commitish 'no-such-branch' does not exist in the repository"
    body = {"gitCommitish": "no-such-branch"}
    expect_error(api, f"POST {COMPILATIONS}", 400, text, body=body)
    clock = FakeClock()
    with pytest.raises(Refused) as caught:
        make_source(clock=clock).compile("no-such-branch", REQUEST)
    assert clock.sleeps == []
    assert caught.value.hint.startswith("Check base: ")


def test_another_refusal_is_final(api: responses.RequestsMock) -> None:
    """Only an unknown commit is requested again."""
    expect_error(
        api, f"POST {COMPILATIONS}", 400, "Can't find package.json", body={"gitCommitish": COMMIT}
    )
    with pytest.raises(Refused) as caught:
        make_source(clock=FakeClock()).compile(COMMIT, REQUEST)
    assert "package.json" in caught.value.hint


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (PlanRequest(head="refs/pull/7/merge", base=BASE), "head"),
        (PlanRequest(head="a b", base=BASE, schema_suffix="pr-7"), "schema-suffix"),
    ],
)
def test_a_request_that_is_not_valid(request_: PlanRequest, name: str) -> None:
    """A wrong format is refused before anything is sent, by the name of the input."""
    with pytest.raises(InputError) as caught:
        make_source().compile(request_.head, request_)
    names = [problem[0] for problem in caught.value.problems]
    assert name in names
    assert "git-ref" not in names


@pytest.mark.parametrize(
    ("url", "shown", "repository"),
    [
        ("https://github.com/OWNER/shop.git", "https://github.com/OWNER/shop.git", "OWNER/shop"),
        ("https://me:secret@github.com/OWNER/shop", "https://github.com/OWNER/shop", "OWNER/shop"),
        ("git@github.com:OWNER/shop.git", "git@github.com:OWNER/shop.git", "OWNER/shop"),
        ("ssh://git@github.com/OWNER/shop", "ssh://git@github.com/OWNER/shop", "OWNER/shop"),
        ("ssh://git:secret@example.com/shop", "ssh://git@example.com/shop", ""),
        ("https://gitlab.com/OWNER/shop.git?t=s#f", "https://gitlab.com/OWNER/shop.git", ""),
        ("https://[bad/OWNER", "", ""),
        ("https://github.com/a\nb/c", "", ""),
        ("secret" * 100, "", ""),
        (None, "", ""),
    ],
)
def test_the_remote(
    api: responses.RequestsMock, url: str | None, shown: str, repository: str
) -> None:
    """The address has no credentials, and a repository on the GitHub server has a name."""
    settings = {} if url is None else {"gitRemoteSettings": {"url": url}}
    expect(api, f"GET {REPOSITORY}", settings)
    assert make_source().remote(REQUEST) == Remote(shown, repository, "")


def test_the_remote_on_another_server(api: responses.RequestsMock) -> None:
    """A repository on github.com is not the one of a workflow on another GitHub server."""
    expect(api, f"GET {REPOSITORY}", GIT)
    remote = make_source(github_url="https://github.example.com").remote(REQUEST)
    assert remote.github_repository == ""


def test_the_branch_of_the_environment(api: responses.RequestsMock) -> None:
    """The branch is what the release configuration follows."""
    expect(api, f"GET {REPOSITORY}", GIT)
    expect(api, f"GET {RELEASE}", {"gitCommitish": "main"})
    assert make_source().remote(FULL).branch == "main"


def test_the_same_compilation_as_a_run(api: responses.RequestsMock) -> None:
    """A run of the same commit with the same settings sends the same compilation."""
    bodies = []
    run = RunRequest(git_ref=COMMIT, vars=FULL.vars, schema_suffix="pr_7", compile_only=True)
    plan = PlanRequest(head=COMMIT, base=BASE, vars=FULL.vars, schema_suffix="pr_7")
    config = {"vars": {"currency": "EUR"}, "schemaSuffix": "pr_7"}
    body = {"gitCommitish": COMMIT, "codeCompilationConfig": config}
    for start in (
        lambda google: google.prepare(run),
        lambda google: GooglePlanSource(google).compile(COMMIT, plan),
    ):
        expect_error(api, f"POST {COMPILATIONS}", 403, body=body)
        with pytest.raises(Refused):
            start(make_google())
        bodies.append(body_of(api))
    assert bodies[0] == bodies[1]
