"""Google Cloud Dataform: facts about actions, and the address of their files."""

from __future__ import annotations

import pytest
import responses

from dataform_action.model import Action, ActionState, Compilation, CompiledAction, Job, RunRequest
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import FakeClock
from tests.unit.services.google.support import (
    COMMIT,
    COMPILATION,
    COMPILATIONS,
    FILES,
    GIT,
    RELEASE,
    REPOSITORY,
    TOKEN,
    expect,
    expect_error,
    make_google,
    make_run,
    target,
    timeouts,
)


def test_compile_only(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A request to compile only gets the actions and the address of the files."""
    response = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
    expect(api, f"POST {COMPILATIONS}", response, body={"releaseConfig": RELEASE})
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


def test_compile_only_with_a_slow_list(api: responses.RequestsMock, clock: FakeClock) -> None:
    """The pages of the compiled actions together take limited time; those that were read count."""

    def slow_token() -> str:
        clock.sleep(30)
        return TOKEN

    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "main"})
    query = f"GET {COMPILATION}:query?pageSize=400"
    page = {"compilationResultActions": [{"target": target("a")}]}
    expect(api, query, page | {"nextPageToken": "1"})
    expect(api, f"{query}&pageToken=1", page | {"nextPageToken": "2"})
    request = RunRequest(git_ref="main", compile_only=True)
    prepared = make_google(token=slow_token, clock=clock).prepare(request)
    assert prepared.compilation is not None
    assert len(prepared.compilation.actions) == 2
    assert prepared.notes == (
        "Only 2 of the compiled actions could be read. Reading them took longer than 60 seconds.",
    )


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_compile_only_without_a_response(
    google: GoogleDataform, api: responses.RequestsMock, status: int
) -> None:
    """Failed requests for actions or the repository do not fail the compilation."""
    response = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
    expect(api, f"POST {COMPILATIONS}", response, body={"gitCommitish": "main"})
    expect_error(api, f"GET {COMPILATION}:query?pageSize=400", status)
    expect_error(api, f"GET {REPOSITORY}", status)
    request = RunRequest(git_ref="main", compile_only=True)
    assert google.prepare(request).compilation == Compilation(name=COMPILATION, commit=COMMIT)


def test_details(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Kind, file and dependencies come from the compilation, which is returned as well."""
    config = {"pipelineConfig": {"path": "warehouse"}, "defaultLocation": "EU"}
    response = {"codeCompilationConfig": config, "resolvedGitCommitSha": COMMIT}
    expect(api, f"GET {COMPILATION}", response)
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
    job = Job("BigQuery job", "job_1")
    a = Action(name="my-project.sales.a", state=ActionState.FAILED, jobs=(job,))
    b = Action(name="other.sales.b", state=ActionState.FAILED, jobs=(job,))
    c = Action(name="my-project.sales.c", state=ActionState.SKIPPED)
    run = make_run(compilation_result=COMPILATION)
    detailed, compilation = google.details(run, (a, b, c))
    assert [action.name for action in detailed] == [a.name, b.name, c.name]
    assert (detailed[0].kind, detailed[0].file) == ("view", "warehouse/definitions/a.sqlx")
    assert detailed[0].dependencies == ("my-project.sales.raw",)
    url = (
        "https://console.cloud.google.com/bigquery?project=my-project"
        "&ws=!1m5!1m4!1m3!1smy-project!2sjob_1!3sEU"
    )
    assert detailed[0].jobs == (job._replace(url=url),)
    assert (detailed[0].job_id, detailed[0].job_url) == ("job_1", url)
    # The project or the location of these jobs is not known.
    assert detailed[1:] == (b, c)
    assert compilation == Compilation(name=COMPILATION, commit=COMMIT, files_url=FILES)


@pytest.mark.parametrize("location", ["EU", ""])
def test_details_of_jobs(
    google: GoogleDataform, api: responses.RequestsMock, location: str
) -> None:
    """Notebooks run in Colab Enterprise; the page of a BigQuery job needs its location."""
    config = {"defaultLocation": location}
    expect(api, f"GET {COMPILATION}", {"codeCompilationConfig": config})
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    jobs = (Job("BigQuery job (actual results)", "a"), Job("BigQuery job (expected results)", "e"))
    actions = (
        Action(name="my-project.d.test", state=ActionState.FAILED, jobs=jobs),
        Action(
            name="my-project.d.notebook",
            state=ActionState.FAILED,
            jobs=(Job("notebook execution", "7"),),
        ),
    )
    detailed, _ = google.details(make_run(compilation_result=COMPILATION), actions)
    page = (
        "https://console.cloud.google.com/bigquery?project=my-project&ws=!1m5!1m4!1m3!1smy-project"
    )
    assert [job.url for job in detailed[0].jobs] == [
        f"{page}!2s{job.id}!3sEU" if location else "" for job in jobs
    ]
    [execution] = detailed[1].jobs
    assert execution.url == (
        "https://console.cloud.google.com/vertex-ai/colab/execution-jobs?project=my-project"
    )
    assert not execution.has_own_page


def test_details_of_an_assertion(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The checked action is part of the details."""
    expect(api, f"GET {COMPILATION}", {})
    compiled = {"target": target("check"), "assertion": {"dependencyTargets": [target("a")]}}
    query = f"GET {COMPILATION}:query?pageSize=400"
    expect(api, query, {"compilationResultActions": [compiled]})
    action = Action(name="my-project.sales.check", state=ActionState.FAILED)
    [detailed], _ = google.details(make_run(compilation_result=COMPILATION), (action,))
    assert detailed.checked_action == "my-project.sales.a"


def test_details_without_a_compilation(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Without a compilation result, the actions are unchanged, and nothing is sent."""
    actions = (Action(name="p.s.a", state=ActionState.FAILED),)
    assert google.details(make_run(), actions) == (actions, None)
    assert len(api.calls) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_details_without_the_repository(api: responses.RequestsMock, status: int) -> None:
    """If the repository cannot be read, there are no links, after 10 s at most."""
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    expect_error(api, f"GET {REPOSITORY}", status)
    run = make_run(compilation_result=COMPILATION)
    _, compilation = make_google(read_seconds=20.0).details(run, ())
    assert compilation == Compilation(name=COMPILATION, commit=COMMIT)
    assert timeouts(api)[-1] == (5.0, 5.0)


@pytest.mark.parametrize("response", [{}, {"gitRemoteSettings": 7}, {"gitRemoteSettings": {}}])
def test_details_of_a_repository_without_a_remote(
    google: GoogleDataform, api: responses.RequestsMock, response: object
) -> None:
    """A repository without a Git remote has no files on GitHub."""
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    expect(api, f"GET {REPOSITORY}", response)
    _, compilation = google.details(make_run(compilation_result=COMPILATION), ())
    assert compilation == Compilation(name=COMPILATION, commit=COMMIT)


def test_details_from_a_github_server(api: responses.RequestsMock) -> None:
    """Files link to the given GitHub server, if the repository is there."""
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    url = "git@github.example.com:OWNER/shop.git"
    expect(api, f"GET {REPOSITORY}", {"gitRemoteSettings": {"url": url}})
    google = make_google(github_url="https://github.example.com")
    _, compilation = google.details(make_run(compilation_result=COMPILATION), ())
    assert compilation is not None
    assert compilation.files_url == f"https://github.example.com/OWNER/shop/blob/{COMMIT}"
