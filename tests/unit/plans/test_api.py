"""A plan: two compilations at the same time, and what their errors mean."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest

from dataform_action.clock import Retry, once
from dataform_action.errors import (
    DataformError,
    GaveUp,
    NoResponse,
    NotConnected,
    Refused,
    WaitTimeout,
)
from dataform_action.events import Noted, OutageEnded, OutageStarted, Update
from dataform_action.graph import CompiledGraph
from dataform_action.model import CompileError, CompileFailed, Polling
from dataform_action.plan import Column, DryRun, Plan, PlanRequest, PlanStatus, Verdict
from dataform_action.plans import order
from dataform_action.plans.api import make_plan
from tests.support.fakes import FakeClock
from tests.support.warehouses import FakeWarehouse, ok
from tests.unit.plans.support import action

HEAD, BASE = "9f2c1e7a" * 5, "41ab03d5" * 5
REQUEST = PlanRequest(head=HEAD, base=BASE, validate=False)
ERRORS = (CompileError(message="nope", file="definitions/a.sqlx"),)
FAILED = CompileFailed("1 error", errors=ERRORS, compilation_result="r/1", commit=HEAD)
REFUSED = Refused("No.", status=403)

#: What a compilation does: it returns a graph, or raises.
Step = CompiledGraph | DataformError | Callable[[], CompiledGraph]


def graph(*names: str, commit: str = "", core: str = "3.0.1", query: str = "a") -> CompiledGraph:
    """Return a compilation of some actions and a declaration."""
    actions = [action(name, query=query) for name in names]
    declaration = action("raw", kind="declaration")
    return CompiledGraph(
        commit=commit,
        core_version=core,
        files_url=f"https://github.com/o/r/blob/{commit}",
        actions=(*actions, declaration),
    )


@dataclass
class FakeSource:
    """A source with one step for each commit."""

    steps: Mapping[str, Step]
    project_id: str = "p"
    location: str = "europe-west1"
    repository: str = "shop"
    compiled: list[str] = field(default_factory=list)

    def compile(self, commit: str, request: PlanRequest, retry: Retry = once) -> CompiledGraph:
        self.compiled.append(commit)
        step = self.steps[commit]

        def perform() -> CompiledGraph:
            if isinstance(step, DataformError):
                raise step
            return step if isinstance(step, CompiledGraph) else step()

        return retry(perform)


def plan(
    head: Step,
    base: Step,
    request: PlanRequest = REQUEST,
    updates: list[Update] | None = None,
    **polling: float,
) -> Plan:
    """Make a plan without checks."""
    source = FakeSource({request.base: base, request.head: head})
    seen: list[Update] = [] if updates is None else updates
    return make_plan(
        source,
        None,
        request,
        Polling(**polling),  # type: ignore[arg-type]
        on_update=seen.append,
        clock=FakeClock(),
    )


def test_what_a_plan_says() -> None:
    """A plan has the place, both commits, what differs, and the number of actions."""
    updates: list[Update] = []
    found = plan(graph("a", "b", commit=HEAD, query="x"), graph("a", commit=BASE), updates=updates)
    assert (found.project_id, found.location, found.repository) == ("p", "europe-west1", "shop")
    assert (found.head, found.base, found.request) == (HEAD, BASE, REQUEST)
    assert [planned.change.value for planned in found.actions] == ["changed", "added"]
    assert (found.action_count, found.status, found.notes) == (2, PlanStatus.CHANGES, ())
    assert found.files_url.endswith(HEAD)
    assert updates == [
        Noted("Compiling head 9f2c1e7 and base 41ab03d"),
        Noted("Compared 2 actions: 1 added, 1 changed"),
    ]


def test_nothing_differs() -> None:
    """Two commits with the same code have no changes. Without a commit, the request names it."""
    updates: list[Update] = []
    request = PlanRequest(head="topic", base="main")
    found = plan(graph("a"), graph("a"), request, updates)
    assert (found.head, found.base, found.status) == ("topic", "main", PlanStatus.NO_CHANGES)
    assert updates[0] == Noted("Compiling head topic and base main")
    assert updates[1] == Noted("Compared 1 action: nothing differs")


def test_another_version_of_dataform_core() -> None:
    """A new version of the compiler is a note: it may explain many changes."""
    found = plan(graph("a", core="3.0.2"), graph("a", core="3.0.1"))
    assert found.notes == ("Dataform core changes from 3.0.1 to 3.0.2.",)


def test_both_commits_are_compiled_at_the_same_time() -> None:
    """Each compilation may wait until the other one has started."""
    together = threading.Barrier(2, timeout=60)

    def step() -> CompiledGraph:
        together.wait()
        return graph("a")

    assert plan(step, step).status is PlanStatus.NO_CHANGES


def test_a_commit_that_is_head_and_base() -> None:
    """The same commit is compiled once."""
    source = FakeSource({HEAD: graph("a")})
    found = make_plan(source, None, PlanRequest(head=HEAD, base=HEAD), clock=FakeClock())
    assert (found.status, source.compiled) == (PlanStatus.NO_CHANGES, [HEAD])


def test_compile_errors_of_the_head() -> None:
    """They are the result, and nothing is compared."""
    found = plan(FAILED, graph("a"))
    assert (found.status, found.errors, found.base_errors) == (
        PlanStatus.COMPILE_ERRORS,
        ERRORS,
        (),
    )
    assert (found.head, found.base, found.actions) == (HEAD, BASE, ())


@pytest.mark.parametrize(("base", "errors"), [(FAILED, ERRORS), (REFUSED, ())])
def test_compile_errors_of_the_head_whatever_the_base_is(
    base: Step, errors: tuple[CompileError, ...]
) -> None:
    """They are the result also if the base has errors as well, or cannot be compiled."""
    found = plan(FAILED, base)
    assert (found.status, found.errors, found.base_errors) == (
        PlanStatus.COMPILE_ERRORS,
        ERRORS,
        errors,
    )


def test_compile_errors_of_the_base() -> None:
    """Then nothing can be compared, but the head is known to compile."""
    found = plan(graph("a", commit=HEAD), FAILED)
    assert (found.status, found.base_errors) == (PlanStatus.NOT_COMPARABLE, ERRORS)
    assert (found.action_count, found.actions) == (1, ())


def test_a_base_that_cannot_be_compiled() -> None:
    """If the base is refused, there is no plan."""
    with pytest.raises(Refused):
        plan(graph("a"), REFUSED)


def test_a_head_that_cannot_be_compiled() -> None:
    """If the head is refused, the plan does not wait for the base."""
    over = threading.Event()

    def hang() -> CompiledGraph:
        over.wait(60)
        return graph("a")

    with pytest.raises(Refused):
        plan(REFUSED, hang)
    assert not over.is_set()
    over.set()


def test_outages_are_reported_on_the_thread_of_the_caller() -> None:
    """An observer is not called on the threads that compile."""
    steps = iter((NoResponse("lost"), NoResponse("lost")))
    threads: list[threading.Thread] = []
    updates: list[Update] = []

    def flaky() -> CompiledGraph:
        for error in steps:
            raise error
        return graph("a")

    def observe(update: Update) -> None:
        updates.append(update)
        threads.append(threading.current_thread())

    source = FakeSource({HEAD: flaky, BASE: graph("a")})
    found = make_plan(source, None, REQUEST, on_update=observe, clock=FakeClock())
    assert found.status is PlanStatus.NO_CHANGES
    assert [type(update) for update in updates] == [Noted, OutageStarted, OutageEnded, Noted]
    assert set(threads) == {threading.current_thread()}


def test_a_long_outage_ends_the_plan() -> None:
    """Without a usable response for the outage timeout, there is no plan."""
    with pytest.raises(GaveUp) as caught:
        plan(NoResponse("lost"), graph("a"), outage_timeout=30)
    assert "The plan is not complete. Nothing was changed." in caught.value.message


class Stop(Exception):
    """Raised by a signal handler."""


def test_a_signal_does_not_wait_for_a_compilation() -> None:
    """A signal handler that raises ends the plan immediately."""
    over = threading.Event()

    def hang() -> CompiledGraph:
        os.kill(os.getpid(), signal.SIGUSR1)
        over.wait(60)
        return graph("a")

    def stop(*_: object) -> None:
        raise Stop

    earlier = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Stop):
            plan(hang, graph("a"))
    finally:
        signal.signal(signal.SIGUSR1, earlier)
        over.set()


def test_no_free_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can be started, the error says so."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(NotConnected, match="can't start new thread"):
        plan(graph("a"), graph("a"))


def test_a_plan_with_a_check() -> None:
    """With a warehouse, the SQL is checked, unless the request says otherwise."""
    for validates, verdict in ((True, Verdict.ACCEPTED), (False, None)):
        request = replace(REQUEST, validate=validates)
        source = FakeSource({BASE: graph(), HEAD: graph("x", query="SELECT x")})
        warehouse = FakeWarehouse({"SELECT x": ok()})
        (planned,) = make_plan(source, warehouse, request).actions
        assert planned.verdict is verdict


def test_the_observer_is_optional() -> None:
    """All but the source and the request have defaults."""
    source = FakeSource({HEAD: graph("a"), BASE: graph("a")})
    assert make_plan(source, None, REQUEST).status is PlanStatus.NO_CHANGES


def test_another_default_location() -> None:
    """Every table would be made elsewhere, so all of them are changed."""
    base = graph("a", "b")
    found = plan(replace(base, location="US"), base)
    assert [one.aspects for one in found.actions] == [("options",), ("options",)]
    assert "defaultLocation: US" in found.actions[0].diff
    assert found.has_changes


def test_the_timeout_is_that_of_the_whole_plan() -> None:
    """The check has only the rest of the time, and the message names the whole timeout."""
    clock = FakeClock()
    started = clock.now()

    def compile_slowly() -> CompiledGraph:
        clock.sleep(50)
        return graph("a", query="SELECT 1 AS b")

    def fail() -> DryRun:
        raise NoResponse("lost")

    class Silent:
        def dry_run(self, sql: str, location: str, retry: Retry = once) -> DryRun:
            return retry(fail)

        def columns(self, table: str, retry: Retry = once) -> tuple[Column, ...] | None:
            return None

    source = FakeSource({HEAD: compile_slowly, BASE: graph("a")})
    request = replace(REQUEST, validate=True)
    with pytest.raises(WaitTimeout, match=r"The timeout of 1m has passed\. Last error: lost"):
        make_plan(source, Silent(), request, Polling(timeout=60), clock=clock)
    assert clock.now() == started + 60


def test_a_request_that_never_ends_does_not_delay_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plan ends soon after its timeout, whatever a request waits for."""
    monkeypatch.setattr(order, "TICK", 0.01)
    clock, over = FakeClock(), threading.Event()

    def hang() -> CompiledGraph:
        clock.sleep(62)
        over.wait(60)
        return graph("a")

    try:
        with pytest.raises(
            WaitTimeout, match=r"Nothing was changed\. The timeout of 1m has passed"
        ):
            make_plan(
                FakeSource({HEAD: hang, BASE: graph("a")}),
                None,
                REQUEST,
                Polling(timeout=60),
                clock=clock,
            )
    finally:
        over.set()
