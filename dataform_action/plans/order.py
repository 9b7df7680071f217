"""Work on several threads, in the order of the dependencies."""

from __future__ import annotations

import heapq
import queue
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Generic, NamedTuple, TypeVar

from dataform_action.errors import NotConnected
from dataform_action.events import Observer, Update

K = TypeVar("K")
C = TypeVar("C")
V = TypeVar("V")

#: How long to wait for a result until ``on_wait`` is called, in seconds.
TICK = 1.0


class _Reported(NamedTuple):
    """An update that a thread sends."""

    update: Update


class _Workers(Generic[K, C, V]):
    """Threads that do work until they are stopped. Each has a context of its own."""

    def __init__(self, work: Callable[[K, C], V], make_context: Callable[[Observer], C]) -> None:
        self._work = work
        self._make_context = make_context
        #: A key to work on; None ends a thread.
        self.tasks: queue.SimpleQueue[tuple[K] | None] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[tuple[K, V] | BaseException | _Reported] = queue.SimpleQueue()
        self.count = 0

    def start(self, count: int) -> None:
        """Start threads, at least one of ``count``."""
        for number in range(count):
            thread = threading.Thread(target=self._run, name=f"dataform-plan-{number}", daemon=True)
            try:
                thread.start()
            except (RuntimeError, OSError, MemoryError) as error:
                if number == 0:
                    raise NotConnected(f"Cannot start a thread for a request: {error}") from error
                return
            self.count += 1

    def stop(self) -> None:
        """Let the threads end after their present work."""
        for _ in range(self.count):
            self.tasks.put(None)

    def _run(self) -> None:
        try:
            context = self._make_context(lambda update: self.done.put(_Reported(update)))
            while (task := self.tasks.get()) is not None:
                self.done.put((task[0], self._work(task[0], context)))
        except BaseException as error:  # Raised again on the caller's thread.
            self.done.put(error)


def work_in_order(
    dependencies: Mapping[K, Collection[K]],
    work: Callable[[K, C], V],
    *,
    make_context: Callable[[Observer], C],
    on_done: Callable[[K, V], object],
    on_update: Observer,
    threads: int,
    on_wait: Callable[[], object] = lambda: None,
) -> None:
    """Call ``work`` with each key, as soon as it was called with the dependencies of the key.

    ``on_done`` is called on this thread with each result, before the work that depends on it
    starts. Dependencies that are no keys are ignored. Keys that depend on themselves are left out.
    ``make_context`` makes the second argument of ``work`` for each thread. What it sends to its own
    argument is sent to ``on_update`` on this thread. ``on_wait`` is called each second without a
    result, and may raise.

    The first error of ``work`` is raised at once. Threads that still work then are daemons: they
    end after their present work. A signal handler can interrupt the wait.
    """
    order = {key: number for number, key in enumerate(dependencies)}
    waits = {key: {one for one in dependencies[key] if one in order} for key in dependencies}
    dependents: dict[K, list[K]] = {key: [] for key in dependencies}
    for key, upstreams in waits.items():
        for upstream in upstreams:
            dependents[upstream].append(key)
    keys = list(dependencies)
    ready = [order[key] for key in keys if not waits[key]]
    workers = _Workers(work, make_context)
    try:
        workers.start(min(threads, len(keys)))
        running = 0
        while ready or running:
            while ready and running < workers.count:
                workers.tasks.put((keys[heapq.heappop(ready)],))
                running += 1
            try:
                found = workers.done.get(timeout=TICK)
            except queue.Empty:
                on_wait()
                continue
            if isinstance(found, BaseException):
                raise found
            if isinstance(found, _Reported):
                on_update(found.update)
                continue
            running -= 1
            on_done(*found)
            for dependent in dependents[found[0]]:
                waits[dependent].discard(found[0])
                if not waits[dependent]:
                    heapq.heappush(ready, order[dependent])
    finally:
        workers.stop()
