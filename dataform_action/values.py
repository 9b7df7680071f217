"""The base class of the vocabulary's values. Pure."""

from __future__ import annotations

from datetime import datetime


class Value:
    """Base of values that compare by their fields and show them.

    ``dataclass`` would compile these methods for each class, which takes a millisecond per start.
    """

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._items())
        return f"{type(self).__name__}({fields})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._items() == other._items()

    def __hash__(self) -> int:
        return hash(self._items())

    def _items(self) -> tuple[tuple[str, object], ...]:
        return tuple((name, getattr(self, name)) for name in self.__slots__)


def seconds_between(started: datetime | None, finished: datetime | None) -> float | None:
    """Return the time between two times in seconds, at least 0; None if one is None."""
    if started is None or finished is None:
        return None
    return max(0.0, (finished - started).total_seconds())
