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
    DEFECT = 70
    INTERRUPTED = 130
    TERMINATED = 143


_CANCELLING = (ExitCode.TIMEOUT, ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.DEFECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the step ended.

    ``title`` is made of fixed words, ``message`` says what happened with names and
    values, ``hint`` what to do (it may be empty). ``duration`` is in seconds.
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

    @property
    def is_of_a_cancel(self) -> bool:
        """Tell whether the run should have been asked to cancel before this ending."""
        return self.exit_code in _CANCELLING


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


def ending_of_result(result: Result) -> Ending:
    """Return the ending for a run that came to its own end."""
    run = result.run
    good = run.state is State.SUCCESS
    words = [f"Run {run.id} {_VERBS[run.state]} after {format_duration(result.duration)}."]
    if result.actions:
        words.append(count_words(result.actions))
    if run.state is State.FAILURE and result.actions and not failed_actions(result.actions):
        words.append("No action failed: the run failed before any of them ran, or around them.")
    return Ending(
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


def ending_of_compilation(prepared: Prepared) -> Ending:
    """Return the ending for a compilation without errors that was all that was asked for."""
    compilation = prepared.compilation or Compilation(name="")
    commit = f" of commit {compilation.commit}" if compilation.commit else ""
    return Ending(
        exit_code=ExitCode.SUCCESS,
        status=State.SUCCESS,
        title="Dataform compilation succeeded",
        message=f"The compilation{commit} has no errors. Nothing was run (compile-only: true).",
        compilation_result=compilation.name,
        commit=compilation.commit,
        files_url=compilation.files_url,
        compiled=compilation.actions,
    )


def ending_of_start(run: Run) -> Ending:
    """Return the ending for a run that is not waited for."""
    return Ending(
        exit_code=ExitCode.SUCCESS,
        status=State.RUNNING,
        title="Dataform run started",
        message=f"Run {run.id} was started and is not waited for (wait: false).",
        run=run,
    )


def ending_of_error(error: DataformError, run: Run | None, duration: float | None) -> Ending:
    """Return the ending for an error that the step could foresee."""
    exit_code, title, status = _classify(error, run)
    failed = error if isinstance(error, CompileFailed) else None
    return Ending(
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
            return ExitCode.DEFECT, "Dataform: an error", unknown


def ending_of_signal(
    signal: Interrupted, run: Run | None, duration: float | None, fate: str = ""
) -> Ending:
    """Return the ending for a step that was told to stop; ``fate`` is what came of its run."""
    message, hint = f"The step was stopped by {signal.name}.", ""
    cut_short = signal.__cause__ or signal.__context__
    if run is not None:
        ended = f"The run had ended by then: {run.status}." if run.state.ended else fate
        message = f"{message} {ended}".strip()
        hint = "" if run.log_url in fate else f"The run: {run.log_url}"
    elif isinstance(cut_short, RunMayExist):
        message, hint = f"{message} {cut_short.message}", cut_short.hint
    elif signal.cut_short:
        message += " It was about to create a run, so the run may exist."
        hint = "Look at the project's runs before you run this again."
    else:
        message += " No run was created."
    return Ending(
        exit_code=ExitCode(signal.exit_code),
        status=State.CANCELLED,
        title="Dataform: stopped",
        message=message,
        hint=hint,
        run=run,
        duration=duration,
    )


def ending_of_defect(error: Exception, run: Run | None, duration: float | None) -> Ending:
    """Return the ending for an error that nobody foresaw."""
    return Ending(
        exit_code=ExitCode.DEFECT,
        status=State.FAILURE,
        title="Dataform: a defect of this action",
        message=f"{type(error).__name__}: {error}",
        hint="Please report it with the lines above."
        + (f" The run: {run.log_url}" if run is not None else ""),
        run=run,
        duration=duration,
    )
