"""The faults that a test orders: what they are, and which request gets which."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

from dataform_action.emulator.http.messages import Operation

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
    """One way to spoil answers, and which ones.

    kind:
        ``status``: an error status. ``reset``: the connection is reset. ``close``: it is closed
        without a byte. ``short``: closed in the middle of the body. ``cut-json``: half of the JSON
        text, with the right length. ``html``: a page. ``json``: the JSON text of ``body``.
        ``hang``: the proper answer, after ``seconds``. ``drip``: a byte every now and then for
        ``seconds``, never the whole. ``huge``: a body of ``size`` bytes, JSON with blanks behind.
        ``redirect``: to the ``Location`` in ``headers``.
    on: the operation that it spoils.
    times: how many answers it spoils; None: all of them.
    after: how many matching requests pass before, whether or not another fault spoils those.
    status: the HTTP status; None: 503 for ``status``, 302 for ``redirect``, 200 for the others.
    headers: header fields to add.
    body: the text of the body; None: one that suits the kind.
    seconds: how long ``hang`` and ``drip`` take.
    size: the length of ``huge``, in bytes.
    processed: whether the request is carried out before its answer is spoiled. A ``hang`` that is
        not processed is carried out when it ends, if the client is still there.

    Raise ValueError for a field that makes no sense.
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
        """Check every field: faults also come over HTTP."""
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
            "a whole number from 1, or null for ever",
        ),
        "after": (lambda value: _is_whole(value, 0), "a whole number from 0"),
        "status": (
            lambda value: value is None or _is_whole(value, 200, 599),
            "a status from 200 to 599",
        ),
        "headers": (_are_headers, "an object of header names and values"),
        "body": (lambda value: value is None or isinstance(value, str), "a text"),
        "seconds": (_is_duration, f"a number from 0 to {_LONGEST_SECONDS:g}"),
        "size": (lambda value: _is_whole(value, 0), f"a whole number from 0 to {_LARGEST_SIZE}"),
        "processed": (lambda value: isinstance(value, bool), "true or false"),
    }
)


def parse_fault(data: Mapping[str, Any]) -> Fault:
    """Read a fault from the JSON object of its fields; raise ValueError with what is wrong."""
    known = [entry.name for entry in fields(Fault)]
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"Fault: unknown {', '.join(unknown)}; known are {', '.join(known)}")
    if "kind" not in data:
        raise ValueError(f"Fault: kind is missing; it is one of {', '.join(_KINDS)}")
    return Fault(**data)


@dataclass(slots=True)
class _Order:
    """A fault with its own counts: matching requests seen, answers spoiled."""

    fault: Fault
    seen: int = 0
    spoiled: int = 0

    def is_due(self) -> bool:
        """Tell whether the fault would spoil the request that was just seen."""
        times = self.fault.times
        return self.seen > self.fault.after and (times is None or self.spoiled < times)


class FaultQueue:
    """The faults in order of adding."""

    def __init__(self) -> None:
        """Start without faults."""
        self._lock = threading.Lock()
        self._orders: list[_Order] = []

    def add(self, fault: Fault) -> None:
        """Put a fault behind those that were added before."""
        with self._lock:
            self._orders.append(_Order(fault))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._orders.clear()

    def take(self, operation: Operation) -> Fault | None:
        """Return the fault for a request: the first that is due; all that match count it."""
        with self._lock:
            matching = [order for order in self._orders if order.fault.on in ("any", operation)]
            for order in matching:
                order.seen += 1
            due = next(filter(_Order.is_due, matching), None)
            if due is None:
                return None
            due.spoiled += 1
            return due.fault
