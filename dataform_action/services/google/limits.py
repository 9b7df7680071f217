"""Google Cloud Dataform: the limits of a list that is read page by page. Pure."""

from __future__ import annotations

import sys

from dataform_action.errors import InvalidResponse
from dataform_action.transport.response import Json

#: Google allows 5,000 actions.
_MOST_ENTRIES = 10_000
_MOST_EMPTY_PAGES = 200
#: Google allows a compiled graph of 20 MB. It takes more memory when it is parsed.
_MOST_BYTES = 256 * 1024 * 1024


class ListLimit:
    """The limits of one list, so that a service can neither page forever nor fill the memory."""

    def __init__(self) -> None:
        self._entries = self._empty_pages = self._bytes = 0

    def add(self, page: dict[str, Json]) -> None:
        """Count a page, before it is used.

        Raises:
            InvalidResponse: the list exceeds a limit with this page.
        """
        found = sum(len(value) for value in page.values() if isinstance(value, list))
        self._entries += found
        self._empty_pages += not found
        if self._entries > _MOST_ENTRIES:
            raise InvalidResponse(f"The list has more than {_MOST_ENTRIES:,} entries.")
        if self._empty_pages > _MOST_EMPTY_PAGES:
            raise InvalidResponse(f"The list has more than {_MOST_EMPTY_PAGES} empty pages.")
        self._bytes += _memory_of(page)
        if self._bytes > _MOST_BYTES:
            text = f"The list takes more than {_MOST_BYTES // 2**20} MiB of memory."
            raise InvalidResponse(text)


def _memory_of(value: Json) -> int:
    """Return how many bytes of memory a JSON value takes."""
    size, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        size += sys.getsizeof(value)
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return size
