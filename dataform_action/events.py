"""Data about a job: what it has to do, what happens meanwhile, and the outcome of its run.

``str()`` of an update is a sentence for people. What to do is on a line of its own. Updates are
named tuples because these are defined in a third of the time of dataclasses, at every start.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeVar

from dataform_action.errors import CancelUnsupported, DataformError
from dataform_action.history import History
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    Polling,
    Prepared,
    Rerun,
    Result,
    Run,
    RunRequest,
)
from dataform_action.text import format_duration

T = TypeVar("T")
_SECONDS_PER_DAY = 86_400


def _differs_from_other_kinds(kind: type[T]) -> type[T]:
    """Make updates of different kinds unequal, even if they hold the same values."""

    def equals(self: tuple[object, ...], other: object) -> bool:
        return type(other) is kind and isinstance(other, tuple) and tuple(self) == tuple(other)

    def differs(self: tuple[object, ...], other: object) -> bool:
        return not equals(self, other)

    def digest(self: tuple[object, ...]) -> int:
        return hash((kind, *self))

    for name, method in (("__eq__", equals), ("__ne__", differs), ("__hash__", digest)):
        setattr(kind, name, method)
    return kind


class Fact(NamedTuple):
    """A label and its value, such as a repository, and the place of it, such as a region."""

    label: str
    value: str
    within: str = ""


class Subject(NamedTuple):
    """What the step has to do.

    ``place`` is where, such as a project and a repository. ``project_id`` is omitted from the names
    of actions. ``run_id`` is the run to watch, if no run is to be started. ``has_actions`` says
    whether the service knows the actions of a run, and ``summary`` whether to write a job summary.
    ``repository_url`` is the address on GitHub of the workflow's repository; empty if not known.
    """

    service_name: str
    place: tuple[Fact, ...]
    project_id: str
    request: RunRequest
    polling: Polling
    run_id: str | None
    api_url: str
    has_actions: bool
    summary: bool
    repository_url: str = ""


@_differs_from_other_kinds
class Created(NamedTuple):
    """The run was created, or an existing run is now watched."""

    run: Run

    def __str__(self) -> str:
        return f"Run {self.run.id}: {self.run.log_url}"


@_differs_from_other_kinds
class Compiled(NamedTuple):
    """The project was compiled without errors."""

    compilation: Compilation

    def __str__(self) -> str:
        compilation = self.compilation
        commit = f"commit {compilation.commit}" if compilation.commit else ""
        core = f"Dataform core {compilation.core_version}" if compilation.core_version else ""
        known = ", ".join(filter(None, (commit, core)))
        facts = f" ({known})" if known else ""
        return f"Compiled without errors{facts}: {compilation.name}"


@_differs_from_other_kinds
class RerunPrepared(NamedTuple):
    """What did not succeed in an earlier run is about to be run again, from its compilation.

    It is the run number ``attempt`` of at most ``attempts``.
    """

    rerun: Rerun
    compilation: Compilation
    attempt: int
    attempts: int

    def __str__(self) -> str:
        count = len(self.rerun.actions)
        actions = "1 action" if count == 1 else f"{count} actions"
        states = Counter(action.state for action in self.rerun.actions)
        order = (ActionState.FAILED, *(state for state in ActionState))
        counts = ", ".join(
            f"{states[state]} {state.value}" for state in dict.fromkeys(order) if states[state]
        )
        commit = f", commit {self.compilation.commit}" if self.compilation.commit else ""
        which = (
            f"Attempt {self.attempt} of {self.attempts}: running" if self.attempt > 1 else "Running"
        )
        return f"{which} {actions} of run {self.rerun.run.id} again ({counts}){commit}"


@_differs_from_other_kinds
class Noted(NamedTuple):
    """A line about the run that the inputs do not say, such as what a schedule sets."""

    text: str

    def __str__(self) -> str:
        return self.text


def _after(elapsed: float, share: float | None) -> str:
    """Return how long something has taken, and its share of the usual time if that is known."""
    usual = "" if share is None else f" (about {share * 100:.0f} % of the usual time)"
    return f"after {format_duration(elapsed)}{usual}"


@_differs_from_other_kinds
class Expected(NamedTuple):
    """The run usually takes ``usual`` seconds, by its ``history``.

    ``end`` is when it should end, in UTC; None if that time has passed.
    """

    usual: float
    history: History
    end: datetime | None

    def __str__(self) -> str:
        history = self.history
        runs = f"median of {len(history.durations)} runs of {history.source}"
        end = ": this run has already taken longer"
        if self.end is not None:
            day = f"{self.end:%Y-%m-%d} at " if self.usual >= _SECONDS_PER_DAY else "at "
            end = f": expected end {day}{self.end:%H:%M} UTC"
        return f"Usually {format_duration(self.usual)} ({runs}){end}"


@_differs_from_other_kinds
class Progressed(NamedTuple):
    """The actions of the run, ``elapsed`` seconds after the start of the wait.

    ``share`` is how much of the usual time has passed: 1 is all of it. None is not known.
    """

    actions: tuple[Action, ...]
    elapsed: float
    share: float | None = None

    def __str__(self) -> str:
        ended = sum(action.state.ended for action in self.actions)
        return f"{ended} of {len(self.actions)} actions done {_after(self.elapsed, self.share)}"


@_differs_from_other_kinds
class Promoted(NamedTuple):
    """The release configuration now uses the compilation of the run."""

    compilation: Compilation

    def __str__(self) -> str:
        return f"Release configuration now uses this compilation: {self.compilation.name}"


@_differs_from_other_kinds
class Changed(NamedTuple):
    """The run's status or link changed, ``elapsed`` seconds after the start of the run or wait."""

    run: Run
    elapsed: float

    def __str__(self) -> str:
        return f"Status {self.run.status} after {format_duration(self.elapsed)}"


@_differs_from_other_kinds
class Waiting(NamedTuple):
    """Nothing happened for a while. ``outage`` is the duration of the outage, if there is one.

    ``share`` is that of ``Progressed``.
    """

    run: Run | None
    elapsed: float
    outage: float | None
    share: float | None = None

    def __str__(self) -> str:
        if self.outage is not None:
            return f"Still no usable response from the API after {format_duration(self.outage)}"
        known = self.run is not None and self.run.status
        return f"Still {known or 'waiting for a status'} {_after(self.elapsed, self.share)}"


@_differs_from_other_kinds
class OutageStarted(NamedTuple):
    """The API gave no usable response. The wait ends if this lasts ``limit`` seconds."""

    error: DataformError
    limit: float

    def __str__(self) -> str:
        hint = self.error.hint if self.error.has_remedy else ""
        text = (
            f"No usable response from the API. Retrying for up to {format_duration(self.limit)}. "
            f"{self.error.message}"
        )
        return f"{text}\n{hint}" if hint else text


@_differs_from_other_kinds
class OutageEnded(NamedTuple):
    """The API responds again, ``seconds`` after the start of the outage."""

    seconds: float

    def __str__(self) -> str:
        return f"The API responds again after {format_duration(self.seconds)}"


@_differs_from_other_kinds
class CancelRequested(NamedTuple):
    """The service accepted the request to cancel the run, or the run had already ended."""

    run: Run

    def __str__(self) -> str:
        run = self.run
        if run.state.ended:
            return f"Run {run.id} had already ended ({run.status}): {run.log_url}"
        return f"Requested cancellation of run {run.id}: {run.log_url}"


@_differs_from_other_kinds
class LeftRunning(NamedTuple):
    """The run was not cancelled, because of ``error`` or because cancellation is disabled."""

    run: Run
    error: DataformError | None

    def __str__(self) -> str:
        if self.error is not None:
            return f"The run was not cancelled. {self.error.message} {self.error.hint}"
        return f"Run {self.run.id} left running: cancellation is disabled: {self.run.log_url}"


Update = (
    Compiled
    | RerunPrepared
    | Noted
    | Created
    | Changed
    | Expected
    | Progressed
    | Promoted
    | Waiting
    | OutageStarted
    | OutageEnded
    | CancelRequested
    | LeftRunning
)
Observer = Callable[[Update], object]


def ignore(_update: Update) -> None:
    """Do nothing with an update: the observer of a caller that needs none."""


class RunOutcome(NamedTuple):
    """The state of a run when the work on it has ended.

    ``run`` is the run in its last known state, and ``elapsed`` the seconds since its id is known.
    ``prepared`` is the prepared request. ``result`` is the result of the run, if it has ended.
    ``waits`` is false for a run that is started only. ``may_exist`` says that the response to the
    create request was lost. ``cancellation`` is the outcome of the cancel request, if the run was
    to be cancelled. ``error`` is what ended the work early: an error of this package, a signal or
    an internal error. ``has_actions`` says whether the service knows the actions of a run.
    ``attempts`` has the result of each run that ended, the oldest first. ``not_retried`` is why the
    failed actions were not run again, although that was requested.
    ``history`` has the earlier runs, if they were read.
    """

    run: Run | None = None
    elapsed: float | None = None
    prepared: Prepared | None = None
    result: Result | None = None
    waits: bool = True
    may_exist: bool = False
    cancellation: CancelRequested | LeftRunning | None = None
    error: BaseException | None = None
    has_actions: bool = False
    attempts: tuple[Result, ...] = ()
    not_retried: str = ""
    history: History | None = None

    @property
    def may_need_cancel(self) -> bool:
        """Return whether there may be a run that should be cancelled and still can be."""
        if self.error is None or (self.run is not None and self.run.state.ended):
            return False
        match self.cancellation:
            case CancelRequested():
                return False
            case LeftRunning(error=error):
                return not isinstance(error, CancelUnsupported | None)
        # An error of this package ends the work and leaves the run running.
        if isinstance(self.error, DataformError):
            return False
        # Without its own compilation, a run whose id is not known cannot be found.
        compiled = self.prepared is not None and self.prepared.compilation is not None
        return self.run is not None or (self.may_exist and compiled)
