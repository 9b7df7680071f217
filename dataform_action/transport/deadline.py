"""A bound on the time that work may take, whatever it waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from dataform_action.errors import NotConnected

T = TypeVar("T")

_NO_THREAD_HINT = (
    "This machine or container has no free process, thread or memory: run fewer jobs at a time on "
    "it, or raise its limit (docker's --pids-limit, ulimit -u)."
)


class Late(Exception):
    """Report that work was not done within its time. It may go on unseen."""


def in_time(seconds: float, work: Callable[[], T], *, name: str) -> T:
    """Do ``work`` on a thread of its own, called ``name``, and wait no longer than ``seconds``.

    Socket timeouts bound one read, not a whole answer, and no timeout bounds a name
    look-up; a wait for a thread is bounded, and a signal handler may cut it short.

    Raises:
        Late: the time is over.
        NotConnected: there is no free thread, so that ``work`` was not begun.
    """
    returned: list[T] = []
    raised: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            returned.append(work())
        except BaseException as error:  # Carried over to the caller's thread.
            raised.append(error)
        done.set()

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except (RuntimeError, OSError, MemoryError) as error:
        text = f"No thread can be started for a request: {error}"
        raise NotConnected(text, hint=_NO_THREAD_HINT) from error
    if not done.wait(seconds):
        raise Late
    if raised:
        raise raised[0]
    return returned[0]
