"""Work on several threads in the order of dependencies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from dataform_action.errors import NotConnected
from dataform_action.events import Noted, Observer, Update
from dataform_action.plans import order
from dataform_action.plans.order import work_in_order


def ignore(*_: object) -> None:
    pass


#: Arguments of work that has no context and no observers.
SILENT: dict[str, Any] = {
    "make_context": lambda _observer: None,
    "on_done": ignore,
    "on_update": ignore,
}


def run(
    dependencies: Mapping[str, Collection[str]], threads: int = 4
) -> tuple[list[str], list[int]]:
    """Return the keys in the order of their results, and the contexts that the threads made."""
    contexts: list[int] = []
    done: list[str] = []
    lock = threading.Lock()

    def make(_observer: Observer) -> int:
        with lock:
            contexts.append(len(contexts))
            return contexts[-1]

    def work(key: str, context: int) -> str:
        assert context in contexts
        assert set(dependencies[key]) & dependencies.keys() <= set(done)
        return key.upper()

    def store(key: str, value: str) -> None:
        assert value == key.upper()
        assert threading.current_thread() is threading.main_thread()
        done.append(key)

    work_in_order(
        dependencies, work, **(SILENT | {"make_context": make, "on_done": store}), threads=threads
    )
    return done, contexts


def test_order_of_dependencies() -> None:
    """Work starts when the results of all dependencies are known; unknown keys are no obstacle."""
    done, contexts = run({"d": ("b", "c"), "b": ("a",), "c": ("a", "x"), "a": ()})
    assert done[0] == "a"
    assert done[-1] == "d"
    assert len(contexts) <= 4


def test_one_thread_works_in_the_given_order() -> None:
    """What can start first starts first."""
    assert run({"a": (), "b": ("a",), "c": (), "d": ()}, threads=1)[0] == ["a", "b", "c", "d"]


def test_no_work() -> None:
    """Without keys, no thread is started."""
    assert run({}) == ([], [])


def test_cycles_are_left_out() -> None:
    """Keys that depend on themselves have no results, and the others have."""
    assert run({"a": ("b",), "b": ("a",), "c": ()})[0] == ["c"]


def test_work_runs_at_the_same_time() -> None:
    """As many keys as threads are worked on at once, and no more."""
    gate = threading.Barrier(4, timeout=30)
    active: list[str] = []
    most: list[int] = []

    def work(key: str, _context: None) -> None:
        active.append(key)
        gate.wait()
        most.append(len(active))
        gate.wait()
        active.remove(key)
        gate.wait()

    keys: dict[str, tuple[str, ...]] = {str(number): () for number in range(12)}
    work_in_order(keys, work, **SILENT, threads=4)
    assert set(most) == {4}


def test_the_first_error_ends_the_work() -> None:
    """An error is raised while other threads still work, and nothing else is started."""
    started: list[str] = []
    release = threading.Event()

    def work(key: str, _context: None) -> None:
        started.append(key)
        if key == "bad":
            raise LookupError(key)
        release.wait(30)

    keys: dict[str, tuple[str, ...]] = {"slow": (), "bad": (), "never": ()}
    with pytest.raises(LookupError, match="bad"):
        work_in_order(
            keys,
            work,
            make_context=lambda _observer: None,
            on_done=ignore,
            on_update=ignore,
            threads=2,
        )
    assert "never" not in started
    release.set()


def test_an_error_of_the_context() -> None:
    """If a thread cannot begin, that is an error of the work."""

    def make(_observer: Observer) -> None:
        raise LookupError("no context")

    with pytest.raises(LookupError, match="no context"):
        work_in_order(
            {"a": ()},
            lambda *_: None,
            make_context=make,
            on_done=ignore,
            on_update=ignore,
            threads=2,
        )


def test_a_signal_ends_the_wait() -> None:
    """A signal handler that raises ends the wait at once, although a thread still works."""
    noticed, release = threading.Event(), threading.Event()

    def work(_key: str, _context: None) -> None:
        # A signal between two instructions of the other thread does not end its wait.
        while not noticed.wait(0.1):
            os.kill(os.getpid(), signal.SIGUSR1)
        release.wait(30)

    class Interrupted(Exception):
        pass

    def handler(*_: object) -> None:
        if not noticed.is_set():
            noticed.set()
            raise Interrupted

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(Interrupted):
            work_in_order(
                {"a": ()},
                work,
                make_context=lambda _observer: None,
                on_done=ignore,
                on_update=ignore,
                threads=1,
            )
        threads = [thread for thread in threading.enumerate() if "plan" in thread.name]
        assert threads
        assert all(thread.daemon for thread in threads)
    finally:
        signal.signal(signal.SIGUSR1, before)
        release.set()


def test_machines_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread is enough; without any, the error says so."""
    start = threading.Thread.start
    left = [1]

    def scarce(self: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(self)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    assert run({"a": (), "b": ()})[0] == ["a", "b"]
    with pytest.raises(NotConnected, match="Cannot start a thread"):
        run({"a": (), "b": ()})


def test_updates_of_threads() -> None:
    """What a thread reports is sent on the thread of the caller."""
    found: list[tuple[Update, threading.Thread]] = []

    def work(key: str, observer: Observer) -> None:
        observer(Noted(key))

    work_in_order(
        {"a": (), "b": ("a",)},
        work,
        make_context=lambda observer: observer,
        on_done=ignore,
        on_update=lambda update: found.append((update, threading.current_thread())),
        threads=2,
    )
    main = threading.main_thread()
    assert found == [(Noted("a"), main), (Noted("b"), main)]


def test_work_that_hangs_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """While there is no result, the caller can end the wait."""
    monkeypatch.setattr(order, "TICK", 0.01)
    over = threading.Event()
    ticks: list[int] = []

    def watch() -> None:
        ticks.append(len(ticks))
        if len(ticks) == 3:
            raise TimeoutError

    try:
        with pytest.raises(TimeoutError):
            work_in_order(
                {"a": ()}, lambda _key, _context: over.wait(60), threads=1, on_wait=watch, **SILENT
            )
    finally:
        over.set()
    assert ticks == [0, 1, 2]
