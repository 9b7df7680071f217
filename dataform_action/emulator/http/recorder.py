"""Which requests the emulator received, and waiting for them."""

import threading
from collections.abc import Callable
from typing import TypeVar

from dataform_action.emulator.http.request import Request

T = TypeVar("T")


class Recorder:
    """The requests to the emulated APIs, in order of arrival."""

    def __init__(self) -> None:
        """Start without requests."""
        self._changed = threading.Condition()
        self._requests: list[Request] = []

    @property
    def requests(self) -> list[Request]:
        """The requests so far."""
        with self._changed:
            return list(self._requests)

    @property
    def connections(self) -> int:
        """How many TCP connections sent them."""
        return len({request.connection for request in self.requests})

    def record(self, request: Request) -> None:
        """Keep a request, and notify the threads that wait."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def notify(self) -> None:
        """Notify the threads that wait: a request was processed."""
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], T], seconds: float) -> T:
        """Return the value of ``condition`` as soon as it is true; raise TimeoutError if never.

        The condition is checked once at the start, and after each step of each request.
        """
        with self._changed:
            value = self._changed.wait_for(condition, seconds)
            if value:
                return value
            seen = ", ".join(f"{request.method} {request.path}" for request in self._requests)
        raise TimeoutError(f"Not so within {seconds:g} s; requests so far: {seen or 'none'}")
