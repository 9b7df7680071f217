"""Running again what did not succeed, after a failed run and in a later job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataform_action.errors import (
    DataformError,
    GaveUp,
    InputError,
    InvalidResponse,
    NoResponse,
    Refused,
    RunMayExist,
    Throttled,
    WaitTimeout,
)
from dataform_action.events import (
    CancelRequested,
    Created,
    Noted,
    Promoted,
    RerunPrepared,
    RunOutcome,
)
from dataform_action.model import (
    ActionState,
    IncompleteActions,
    Polling,
    Result,
    RunRequest,
    State,
)
from dataform_action.runs.api import retry, run, start
from dataform_action.runs.controller import RunController
from tests.support.fakes import FakeClock, FakeService, Killed, Recorder, make_action, make_run
from tests.unit.runs.support import LOST

TWICE = RunRequest(environment="production", retry_failed=1)
GOOD = make_action("p.d.good")
BAD = make_action("p.d.bad", ActionState.FAILED)
SKIPPED = make_action("p.d.skipped", ActionState.SKIPPED)
FIXED = replace(BAD, state=ActionState.SUCCEEDED)
BUILT = replace(SKIPPED, state=ActionState.SUCCEEDED)


def make_service(clock: FakeClock, **scripts: object) -> FakeService:
    """Return a service whose first run fails and whose second one succeeds."""
    usual: dict[str, object] = {
        "prepares": ["c/1"],
        "polls": ["FAILED", "SUCCESSFUL"],
        "queries": [(GOOD, BAD, SKIPPED), (FIXED, BUILT)],
        "has_actions": True,
    }
    return FakeService(clock, **(usual | scripts))  # type: ignore[arg-type]


def outcome_of(service: FakeService, clock: FakeClock, request: RunRequest = TWICE) -> RunOutcome:
    """Run a request, and return the outcome."""
    controller = RunController(service, None, lambda update: None, clock)
    error: BaseException | None = None
    try:
        controller.run(request)
    except (DataformError, Killed) as failure:
        error = failure
    return controller.outcome(error)


def test_a_failed_run_is_repeated_in_part(clock: FakeClock) -> None:
    """The second run has what failed or was skipped; the result has the last state of each."""
    service, seen = make_service(clock), Recorder(clock)
    result = run(service, TWICE, on_update=seen, clock=clock)
    assert result.run == make_run("SUCCESSFUL", "78")
    assert result.actions == (GOOD, FIXED, BUILT)
    assert [attempt.run.status for attempt in result.attempts] == ["FAILED", "SUCCESSFUL"]
    assert result.duration == sum(attempt.duration for attempt in result.attempts)
    [update] = seen.of(RerunPrepared)
    assert str(update) == (
        "Attempt 2 of 2: running 2 actions of run 77 again (1 failed, 1 skipped), commit abc1234"
    )
    rerun = service.prepared[-1].rerun
    assert rerun is not None
    assert rerun.actions == (BAD, SKIPPED)


@pytest.mark.parametrize("status", ["SUCCESSFUL", "CANCELLED", "TIMED_OUT"])
def test_only_a_failed_run_is_repeated(clock: FakeClock, status: str) -> None:
    """A run that succeeded or that somebody cancelled is not repeated."""
    service = make_service(clock, polls=[status])
    assert run(service, TWICE, clock=clock).attempts == ()
    assert service.created == 1


def test_without_retries_nothing_is_repeated(clock: FakeClock) -> None:
    """The default is one run."""
    service = make_service(clock)
    assert run(service, RunRequest(environment="e"), clock=clock).run.state is State.FAILURE
    assert "prepare_rerun" not in service.called


def test_retries_end(clock: FakeClock) -> None:
    """There are at most as many runs as requested, and the last one decides."""
    queries = [(GOOD, BAD, SKIPPED), (BAD, SKIPPED), (BAD, BUILT)]
    service = make_service(clock, polls=["FAILED"], queries=queries)
    result = run(service, replace(TWICE, retry_failed=2), clock=clock)
    assert (service.created, len(result.attempts), result.run.id) == (3, 3, "79")
    assert result.failed_actions == (BAD,)
    rerun = service.prepared[-1].rerun
    assert rerun is not None
    assert rerun.actions == (BAD, SKIPPED)


@pytest.mark.parametrize(
    ("queries", "problem"),
    [
        ([()], "run 77 has no actions, so nothing can be run again."),
        ([(GOOD,)], "run 77 has no action that failed, was skipped or was cancelled."),
        (
            [IncompleteActions((BAD,), NoResponse("HTTP 503."))],
            "run 77 has actions that could not be read, so it is not known what to run again.",
        ),
    ],
)
def test_nothing_is_repeated_if_it_is_not_known_what(
    clock: FakeClock, queries: list[object], problem: str
) -> None:
    """The failed run stays the outcome, which says why there was no other."""
    outcome = outcome_of(make_service(clock, queries=queries), clock)
    assert outcome.run == make_run("FAILED")
    assert outcome.error is None
    assert outcome.not_retried == problem


@pytest.mark.parametrize(
    "scripts",
    [
        {"reruns": [Refused("HTTP 403.", status=403)]},
        {"reruns": [NoResponse("HTTP 503.")]},
        {"creates": ["", Refused("HTTP 403.", status=403)]},
        {"creates": ["", Throttled("HTTP 429.")]},
    ],
)
def test_a_retry_that_is_not_possible_leaves_the_failed_run(
    clock: FakeClock, scripts: dict[str, list[object]]
) -> None:
    """The run has failed, whatever prevents another one. The outcome says what did."""
    outcome = outcome_of(make_service(clock, **scripts), clock)
    assert outcome.error is None
    assert outcome.run == make_run("FAILED")
    assert outcome.result is not None
    assert outcome.result.actions == (GOOD, BAD, SKIPPED)
    assert "HTTP" in outcome.not_retried
    assert not outcome.may_need_cancel


def test_a_lost_retry_is_searched_among_new_runs(clock: FakeClock) -> None:
    """The first run has the same compilation, so it is not the one that is searched for."""
    service = make_service(clock, creates=["", LOST], finds=["78"])
    result = run(service, TWICE, clock=clock)
    assert result.run == make_run("SUCCESSFUL", "78")
    assert service.known == [frozenset({"77"})]
    assert service.called.count("start") == 2


def test_a_lost_retry_that_is_not_found_may_exist(clock: FakeClock) -> None:
    """It is not created again, and the outcome does not show the first run as the present one."""
    service = make_service(clock, creates=["", LOST])
    outcome = outcome_of(service, clock)
    assert isinstance(outcome.error, RunMayExist)
    assert (outcome.run, outcome.may_exist) == (None, True)
    assert [attempt.run.id for attempt in outcome.attempts] == ["77"]
    assert service.called.count("start") == 2


def test_the_running_attempt_is_cancelled(clock: FakeClock) -> None:
    """A signal cancels the second run, not the first one, which has ended."""
    service = make_service(clock, polls=["FAILED", "RUNNING", Killed()])
    outcome = outcome_of(service, clock)
    assert outcome.cancellation == CancelRequested(make_run("RUNNING", "78"))
    assert service.called.count("cancel") == 1


def test_a_signal_between_two_attempts_cancels_nothing(clock: FakeClock) -> None:
    """Before the second run is created, there is no run, and none may exist."""
    service = make_service(clock, reruns=[Killed()])
    outcome = outcome_of(service, clock)
    assert (outcome.run, outcome.may_exist, outcome.may_need_cancel) == (None, False, False)
    assert "cancel" not in service.called


def test_each_attempt_has_the_whole_timeout(clock: FakeClock) -> None:
    """The time for the wait does not include the earlier attempts."""
    service = make_service(clock, polls=["RUNNING"] * 5 + ["FAILED"] + ["RUNNING"])
    with pytest.raises(WaitTimeout, match="Run 78 did not end within the timeout of 10s"):
        run(service, TWICE, Polling(timeout=10), clock=clock)
    assert 10 < service.times("cancel")[0] < 20


def test_the_compilation_is_promoted_after_the_last_attempt(clock: FakeClock) -> None:
    """What was fixed by another attempt succeeded."""
    service, seen = make_service(clock), Recorder(clock)
    run(service, replace(TWICE, promote=True), on_update=seen, clock=clock)
    assert [type(update) for update in seen.updates][-1] is Promoted


def test_unread_actions_of_a_retry_have_no_old_state(clock: FakeClock) -> None:
    """Their state in the first run is not their last one."""
    incomplete = IncompleteActions((FIXED,), NoResponse("HTTP 503."))
    service = make_service(clock, queries=[(GOOD, BAD, SKIPPED), incomplete])
    result = run(service, TWICE, clock=clock)
    assert result.actions == (GOOD, FIXED)
    assert result.actions_error is incomplete


RESUME = RunRequest(resume="70")


def test_a_run_of_an_earlier_job_is_resumed(clock: FakeClock) -> None:
    """What did not succeed in it is run again, from the same compilation."""
    queries = [(GOOD, BAD, SKIPPED), (FIXED, BUILT)]
    service, seen = make_service(clock, queries=queries), Recorder(clock)
    result = run(service, RESUME, on_update=seen, clock=clock)
    assert result.run == make_run("SUCCESSFUL", "77")
    assert result.actions == (FIXED, BUILT)
    assert "prepare" not in service.called
    assert list(map(str, seen.updates[:3])) == [
        "Running 2 actions of run 70 again (1 failed, 1 skipped), commit abc1234",
        "Resumed.",
        str(Created(make_run(run_id="77"))),
    ]


def test_a_resumed_run_is_started_without_a_wait(clock: FakeClock) -> None:
    """``start`` and ``retry`` only create the run."""
    service = make_service(clock)
    assert start(service, RESUME, clock=clock) == make_run(run_id="77")
    failed = Result(run=make_run("FAILED", "77"), duration=1.0, actions=(GOOD, BAD))
    seen = Recorder(clock)
    assert retry(service, TWICE, failed, on_update=seen, clock=clock) == make_run(run_id="78")
    assert [type(update) for update in seen.updates] == [RerunPrepared, Noted, Created]


def test_retry_refuses_a_result_without_failures(clock: FakeClock) -> None:
    """Without a selection, everything would be run."""
    good = Result(run=make_run("SUCCESSFUL"), duration=1.0, actions=(GOOD,))
    with pytest.raises(InputError, match="result has no action that failed"):
        retry(make_service(clock), TWICE, good, clock=clock)


@pytest.mark.parametrize(
    ("scripts", "problem"),
    [
        ({"polls": ["RUNNING"]}, "which has not ended (RUNNING): set run-id to wait for it"),
        ({"polls": ["SUCCESSFUL"]}, "which succeeded: there is nothing to run again"),
        ({"queries": [(GOOD,)]}, "which has no action that failed, was skipped or was cancelled"),
        (
            {"polls": [Refused("HTTP 404.", status=404)]},
            "is not the id of a run in this repository. HTTP 404.",
        ),
        ({"can_rerun": False}, "is not supported by Fake"),
    ],
)
def test_what_cannot_be_resumed_is_refused(
    clock: FakeClock, scripts: dict[str, object], problem: str
) -> None:
    """Nothing is run, and the error says why."""
    service = make_service(clock, **scripts)
    with pytest.raises(InputError) as caught:
        run(service, RESUME, clock=clock)
    assert problem in caught.value.message
    assert caught.value.hint == "Nothing was run."
    assert service.created == 0


@pytest.mark.parametrize(
    ("scripts", "kind"),
    [
        ({"polls": [Refused("HTTP 403.", status=403)]}, Refused),
        ({"polls": [NoResponse("HTTP 503.")]}, GaveUp),
        ({"queries": [IncompleteActions((BAD,), Refused("no", status=403))]}, Refused),
    ],
)
def test_resuming_needs_the_run_and_all_its_actions(
    clock: FakeClock, scripts: dict[str, object], kind: type[DataformError]
) -> None:
    """If they cannot be read, the error is that of the request."""
    service = make_service(clock, **scripts)
    with pytest.raises(kind):
        run(service, RESUME, clock=clock)
    assert service.created == 0


@pytest.mark.parametrize("number", [1, "2"])
def test_retries_need_a_service_that_can_repeat_a_part(clock: FakeClock, number: int) -> None:
    """Without that, a program would learn only after a failure that nothing is run again."""
    service = make_service(clock, can_rerun=False)
    with pytest.raises(InputError, match="retry-failed is not supported by Fake"):
        run(service, replace(TWICE, retry_failed=number), clock=clock)
    assert service.calls == []


@pytest.mark.parametrize(
    ("request_", "queries"),
    [
        (TWICE, [(GOOD, BAD, SKIPPED), ()]),
        (TWICE, [(GOOD, BAD, SKIPPED), (BUILT,)]),
        (replace(TWICE, promote=True), [(GOOD, BAD, SKIPPED), (BUILT,)]),
        (RESUME, [(GOOD, BAD, SKIPPED), (BUILT,)]),
    ],
)
def test_a_run_that_lacks_what_it_had_to_repeat_is_no_success(
    clock: FakeClock, request_: RunRequest, queries: list[object]
) -> None:
    """Its success says nothing about the action that failed, so nothing is promoted."""
    service = make_service(clock, queries=queries)
    outcome = outcome_of(service, clock, request_)
    assert isinstance(outcome.error, InvalidResponse)
    assert "succeeded, but it did not run" in outcome.error.message
    assert "p.d.bad" in outcome.error.message
    assert outcome.run is not None
    assert not outcome.may_need_cancel
    assert not {"promote", "cancel"} & set(service.called)


def test_the_time_of_an_unfinished_attempt_is_added(clock: FakeClock) -> None:
    """The duration of a step is the sum of its attempts, however the last one ends."""
    service = make_service(clock, polls=["RUNNING"] * 5 + ["FAILED"] + ["RUNNING"])
    controller = RunController(service, Polling(timeout=10), lambda update: None, clock)
    with pytest.raises(WaitTimeout) as caught:
        controller.run(TWICE)
    outcome = controller.outcome(caught.value)
    [first] = outcome.attempts
    assert first.duration > 4
    assert outcome.elapsed == first.duration + 10
