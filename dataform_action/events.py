"""What a job is asked to do, what happens meanwhile, and how its run stands afterwards: as data.

``str()`` of an update is a sentence for people, with what to do on a line of its own. Updates are
named tuples, which every start defines in a third of the time that dataclasses take.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from dataform_action.errors import CancelUnsupported, DataformError
from dataform_action.model import (
    Action,
    Compilation,
    Polling,
    Prepared,
    Result,
    Run,
    RunRequest,
)
from dataform_action.text import format_duration

T = TypeVar("T")


def _unlike_other_kinds(kind: type[T]) -> type[T]:
    """Make a kind of update differ from all others, also where both hold the same values."""

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
    """A name with its value, such as a repository, and where that is, such as a region."""

    label: str
    value: str
    within: str = ""


class Subject(NamedTuple):
    """What the step was asked to do.

    ``place`` says where, such as a project and a repository, and ``project_id`` is left out of
    the names of actions. ``run_id`` is the run to watch, if one is not to be started.
    ``has_actions`` says that the service knows the actions of a run, and ``summary`` that a job
    summary is wanted. ``repository_url`` is the address on GitHub of the repository that the
    workflow runs in; it is empty where that is not known.
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


@_unlike_other_kinds
class Created(NamedTuple):
    """The run exists (or, when an existing one is watched, is being looked at)."""

    run: Run

    def __str__(self) -> str:
        return f"Run {self.run.id}: {self.run.log_url}"


@_unlike_other_kinds
class Compiled(NamedTuple):
    """The project was compiled without errors."""

    compilation: Compilation

    def __str__(self) -> str:
        compilation = self.compilation
        commit = f"commit {compilation.commit}" if compilation.commit else ""
        core = f"Dataform core {compilation.core_version}" if compilation.core_version else ""
        known = ", ".join(filter(None, (commit, core)))
        shown = f" ({known})" if known else ""
        return f"Compiled without errors{shown}: {compilation.name}"


@_unlike_other_kinds
class Noted(NamedTuple):
    """Something about the run that nobody asked for in so many words, as a line."""

    text: str

    def __str__(self) -> str:
        return self.text


@_unlike_other_kinds
class Progressed(NamedTuple):
    """The actions of the run as they stand ``elapsed`` seconds into the wait."""

    actions: tuple[Action, ...]
    elapsed: float

    def __str__(self) -> str:
        ended = sum(action.state.ended for action in self.actions)
        after = format_duration(self.elapsed)
        return f"{ended} of {len(self.actions)} actions done after {after}"


@_unlike_other_kinds
class Promoted(NamedTuple):
    """The environment now has the compilation that the run executed."""

    compilation: Compilation

    def __str__(self) -> str:
        return f"Promoted, for scheduled runs as well: {self.compilation.name}"


@_unlike_other_kinds
class Changed(NamedTuple):
    """The run's status or link is not what it was, ``elapsed`` seconds into the run or the wait."""

    run: Run
    elapsed: float

    def __str__(self) -> str:
        return f"Status {self.run.status} after {format_duration(self.elapsed)}"


@_unlike_other_kinds
class Waiting(NamedTuple):
    """Nothing happened for a while; ``outage`` is how long the API has been silent."""

    run: Run | None
    elapsed: float
    outage: float | None

    def __str__(self) -> str:
        if self.outage is not None:
            return f"Still no usable answer from the API after {format_duration(self.outage)}"
        known = self.run is not None and self.run.status
        return f"Still {known or 'waiting for a status'} after {format_duration(self.elapsed)}"


@_unlike_other_kinds
class OutageStarted(NamedTuple):
    """The API stopped giving usable answers; after ``limit`` seconds the wait ends."""

    error: DataformError
    limit: float

    def __str__(self) -> str:
        hint = self.error.hint if self.error.has_remedy else ""
        text = (
            f"No usable answer from the API, trying again for up to "
            f"{format_duration(self.limit)}. {self.error.message}"
        )
        return f"{text}\n{hint}" if hint else text


@_unlike_other_kinds
class OutageEnded(NamedTuple):
    """The API answers again, after ``seconds``."""

    seconds: float

    def __str__(self) -> str:
        return f"The API answers again after {format_duration(self.seconds)}"


@_unlike_other_kinds
class CancelRequested(NamedTuple):
    """The service took the request to cancel the run, or the run was over already."""

    run: Run

    def __str__(self) -> str:
        run = self.run
        if run.state.ended:
            return f"Run {run.id} was over already ({run.status}): {run.log_url}"
        return f"Asked the service to cancel run {run.id}: {run.log_url}"


@_unlike_other_kinds
class LeftRunning(NamedTuple):
    """The run was not cancelled: it could not be, or was not to be (no ``error``)."""

    run: Run
    error: DataformError | None

    def __str__(self) -> str:
        if self.error is not None:
            return f"The run was not cancelled. {self.error.message} {self.error.hint}"
        return f"Run {self.run.id} goes on, since it is not to be cancelled: {self.run.log_url}"


Update = (
    Compiled
    | Noted
    | Created
    | Changed
    | Progressed
    | Promoted
    | Waiting
    | OutageStarted
    | OutageEnded
    | CancelRequested
    | LeftRunning
)
Observer = Callable[[Update], object]


class RunOutcome(NamedTuple):
    """How a run stands when the work on it is over, whatever ended that work.

    ``run`` is the run as it was last seen and ``elapsed`` the seconds since it is known.
    ``has_actions`` says that the service knows the actions of a run;
    ``prepared`` is the request as it was compiled and ``result`` how the run ended, if it did.
    ``waits`` is false for a run that is started and left to itself. ``may_exist`` says that the
    response to the request that creates the run was lost, or cut short. ``cancellation`` is what
    became of the request to cancel it, if anybody wanted it cancelled. ``error`` is what ended
    the work early: an error of this package, a signal, or a defect.
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

    @property
    def may_need_cancel(self) -> bool:
        """Tell whether there may be a run that was to be cancelled, and still could be."""
        if self.error is None or (self.run is not None and self.run.state.ended):
            return False
        match self.cancellation:
            case CancelRequested():
                return False
            case LeftRunning(error=error):
                return not isinstance(error, CancelUnsupported | None)
        # An error of this package ends the work and leaves the run as it is.
        if isinstance(self.error, DataformError):
            return False
        # Without a compilation of its own, nobody could find a run whose id is not known.
        compiled = self.prepared is not None and self.prepared.compilation is not None
        return self.run is not None or (self.may_exist and compiled)
