"""What happens while a run is created and waited for, as data for an observer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataform_action.errors import DataformError
from dataform_action.model import Run

if TYPE_CHECKING:
    from dataform_action.actions import Action, Compilation


@dataclass(frozen=True, slots=True)
class Created:
    """The run exists (or, when an existing one is watched, is being looked at)."""

    run: Run


@dataclass(frozen=True, slots=True)
class Compiled:
    """The project was compiled without errors."""

    compilation: Compilation


@dataclass(frozen=True, slots=True)
class Progressed:
    """The actions of the run as they stand ``elapsed`` seconds into the wait."""

    actions: tuple[Action, ...]
    elapsed: float


@dataclass(frozen=True, slots=True)
class Promoted:
    """The environment now has the compilation that the run executed."""

    compilation: Compilation


@dataclass(frozen=True, slots=True)
class Changed:
    """The run's status is not what it was ``elapsed`` seconds into the wait."""

    run: Run
    elapsed: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing happened for a while; ``outage`` is how long the API has been silent."""

    run: Run | None
    elapsed: float
    outage: float | None


@dataclass(frozen=True, slots=True)
class OutageStarted:
    """The API stopped giving usable answers; after ``limit`` seconds the wait ends."""

    error: DataformError
    limit: float


@dataclass(frozen=True, slots=True)
class OutageEnded:
    """The API answers again, after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The service took the request to cancel the run, or the run was over already."""

    run: Run


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """The run was not cancelled: it could not be, or was not to be (no ``error``)."""

    run: Run
    error: DataformError | None


Update = (
    Compiled
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
