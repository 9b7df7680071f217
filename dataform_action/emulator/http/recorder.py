"""Record the requests that the emulator receives, and wait for them."""

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
        self._sent_bytes = 0

    @property
    def sent_bytes(self) -> int:
        """The length of the bodies of all responses that no fault replaced, as they were sent."""
        with self._changed:
            return self._sent_bytes

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
        """Record a request, and notify the waiting threads."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def notify(self, sent_bytes: int) -> None:
        """Notify the waiting threads that a request was processed, with a body of this length."""
        with self._changed:
            self._sent_bytes += sent_bytes
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], T], seconds: float) -> T:
        """Return the value of ``condition`` once it is true; raise TimeoutError if it stays false.

        It is checked at the start, when a request arrives, and after a request is processed.
        """
        with self._changed:
            value = self._changed.wait_for(condition, seconds)
            if value:
                return value
            seen = ", ".join(f"{request.method} {request.path}" for request in self._requests)
        raise TimeoutError(f"Still false after {seconds:g} s. Requests: {seen or 'none'}")
