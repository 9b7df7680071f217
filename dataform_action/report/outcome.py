"""The outcome of a step: exit code, status and words. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from dataform_action.costs import Costs
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
from dataform_action.events import RunOutcome
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
from dataform_action.report.comparison.words import Comparison, compare
from dataform_action.report.costs.words import notes_on_costs
from dataform_action.report.words import (
    Note,
    Words,
    notes_on_result,
    notes_on_retries,
    words_of_compilation,
    words_of_error,
    words_of_internal_error,
    words_of_result,
    words_of_signal,
    words_of_start,
)


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
    """What the step reports, however it ended.

    ``title`` is a fixed text, ``words`` say what happened and what to do. ``duration`` is in
    seconds. ``commit`` is what was compiled, ``files_url`` the address below which its
    files are shown, and ``core_version`` the version of Dataform core. ``compiled`` is what would
    run, after a step that only compiles. ``has_unread_actions`` says that the run has actions which
    could not be read. ``remarks`` are lines about the run, such as what a schedule sets, and
    ``notes`` are warnings that belong to the outcome. ``attempts`` are the results of all runs
    that ended. ``costs`` is what these scanned and used, without the error that the notes report.
    It is None if that was not requested. ``comparison`` is that with earlier runs.
    """

    exit_code: ExitCode
    status: State
    title: str
    words: Words
    run: Run | None = None
    duration: float | None = None
    actions: tuple[Action, ...] = ()
    compile_errors: tuple[CompileError, ...] = ()
    compilation_result: str = ""
    commit: str = ""
    files_url: str = ""
    compiled: tuple[CompiledAction, ...] = ()
    has_unread_actions: bool = False
    core_version: str = ""
    remarks: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    attempts: tuple[Result, ...] = ()
    costs: Costs | None = None
    comparison: Comparison | None = None

    @property
    def message(self) -> str:
        """Return what happened, with names and values."""
        return "".join(map(str, self.words.message))

    @property
    def hint(self) -> str:
        """Return what to do. It may be empty."""
        return "".join(map(str, self.words.hint))


_TITLES = {
    State.SUCCESS: "Dataform run succeeded",
    State.FAILURE: "Dataform run failed",
    State.CANCELLED: "Dataform run was cancelled",
    State.TIMED_OUT: "Dataform run timed out",
}


def outcome_of(run_outcome: RunOutcome) -> StepOutcome:
    """Return what the step reports about the outcome of its run."""
    prepared = run_outcome.prepared
    outcome = _by_cause(run_outcome)
    notes = (*outcome.notes, *notes_on_retries(run_outcome))
    is_whole = len(run_outcome.attempts) <= 1
    comparison = compare(run_outcome.history, run_outcome.result, is_whole=is_whole)
    outcome = replace(outcome, attempts=run_outcome.attempts, notes=notes, comparison=comparison)
    if prepared is None:
        return outcome
    compiled = prepared.compilation or Compilation(name="")
    core_version = outcome.core_version or compiled.core_version
    return replace(outcome, core_version=core_version, remarks=prepared.notes)


def with_costs(outcome: StepOutcome, costs: Costs) -> StepOutcome:
    """Return an outcome with costs, and with a note if they are incomplete."""
    notes = (*outcome.notes, *notes_on_costs(costs))
    return replace(outcome, costs=replace(costs, error=None), notes=notes)


def _by_cause(run_outcome: RunOutcome) -> StepOutcome:
    match run_outcome.error:
        case None:
            return _of_success(run_outcome)
        case Interrupted() if _has_verdict(run_outcome):
            return _of_success(run_outcome)
        case Interrupted() as signal:
            return _of_signal(signal, run_outcome)
        case DataformError() as error:
            return _of_error(error, run_outcome)
        case error:
            return _of_internal_error(error, run_outcome)


def _has_verdict(run_outcome: RunOutcome) -> bool:
    """Return whether the run has ended and nothing but its report was left to do."""
    prepared = run_outcome.prepared
    promotes = prepared is not None and prepared.request.promote
    return run_outcome.result is not None and not promotes


def _of_success(run_outcome: RunOutcome) -> StepOutcome:
    match run_outcome:
        case RunOutcome(result=Result() as result):
            return _of_result(result, has_actions=run_outcome.has_actions)
        case RunOutcome(run=Run() as run):
            return _of_start(run)
        case RunOutcome(prepared=Prepared() as prepared):
            return _of_compilation(prepared)
    return _of_internal_error(ValueError("the step did nothing"), run_outcome)


def _of_result(result: Result, *, has_actions: bool) -> StepOutcome:
    state, compilation = result.run.state, result.compilation
    return StepOutcome(
        exit_code=ExitCode.SUCCESS if state is State.SUCCESS else ExitCode.RUN_UNSUCCESSFUL,
        status=state,
        title=_TITLES[state],
        words=words_of_result(result),
        run=result.run,
        duration=result.duration,
        actions=result.actions,
        compilation_result=result.run.compilation_result,
        commit="" if compilation is None else compilation.commit,
        core_version="" if compilation is None else compilation.core_version,
        files_url="" if compilation is None else compilation.files_url,
        has_unread_actions=result.actions_error is not None,
        notes=notes_on_result(result, has_actions=has_actions),
    )


def _of_compilation(prepared: Prepared) -> StepOutcome:
    compilation = prepared.compilation or Compilation(name="")
    request = prepared.request
    return StepOutcome(
        exit_code=ExitCode.SUCCESS,
        status=State.SUCCESS,
        title="Dataform compilation succeeded",
        words=words_of_compilation(compilation, (request.promote and request.environment) or ""),
        compilation_result=compilation.name,
        commit=compilation.commit,
        files_url=compilation.files_url,
        compiled=compilation.actions,
    )


def _of_start(run: Run) -> StepOutcome:
    return StepOutcome(
        exit_code=ExitCode.SUCCESS,
        status=State.RUNNING,
        title="Dataform run started",
        words=words_of_start(run),
        run=run,
    )


def _of_error(error: DataformError, run_outcome: RunOutcome) -> StepOutcome:
    exit_code, title, status = _classify(error, run_outcome.run)
    failed = error if isinstance(error, CompileFailed) else None
    return StepOutcome(
        exit_code=exit_code,
        status=status,
        title=title,
        words=words_of_error(error, run_outcome.run),
        run=run_outcome.run,
        duration=run_outcome.elapsed,
        compile_errors=() if failed is None else failed.errors,
        compilation_result="" if failed is None else failed.compilation_result,
        commit="" if failed is None else failed.commit,
        files_url="" if failed is None else failed.files_url,
    )


def _classify(error: DataformError, run: Run | None) -> tuple[ExitCode, str, State]:
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
            # A request after the run's end may time out as well.
            ended = run is not None and run.state.ended
            return ExitCode.TIMEOUT, "Dataform: timeout", unknown if ended else State.TIMED_OUT
        case GaveUp() | Unusable():
            return ExitCode.NO_ANSWER, "Dataform: no usable response", unknown
        case RunMayExist():
            return ExitCode.NO_ANSWER, "Dataform: the run may exist", unknown
        case _:
            return ExitCode.INTERNAL_ERROR, "Dataform: an error", unknown


def _of_signal(signal: Interrupted, run_outcome: RunOutcome) -> StepOutcome:
    return StepOutcome(
        exit_code=ExitCode(signal.exit_code),
        status=State.CANCELLED,
        title="Dataform: stopped",
        words=words_of_signal(signal, run_outcome),
        run=run_outcome.run,
        duration=run_outcome.elapsed,
    )


def _of_internal_error(error: BaseException, run_outcome: RunOutcome) -> StepOutcome:
    return StepOutcome(
        exit_code=ExitCode.INTERNAL_ERROR,
        status=State.FAILURE,
        title="Dataform: internal error",
        words=words_of_internal_error(error, run_outcome),
        run=run_outcome.run,
        duration=run_outcome.elapsed,
    )
