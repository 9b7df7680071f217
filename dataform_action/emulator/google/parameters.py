"""The parameters of requests: resource names, query parameters, pages, requested fields.

https://cloud.google.com/apis/docs/system-parameters
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl

from dataform_action.emulator.google.errors import ApiError, bad_request
from dataform_action.emulator.google.protobuf_json import camel_case, int32

T = TypeVar("T")

PAGING = ("pageSize", "pageToken")
_SYSTEM_PARAMETERS = frozenset(
    {
        *("access_token", "alt", "bearer_token", "callback", "fields", "key", "oauth_token"),
        *("prettyPrint", "quotaUser", "uploadType", "upload_protocol", "userIp"),
    }
)
_RESOURCE_NAME = "projects/*/locations/*/repositories/*/{}/*"
_FILE_PATH = re.compile(r'\s*file_path\s*=\s*"([^"]*)"\s*')


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """The name of a repository, and the names of its resources.

    They look like ``projects/{p}/locations/{l}/repositories/{r}/{collection}/{id}``.
    """

    project: str
    location: str
    repository: str

    def __str__(self) -> str:
        """Return the resource name."""
        return f"projects/{self.project}/locations/{self.location}/repositories/{self.repository}"

    def name(self, collection: str, identifier: str) -> str:
        """Return the name of a resource in the repository."""
        return f"{self}/{collection}/{identifier}"

    def parse_id(self, value: object, collection: str) -> str:
        """Return the id in a resource name of this repository; raise ApiError for other names."""
        form = _RESOURCE_NAME.format(collection)
        match = re.fullmatch(form.replace("*", "([^/]+)"), str(value))
        if match is None:
            raise bad_request(f"Resource name '{value}' does not match {form}")
        if match[0] != self.name(collection, match[4]):
            raise ApiError("NOT_FOUND", f"'{value}' is not in repository {self}")
        return match[4]

    def not_found(self, collection: str, identifier: str) -> ApiError:
        """Make the error for a resource that does not exist."""
        return ApiError("NOT_FOUND", f"{self.name(collection, identifier)} does not exist")


def parse_query(query: str, known: Collection[str]) -> dict[str, str]:
    """Parse the parameters of a method; ignore the system parameters of all Google APIs."""
    found = {}
    for given, value in parse_qsl(query, keep_blank_values=True):
        name = camel_case(given)
        if given.startswith("$") or given in _SYSTEM_PARAMETERS:
            continue
        if name not in known:
            message = (
                f'Invalid JSON payload received. Unknown name "{given}": '
                "Cannot bind query parameter. Field could not be found in request message."
            )
            raise bad_request(message, given)
        found[name] = value
    return found


def parse_file_path(query: Mapping[str, str]) -> str | None:
    """Parse the only documented filter: ``file_path = "…"``."""
    text = query.get("filter", "")
    if not text:
        return None
    match = _FILE_PATH.fullmatch(text)
    if match is None:
        raise bad_request(f'Invalid filter {text!r}: only file_path = "..." is supported', "filter")
    return match[1]


def refuse_filter(query: Mapping[str, str]) -> None:
    """Refuse any filter: its grammar is not documented, and clients must not rely on one."""
    if query.get("filter"):
        raise bad_request("The emulator supports no filter for this list", "filter")


def parse_order(query: Mapping[str, str], known: Collection[str]) -> tuple[str, bool] | None:
    """Parse ``orderBy``: the field, and whether it descends; None if it is absent."""
    words = query.get("orderBy", "").split()
    if not words:
        return None
    if len(words) > 2 or words[0] not in known or words[1:] not in ([], ["asc"], ["desc"]):
        message = f"Invalid order_by {' '.join(words)!r}. Sortable fields: {', '.join(known)}"
        raise bad_request(message, "order_by")
    return words[0], words[1:] == ["desc"]


@dataclass(frozen=True, slots=True)
class Pager:
    """Divides lists into pages; a token is valid only for its list and its parameters."""

    default_size: int
    largest_size: int
    size_parameter: str = "pageSize"

    def page(
        self, items: Sequence[T], path: str, query: Mapping[str, str]
    ) -> tuple[Sequence[T], str]:
        """Return a page and the token of the next page, which is empty for the last page."""
        size = self._parse_size(query)
        owner = _fingerprint(path, query, (self.size_parameter, "pageToken"))
        start = _parse_token(query.get("pageToken", ""), owner)
        end = start + size
        return items[start:end], _make_token(owner, end) if end < len(items) else ""

    def _parse_size(self, query: Mapping[str, str]) -> int:
        size = int32(query.get(self.size_parameter) or "0", "page_size")
        if not isinstance(size, int) or size < 0:
            raise bad_request("The page size must not be negative", "page_size")
        return min(size or self.default_size, self.largest_size)


def _fingerprint(path: str, query: Mapping[str, str], paging: Collection[str]) -> str:
    parameters = sorted((name, value) for name, value in query.items() if name not in paging)
    return hashlib.sha256(json.dumps([path, parameters]).encode()).hexdigest()[:16]


def _make_token(owner: str, start: int) -> str:
    return base64.urlsafe_b64encode(f"{owner}/{start}".encode()).decode()


def _parse_token(token: str, owner: str) -> int:
    if not token:
        return 0
    try:
        found, _, start = base64.b64decode(token, b"-_", validate=True).decode().partition("/")
        if found == owner:
            return int(start)
    except (binascii.Error, ValueError):
        pass
    message = "The page token is invalid, or belongs to a request with other parameters"
    raise ApiError("INVALID_ARGUMENT", message)


@dataclass(slots=True)
class FieldTree:
    """The requested fields of a message, each with its own tree; an empty tree means all fields."""

    children: dict[str, "FieldTree"] = field(default_factory=dict)

    def select(self, value: Any) -> Any:  # noqa: ANN401
        """Return the requested part of a value; a message without requested fields is empty."""
        if not self.children:
            return value
        if isinstance(value, list):
            return [self.select(entry) for entry in value]
        if not isinstance(value, Mapping):
            return value
        every = self.children.get("*")
        trees = {name: self.children.get(name, every) for name in value}
        return {name: tree.select(value[name]) for name, tree in trees.items() if tree is not None}


def select_fields(query: str, response: Mapping[str, object]) -> Mapping[str, object]:
    """Return the part of a response that a query requests; raise ApiError for wrong syntax."""
    text = _given_fields(query)
    if not text:
        return response
    selected: Mapping[str, object] = _FieldsParser(text).parse().select(response)
    return selected


def refuse_fields(query: str) -> None:
    """Raise the ApiError for an unknown field, if a query has ``fields``."""
    text = _given_fields(query)
    if text:
        raise _invalid_fields(text)


def _given_fields(query: str) -> str:
    values = parse_qs(query)
    return next((values[name][0] for name in ("fields", "$fields") if name in values), "")


class _FieldsParser:
    """Parses ``a,b/c,d(e,f)``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = re.findall(r"[^,/()]+|[,/()]", text)[::-1]

    def parse(self) -> FieldTree:
        """Return the fields; raise ApiError for wrong syntax."""
        tree = FieldTree()
        try:
            self._parse_list(tree)
        except RecursionError as error:
            raise _invalid_fields(self._text) from error
        if self._tokens:
            raise _invalid_fields(self._text)
        return tree

    def _parse_list(self, tree: FieldTree) -> None:
        while True:
            branch = self._parse_name(tree)
            while self._take("/"):
                branch = self._parse_name(branch)
            if self._take("("):
                self._parse_list(branch)
                if not self._take(")"):
                    raise _invalid_fields(self._text)
            if not self._take(","):
                return

    def _parse_name(self, tree: FieldTree) -> FieldTree:
        if not self._tokens or self._tokens[-1] in ",/()":
            raise _invalid_fields(self._text)
        return tree.children.setdefault(self._tokens.pop(), FieldTree())

    def _take(self, token: str) -> bool:
        if not self._tokens or self._tokens[-1] != token:
            return False
        self._tokens.pop()
        return True


def _invalid_fields(text: str) -> ApiError:
    description = (
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{text}'."
    )
    violation = {"field": "fields", "description": description}
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    return ApiError("INVALID_ARGUMENT", "Request contains an invalid argument.", [detail])
