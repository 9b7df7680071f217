"""Google Cloud Dataform: what is looked up about actions, and where their files are."""

from __future__ import annotations

import pytest
import responses

from dataform_action.model import Action, ActionState, Compilation, CompiledAction, RunRequest
from dataform_action.services.google.service import GoogleDataform
from tests.unit.services.google.support import (
    COMMIT,
    COMPILATION,
    COMPILATIONS,
    FILES,
    GIT,
    RELEASE,
    REPOSITORY,
    expect,
    expect_error,
    make_google,
    make_run,
    target,
    timeouts,
)


def test_compile_only(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A compilation that is all that was asked for has its actions and files."""
    said = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
    expect(api, f"POST {COMPILATIONS}", said, body={"releaseConfig": RELEASE})
    query = f"GET {COMPILATION}:query?pageSize=400"
    entries = [{"target": target(name), "relation": {"tags": ["daily"]}} for name in "ab"]
    expect(api, query, {"compilationResultActions": entries[:1], "nextPageToken": "n"})
    expect(api, f"{query}&pageToken=n", {"compilationResultActions": entries[1:]})
    expect(api, f"GET {REPOSITORY}", GIT)
    request = RunRequest(environment="production", compile_only=True)
    actions = tuple(
        CompiledAction(name=f"my-project.sales.{name}", kind="relation", tags=("daily",))
        for name in "ab"
    )
    assert google.prepare(request).compilation == Compilation(
        name=COMPILATION, commit=COMMIT, files_url=FILES, actions=actions
    )


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_compile_only_without_an_answer(
    google: GoogleDataform, api: responses.RequestsMock, status: int
) -> None:
    """Neither the actions nor the repository can spoil a clean compilation."""
    said = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
    expect(api, f"POST {COMPILATIONS}", said, body={"gitCommitish": "main"})
    expect_error(api, f"GET {COMPILATION}:query?pageSize=400", status)
    expect_error(api, f"GET {REPOSITORY}", status)
    request = RunRequest(git_ref="main", compile_only=True)
    assert google.prepare(request).compilation == Compilation(name=COMPILATION, commit=COMMIT)


def test_details(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Kind, file and dependencies come from the compilation, which is returned as well."""
    config = {"pipelineConfig": {"path": "warehouse"}, "defaultLocation": "EU"}
    said = {"codeCompilationConfig": config, "resolvedGitCommitSha": COMMIT}
    expect(api, f"GET {COMPILATION}", said)
    compiled = {
        "target": target("a"),
        "filePath": "definitions/a.sqlx",
        "relation": {"relationType": "VIEW", "dependencyTargets": [target("raw"), {}]},
    }
    query = f"GET {COMPILATION}:query?pageSize=400"
    expect(api, query, {"compilationResultActions": [compiled], "nextPageToken": "n"})
    other = {"target": target("raw"), "declaration": {}}
    expect(api, f"{query}&pageToken=n", {"compilationResultActions": [other]})
    expect(api, f"GET {REPOSITORY}", GIT)
    a = Action(name="my-project.sales.a", state=ActionState.FAILED, job_id="job_1")
    b = Action(name="other.sales.b", state=ActionState.FAILED, job_id="job_2")
    c = Action(name="my-project.sales.c", state=ActionState.SKIPPED)
    run = make_run(compilation_result=COMPILATION)
    detailed, compilation = google.details(run, (a, b, c))
    assert [action.name for action in detailed] == [a.name, b.name, c.name]
    assert (detailed[0].kind, detailed[0].file) == ("view", "warehouse/definitions/a.sqlx")
    assert detailed[0].dependencies == ("my-project.sales.raw",)
    assert detailed[0].job_url == (
        "https://console.cloud.google.com/bigquery?project=my-project"
        "&ws=!1m5!1m4!1m3!1smy-project!2sjob_1!3sEU"
    )
    # Neither of these has a job of which project and location are known.
    assert detailed[1:] == (b, c)
    assert compilation == Compilation(name=COMPILATION, commit=COMMIT, files_url=FILES)


def test_details_of_no_compilation(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Without a compilation result the actions stay as they are, and nothing is sent."""
    actions = (Action(name="p.s.a", state=ActionState.FAILED),)
    assert google.details(make_run(), actions) == (actions, None)
    assert len(api.calls) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_details_without_the_repository(api: responses.RequestsMock, status: int) -> None:
    """A repository that may not be read leaves out the files, after 10 s at most."""
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    expect_error(api, f"GET {REPOSITORY}", status)
    run = make_run(compilation_result=COMPILATION)
    _, compilation = make_google(read_seconds=20.0).details(run, ())
    assert compilation == Compilation(name=COMPILATION, commit=COMMIT)
    assert timeouts(api)[-1] == (5.0, 5.0)


@pytest.mark.parametrize("said", [{}, {"gitRemoteSettings": 7}, {"gitRemoteSettings": {}}])
def test_details_of_a_repository_without_a_remote(
    google: GoogleDataform, api: responses.RequestsMock, said: object
) -> None:
    """A repository that Dataform hosts itself has no files on GitHub."""
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    expect(api, f"GET {REPOSITORY}", said)
    _, compilation = google.details(make_run(compilation_result=COMPILATION), ())
    assert compilation == Compilation(name=COMPILATION, commit=COMMIT)


def test_details_from_a_github_server(api: responses.RequestsMock) -> None:
    """Files are shown by the GitHub server that was named, if the repository is there."""
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    url = "git@github.example.com:OWNER/shop.git"
    expect(api, f"GET {REPOSITORY}", {"gitRemoteSettings": {"url": url}})
    google = make_google(github_url="https://github.example.com")
    _, compilation = google.details(make_run(compilation_result=COMPILATION), ())
    assert compilation is not None
    assert compilation.files_url == f"https://github.example.com/OWNER/shop/blob/{COMMIT}"
