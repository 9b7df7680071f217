"""Earlier runs, and what they say about how long a run takes. Pure.

*Usual* is the median duration of the last ``MOST_DURATIONS`` runs that succeeded. With fewer than
``FEWEST_DURATIONS``, it is not known. A run is *slower than usual* if it took longer than each of
these runs, at least 20 % longer than usual, and at least 30 seconds longer. The first condition
leaves out durations that are not new, the others leave out small differences.
"""

from typing import NamedTuple

from dataform_action.model import Action, Run, State

FEWEST_DURATIONS = 3
MOST_DURATIONS = 10
_SLOW_FACTOR = 1.2
_SLOW_SECONDS = 30.0


class PastRun(NamedTuple):
    """An earlier run that succeeded or failed. ``commit`` is empty if it is not known."""

    run: Run
    commit: str = ""


class History(NamedTuple):
    """The earlier runs that can be compared with a run, the newest first.

    ``source`` is what they have in common, such as ``schedule nightly``. ``usual_actions`` are
    those of ``usual_run``, if they were read, and ``has_all_actions`` says whether they are all.
    """

    source: str
    runs: tuple[PastRun, ...]
    usual_actions: tuple[Action, ...] = ()
    has_all_actions: bool = False

    @property
    def durations(self) -> tuple[float, ...]:
        """Return the durations that are compared, in seconds; the newest first."""
        return tuple(seconds for _, seconds in _timed(self.runs))

    @property
    def usual(self) -> float | None:
        """Return the median duration in seconds; None if there were too few runs."""
        durations = sorted(self.durations)
        if len(durations) < FEWEST_DURATIONS:
            return None
        middle = len(durations) // 2
        return (durations[middle] + durations[-middle - 1]) / 2

    @property
    def usual_run(self) -> PastRun | None:
        """Return the newest run whose duration is nearest to the median."""
        usual = self.usual
        if usual is None:
            return None
        return min(_timed(self.runs), key=lambda timed: abs(timed[1] - usual))[0]

    def is_slow(self, seconds: float) -> bool:
        """Return whether a run that took so long was slower than usual."""
        usual = self.usual
        if usual is None or seconds <= max(self.durations):
            return False
        return seconds >= max(usual * _SLOW_FACTOR, usual + _SLOW_SECONDS)

    @property
    def last_success(self) -> PastRun | None:
        """Return the newest run that succeeded."""
        return next((past for past in self.runs if past.run.state is State.SUCCESS), None)

    @property
    def last_failures(self) -> tuple[PastRun, ...]:
        """Return the runs that failed after the last success; the newest first."""
        success = self.last_success
        return self.runs if success is None else self.runs[: self.runs.index(success)]


def _timed(runs: tuple[PastRun, ...]) -> list[tuple[PastRun, float]]:
    """Return the runs whose durations are compared, each with its duration."""
    timed = [
        (past, past.run.seconds)
        for past in runs
        if past.run.state is State.SUCCESS and past.run.seconds is not None
    ]
    return timed[:MOST_DURATIONS]
