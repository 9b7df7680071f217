"""How a step can end: its exit code, status and words. Pure: data in, data out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from dataform_action.errors import (
    CredentialsRefused,
    DataformError,
    GaveUp,
    InputError,
    Refused,
    RunMayExist,
    Unusable,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, LeftRunning, RunOutcome
from dataform_action.github.signals import Interrupted
from dataform_action.model import (
    Action,
    Compilation,
    CompiledAction,
    CompileError,
    CompileFailed,
    Prepared,
    Result,
    Run,
    State,
)
from dataform_action.report.analysis import count_words, failed_actions
from dataform_action.text import format_duration


class ExitCode(IntEnum):
    """The step's exit code; README's table of them is compared with this."""

    SUCCESS = 0
    RUN_UNSUCCESSFUL = 1
    BAD_INPUT = 2
    REFUSED = 3
    NO_ANSWER = 4
    TIMEOUT = 5
    INTERNAL_ERROR = 70
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What the step reports, whatever ended it.

    ``title`` is made of fixed words, ``message`` says what happened with names and
    values, ``hint`` what to do (it may be empty). ``duration`` is in seconds. ``cancels_run``
    says that a run that has not ended by then is to be cancelled.
    ``other_url`` is a page to look at that is not the run's. ``commit`` is what was compiled,
    ``files_url`` the address below which its files are shown, and ``compiled`` what a
    compilation that was all that was asked for would run.
    """

    exit_code: ExitCode
    status: State
    title: str
    message: str
    hint: str = ""
    run: Run | None = None
    duration: float | None = None
    other_url: str = ""
    actions: tuple[Action, ...] = ()
    compile_errors: tuple[CompileError, ...] = ()
    compilation_result: str = ""
    commit: str = ""
    files_url: str = ""
    compiled: tuple[CompiledAction, ...] = ()
    cancels_run: bool = False


_TITLES = {
    State.SUCCESS: "Dataform run succeeded",
    State.FAILURE: "Dataform run failed",
    State.CANCELLED: "Dataform run was cancelled",
    State.TIMED_OUT: "Dataform run timed out",
}
_VERBS = {
    State.SUCCESS: "succeeded",
    State.FAILURE: "failed",
    State.CANCELLED: "was cancelled in Dataform",
    State.TIMED_OUT: "timed out in Dataform",
}


def outcome_of(run_outcome: RunOutcome) -> StepOutcome:
    """Return what the step reports of how its run stands."""
    run, elapsed = run_outcome.run, run_outcome.elapsed
    match run_outcome.error:
        case Interrupted() as signal:
            return _of_signal(signal, run_outcome)
        case DataformError() as error:
            return _of_error(error, run, elapsed)
        case BaseException() as error:
            return _of_internal_error(error, run, elapsed)
    if run_outcome.result is not None:
        return _of_result(run_outcome.result)
    if run is not None:
        return _of_start(run)
    if run_outcome.prepared is not None:
        return _of_compilation(run_outcome.prepared)
    return _of_internal_error(ValueError("the step ended without any outcome"), None, None)


def _of_result(result: Result) -> StepOutcome:
    """Return the outcome of a run that came to its own end."""
    run = result.run
    good = run.state is State.SUCCESS
    words = [f"Run {run.id} {_VERBS[run.state]} after {format_duration(result.duration)}."]
    if result.actions:
        words.append(count_words(result.actions))
    if run.state is State.FAILURE and result.actions and not failed_actions(result.actions):
        words.append("No action failed: the run failed before any of them ran, or around them.")
    return StepOutcome(
        exit_code=ExitCode.SUCCESS if good else ExitCode.RUN_UNSUCCESSFUL,
        status=run.state,
        title=_TITLES[run.state],
        message=" ".join(filter(None, words)),
        hint="" if good else f"Its log says why: {run.log_url}",
        run=run,
        duration=result.duration,
        actions=result.actions,
        compilation_result=run.compilation_result,
        commit="" if result.compilation is None else result.compilation.commit,
        files_url="" if result.compilation is None else result.compilation.files_url,
    )


def _of_compilation(prepared: Prepared) -> StepOutcome:
    """Return the outcome of a compilation without errors that was all that was asked for."""
    compilation = prepared.compilation or Compilation(name="")
    commit = f" of commit {compilation.commit}" if compilation.commit else ""
    return StepOutcome(
        exit_code=ExitCode.SUCCESS,
        status=State.SUCCESS,
        title="Dataform compilation succeeded",
        message=f"The compilation{commit} has no errors. Nothing was run (compile-only: true).",
        compilation_result=compilation.name,
        commit=compilation.commit,
        files_url=compilation.files_url,
        compiled=compilation.actions,
    )


def _of_start(run: Run) -> StepOutcome:
    """Return the outcome of a run that is not waited for."""
    return StepOutcome(
        exit_code=ExitCode.SUCCESS,
        status=State.RUNNING,
        title="Dataform run started",
        message=f"Run {run.id} was started and is not waited for (wait: false).",
        run=run,
    )


def _of_error(error: DataformError, run: Run | None, duration: float | None) -> StepOutcome:
    """Return the outcome of an error that the step could foresee."""
    exit_code, title, status = _classify(error, run)
    failed = error if isinstance(error, CompileFailed) else None
    return StepOutcome(
        exit_code=exit_code,
        status=status,
        title=title,
        message=error.message,
        hint=error.hint,
        run=run,
        duration=duration,
        other_url=error.url if isinstance(error, RunMayExist) else "",
        compile_errors=() if failed is None else failed.errors,
        compilation_result="" if failed is None else failed.compilation_result,
        commit="" if failed is None else failed.commit,
        files_url="" if failed is None else failed.files_url,
        cancels_run=exit_code in (ExitCode.TIMEOUT, ExitCode.INTERNAL_ERROR),
    )


def _classify(error: DataformError, run: Run | None) -> tuple[ExitCode, str, State]:
    # The step is over, and the run, if there is one, is as it was last seen.
    unknown = State.FAILURE if run is None else run.state
    match error:
        case CompileFailed():
            return ExitCode.RUN_UNSUCCESSFUL, "Dataform: compile errors", State.FAILURE
        case InputError():
            return ExitCode.BAD_INPUT, "Dataform: bad inputs", State.FAILURE
        case CredentialsRefused():
            return ExitCode.REFUSED, "Dataform: the credentials were refused", unknown
        case Refused():
            return ExitCode.REFUSED, "Dataform: the API refused", unknown
        case WaitTimeout():
            # What came after a run that is over may time out as well.
            ended = run is not None and run.state.ended
            return ExitCode.TIMEOUT, "Dataform: timeout", unknown if ended else State.TIMED_OUT
        case GaveUp() | Unusable():
            return ExitCode.NO_ANSWER, "Dataform: no usable answer", unknown
        case RunMayExist():
            return ExitCode.NO_ANSWER, "Dataform: the run may exist", unknown
        case _:
            return ExitCode.INTERNAL_ERROR, "Dataform: an error", unknown


def _of_signal(signal: Interrupted, run_outcome: RunOutcome) -> StepOutcome:
    """Return the outcome of a step that was told to stop."""
    run = run_outcome.run
    message, hint = f"The step was stopped by {signal.name}.", ""
    cut_short = signal.__cause__ or signal.__context__
    if run is not None:
        fate = _fate(run, run_outcome.cancellation, run_outcome.waits)
        ended = f"The run had ended by then: {run.status}." if run.state.ended else fate
        message = f"{message} {ended}".strip()
        hint = "" if run.log_url in fate else f"The run: {run.log_url}"
    elif isinstance(cut_short, RunMayExist):
        message, hint = f"{message} {cut_short.message}", cut_short.hint
    elif signal.cut_short or run_outcome.may_exist:
        message += " It was about to create a run, so the run may exist."
        hint = "Look at the project's runs before you run this again."
    else:
        message += " No run was created."
    return StepOutcome(
        exit_code=ExitCode(signal.exit_code),
        status=State.CANCELLED,
        title="Dataform: stopped",
        message=message,
        hint=hint,
        run=run,
        duration=run_outcome.elapsed,
        cancels_run=True,
    )


def _fate(run: Run, cancellation: CancelRequested | LeftRunning | None, waits: bool) -> str:
    """Return what becomes of a run that goes on without the step."""
    if cancellation is not None:
        return str(cancellation)
    return "" if waits else f"Run {run.id} goes on, since wait is false: {run.log_url}"


def _of_internal_error(
    error: BaseException, run: Run | None, duration: float | None
) -> StepOutcome:
    """Return the outcome of an error that nobody foresaw."""
    return StepOutcome(
        exit_code=ExitCode.INTERNAL_ERROR,
        status=State.FAILURE,
        title="Dataform: a defect of this action",
        message=f"{type(error).__name__}: {error}",
        hint="Please report it with the lines above."
        + (f" The run: {run.log_url}" if run is not None else ""),
        run=run,
        duration=duration,
        cancels_run=True,
    )
