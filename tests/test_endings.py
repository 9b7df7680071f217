"""How a step can end: exit codes, statuses and words."""

from __future__ import annotations

import signal

import pytest

from dataform_action.endings import (
    Ending,
    ExitCode,
    ending_of_defect,
    ending_of_error,
    ending_of_result,
    ending_of_signal,
    ending_of_start,
)
from dataform_action.errors import (
    CancelUnsupported,
    DataformError,
    GaveUp,
    InputError,
    Misconfigured,
    NoResponse,
    Refused,
    RunMayExist,
    WaitTimeout,
)
from dataform_action.interrupts import Interrupted
from dataform_action.model import Result, Run, State

_LINK = "https://a/77"


def _run(state: State = State.RUNNING) -> Run:
    return Run(id="77", state=state, status="WORD", log_url=_LINK)


def test_exit_codes_are_those_of_the_contract() -> None:
    """Workflows compare these numbers: none may move."""
    assert {code.name: code.value for code in ExitCode} == {
        "SUCCESS": 0,
        "RUN_UNSUCCESSFUL": 1,
        "BAD_INPUT": 2,
        "REFUSED": 3,
        "NO_ANSWER": 4,
        "TIMEOUT": 5,
        "DEFECT": 70,
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
    assert ending_of_result(Result(run=_run(state), duration=65.9)) == Ending(
        exit_code=ExitCode(exit_code),
        status=state,
        title=title,
        message=message,
        hint=f"Its log says why: {_LINK}" if exit_code else "",
        run=_run(state),
        duration=65.9,
    )


def test_a_run_that_is_not_waited_for_is_no_failure() -> None:
    """With ``wait: false`` the step succeeds, and its status is still running."""
    assert ending_of_start(_run()) == Ending(
        exit_code=ExitCode.SUCCESS,
        status=State.RUNNING,
        title="Dataform run started",
        message="Run 77 was started and is not waited for (wait: false).",
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
        (GaveUp("x"), 4, "Dataform: no usable answer", State.FAILURE, State.RUNNING),
        (NoResponse("x"), 4, "Dataform: no usable answer", State.FAILURE, State.RUNNING),
        (Misconfigured("x"), 4, "Dataform: no usable answer", State.FAILURE, State.RUNNING),
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
    assert ending_of_error(error, run, 1.5) == Ending(
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
            "Look at the project's runs before you run this again.",
        ),
    ],
)
def test_a_signal_is_an_ending_with_the_signals_exit_code(
    interrupted: Interrupted, run: Run | None, exit_code: int, message: str, hint: str
) -> None:
    """What is said of the run is what is known: nothing made, may exist, or where to look."""
    assert ending_of_signal(interrupted, run, 2.0) == Ending(
        exit_code=ExitCode(exit_code),
        status=State.CANCELLED,
        title="Dataform: stopped",
        message=message,
        hint=hint,
        run=run,
        duration=2.0,
    )


@pytest.mark.parametrize(("run", "link"), [(None, ""), (_run(), f" The run: {_LINK}")])
def test_a_defect_is_told_apart_from_everything_else(run: Run | None, link: str) -> None:
    """An error that nobody foresaw has an exit code of its own, and asks for a report."""
    assert ending_of_defect(KeyError("a"), run, None) == Ending(
        exit_code=ExitCode.DEFECT,
        status=State.FAILURE,
        title="Dataform: a defect of this action",
        message="KeyError: 'a'",
        hint=f"Please report it with the lines above.{link}",
        run=run,
    )


@pytest.mark.parametrize("error", [CancelUnsupported("x"), DataformError("x")])
def test_no_error_of_ours_is_without_an_ending(error: DataformError) -> None:
    """An error of ours that has no row of its own ends as a defect, not in a traceback."""
    assert ending_of_error(error, None, None).exit_code is ExitCode.DEFECT
