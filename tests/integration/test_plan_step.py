"""The step of a plan as a whole, with the emulated APIs of Dataform, BigQuery and GitHub."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from dataform_action.action.plan.job import main
from dataform_action.emulator import (
    Commit,
    Emulator,
    GitHubRepository,
    PullRequest,
    Repository,
    TokenAccess,
)
from tests.support.fakes import FakeClock
from tests.support.pull_requests import (
    BROKEN,
    HEAD,
    NUMBER,
    SAME,
    make_payload,
    make_planned_repository,
    open_pull_request,
)
from tests.support.steps import Step, read_step, run_apart, runner_environ


@dataclass
class Bench:
    """An emulator of all APIs, with a pull request, and steps that plan it."""

    emulator: Emulator
    github: GitHubRepository
    folder: Path

    def push(self, head: str) -> None:
        """Make a commit the head of the pull request."""
        self.github.set_pull_request(PullRequest(NUMBER, head))

    def environ(self, event: str = "pull_request", head: str = HEAD) -> dict[str, str]:
        path = self.folder / "event.json"
        path.write_text(json.dumps(make_payload(event, head)), "utf-8")
        return {
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_API_URL": self.emulator.github_url,
            "GITHUB_GRAPHQL_URL": self.emulator.graphql_url,
            "GITHUB_RUN_ID": "812",
            "GITHUB_RUN_ATTEMPT": "1",
        }

    def inputs(self, **changes: str) -> dict[str, str]:
        return {
            "project-id": "my-project",
            "location": "europe-west1",
            "repository": "warehouse",
            "environment": "production",
            "token": self.emulator.token,
            "github-token": self.emulator.token,
            "api-url": self.emulator.url,
            "bigquery-url": self.emulator.url,
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }

    def plan(
        self,
        event: str = "pull_request",
        commit: str = HEAD,
        environ: Mapping[str, str] = MappingProxyType({}),
        **changes: str,
    ) -> Step:
        """Run the step in this process."""
        for name in ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"):
            (self.folder / name).unlink(missing_ok=True)
        given = {
            **runner_environ(self.folder, self.inputs(**changes)),
            **self.environ(event, commit),
            **environ,
        }
        stream = io.StringIO()
        exit_code = main(given, stream, FakeClock())
        return read_step(self.folder, exit_code, stream.getvalue())

    @property
    def comments(self) -> list[str]:
        return [comment.body for comment in self.github.comments.values()]


def _bench(tmp_path: Path, repository: Repository) -> Iterator[Bench]:
    with Emulator(repositories=[repository]) as emulator:
        yield Bench(emulator, open_pull_request(emulator), tmp_path)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield from _bench(tmp_path, make_planned_repository())


def test_a_pull_request_gets_a_plan(bench: Bench) -> None:
    """The comment, the summary and the outputs say what changes since the merge base."""
    step = bench.plan(validate="false")
    assert step.exit_code == 0, step.log
    assert step.outputs["status"] == "changes"
    assert step.outputs["has-changes"] == "true"
    assert json.loads(step.outputs["changed-actions"]) == [
        "my-project.marts.revenue",
        "my-project.staging.customers_cleaned",
    ]
    assert int(step.outputs["affected-actions-count"]) > 3
    [comment] = bench.comments
    assert "staging.customers_cleaned" in comment
    assert "partitioning" in comment
    assert "staging.customers_cleaned" in step.summary
    assert step.outputs["comment-url"]
    [compare] = [r.path for r in bench.emulator.requests if "/compare/" in r.path]
    assert f"main...{HEAD}" in compare


def test_nothing_is_changed_by_a_plan(bench: Bench) -> None:
    """Nothing but compilations, dry runs and the comment is created."""
    bench.plan()
    writes = {
        request.path.partition("?")[0].rsplit("/", 1)[-1]
        for request in bench.emulator.requests
        if request.method != "GET"
    }
    assert writes <= {"compilationResults:createLongRunning", "jobs", "comments", "graphql"}
    assert not bench.emulator.invocations


def test_the_life_of_a_comment(bench: Bench) -> None:
    """One comment is created, updated, and set to no changes; without it, none is created."""
    bench.push(SAME)
    step = bench.plan(commit=SAME, validate="false")
    assert (step.outputs["status"], bench.comments) == ("no_changes", [])
    bench.push(HEAD)
    bench.plan(validate="false")
    [first] = bench.comments
    bench.push(SAME)
    bench.plan(commit=SAME, validate="false")
    [second] = bench.comments
    assert HEAD[:7] in first
    assert SAME[:7] in second
    # A job of the first push runs again.
    step = bench.plan(validate="false")
    assert bench.comments == [second]
    assert any("No comment on the pull request: This plan is of commit" in x for x in step.log)


def test_a_merge_group_has_no_comment(bench: Bench) -> None:
    """A merge group is compared with its base."""
    step = bench.plan("merge_group", validate="false")
    assert step.outputs["status"] == "changes"
    assert not bench.comments
    assert not any("/compare/" in request.path for request in bench.emulator.requests)


def test_a_push_is_compared_with_the_commit_before(bench: Bench) -> None:
    """A push has a head and a base."""
    assert bench.plan("push", validate="false").outputs["status"] == "changes"


def test_an_event_without_commits_needs_inputs(bench: Bench) -> None:
    """By hand, head and base are inputs, and may be branches."""
    step = bench.plan("workflow_dispatch", validate="false")
    assert step.exit_code == 2
    assert any("head is missing" in line and "base is missing" in line for line in step.errors)
    step = bench.plan("workflow_dispatch", validate="false", head="head", base="base")
    assert step.outputs["status"] == "changes"


def test_compile_errors_of_the_head_fail_the_step(bench: Bench) -> None:
    """They are annotations on their files."""
    bench.push(BROKEN)
    step = bench.plan(commit=BROKEN)
    assert (step.exit_code, step.outputs["status"]) == (1, "compile_errors")
    assert any("file=definitions/a.sqlx" in line for line in step.errors)
    assert "no such table" in bench.comments[0]


def test_compile_errors_of_the_base_alone_do_not(bench: Bench) -> None:
    """Then nothing can be compared."""
    step = bench.plan("workflow_dispatch", head="head", base="broken")
    assert (step.exit_code, step.outputs["status"]) == (0, "not_comparable")


def test_bad_inputs_send_nothing(bench: Bench) -> None:
    """All problems are reported at once."""
    step = bench.plan(location="", max_bytes="x")
    assert step.exit_code == 2
    assert not bench.emulator.requests
    assert any("location is missing" in line and "max-bytes" in line for line in step.errors)


def test_a_fork_is_refused(bench: Bench) -> None:
    """A stranger's SQL gets no credentials, such as those of the runner or those in the inputs.

    The commits in the inputs do not change that.
    """
    environ = bench.environ()
    payload = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    payload["pull_request"]["head"]["repo"]["full_name"] = "stranger/warehouse"
    fork = bench.folder / "fork.json"
    fork.write_text(json.dumps(payload), "utf-8")
    # Credentials that would be an error of their own if the step looked for them.
    nowhere = {"GITHUB_EVENT_PATH": str(fork), "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"}
    commits = {"head": "head", "base": "base"}
    review = {**nowhere, "GITHUB_EVENT_NAME": "pull_request_review"}
    for inputs, given in (
        ({"token": ""}, nowhere),
        ({}, nowhere),
        ({"token": "", **commits}, nowhere),
        (commits, nowhere),
        (commits, review),
    ):
        step = bench.plan(environ=given, **inputs)
        assert step.exit_code == 2, step.log
        [error] = step.errors
        assert "names a pull request from a fork, which is not supported" in error
    assert not bench.emulator.requests
    assert not bench.comments


def test_an_event_with_secrets_is_refused(bench: Bench) -> None:
    """A plan is not made with secrets for a stranger's SQL, also not of commits in the inputs."""
    environ = {"GITHUB_EVENT_NAME": "pull_request_target"}
    step = bench.plan(environ=environ, head="head", base="base")
    assert step.exit_code == 2
    assert any("pull_request_target, which is not supported" in line for line in step.errors)
    assert not bench.emulator.requests


def test_code_elsewhere_needs_both_commits(tmp_path: Path) -> None:
    """If Dataform's remote is another repository, the event says nothing about it."""
    for bench in _bench(
        tmp_path, make_planned_repository(git_url="https://github.com/OWNER/sql.git")
    ):
        step = bench.plan(validate="false")
        assert step.exit_code == 2
        assert any("https://github.com/OWNER/sql.git" in line for line in step.errors)
        step = bench.plan(validate="false", head="head", base="base")
        assert step.exit_code == 0
        assert "https://github.com/OWNER/sql/blob" not in step.summary


def test_a_repository_without_a_remote_has_no_plan(tmp_path: Path) -> None:
    """The message says what to do."""
    for bench in _bench(tmp_path, make_planned_repository(git_url="")):
        step = bench.plan()
        assert step.exit_code == 2
        assert any("has no Git remote" in line for line in step.errors)


def test_the_plan_file(bench: Bench) -> None:
    """It has the whole plan."""
    step = bench.plan(validate="false", plan_file="out/plan.json")
    assert step.exit_code == 0
    document = json.loads((bench.folder / "out/plan.json").read_text("utf-8"))
    assert document["status"] == "changes"


def test_no_comment_without_permission(bench: Bench) -> None:
    """A read-only token gets one line in the log; the plan stays."""
    bench.emulator.github.accept_token("ghs_reader", TokenAccess(can_write=False))
    step = bench.plan(validate="false", github_token="ghs_reader")
    assert step.exit_code == 0
    assert not bench.comments
    assert any("pull-requests: write" in line for line in step.log), step.log


def test_another_branch_is_said(tmp_path: Path) -> None:
    """A release configuration that follows another branch than the base is a note."""
    sample = make_planned_repository()
    configs = [config for config in sample.release_configs if config.name == "production"]
    other = replace(configs[0], git_commitish="release")
    refs = {**sample.refs, "release": Commit(sha="f" * 40)}
    for bench in _bench(tmp_path, make_planned_repository(release_configs=(other,), refs=refs)):
        step = bench.plan(validate="false")
        assert "follows release" in step.summary


def test_the_program_of_the_image(bench: Bench) -> None:
    """The entry point makes a plan if its argument is plan."""
    step = run_apart(
        bench.folder, bench.inputs(validate="false"), "entrypoint.py", "plan", **bench.environ()
    )
    assert step.exit_code == 0, step.log


def test_the_merge_base_needs_a_token_of_github(bench: Bench) -> None:
    """Without it, the error names the input; with a base, only the comment is missing."""
    step = bench.plan(validate="false", github_token="")
    assert step.exit_code == 2
    assert any("github-token is missing" in line for line in step.errors)
    step = bench.plan(validate="false", github_token="", base="base")
    assert step.exit_code == 0
    assert "No comment on the pull request: There is no github-token." in step.log


def test_a_plan_of_another_commit_is_no_comment(bench: Bench) -> None:
    """The comment is about the head of the pull request, not about any commit in the inputs."""
    step = bench.plan(validate="false", head="head", base="base")
    assert (step.exit_code, bench.comments) == (0, [])
    assert any("The head is not that of the pull request." in line for line in step.log)


def test_a_broken_event_does_not_matter_if_the_inputs_say_all(bench: Bench) -> None:
    """Both commits are known, so only the comment is missing."""
    broken = {"GITHUB_EVENT_PATH": str(bench.folder / "nowhere.json")}
    step = bench.plan(validate="false", head="head", base="base", environ=broken)
    assert (step.exit_code, step.outputs["status"], bench.comments) == (0, "changes", [])
    step = bench.plan(validate="false", environ=broken)
    assert step.exit_code == 2


def test_no_comment_without_a_valid_address_of_github(bench: Bench) -> None:
    """The plan stays, and the log says why there is no comment."""
    wrong = {"GITHUB_API_URL": "http://github.example.com/api"}
    step = bench.plan(validate="false", base="base", environ=wrong)
    assert step.exit_code == 0
    assert any("The address of GitHub's API is not valid." in line for line in step.log)


def test_a_plan_file_that_cannot_be_written_is_a_warning(bench: Bench) -> None:
    """The outcome stays that of the plan."""
    (bench.folder / "taken").mkdir(exist_ok=True)
    step = bench.plan(validate="false", plan_file="taken")
    assert step.exit_code == 0
    assert any("Cannot write plan-file taken" in line for line in step.warnings)
