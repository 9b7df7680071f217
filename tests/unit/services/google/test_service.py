"""Google Cloud Dataform: the exact requests to start, watch and cancel a run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import responses

from dataform_action.errors import InputError, InvalidResponse, NoResponse, Refused
from dataform_action.model import Action, ActionState, Compilation, Job, Prepared, RunRequest, State
from dataform_action.runs.api import run
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import FakeClock
from tests.unit.services.google.support import (
    COMMIT,
    COMPILATION,
    COMPILATIONS,
    LINK,
    NUMBERED,
    RELEASE,
    RUN,
    RUNS,
    SCHEDULE,
    expect,
    expect_error,
    make_google,
    make_run,
    target,
    timeouts,
)


@pytest.mark.parametrize(
    ("request_", "problems"),
    [
        (
            RunRequest(),
            ["schedule is missing, and so are environment, git-ref and workspace: set one of them"],
        ),
        (
            RunRequest(tags=("a",), compile_only=True),
            [
                "schedule is missing, and so are environment, git-ref and workspace: set one of "
                "them",
                "compile-only requires environment, git-ref or workspace: the code to compile",
            ],
        ),
        (
            RunRequest(schedule="nightly", git_ref="main"),
            ["git-ref cannot be combined with schedule: use environment instead"],
        ),
        (
            RunRequest(
                schedule="nightly",
                vars=(("a", "1"),),
                schema_suffix="x",
                table_prefix="y",
                compile_overrides=(("defaultSchema", "z"),),
            ),
            [
                f"{name} requires environment, git-ref or workspace, which is compiled with it"
                for name in ("vars", "schema-suffix", "table-prefix", "compile-overrides")
            ],
        ),
        (
            RunRequest(
                schedule="nightly",
                tags=("a",),
                actions=("b",),
                include_dependencies=True,
                include_dependents=True,
                full_refresh=True,
                service_account="a@b.iam.gserviceaccount.com",
                compile_only=True,
                promote=True,
            ),
            [
                *(
                    f"{name} cannot be combined with schedule alone, which has its own settings: "
                    "add environment"
                    for name in (
                        "tags",
                        "actions",
                        "include-dependencies",
                        "include-dependents",
                        "full-refresh",
                        "service-account",
                    )
                ),
                "compile-only requires environment, git-ref or workspace: the code to compile",
                "promote requires environment, and cannot be combined with git-ref",
            ],
        ),
        (
            RunRequest(environment="production", git_ref="main", promote=True),
            ["promote requires environment, and cannot be combined with git-ref"],
        ),
        (
            RunRequest(
                environment="production",
                schema_suffix="x",
                compile_overrides=(("defaultSchema", "z"),),
                promote=True,
            ),
            [
                "promote cannot be combined with schema-suffix and compile-overrides: a promoted "
                "compilation has only the settings of the release configuration"
            ],
        ),
        (
            RunRequest(workspace="../x"),
            ["workspace may contain only letters, digits, - and _"],
        ),
        (
            RunRequest(schedule="../x", environment="a/b", git_ref="main"),
            [
                "schedule may contain only letters, digits, - and _",
                "environment may contain only letters, digits, - and _",
                "git-ref cannot be combined with schedule: use environment instead",
            ],
        ),
    ],
)
def test_all_problems_at_once(
    google: GoogleDataform, request_: RunRequest, problems: list[str]
) -> None:
    """All invalid combinations are reported at once by input, and nothing is sent."""
    with pytest.raises(InputError) as caught:
        google.prepare(request_)
    assert caught.value.message.splitlines() == problems
    assert caught.value.hint == "Nothing was sent."


def test_schedule(google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock) -> None:
    """A schedule alone is one POST with its workflow configuration."""
    expect(api, f"POST {RUNS}", {"name": RUN}, body={"workflowConfig": SCHEDULE})
    for word in ("RUNNING", "SUCCEEDED"):
        response = {"name": RUN, "state": word, "resolvedCompilationResult": COMPILATION}
        expect(api, f"GET {RUN}", response)
    expect(api, f"GET {RUN}:query?pageSize=1000")
    expect(api, f"GET {COMPILATION}")
    expect(api, f"GET {COMPILATION}:query?pageSize=400")
    result = run(google, RunRequest(schedule="nightly"), clock=clock)
    assert result.run.state is State.SUCCESS
    assert result.run.log_url == LINK
    assert result.run.compilation_result == COMPILATION


def test_environment(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """An environment is compiled, and its compilation result is run."""
    response = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
    expect(api, f"POST {COMPILATIONS}", response, body={"releaseConfig": RELEASE})
    expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
    prepared = google.prepare(RunRequest(environment="production"))
    assert prepared.compilation == Compilation(name=COMPILATION, commit=COMMIT)
    assert google.start(prepared) == make_run()


def test_names_of_a_numbered_project(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Names with the project number are requested with the project id."""
    numbered = f"{NUMBERED}/compilationResults/c0ffee"
    expect(api, f"POST {COMPILATIONS}", {"name": numbered}, body={"releaseConfig": RELEASE})
    expect(
        api,
        f"POST {RUNS}",
        {"name": f"{NUMBERED}/workflowInvocations/1700-abc"},
        body={"compilationResult": COMPILATION},
    )
    assert google.start(google.prepare(RunRequest(environment="production"))) == make_run()


def test_token_is_read_before_a_schedule_is_started() -> None:
    """The token is read during the preparation, before the create request."""
    calls: list[str] = []

    def token() -> str:
        calls.append("token")
        return "an-access-token"

    make_google(token=token).prepare(RunRequest(schedule="nightly"))
    assert calls == ["token"]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("RUNNING", State.RUNNING),
        ("CANCELING", State.RUNNING),
        ("SUCCEEDED", State.SUCCESS),
        ("FAILED", State.FAILURE),
        ("CANCELLED", State.CANCELLED),
    ],
)
def test_states(
    google: GoogleDataform, api: responses.RequestsMock, word: str, state: State
) -> None:
    """Each word has its state; a run that is being cancelled still runs."""
    numbered = f"{NUMBERED}/compilationResults/c0ffee"
    response = {"name": RUN, "state": word, "resolvedCompilationResult": numbered}
    expect(api, f"GET {RUN}", response)
    got = google.get(make_run())
    assert (got.state, got.status, got.log_url) == (state, word, LINK)
    assert got.compilation_result == COMPILATION


def test_times_of_a_run(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A run has the invocation's own times."""
    timing = {"startTime": "2026-11-22T00:00:00.5Z"}
    expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING", "invocationTiming": timing})
    running = google.get(make_run())
    assert (running.started, running.finished, running.seconds) == (
        datetime(2026, 11, 22, 0, 0, 0, 500_000, tzinfo=UTC),
        None,
        None,
    )
    timing = {**timing, "endTime": "2026-11-22T02:00:00.5Z"}
    expect(api, f"GET {RUN}", {"name": RUN, "state": "SUCCEEDED", "invocationTiming": timing})
    assert google.get(running).seconds == 7200.0


@pytest.mark.parametrize("word", [None, "", "STATE_UNSPECIFIED", "running", 1, ["FAILED"]])
def test_unknown_state(google: GoogleDataform, api: responses.RequestsMock, word: object) -> None:
    """A missing or unknown state is an invalid response."""
    expect(api, f"GET {RUN}", {"name": RUN, "state": word})
    with pytest.raises(InvalidResponse, match="Unknown state of the workflow invocation"):
        google.get(make_run())


@pytest.mark.parametrize("name", [f"{RUN}2", None, COMPILATION, RUN.replace("shop", "x")])
def test_response_for_another_run(
    google: GoogleDataform, api: responses.RequestsMock, name: object
) -> None:
    """A response for another run is invalid."""
    expect(api, f"GET {RUN}", {"name": name, "state": "SUCCEEDED"})
    with pytest.raises(InvalidResponse):
        google.get(make_run())


@pytest.mark.parametrize(
    "result", [None, 7, "", "x", f"{COMPILATION}/..", COMPILATION.replace("shop", "other")]
)
def test_invalid_compilation_of_a_run(
    google: GoogleDataform, api: responses.RequestsMock, result: object
) -> None:
    """An invalid compilation result does not replace the known one."""
    for _ in range(2):
        response = {"name": RUN, "state": "RUNNING", "resolvedCompilationResult": result}
        expect(api, f"GET {RUN}", response)
    assert google.get(make_run()).compilation_result == ""
    known = google.get(make_run(compilation_result=COMPILATION))
    assert known.compilation_result == COMPILATION


def test_cancel(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Cancelling is one POST of an empty object."""
    expect(api, f"POST {RUN}:cancel", body={})
    assert google.cancel(make_run()) == make_run()


@pytest.mark.parametrize("status", [400, 404, 409])
def test_cancel_of_an_ended_run(
    google: GoogleDataform, api: responses.RequestsMock, status: int
) -> None:
    """A refused cancellation of a run that has ended is not an error."""
    expect_error(api, f"POST {RUN}:cancel", status, body={})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "SUCCEEDED"})
    assert google.cancel(make_run()).state is State.SUCCESS


@pytest.mark.parametrize("word", ["RUNNING", "CANCELING"])
def test_refused_cancel_of_an_active_run(
    google: GoogleDataform, api: responses.RequestsMock, word: str
) -> None:
    """A refused cancellation of an active run is an error."""
    expect_error(api, f"POST {RUN}:cancel", 403, "no permission", body={})
    expect(api, f"GET {RUN}", {"name": RUN, "state": word})
    with pytest.raises(Refused, match="HTTP 403: no permission") as caught:
        google.cancel(make_run())
    assert "roles/dataform.editor" in caught.value.hint


def test_lost_cancel(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """After a cancel request without a response, the run is not read: there is no time."""
    expect(api, f"POST {RUN}:cancel", body={}, status=503)
    with pytest.raises(NoResponse):
        google.cancel(make_run())


def test_actions_of_every_page(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Actions are read from every page, with state, reason, time and job."""
    query = f"GET {RUN}:query?pageSize=1000"
    failed = {
        "target": target("a"),
        "state": "FAILED",
        "failureReason": "Not found: Table x",
        "invocationTiming": {
            "startTime": "2026-11-22T00:00:00.123456789Z",
            "endTime": "2026-11-22T00:01:00.623456789Z",
        },
        "bigqueryAction": {"jobId": "job_1"},
    }
    response = {"workflowInvocationActions": [failed], "nextPageToken": "x y"}
    expect(api, query, response)
    response = {"workflowInvocationActions": [{"target": target("b")}], "nextPageToken": "z"}
    expect(api, f"{query}&pageToken=x+y", response)
    response = {"workflowInvocationActions": [{"target": target("c"), "state": "QUEUED"}]}
    expect(api, f"{query}&pageToken=z", response)
    assert google.actions(make_run()) == (
        Action(
            name="my-project.sales.a",
            state=ActionState.FAILED,
            reason="Not found: Table x",
            started=datetime(2026, 11, 22, 0, 0, 0, 123456, UTC),
            finished=datetime(2026, 11, 22, 0, 1, 0, 623456, UTC),
            jobs=(Job("BigQuery job", "job_1"),),
        ),
        Action(name="my-project.sales.b", state=ActionState.PENDING),
        Action(name="my-project.sales.c", state=ActionState.PENDING),
    )


def test_promote(google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock) -> None:
    """After success, only the compilation result of the environment is updated."""
    body = {"releaseConfig": RELEASE}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "SUCCEEDED"})
    expect(api, f"GET {RUN}:query?pageSize=1000")
    expect(
        api,
        f"PATCH {RELEASE}?updateMask=releaseCompilationResult",
        body={"releaseCompilationResult": COMPILATION},
    )
    result = run(google, RunRequest(environment="production", promote=True), clock=clock)
    assert result.run.state is State.SUCCESS


def test_run_that_failed_is_not_promoted(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """After a failure, the environment is unchanged."""
    body = {"releaseConfig": RELEASE}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "FAILED"})
    expect(api, f"GET {RUN}:query?pageSize=1000")
    result = run(google, RunRequest(environment="production", promote=True), clock=clock)
    assert result.run.state is State.FAILURE


@pytest.mark.parametrize("request_", [RunRequest(schedule="nightly"), RunRequest(git_ref="main")])
def test_nothing_to_promote(
    google: GoogleDataform, api: responses.RequestsMock, request_: RunRequest
) -> None:
    """Without a compilation or an environment, promoting sends nothing."""
    compilation = Compilation(name=COMPILATION) if request_.git_ref else None
    google.promote(Prepared(request=request_, body={}, compilation=compilation))
    assert len(api.calls) == 0


def test_timeouts(api: responses.RequestsMock) -> None:
    """Creation and compilation may take long; cancelling fits the runner's budget."""
    google = make_google(read_seconds=20.0)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"})
    expect_error(api, f"POST {RUN}:cancel", 400, body={})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "FAILED"})
    started = google.start(google.prepare(RunRequest(environment="production")))
    google.cancel(google.get(started))
    compiled, created, polled, *cancelled = timeouts(api)
    assert (compiled, created, polled) == ((10.0, 120.0), (10.0, 40.0), (10.0, 20.0))
    # Connect and read timeouts of both requests: 6 s in total.
    assert cancelled == [(2.0, 2.0), (1.0, 1.0)]
