"""The faults that a test injects, and which request gets which fault."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

from dataform_action.emulator.http.endpoint import Operation

FaultKind = Literal[
    "status",
    "reset",
    "close",
    "short",
    "cut-json",
    "html",
    "json",
    "hang",
    "drip",
    "huge",
    "redirect",
]
FaultTarget = Operation | Literal["any"]

_KINDS: tuple[str, ...] = get_args(FaultKind)
_TARGETS: tuple[str, ...] = (*get_args(Operation), "any")
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_LONGEST_SECONDS = 86_400.0
_LARGEST_SIZE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break responses, and which ones it breaks.

    kind:
        ``status``: an error status. ``reset``: the connection is reset. ``close``: it is closed
        without a response. ``short``: it is closed in the middle of the body. ``cut-json``: half of
        the JSON text, with the right length. ``html``: an HTML page. ``json``: the JSON text of
        ``body``. ``hang``: the correct response, after ``seconds``. ``drip``: a byte every 50 ms
        for ``seconds``, never the whole body. ``huge``: a body of ``size`` bytes, JSON and then
        spaces. ``redirect``: a redirect to the ``Location`` in ``headers``.
    on: the operation that it affects.
    times: how many responses it breaks; None: all of them.
    after: how many matching requests come before it, even if another fault affects them.
    status: the HTTP status; None: 503 for ``status``, 302 for ``redirect``, 200 for the others.
    headers: header fields to add.
    body: the text of the body; None: the default of the kind.
    seconds: how long ``hang`` and ``drip`` take.
    size: the length of ``huge``, in bytes.
    processed: whether the request is processed before its response is broken. A ``hang`` that is
        not processed is processed when it ends, if the client is still connected.

    Raise ValueError for an invalid field.
    """

    kind: FaultKind
    on: FaultTarget = "any"
    times: int | None = 1
    after: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    seconds: float = 30.0
    size: int = 10_000_000
    processed: bool = False

    def __post_init__(self) -> None:
        """Check all fields: faults can also come over HTTP."""
        for name, (is_valid, wanted) in _CHECKS.items():
            value = getattr(self, name)
            if not is_valid(value):
                raise ValueError(f"Fault: {name} must be {wanted}, not {value!r}")
        if self.kind == "redirect" and "location" not in map(str.lower, self.headers):
            raise ValueError("Fault: redirect needs a Location in headers")


def _is_whole(value: object, low: int, high: int = _LARGEST_SIZE) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_duration(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value <= _LONGEST_SECONDS  # type: ignore[operator]


def _are_headers(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str)
        and isinstance(text, str)
        and _FIELD_NAME.fullmatch(name) is not None
        and _FIELD_VALUE.fullmatch(text) is not None
        for name, text in value.items()
    )


_Check = tuple[Callable[[object], bool], str]
_CHECKS: Mapping[str, _Check] = MappingProxyType(
    {
        "kind": (lambda value: value in _KINDS, f"one of {', '.join(_KINDS)}"),
        "on": (lambda value: value in _TARGETS, f"one of {', '.join(_TARGETS)}"),
        "times": (
            lambda value: value is None or _is_whole(value, 1),
            "a whole number from 1, or null for no limit",
        ),
        "after": (lambda value: _is_whole(value, 0), "a whole number from 0"),
        "status": (
            lambda value: value is None or _is_whole(value, 200, 599),
            "a status from 200 to 599",
        ),
        "headers": (_are_headers, "an object of header names and values"),
        "body": (lambda value: value is None or isinstance(value, str), "a string"),
        "seconds": (_is_duration, f"a number from 0 to {_LONGEST_SECONDS:g}"),
        "size": (lambda value: _is_whole(value, 0), f"a whole number from 0 to {_LARGEST_SIZE}"),
        "processed": (lambda value: isinstance(value, bool), "true or false"),
    }
)


def parse_fault(data: Mapping[str, Any]) -> Fault:
    """Parse a fault from the JSON object of its fields; raise ValueError for an invalid one."""
    known = [entry.name for entry in fields(Fault)]
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"Fault: unknown {', '.join(unknown)}. Known fields: {', '.join(known)}")
    if "kind" not in data:
        raise ValueError(f"Fault: kind is missing. It must be one of {', '.join(_KINDS)}")
    return Fault(**data)


@dataclass(slots=True)
class _QueuedFault:
    """A fault, the number of matching requests, and how many of them it was applied to."""

    fault: Fault
    seen: int = 0
    applied: int = 0

    def is_due(self) -> bool:
        """Return whether the fault applies to the last matching request."""
        times = self.fault.times
        return self.seen > self.fault.after and (times is None or self.applied < times)


class FaultQueue:
    """The faults in the order in which they were added."""

    def __init__(self) -> None:
        """Start without faults."""
        self._lock = threading.Lock()
        self._queue: list[_QueuedFault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault after the others."""
        with self._lock:
            self._queue.append(_QueuedFault(fault))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._queue.clear()

    def take(self, operation: Operation) -> Fault | None:
        """Return the first fault that is due for a request; all matching faults count it."""
        with self._lock:
            matching = [queued for queued in self._queue if queued.fault.on in ("any", operation)]
            for queued in matching:
                queued.seen += 1
            due = next(filter(_QueuedFault.is_due, matching), None)
            if due is None:
                return None
            due.applied += 1
            return due.fault
