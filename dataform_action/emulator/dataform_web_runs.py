"""The runs of Dataform Web: a schedule starts them, and they advance through its statuses."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType

from dataform_action.emulator.clock import Pace

NOT_FOUND = "NOT_FOUND"
"""The status of a run that exists in the list, but that a GET does not find."""

_FIRST_ID = 1029591293203


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run proceeds: its statuses in order; the run keeps the last one.

    A GET never finds a run without statuses. ``seconds`` is how long the run takes by the clock;
    None: the emulator's ``run_seconds``.
    """

    statuses: tuple[str, ...]
    seconds: float | None = None


def ending_in(status: str) -> Outcome:
    """Make the outcome of a run that runs for two polls, and then has this final status."""
    return Outcome(("RUNNING", "RUNNING", status))


DEFAULT_SCHEDULES: Mapping[str, Outcome] = MappingProxyType(
    {
        "nightly": ending_in("SUCCESSFUL"),
        "success": ending_in("SUCCESSFUL"),
        "failure": ending_in("FAILED"),
        "cancelled": ending_in("CANCELLED"),
        "timed-out": ending_in("TIMED_OUT"),
        "slow": Outcome(("RUNNING",) * 30 + ("SUCCESSFUL",), seconds=600),
        "unknown-status": Outcome(("PAUSED",)),
        "missing": Outcome(()),
        "endless": Outcome(("RUNNING",)),
    }
)


@dataclass(frozen=True, slots=True)
class Run:
    """A snapshot of a run.

    ``polls`` counts the GETs so far; ``started`` is in seconds since the epoch.
    """

    id: str
    project_id: str
    schedule: str | None
    environment: str | None
    tags: tuple[str, ...]
    status: str
    polls: int
    started: float


class RunStore:
    """All runs, and the outcomes of the known schedules."""

    def __init__(self, schedules: Mapping[str, Outcome], pace: Pace) -> None:
        """Start without runs."""
        self._pace = pace
        self._lock = threading.Lock()
        self._outcomes = dict(schedules)
        self._ids = count(_FIRST_ID)
        self._runs: dict[str, tuple[Run, Outcome]] = {}

    def set_outcome(self, schedule: str, statuses: Sequence[str]) -> None:
        """Set the statuses of a schedule's future runs; a new name becomes a known schedule."""
        with self._lock:
            self._outcomes[schedule] = Outcome(tuple(statuses))

    def create(
        self,
        project_id: str,
        schedule: str | None,
        environment: str | None,
        tags: tuple[str, ...],
    ) -> Run:
        """Start a run; raise KeyError for an unknown schedule."""
        with self._lock:
            if schedule is None:
                outcome = self._outcomes.get("success", DEFAULT_SCHEDULES["success"])
            else:
                outcome = self._outcomes[schedule]
            run = Run(
                id=str(next(self._ids)),
                project_id=project_id,
                schedule=schedule,
                environment=environment,
                tags=tags,
                status="",
                polls=0,
                started=self._pace.clock.now(),
            )
            self._runs[run.id] = (run, outcome)
            return run

    def poll(self, project_id: str, run_id: str) -> Run:
        """Return a run, and advance it by a poll; raise KeyError if it does not exist."""
        with self._lock:
            run, outcome = self._runs[run_id]
            if run.project_id != project_id:
                raise KeyError(run_id)
            polled = replace(run, status=self._status(run, outcome, run.polls))
            self._runs[run_id] = (replace(run, polls=run.polls + 1), outcome)
        if polled.status == NOT_FOUND:
            raise KeyError(run_id)
        return polled

    def snapshot(self) -> list[Run]:
        """List the runs in order of creation, with the status of the last poll."""
        with self._lock:
            return [
                replace(run, status=self._status(run, outcome, max(run.polls - 1, 0)))
                for run, outcome in self._runs.values()
            ]

    def _status(self, run: Run, outcome: Outcome, polls: int) -> str:
        statuses = outcome.statuses or (NOT_FOUND,)
        step = self._pace.step(len(statuses), run.started, polls, outcome.seconds)
        return statuses[step]
