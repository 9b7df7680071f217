"""Signal handlers for a block of code in a process of Airflow or Luigi."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def handled_by(handler: Callable[[int, FrameType | None], object], *names: int) -> Iterator[None]:
    """Handle signals in the block; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.signal(name, handler) for name in names}
    try:
        yield
    finally:
        for name, previous in before.items():
            signal.signal(name, previous)


@contextmanager
def delayed(*names: int) -> Iterator[None]:
    """Delay signals until the end of the block, so that the id of a new run is not lost."""
    arrived: list[int] = []
    try:
        with handled_by(lambda number, _frame: arrived.append(number), *names):
            yield
    finally:
        for number in arrived:
            signal.raise_signal(number)
