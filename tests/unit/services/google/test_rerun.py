"""Google Cloud Dataform: the requests that run again what did not succeed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import responses

from dataform_action.errors import InputError, Refused, RunMayExist
from dataform_action.model import ActionState, Compilation, Prepared, Rerun, Result, RunRequest
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import make_action
from tests.unit.services.google.support import (
    COMMIT,
    COMPILATION,
    NUMBERED,
    RUN,
    RUNS,
    SCHEDULE,
    expect,
    expect_error,
    make_prepared,
    make_run,
)

RETRY = RunRequest(schedule="nightly", retry_failed=1)
RESUME = RunRequest(resume="1700-abc")
GOOD = make_action("my-project.shop.orders")
BAD = make_action("my-project.shop.customers", ActionState.FAILED)
LOST = make_action("example.com:p.marts.revenue", ActionState.SKIPPED)
TARGETS = [
    {"database": "my-project", "schema": "shop", "name": "customers"},
    {"database": "example.com:p", "schema": "marts", "name": "revenue"},
]
LIST = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
ACCOUNT = {"serviceAccount": "runner@my-project.iam.gserviceaccount.com"}


def make_result(*, compilation: Compilation | None = None, **changes: Any) -> Result:  # noqa: ANN401
    return Result(
        run=make_run(**{"compilation_result": COMPILATION, **changes}),
        duration=1.0,
        actions=(GOOD, BAD, LOST),
        compilation=compilation,
    )


def body_of(prepared: Prepared) -> dict[str, Any]:
    body: Any = prepared.body
    return dict(body)


def test_a_retry_has_the_settings_that_were_sent(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """The settings of this step's own run are known. Only the selection changes."""
    compilation = Compilation(name=COMPILATION, commit=COMMIT)
    sent = {
        **ACCOUNT,
        "includedTags": ["daily"],
        "includedTargets": [{"name": "other"}],
        "transitiveDependenciesIncluded": True,
        "transitiveDependentsIncluded": True,
        "fullyRefreshIncrementalTablesEnabled": True,
        "executionMode": "ALL_EXCEPT_UNIT_TESTS",
    }
    earlier = replace(
        make_prepared(), body={"compilationResult": COMPILATION, "invocationConfig": sent}
    )
    expect(api, LIST, {"workflowInvocations": [{"name": RUN, "compilationResult": COMPILATION}]})
    prepared = google.prepare_rerun(RETRY, make_result(compilation=compilation), earlier)
    assert body_of(prepared) == {
        "compilationResult": COMPILATION,
        "invocationConfig": {
            **ACCOUNT,
            "fullyRefreshIncrementalTablesEnabled": True,
            "executionMode": "ALL_EXCEPT_UNIT_TESTS",
            "includedTargets": TARGETS,
        },
    }
    assert prepared.compilation == compilation
    assert prepared.rerun is not None
    assert prepared.rerun.actions == (BAD, LOST)
    assert prepared.rerun.known_runs == {"1700-abc"}


def test_a_retry_without_settings_has_none(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """A run of all actions with the defaults is repeated with the defaults."""
    earlier = replace(make_prepared(), body={"compilationResult": COMPILATION})
    expect(api, LIST)
    result = make_result(compilation=Compilation(name=COMPILATION))
    prepared = google.prepare_rerun(RETRY, result, earlier)
    assert body_of(prepared)["invocationConfig"] == {"includedTargets": TARGETS}
    assert prepared.notes == ()


def test_a_retry_of_a_schedule_reads_its_settings(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """If the run does not have the settings of its schedule, the schedule has them."""
    earlier = replace(make_prepared(), body={"workflowConfig": SCHEDULE})
    expect(api, f"GET {RUN}", {"workflowConfig": SCHEDULE.replace("my-project", "123456")})
    expect(api, f"GET {SCHEDULE}", {"invocationConfig": {**ACCOUNT, "includedTags": ["daily"]}})
    expect(api, LIST)
    result = make_result(compilation=Compilation(name=COMPILATION))
    prepared = google.prepare_rerun(RETRY, result, earlier)
    assert body_of(prepared)["invocationConfig"] == {**ACCOUNT, "includedTargets": TARGETS}
    assert prepared.notes == ("The run uses the current settings of schedule nightly",)


@pytest.mark.parametrize("settings", [{}, {"invocationConfig": {}}, {"invocationConfig": 7}])
def test_a_run_without_settings_and_schedule_has_the_defaults(
    google: GoogleDataform, api: responses.RequestsMock, settings: dict[str, object]
) -> None:
    """The API omits defaults."""
    expect(api, f"GET {RUN}", settings)
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    expect(api, LIST)
    prepared = google.prepare_rerun(RESUME, make_result(), None)
    assert body_of(prepared)["invocationConfig"] == {"includedTargets": TARGETS}


def test_a_resumed_run_has_its_own_settings_and_commit(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """They are read from the API, without the field that only responses have."""
    user = {"oauthConfig": {"additionalOauthScopes": ["s"]}, "userEmail": "me@example.com"}
    expect(
        api,
        f"GET {RUN}",
        {"invocationConfig": {"queryPriority": "BATCH", "endUserAuthConfig": user}},
    )
    expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
    runs = [
        {"name": f"{RUNS}/2".replace("my-project", "123456"), "compilationResult": COMPILATION},
        {"name": f"{RUNS}/1", "compilationResult": COMPILATION.replace("my-project", "123456")},
        {"name": f"{RUNS}/0", "workflowConfig": SCHEDULE},
    ]
    expect(api, LIST, {"workflowInvocations": runs})
    prepared = google.prepare_rerun(RESUME, make_result(), None)
    assert body_of(prepared)["invocationConfig"] == {
        "queryPriority": "BATCH",
        "endUserAuthConfig": {"oauthConfig": {"additionalOauthScopes": ["s"]}},
        "includedTargets": TARGETS,
    }
    assert prepared.compilation == Compilation(name=COMPILATION, commit=COMMIT)
    assert prepared.rerun is not None
    assert prepared.rerun.known_runs == {"1", "2", "1700-abc"}


def test_a_deleted_compilation_cannot_be_run_again(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """How long the API keeps compilations is not documented."""
    expect(api, f"GET {RUN}")
    expect_error(api, f"GET {COMPILATION}", 404)
    with pytest.raises(InputError, match="resume cannot run anything again: the compilation of"):
        google.prepare_rerun(RESUME, make_result(), None)


def test_a_refusal_to_read_the_compilation_is_passed_on(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """Only a 404 means that it does not exist."""
    expect(api, f"GET {RUN}")
    expect_error(api, f"GET {COMPILATION}", 403)
    with pytest.raises(Refused):
        google.prepare_rerun(RESUME, make_result(), None)


def test_without_the_name_of_the_compilation_nothing_is_run(google: GoogleDataform) -> None:
    """Another compilation could have other code."""
    with pytest.raises(InputError, match=r"retry-failed cannot .* does not name the compilation"):
        google.prepare_rerun(RETRY, make_result(compilation_result=""), None)


def test_an_action_without_a_name_cannot_be_selected(google: GoogleDataform) -> None:
    """Without it, the run would not have all that did not succeed."""
    nameless = make_action("(an action without a name)", ActionState.FAILED)
    result = Result(
        run=make_run(compilation_result=COMPILATION), duration=1.0, actions=(BAD, nameless)
    )
    with pytest.raises(InputError, match="has an action without a full name"):
        google.prepare_rerun(RESUME, result, None)


def test_find_leaves_out_known_runs(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The newest other run of the compilation is the one that was lost."""
    runs = [
        {"name": f"{NUMBERED}/workflowInvocations/{number}", "compilationResult": COMPILATION}
        for number in (3, 2, 1)
    ]
    expect(api, LIST, {"workflowInvocations": runs})
    found = google.find(COMPILATION, known_runs=frozenset({"3", "1"}))
    assert found is not None
    assert found.id == "2"


def test_runs_that_are_not_listed_are_known(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """A list may lack a run. The earlier attempts are never taken for the new one."""
    first, second = make_run("1"), make_run("2", COMPILATION)
    earlier = replace(
        make_prepared(), rerun=Rerun(first, (BAD,), frozenset({"0", "1"})), compilation=None
    )
    expect(api, LIST)
    result = replace(make_result(compilation=Compilation(name=COMPILATION)), run=second)
    rerun = google.prepare_rerun(RETRY, result, earlier).rerun
    assert rerun is not None
    assert rerun.known_runs == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (replace(RESUME, tags=("daily",)), "tags cannot be combined with resume"),
        (replace(RESUME, environment="production", promote=True), "promote cannot be combined"),
        (replace(RESUME, compile_only=True), "compile-only cannot be combined with resume"),
        (replace(RESUME, retry_failed=9), "retry-failed is not a number from 0 to 3"),
    ],
)
def test_a_program_cannot_combine_resume_with_what_has_no_effect(
    google: GoogleDataform, request_: RunRequest, problem: str
) -> None:
    """The checks of the inputs are those of the library, and nothing is sent."""
    with pytest.raises(InputError, match=problem):
        google.prepare_rerun(request_, make_result(), None)


def test_an_action_that_is_listed_twice_is_selected_once(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """Pages of a list may overlap."""
    expect(api, LIST)
    result = make_result(compilation=Compilation(name=COMPILATION))
    result = replace(result, actions=(*result.actions, BAD))
    earlier = replace(make_prepared(), body={"compilationResult": COMPILATION})
    prepared = google.prepare_rerun(RETRY, result, earlier)
    assert body_of(prepared)["invocationConfig"] == {"includedTargets": TARGETS}


def test_a_response_that_names_an_earlier_run_is_no_new_run(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """Otherwise, the earlier run would end as another attempt, again and again."""
    prepared = make_prepared()
    expect(api, f"POST {RUNS}", {"name": RUN}, body=dict(prepared.body))
    rerun = Rerun(make_run(), (BAD,), frozenset({"1700-abc"}))
    with pytest.raises(RunMayExist, match="names run 1700-abc, which existed before"):
        google.start(replace(prepared, rerun=rerun))


@pytest.mark.parametrize("pages", [1, 2])
def test_two_unknown_runs_cannot_be_told_apart(
    google: GoogleDataform, api: responses.RequestsMock, pages: int
) -> None:
    """Somebody else may run the same compilation now, and that run must not be cancelled."""
    entries = [{"name": f"{RUNS}/{number}", "compilationResult": COMPILATION} for number in (3, 2)]
    first, second = entries[:pages], entries[pages:]
    if pages == 1:
        expect(api, LIST, {"workflowInvocations": first, "nextPageToken": "p"})
        expect(api, f"{LIST}&pageToken=p", {"workflowInvocations": second})
    else:
        expect(api, LIST, {"workflowInvocations": entries})
    assert google.find(COMPILATION, known_runs=frozenset({"1"})) is None
