"""How a step can end: exit codes, statuses and words."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from dataform_action.errors import (
    CancelUnsupported,
    CredentialsRefused,
    DataformError,
    GaveUp,
    InputError,
    Misconfigured,
    NoResponse,
    Refused,
    RunMayExist,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, LeftRunning, RunOutcome
from dataform_action.github.signals import Interrupted
from dataform_action.model import (
    ActionState,
    Compilation,
    CompileError,
    CompileFailed,
    Prepared,
    Result,
    Run,
    RunRequest,
    State,
)
from dataform_action.report.outcome import ExitCode, StepOutcome, outcome_of
from dataform_action.report.words import Words
from tests.support.fakes import make_action

_LINK = "https://a/77"


def _run(state: State = State.RUNNING, compilation_result: str = "") -> Run:
    return Run(
        id="77",
        state=state,
        status="WORD",
        log_url=_LINK,
        compilation_result=compilation_result,
    )


def _check(outcome: StepOutcome, *, message: str, hint: str = "", **fields: object) -> None:
    """Compare an outcome with what it should say, and with its other fields."""
    assert (outcome.message, outcome.hint) == (message, hint)
    unsaid = Words(message=())
    assert replace(outcome, words=unsaid) == StepOutcome(words=unsaid, **fields)  # type: ignore[arg-type]


def _of_result(result: Result) -> StepOutcome:
    return outcome_of(RunOutcome(run=result.run, result=result))


def test_exit_codes_are_those_of_the_contract() -> None:
    """Workflows compare these numbers: none may move."""
    assert {code.name: code.value for code in ExitCode} == {
        "SUCCESS": 0,
        "RUN_UNSUCCESSFUL": 1,
        "BAD_INPUT": 2,
        "REFUSED": 3,
        "NO_ANSWER": 4,
        "TIMEOUT": 5,
        "INTERNAL_ERROR": 70,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


@pytest.mark.parametrize(
    ("state", "exit_code", "title", "message"),
    [
        (State.SUCCESS, 0, "Dataform run succeeded", "Run 77 succeeded after 1m 5s."),
        (State.FAILURE, 1, "Dataform run failed", "Run 77 failed after 1m 5s."),
        (
            State.CANCELLED,
            1,
            "Dataform run was cancelled",
            "Run 77 was cancelled in Dataform after 1m 5s.",
        ),
        (
            State.TIMED_OUT,
            1,
            "Dataform run timed out",
            "Run 77 timed out in Dataform after 1m 5s.",
        ),
    ],
)
def test_a_run_that_ended_decides_the_step(
    state: State, exit_code: int, title: str, message: str
) -> None:
    """Only success is exit code 0, and every other end points to the log."""
    _check(
        _of_result(Result(run=_run(state), duration=65.9)),
        exit_code=ExitCode(exit_code),
        status=state,
        title=title,
        message=message,
        hint=f"{_LINK}" if exit_code else "",
        run=_run(state),
        duration=65.9,
    )


def test_a_result_keeps_its_actions_and_its_compilation() -> None:
    """The words count the states of the actions, and the summary keeps the actions."""
    actions = (
        make_action("d.a"),
        make_action("d.b", ActionState.FAILED),
        make_action("d.c", ActionState.SKIPPED),
    )
    outcome = _of_result(Result(run=_run(State.FAILURE, "c/1"), duration=65.9, actions=actions))
    assert outcome.message == (
        "Run 77 failed after 1m 5s. Of 3 actions, 1 failed, 1 was skipped, 1 succeeded."
    )
    assert outcome.actions == actions
    assert outcome.compilation_result == "c/1"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            State.FAILURE,
            "failed after 1s. Of 1 action, 1 succeeded. No action failed: the run failed before "
            "or outside its actions.",
        ),
        (State.SUCCESS, "succeeded after 1s. Of 1 action, 1 succeeded."),
        (
            State.CANCELLED,
            "was cancelled in Dataform after 1s. Of 1 action, 1 succeeded.",
        ),
    ],
)
def test_a_failure_without_a_failed_action_is_pointed_out(state: State, words: str) -> None:
    """Whoever looks for the action to blame is told that there is none."""
    outcome = _of_result(Result(run=_run(state), duration=1, actions=(make_action("d.a"),)))
    assert outcome.message == f"Run 77 {words}"


def test_actions_that_never_ran_are_not_counted() -> None:
    """Actions that are still pending add no words, and no blank."""
    actions = (make_action("d.a", ActionState.PENDING),)
    outcome = _of_result(Result(run=_run(State.SUCCESS), duration=1, actions=actions))
    assert outcome.message == "Run 77 succeeded after 1s."


@pytest.mark.parametrize(
    ("compilation", "message", "result"),
    [
        (
            Compilation(name="c/1", commit="6f1c2b9"),
            "The compilation of commit 6f1c2b9 has no errors. "
            "Nothing was run (compile-only: true).",
            "c/1",
        ),
        (
            Compilation(name="c/1"),
            "The compilation has no errors. Nothing was run (compile-only: true).",
            "c/1",
        ),
        (None, "The compilation has no errors. Nothing was run (compile-only: true).", ""),
    ],
)
def test_a_clean_compilation_is_a_success(
    compilation: Compilation | None, message: str, result: str
) -> None:
    """With compile-only the step ends well without any run, and names what was compiled."""
    prepared = Prepared(request=RunRequest(compile_only=True), body={}, compilation=compilation)
    _check(
        outcome_of(RunOutcome(prepared=prepared)),
        exit_code=ExitCode.SUCCESS,
        status=State.SUCCESS,
        title="Dataform compilation succeeded",
        message=message,
        compilation_result=result,
        commit=compilation.commit if compilation is not None else "",
    )


def test_compile_errors_are_the_outcome_of_a_run_that_never_was() -> None:
    """The errors reach the summary and the annotations, and the result is an output."""
    errors = (CompileError(message="costs is not defined", file="definitions/margin.js", line=12),)
    error = CompileFailed("The compilation has 1 error.", errors=errors, compilation_result="c/1")
    _check(
        outcome_of(RunOutcome(error=error)),
        exit_code=ExitCode.RUN_UNSUCCESSFUL,
        status=State.FAILURE,
        title="Dataform: compile errors",
        message="The compilation has 1 error.",
        hint=CompileFailed.hint,
        compile_errors=errors,
        compilation_result="c/1",
    )


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (Refused("x", status=403), 3),
        (GaveUp("x"), 4),
        (Misconfigured("x"), 4),
        (WaitTimeout("x"), 5),
    ],
)
def test_what_fails_after_a_success_fails_the_step_alone(
    error: DataformError, exit_code: int
) -> None:
    """A promotion that fails has its exit code; the status is that of the run, which succeeded."""
    outcome = outcome_of(RunOutcome(run=_run(State.SUCCESS), elapsed=1.5, error=error))
    assert (outcome.exit_code, outcome.status) == (exit_code, State.SUCCESS)


def test_a_run_that_is_not_waited_for_is_no_failure() -> None:
    """With ``wait: false`` the step succeeds, and its status is still running."""
    _check(
        outcome_of(RunOutcome(run=_run(), waits=False)),
        exit_code=ExitCode.SUCCESS,
        status=State.RUNNING,
        title="Dataform run started",
        message="Run 77 was started. The step does not wait for it (wait: false).",
        run=_run(),
    )


@pytest.mark.parametrize(
    ("error", "exit_code", "title", "without_run", "with_run"),
    [
        (InputError([("a", "b")]), 2, "Dataform: bad inputs", State.FAILURE, State.FAILURE),
        (
            Refused("x", status=403),
            3,
            "Dataform: the API refused",
            State.FAILURE,
            State.RUNNING,
        ),
        (
            CredentialsRefused("x"),
            3,
            "Dataform: the credentials were refused",
            State.FAILURE,
            State.RUNNING,
        ),
        (GaveUp("x"), 4, "Dataform: no usable response", State.FAILURE, State.RUNNING),
        (NoResponse("x"), 4, "Dataform: no usable response", State.FAILURE, State.RUNNING),
        (Misconfigured("x"), 4, "Dataform: no usable response", State.FAILURE, State.RUNNING),
        (RunMayExist("x"), 4, "Dataform: the run may exist", State.FAILURE, State.RUNNING),
        (WaitTimeout("x"), 5, "Dataform: timeout", State.TIMED_OUT, State.TIMED_OUT),
    ],
)
@pytest.mark.parametrize("run", [None, _run()])
def test_every_error_has_its_exit_code(
    error: DataformError,
    exit_code: int,
    title: str,
    without_run: State,
    with_run: State,
    run: Run | None,
) -> None:
    """The error's own words are kept, and a run that was left is still running."""
    _check(
        outcome_of(RunOutcome(run=run, elapsed=1.5, error=error)),
        exit_code=ExitCode(exit_code),
        status=without_run if run is None else with_run,
        title=title,
        message=error.message,
        hint=error.hint,
        run=run,
        duration=1.5,
    )


def _interrupted(
    number: int, cause: BaseException | None = None, *, cut_short: bool = False
) -> Interrupted:
    interrupted = Interrupted(number, cut_short=cut_short)
    interrupted.__cause__ = cause
    return interrupted


@pytest.mark.parametrize(
    ("interrupted", "run", "exit_code", "message", "hint"),
    [
        (
            _interrupted(signal.SIGINT),
            None,
            130,
            "The step was stopped by SIGINT. No run was created.",
            "",
        ),
        (
            _interrupted(signal.SIGTERM),
            _run(),
            143,
            "The step was stopped by SIGTERM.",
            f"The run: {_LINK}",
        ),
        (
            _interrupted(signal.SIGINT, RunMayExist("The run may exist.", hint="Look.")),
            None,
            130,
            "The step was stopped by SIGINT. The run may exist.",
            "Look.",
        ),
        (
            _interrupted(signal.SIGINT, RuntimeError("x")),
            None,
            130,
            "The step was stopped by SIGINT. No run was created.",
            "",
        ),
        (
            _interrupted(signal.SIGTERM, cut_short=True),
            None,
            143,
            "The step was stopped by SIGTERM. It was about to create a run, so the run may exist.",
            "Check the project's runs before you run this again.",
        ),
    ],
)
def test_a_signal_is_an_outcome_with_the_signals_exit_code(
    interrupted: Interrupted, run: Run | None, exit_code: int, message: str, hint: str
) -> None:
    """What is said of the run is what is known: nothing made, may exist, or where to look."""
    _check(
        outcome_of(RunOutcome(run=run, elapsed=2.0, error=interrupted)),
        exit_code=ExitCode(exit_code),
        status=State.CANCELLED,
        title="Dataform: stopped",
        message=message,
        hint=hint,
        run=run,
        duration=2.0,
    )


_GOES_ON = f"Run 77 continues, because wait is false: {_LINK}"
_ENDED = "The run had already ended: WORD."


@pytest.mark.parametrize(
    ("state", "cancellation", "waits", "fate", "hint"),
    [
        (State.RUNNING, CancelRequested(_run()), True, str(CancelRequested(_run())), ""),
        (State.RUNNING, LeftRunning(_run(), None), True, str(LeftRunning(_run(), None)), ""),
        (
            State.RUNNING,
            LeftRunning(_run(), CancelUnsupported("No.", hint=f"Cancel it: {_LINK}")),
            True,
            f"The run was not cancelled. No. Cancel it: {_LINK}",
            "",
        ),
        (
            State.RUNNING,
            LeftRunning(_run(), Refused("HTTP 403.", status=403, hint="Check.")),
            True,
            "The run was not cancelled. HTTP 403. Check.",
            f"The run: {_LINK}",
        ),
        (State.RUNNING, None, False, _GOES_ON, ""),
        (State.RUNNING, CancelRequested(_run()), False, str(CancelRequested(_run())), ""),
        (State.SUCCESS, None, True, _ENDED, f"The run: {_LINK}"),
    ],
)
def test_a_signal_gives_the_outcome_of_the_run(
    state: State,
    cancellation: CancelRequested | LeftRunning | None,
    waits: bool,
    fate: str,
    hint: str,
) -> None:
    """The link is given once, whether the words about the run hold it or not."""
    outcome = outcome_of(
        RunOutcome(
            run=_run(state),
            elapsed=2.0,
            cancellation=cancellation,
            waits=waits,
            error=_interrupted(signal.SIGINT),
        )
    )
    assert outcome.message == f"The step was stopped by SIGINT. {fate}"
    assert outcome.hint == hint


def test_a_signal_after_a_create_without_a_response_says_that_a_run_may_exist() -> None:
    """Whoever knows that a run may exist is believed, whatever the signal knows."""
    outcome = outcome_of(RunOutcome(may_exist=True, error=_interrupted(signal.SIGINT)))
    assert "so the run may exist" in outcome.message


def test_a_signal_after_a_lost_create_has_it_as_context() -> None:
    """The lost create counts as well when the signal broke into its handling."""
    interrupted = _interrupted(signal.SIGINT)
    interrupted.__context__ = RunMayExist("The run may exist.", hint="Look.")
    outcome = outcome_of(RunOutcome(error=interrupted))
    assert (outcome.message, outcome.hint) == (
        "The step was stopped by SIGINT. The run may exist.",
        "Look.",
    )


@pytest.mark.parametrize(("run", "link"), [(None, ""), (_run(), f" The run: {_LINK}")])
def test_an_internal_error_is_told_apart_from_everything_else(run: Run | None, link: str) -> None:
    """An error that nobody foresaw has an exit code of its own, and asks for a report."""
    _check(
        outcome_of(RunOutcome(run=run, error=KeyError("a"))),
        exit_code=ExitCode.INTERNAL_ERROR,
        status=State.FAILURE,
        title="Dataform: internal error",
        message="KeyError: 'a'",
        hint=f"Please report it with the lines above.{link}",
        run=run,
    )


@pytest.mark.parametrize("error", [CancelUnsupported("x"), DataformError("x")])
def test_no_error_of_ours_is_without_an_outcome(error: DataformError) -> None:
    """An error of ours that has no row of its own is an internal error, not in a traceback."""
    assert outcome_of(RunOutcome(error=error)).exit_code is ExitCode.INTERNAL_ERROR


def test_an_empty_outcome_is_an_internal_error() -> None:
    """A step of which nothing is known is not taken for a success."""
    assert outcome_of(RunOutcome()).exit_code is ExitCode.INTERNAL_ERROR


def test_a_signal_after_the_end_of_the_run() -> None:
    """A run that has ended is reported as such, unless it had to be promoted."""
    unread = NoResponse("The step ended before they were read.")
    result = Result(run=_run(State.SUCCESS), duration=1, actions_error=unread)
    stopped = RunOutcome(run=result.run, result=result, error=Interrupted(2), has_actions=True)
    outcome = outcome_of(stopped)
    assert (outcome.exit_code, outcome.status) == (ExitCode.SUCCESS, State.SUCCESS)
    assert outcome.has_unread_actions
    prepared = Prepared(request=RunRequest(environment="e", promote=True), body={})
    outcome = outcome_of(stopped._replace(prepared=prepared))
    assert (outcome.exit_code, outcome.status) == (ExitCode.INTERRUPTED, State.CANCELLED)
