"""A time limit for work of any kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from dataform_action.errors import NotConnected

T = TypeVar("T")

_NO_THREAD_HINT = (
    "This machine or container has no free processes, threads or memory. Run fewer jobs on it at "
    "the same time, or raise its limits (Docker's --pids-limit, ulimit -u)."
)


class Late(Exception):
    """The work took too long. It may continue in the background."""


def in_time(seconds: float, work: Callable[[], T], *, name: str) -> T:
    """Run ``work`` on a new thread called ``name``, and wait for it for at most ``seconds``.

    A socket timeout limits one read, not a whole response, and no timeout limits a name lookup.
    The wait for a thread has a limit, and a signal handler can interrupt it.

    Raises:
        Late: the time is up.
        NotConnected: no thread could be started, so ``work`` did not start.
    """
    returned: list[T] = []
    raised: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            returned.append(work())
        except BaseException as error:  # Raised again on the caller's thread.
            raised.append(error)
        done.set()

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except (RuntimeError, OSError, MemoryError) as error:
        text = f"Cannot start a thread for a request: {error}"
        raise NotConnected(text, hint=_NO_THREAD_HINT) from error
    if not done.wait(seconds):
        raise Late
    if raised:
        # The error refers to this function: a cycle would keep the values of both in memory.
        raise raised.pop()
    return returned[0]
