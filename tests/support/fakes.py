"""Small classes that replace the service and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from dataform_action.clock import Retry, once
from dataform_action.errors import DataformError
from dataform_action.history import History
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    Prepared,
    Rerun,
    Result,
    Run,
    RunRequest,
    State,
)

LOG_URL = "https://app.dataform.co/#/1234/run/77"

#: A step of a scripted call: return a status, raise, or call a function.
Step = str | BaseException | Callable[[], str]
#: A step of a call that returns actions.
ActionsStep = tuple[Action, ...] | BaseException | Callable[[], tuple[Action, ...]]

_STATES = {
    "RUNNING": State.RUNNING,
    "SUCCESSFUL": State.SUCCESS,
    "FAILED": State.FAILURE,
    "CANCELLED": State.CANCELLED,
    "TIMED_OUT": State.TIMED_OUT,
}


def make_run(status: str = "", run_id: str = "77", log_url: str = LOG_URL, **more: object) -> Run:
    state = _STATES.get(status, State.RUNNING)
    return Run(id=run_id, state=state, status=status, log_url=log_url, **more)  # type: ignore[arg-type]


def make_action(name: str, state: ActionState = ActionState.SUCCEEDED, **more: object) -> Action:
    return Action(name=name, state=state, **more)  # type: ignore[arg-type]


class FakeClock:
    """A clock that only ``sleep`` advances."""

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
    """A service that follows scripts. The last step of a script repeats forever."""

    clock: FakeClock
    polls: Iterable[Step] = ("RUNNING", "RUNNING", "SUCCESSFUL")
    creates: Iterable[Step] = ("",)
    #: The status of the run after a cancel, or empty if it is unknown.
    cancels: Iterable[Step] = ("",)
    #: The name of the compilation, or empty if nothing is compiled.
    prepares: Iterable[Step] = ("",)
    #: The id of the run that is found, or empty if there is none.
    finds: Iterable[Step] = ("",)
    promotes: Iterable[Step] = ("",)
    #: The name of the compilation from which something is run again.
    reruns: Iterable[Step] = ("c/1",)
    queries: Iterable[ActionsStep] = ((),)
    #: The actions with their details, or empty if they do not change.
    details_of: Iterable[ActionsStep] = ((),)
    #: The compilation of the run, which ``details`` returns.
    compilation: Compilation | None = None
    #: The earlier runs, the actions of a usual one with whether they are all, and a commit.
    histories: Iterable[object] = (None,)
    past_queries: Iterable[object] = (((), False),)
    commits: Iterable[Step] = ("",)
    has_actions: bool = False
    can_find_runs: bool = True
    can_promote: bool = True
    can_rerun: bool = True
    #: The duration of each kind of call, in seconds.
    seconds: Mapping[str, float] = field(default_factory=dict)
    #: The calls with their times, such as ``("get", 1001.0)``.
    calls: list[tuple[str, float]] = field(default_factory=list)
    requests: list[RunRequest] = field(default_factory=list)
    #: The arguments of ``start`` and ``promote``, in order.
    prepared: list[Prepared] = field(default_factory=list)
    #: The arguments of ``find``.
    found: list[str] = field(default_factory=list)
    #: The runs that ``find`` must not return, for each call.
    known: list[frozenset[str]] = field(default_factory=list)
    #: The number of create requests that had a response.
    created: int = 0
    name: str = "Fake"

    def __post_init__(self) -> None:
        self._scripts: dict[str, list[object]] = {
            "prepare": list(self.prepares),
            "start": list(self.creates),
            "find": list(self.finds),
            "get": list(self.polls),
            "cancel": list(self.cancels),
            "actions": list(self.queries),
            "details": list(self.details_of),
            "promote": list(self.promotes),
            "prepare_rerun": list(self.reruns),
            "past_runs": list(self.histories),
            "past_actions": list(self.past_queries),
            "past_commit": list(self.commits),
        }

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:
        self.requests.append(request)
        name = retry(lambda: self._follow("prepare") or None)
        compilation = Compilation(name=name) if name else None
        return Prepared(request=request, body={}, compilation=compilation)

    def prepare_rerun(
        self, request: RunRequest, result: Result, earlier: Prepared | None, retry: Retry = once
    ) -> Prepared:
        name = retry(lambda: self._follow("prepare_rerun"))
        rerun = Rerun(result.run, result.unfinished_actions, frozenset({result.run.id}))
        compilation = Compilation(name=name, commit="abc1234")
        notes = ("Resumed.",) if earlier is None else ()
        return Prepared(request=request, body={}, compilation=compilation, rerun=rerun, notes=notes)

    def start(self, prepared: Prepared) -> Run:
        """Create run 77, then 78, and so on."""
        self.prepared.append(prepared)
        self._follow("start")
        self.created += 1
        return self.describe(str(76 + self.created))

    def find(
        self,
        compilation_result: str,
        retry: Retry = once,
        known_runs: frozenset[str] = frozenset(),
    ) -> Run | None:
        self.found.append(compilation_result)
        self.known.append(known_runs)
        found = retry(lambda: self._follow("find"))
        return self.describe(found) if found else None

    def describe(self, run_id: str) -> Run:
        return make_run(run_id=run_id)

    def get(self, run: Run) -> Run:
        return make_run(self._follow("get"), run.id, run.log_url)

    def cancel(self, run: Run) -> Run:
        status = self._follow("cancel")
        return make_run(status, run.id, run.log_url) if status else run

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:
        return retry(lambda: self._follow_actions("actions"))

    def details(
        self, run: Run, actions: tuple[Action, ...], retry: Retry = once
    ) -> tuple[tuple[Action, ...], Compilation | None]:
        return retry(lambda: self._follow_actions("details")) or actions, self.compilation

    def promote(self, prepared: Prepared) -> None:
        self.prepared.append(prepared)
        self._follow("promote")

    def past_runs(self, run: Run) -> History | None:
        history = self._next("past_runs")
        assert history is None or isinstance(history, History)
        return history

    def past_actions(self, run: Run) -> tuple[tuple[Action, ...], bool]:
        actions: tuple[tuple[Action, ...], bool] = self._next("past_actions")  # type: ignore[assignment]
        return actions

    def past_commit(self, run: Run) -> str:
        return self._follow("past_commit")

    @property
    def called(self) -> list[str]:
        """Return the kinds of the calls, in order."""
        return [name for name, _ in self.calls]

    def times(self, name: str) -> list[float]:
        """Return the times of a call in seconds since the first call of any kind."""
        return [moment - self.calls[0][1] for called, moment in self.calls if called == name]

    def _follow(self, name: str) -> str:
        step = self._next(name)
        assert isinstance(step, str)
        return step

    def _follow_actions(self, name: str) -> tuple[Action, ...]:
        step = self._next(name)
        assert isinstance(step, tuple)
        return step

    def _next(self, name: str) -> object:
        self.calls.append((name, self.clock.now()))
        script = self._scripts[name]
        self.clock.time += self.seconds.get(name, 0.0)
        step = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(step, BaseException):
            raise step
        return step() if callable(step) else step


class Recorder:
    """An observer that records every update with its time."""

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
    """Raised by the host at any time, as a signal handler does."""


class Broken(DataformError):
    """An error of the package that no service raises."""
