"""The hidden first line by which this action finds its own comment on a pull request. Pure."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import NamedTuple

from dataform_action.validation import is_commit

#: GitHub accepts comments of 65,536 characters. This is the limit of the text below the marker.
COMMENT_LIMIT = 60_000
_VERSION = 1
_LINE = re.compile(r"<!-- dataform-action (\{.*\}) -->", re.ASCII)
_LONGEST_LINE = 5000
_LONGEST_KEY = 500
#: In JSON without other characters than ASCII, all others stand in strings only.
_UNSAFE = re.compile(r'[^A-Za-z0-9/._:,{}"\\ -]')
_RUN = re.compile(r"([0-9]{1,18})/([0-9]{1,9})", re.ASCII)


class Marker(NamedTuple):
    """What a comment is about. Equal ``job`` and ``key`` mean the same comment.

    ``job`` is the job of this action, such as ``plan``. ``key`` says what it is about. ``head`` is
    the commit, and ``run`` the id and the attempt of the workflow run that wrote it.
    """

    job: str
    key: str
    head: str
    run: tuple[int, int]

    def is_of(self, other: Marker) -> bool:
        """Tell whether both mark the same comment."""
        return (self.job, self.key) == (other.job, other.key)

    def is_later_than(self, other: Marker) -> bool:
        """Tell whether a later run has written this about the same commit."""
        return self.head == other.head and self.run > other.run


def make_key(*parts: str) -> str:
    """Return a key made of names, in their order. A very long key is replaced by its digest."""
    key = "/".join(parts)
    return key if len(key) <= _LONGEST_KEY else sha256(key.encode("utf-8", "replace")).hexdigest()


def render_marker(marker: Marker) -> str:
    """Return the line, an HTML comment, which GitHub does not show.

    Characters that could end it, or that GitHub could interpret, are escaped.
    """
    run = "/".join(map(str, marker.run))
    fields = {"v": _VERSION, "job": marker.job, "key": marker.key, "head": marker.head, "run": run}
    text = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(fields))
    return f"<!-- dataform-action {text} -->"


def parse_marker(body: str) -> Marker | None:
    """Return the marker in the first line of a comment; None if there is no valid one."""
    line = body[:_LONGEST_LINE].partition("\n")[0].rstrip("\r")
    match = _LINE.fullmatch(line)
    try:
        fields = json.loads(match[1]) if match else None
    except (ValueError, RecursionError):
        return None
    match fields:
        case {"v": 1, "job": str(job), "key": str(key), "head": str(head), "run": str(run)}:
            numbers = _RUN.fullmatch(run)
            if numbers is None or not is_commit(head):
                return None
            return Marker(job, key, head, (int(numbers[1]), int(numbers[2])))
    return None
