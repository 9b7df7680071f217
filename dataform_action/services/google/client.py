"""Google Cloud Dataform: requests to one repository of the v1 API, page by page if need be."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urlencode

from dataform_action.clock import Clock
from dataform_action.errors import (
    CredentialsRefused,
    InputError,
    InvalidResponse,
    NoResponse,
    Refused,
    TooLarge,
)
from dataform_action.services.base import Retry, once
from dataform_action.services.google.hints import About, Purpose, hint_for
from dataform_action.services.google.parse import parse_page_token
from dataform_action.transport.client import Transport
from dataform_action.transport.response import Json
from dataform_action.validation import is_segment

NO_SEGMENT = "may hold only letters, digits, - and _"
PAGE_SIZE = 1000
#: How long a courtesy may keep what has ended already from being told, and as long to connect.
COURTESY_SECONDS = 5.0
#: An API that ignores ``fields`` sends the whole SQL of each compiled action.
COMPILED_SIZE = 400
#: 5,000 actions are legal; a service that pages forever is not. So many entries are read, and so
#: many pages without any.
_MOST_ENTRIES = 10_000
_MOST_EMPTY_PAGES = 200
_ANYTHING = About()
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_BAD_REQUEST = 400
#: Characters of a field list that may stand in an address as they are.
_SAFE = "(),/"


class GoogleApi(NamedTuple):
    """A Dataform repository's part of the API. An answer may take ``read_seconds``.

    ``seen`` holds the repository as soon as anything in it has answered, and ``refused_fields`` the
    lists of fields that the API refused, because it does not know one of them.
    ``given_token`` tells whether the token was handed over, and so cannot be renewed here, and
    ``clock`` is the time to wait by where a caller's ``retry`` cannot wait.
    """

    project_id: str
    location: str
    repository: str
    transport: Transport
    read_seconds: float
    given_token: bool
    clock: Clock
    seen: set[str]
    refused_fields: set[str]
    retry: Retry = once
    #: What the next requests are for.
    about: About = _ANYTHING

    def with_retry(self, retry: Retry) -> "GoogleApi":
        """Return the same part of the API with another way to retry each request."""
        return self._replace(retry=retry)

    def for_(self, purpose: Purpose, *inputs: str, environment: str | None = None) -> "GoogleApi":
        """Return the same part of the API for requests that depend on some inputs."""
        return self._replace(about=About(purpose, inputs, environment or ""))

    @property
    def parent(self) -> str:
        """Return the repository's full name."""
        return (
            f"projects/{self.project_id}/locations/{self.location}/repositories/{self.repository}"
        )

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        read_seconds: float | None = None,
        creates: bool = False,
    ) -> dict[str, Json]:
        """Make one request, with a hint in what it raises. See ``Transport.send``."""
        seconds = self.read_seconds if read_seconds is None else read_seconds
        return self.retry(lambda: self.send_once(method, path, body, seconds, creates=creates))

    def send_once(
        self, method: str, path: str, body: Json, seconds: float, *, creates: bool = False
    ) -> dict[str, Json]:
        """Make one request a single time. See ``send``."""
        try:
            answer = self.transport.send(
                method, f"/v1/{path}", body, read_seconds=seconds, creates=creates
            )
        except CredentialsRefused:
            raise
        except Refused as error:
            self.with_hint(error)
            raise
        self.seen.add(self.parent)
        return answer

    def get(
        self,
        path: str,
        fields: str,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        *,
        read_seconds: float | None = None,
    ) -> dict[str, Json]:
        """Read a resource, of which only ``fields`` are needed. See ``Transport.send``.

        An API that knows one of the fields not refuses the request, and is asked for all.
        """
        return self.retry(
            lambda: self.get_once(path, fields, parameters, read_seconds=read_seconds)
        )

    def get_config(self, name: str, fields: str) -> dict[str, Json]:
        """Read a configuration by its full name. See ``Transport.send``.

        A response without that name is not it: what it leaves out would be taken for not set.
        """

        def read() -> dict[str, Json]:
            answer = self.get_once(name, fields)
            # Projects may be named by number in responses.
            if not str(answer.get("name", "")).endswith(name.split("/", 2)[2]):
                raise InvalidResponse(f"The answer is not about {name}")
            return answer

        return self.retry(read)

    def get_once(
        self,
        path: str,
        fields: str,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        *,
        read_seconds: float | None = None,
    ) -> dict[str, Json]:
        """Read a resource a single time. See ``get``."""
        seconds = self.read_seconds if read_seconds is None else read_seconds
        if fields not in self.refused_fields:
            try:
                address = _address(path, parameters, fields)
                return self.send_once("GET", address, None, seconds)
            except Refused as error:
                if error.status != _BAD_REQUEST:
                    raise
        answer = self.send_once("GET", _address(path, parameters), None, seconds)
        self.refused_fields.add(fields)
        return answer

    def with_hint(self, error: Refused) -> Refused:
        """Return a refusal with what to do about it."""
        about = self.about._replace(knows_place=bool(self.seen))
        error.hint = hint_for(error, about, given_token=self.given_token) or error.hint
        return error

    def pages(
        self, path: str, fields: str, *, size: int = PAGE_SIZE, most: int = 0, **parameters: str
    ) -> Iterator[dict[str, Json]]:
        """Yield the pages of a list, all of them or the first ``most``.

        A page has ``size`` entries, and fewer from the first on that is too large to be read.
        """
        token, pages, entries, empty = "", 0, 0, 0
        while entries < _MOST_ENTRIES and empty < _MOST_EMPTY_PAGES:
            query = parameters | ({"pageToken": token} if token else {})
            reader = _PageReader(self, path, fields, query, size)
            page = self.retry(reader)
            yield page
            size, token = reader.size, parse_page_token(page)
            found = sum(len(value) for value in page.values() if isinstance(value, list))
            pages, entries, empty = pages + 1, entries + found, empty + (not found)
            if not token or pages == most:
                return

    def full_name(self, collection: str, name: str) -> str:
        """Return the full name of a configuration.

        Raises:
            InputError: the name cannot be part of an API path.
        """
        if not is_segment(name):
            kind = "schedule" if collection == "workflowConfigs" else "environment"
            raise InputError([(kind, NO_SEGMENT)])
        return f"{self.parent}/{collection}/{quote(name, safe='')}"


class _PageReader:
    """One page of a list: a request that may be made again, for fewer entries if need be."""

    def __init__(
        self, api: GoogleApi, path: str, fields: str, query: Mapping[str, str], size: int
    ) -> None:
        self.size = size
        self._api = api
        self._path = path
        self._fields = fields
        self._query = query

    def __call__(self) -> dict[str, Json]:
        """Request the page once, and again at once while it is too large.

        Raises:
            TooLarge: a single entry is too large.
            NoResponse: without a status, the response did not arrive in time: the next request
                is for a smaller page.
        """
        while True:
            try:
                return self._read()
            except TooLarge:
                if self.size == 1:
                    raise
                self._halve()
            except NoResponse as error:
                if error.http_status is None:
                    self._halve()
                raise

    def _read(self) -> dict[str, Json]:
        query = {"pageSize": str(self.size), **self._query}
        return self._api.get_once(self._path, self._fields, query)

    def _halve(self) -> None:
        self.size = max(1, self.size // 2)


def _address(path: str, parameters: Mapping[str, str], fields: str = "") -> str:
    parts = [urlencode(parameters)] if parameters else []
    parts += [f"fields={quote(fields, safe=_SAFE)}"] if fields else []
    return "?".join(filter(None, (path, "&".join(parts))))
