"""Small real classes that stand in for the service and for time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from dataform_action.errors import DataformError
from dataform_action.model import Run, RunRequest, State

LOG_URL = "https://app.dataform.co/#/1234/run/77"

#: What a scripted call does: end with a status, raise, or run some code first.
Step = str | BaseException | Callable[[], str]

_STATES = {
    "RUNNING": State.RUNNING,
    "SUCCESSFUL": State.SUCCESS,
    "FAILED": State.FAILURE,
    "CANCELLED": State.CANCELLED,
    "TIMED_OUT": State.TIMED_OUT,
}


def make_run(status: str = "", run_id: str = "77", log_url: str = LOG_URL) -> Run:
    return Run(id=run_id, state=_STATES.get(status, State.RUNNING), status=status, log_url=log_url)


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, now: float = 1000.0) -> None:
        self.time = now
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.sleeps.append(seconds)
        self.time += seconds


@dataclass
class FakeService:
    """A service that follows a script; the last step of a script repeats for ever."""

    clock: FakeClock
    polls: Iterable[Step] = ("RUNNING", "RUNNING", "SUCCESSFUL")
    creates: Iterable[Step] = ("",)
    cancels: Iterable[Step] = ("",)
    #: How long a kind of call takes, in seconds.
    seconds: Mapping[str, float] = field(default_factory=dict)
    #: What was called when, such as ``("get", 1001.0)``.
    calls: list[tuple[str, float]] = field(default_factory=list)
    requests: list[RunRequest] = field(default_factory=list)
    name = "Fake"

    def __post_init__(self) -> None:
        self._scripts = {
            "start": list(self.creates),
            "get": list(self.polls),
            "cancel": list(self.cancels),
        }

    def start(self, request: RunRequest) -> Run:
        self.requests.append(request)
        self._follow("start")
        return self.describe("77")

    def describe(self, run_id: str) -> Run:
        return make_run(run_id=run_id)

    def get(self, run: Run) -> Run:
        return make_run(self._follow("get"), run.id, run.log_url)

    def cancel(self, run: Run) -> None:
        assert run.id == "77"
        self._follow("cancel")

    def times(self, name: str) -> list[float]:
        """Return the moments of a call, counted from the first call of any kind."""
        return [moment - self.calls[0][1] for called, moment in self.calls if called == name]

    def _follow(self, name: str) -> str:
        self.calls.append((name, self.clock.now()))
        script = self._scripts[name]
        self.clock.time += self.seconds.get(name, 0.0)
        step = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, str) else step()


class Recorder:
    """An observer that keeps every update, with the moment when it came."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.updates: list[object] = []
        self.moments: list[float] = []

    def __call__(self, update: object) -> None:
        self.updates.append(update)
        self.moments.append(self._clock.now())

    def of(self, kind: type) -> list[object]:
        return [update for update in self.updates if isinstance(update, kind)]


class Killed(BaseException):
    """What a host raises in the middle of anything, like a signal's handler."""


class Broken(DataformError):
    """An error of the package's own tree that no service raises."""
