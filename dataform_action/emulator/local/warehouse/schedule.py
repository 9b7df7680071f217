"""The order in which threads run the actions of an invocation."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dataform_action.emulator.clock import Clock
from dataform_action.emulator.graph.compiled_graph import Action
from dataform_action.emulator.graph.targets import Target

T = TypeVar("T")

_ACTIVE = ("PENDING", "RUNNING")


@dataclass(slots=True)
class Progress:
    """How far one action is, with times in seconds since 1970."""

    action: Action
    state: str = "PENDING"
    reason: str = ""
    sql: str = ""
    job: str = ""
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended: why it failed (empty: it succeeded), and the times of its job."""

    reason: str = ""
    started: float | None = None
    ended: float | None = None


class Schedule:
    """Hands actions to threads as soon as what they depend on has succeeded."""

    def __init__(self, actions: Sequence[Action], clock: Clock) -> None:
        """Plan the actions."""
        self.cancelled = threading.Event()
        self._clock = clock
        self._changed = threading.Condition()
        self._progress = {
            action.target: Progress(action, "DISABLED" if action.disabled else "PENDING")
            for action in actions
        }
        self._threads: list[threading.Thread] = []
        self._ended: float | None = None

    def start(self, run: Callable[[Progress], Outcome], parallel: int) -> None:
        """Run the actions in threads, so many at once."""

        def work() -> None:
            while (progress := self._take()) is not None:
                self._finish(progress, run(progress))

        count = max(1, min(parallel, len(self._progress)))
        self._threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the threads, but not longer."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def ended(self) -> float | None:
        """When everything had ended."""
        return self._ended

    @property
    def state(self) -> str:
        """The state that follows from the states of the actions."""
        with self._changed:
            failed = any(progress.state == "FAILED" for progress in self._progress.values())
            active = self._ended is None
            if self.cancelled.is_set():
                return "CANCELING" if active else "CANCELLED"
            if active:
                return "RUNNING"
            return "FAILED" if failed else "SUCCEEDED"

    def view(self, show: Callable[[Progress], T]) -> list[T]:
        """Show all actions, as they are at one moment."""
        with self._changed:
            return [show(progress) for progress in self._progress.values()]

    def cancel(self) -> list[Progress]:
        """Start no more actions; return those that are running, if this was not done before."""
        with self._changed:
            if self._ended is not None or self.cancelled.is_set():
                return []
            self.cancelled.set()
            self._changed.notify_all()
            return [found for found in self._progress.values() if found.state == "RUNNING"]

    def _take(self) -> Progress | None:
        """Wait for an action that can start, and start it; None: there will be none."""
        with self._changed:
            while True:
                waiting = [one for one in self._progress.values() if one.state == "PENDING"]
                ready = next(filter(self._is_ready, waiting), None)
                if ready is not None and not self.cancelled.is_set():
                    ready.state, ready.started = "RUNNING", self._clock.now()
                    return ready
                if not any(one.state == "RUNNING" for one in self._progress.values()):
                    self._end(waiting)
                    return None
                self._changed.wait()

    def _end(self, waiting: Sequence[Progress]) -> None:
        """End the invocation; actions that still wait were cancelled, or wait for each other."""
        now = self._clock.now()
        for progress in waiting:
            progress.state = "CANCELLED" if self.cancelled.is_set() else "SKIPPED"
            if progress.state == "CANCELLED":
                progress.started = progress.ended = now
        self._ended = self._ended or now
        self._changed.notify_all()

    def _is_ready(self, progress: Progress) -> bool:
        above = (self._progress.get(target) for target in progress.action.dependencies)
        return all(one is None or one.state not in _ACTIVE for one in above)

    def _finish(self, progress: Progress, outcome: Outcome) -> None:
        with self._changed:
            if self.cancelled.is_set() and outcome.ended is None:
                progress.state = "CANCELLED"
            elif outcome.reason:
                progress.state, progress.reason = "FAILED", outcome.reason
            else:
                progress.state = "SUCCEEDED"
            progress.started = outcome.started or progress.started
            progress.ended = outcome.ended or self._clock.now()
            if progress.state == "FAILED":
                self._skip_below(progress.action.target)
            self._changed.notify_all()

    def _skip_below(self, target: Target) -> None:
        for progress in self._progress.values():
            if progress.state == "PENDING" and target in progress.action.dependencies:
                progress.state = "SKIPPED"
                self._skip_below(progress.action.target)
