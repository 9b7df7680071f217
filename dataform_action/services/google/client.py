"""Google Cloud Dataform: requests to one repository of the v1 API. Lists are read by page."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urlencode

from dataform_action.clock import Clock, Retry, once
from dataform_action.errors import (
    CredentialsRefused,
    InputError,
    InvalidResponse,
    NoResponse,
    Refused,
    TooLarge,
)
from dataform_action.services.google.hints import Context, Purpose, hint_for
from dataform_action.services.google.limits import ListLimit
from dataform_action.services.google.parse import parse_page_token
from dataform_action.services.specs import SEGMENT_PROBLEM
from dataform_action.transport.client import Transport
from dataform_action.transport.response import Json
from dataform_action.validation import is_segment

PAGE_SIZE = 1000
#: How long an optional request may delay a report: to connect, and to read.
OPTIONAL_SECONDS = 5.0
#: The page size of compiled actions. An API that ignores ``fields`` sends the SQL of each.
COMPILED_SIZE = 400
#: The longest page with several entries, in bytes. While it is read, it is in memory several times.
_PAGE_LIMIT = 2 * 1024 * 1024
_CONSOLE_URL = "https://console.cloud.google.com/bigquery/dataform"
_NO_CONTEXT = Context()
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_BAD_REQUEST = 400
#: Characters of a field list that may stand in an address as they are.
_SAFE = "(),/"


class GoogleApi(NamedTuple):
    """The API of one Dataform repository. A response may take ``read_seconds``.

    ``clock`` provides the time if a caller's ``retry`` cannot wait. ``given_token`` says whether
    the user gave the token, so that it cannot be renewed here. ``seen`` contains the repository
    after the first successful response. ``refused_fields`` are the lists of fields that the API
    refused, because it does not know one of them.
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
    context: Context = _NO_CONTEXT
    #: Called before each request with its timeout. It returns the timeout to use, or raises.
    allow: Callable[[float], float] | None = None
    #: The longest response, in bytes; None is that of ``Transport``.
    limit: int | None = None

    def with_retry(self, retry: Retry) -> "GoogleApi":
        """Return this API with another ``retry`` for each request."""
        return self._replace(retry=retry)

    def with_context(self, purpose: Purpose, *inputs: str, environment: str = "") -> "GoogleApi":
        """Return this API for requests that have a purpose and depend on some inputs."""
        return self._replace(context=Context(purpose, inputs, environment))

    @property
    def parent(self) -> str:
        """Return the repository's full name."""
        return (
            f"projects/{self.project_id}/locations/{self.location}/repositories/{self.repository}"
        )

    def console_url(self, page: str) -> str:
        """Return the address of a page on the repository in the Google Cloud console."""
        place = f"locations/{self.location}/repositories/{self.repository}"
        return f"{_CONSOLE_URL}/{place}/{page}?{urlencode({'project': self.project_id})}"

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        read_seconds: float | None = None,
        creates: bool = False,
    ) -> dict[str, Json]:
        """Make one request; its errors have a hint. See ``Transport.send``."""
        seconds = self.read_seconds if read_seconds is None else read_seconds
        return self.retry(lambda: self.send_once(method, path, body, seconds, creates=creates))

    def send_once(
        self, method: str, path: str, body: Json, seconds: float, *, creates: bool = False
    ) -> dict[str, Json]:
        """Make one request without ``retry``. See ``send``."""
        seconds = seconds if self.allow is None else self.allow(seconds)
        try:
            response = self.transport.send(
                method,
                f"/v1/{path}",
                body,
                read_seconds=seconds,
                creates=creates,
                limit=self.limit,
            )
        except CredentialsRefused:
            raise
        except Refused as error:
            self.with_hint(error)
            raise
        self.seen.add(self.parent)
        return response

    def get(
        self,
        path: str,
        fields: str,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        *,
        read_seconds: float | None = None,
    ) -> dict[str, Json]:
        """Read some ``fields`` of a resource. See ``Transport.send``.

        An API that does not know one of the fields refuses the request. Then all are requested.
        """
        return self.retry(
            lambda: self.get_once(path, fields, parameters, read_seconds=read_seconds)
        )

    def get_config(self, name: str, fields: str) -> dict[str, Json]:
        """Read a configuration by its full name. See ``Transport.send``.

        A response with another name is invalid, because its missing fields would look unset.
        """

        def read() -> dict[str, Json]:
            config = self.get_once(name, fields)
            # In responses, the project may be its number.
            if not str(config.get("name", "")).endswith(name.split("/", 2)[2]):
                raise InvalidResponse(f"The response is not for {name}")
            return config

        return self.retry(read)

    def get_once(
        self,
        path: str,
        fields: str,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        *,
        read_seconds: float | None = None,
    ) -> dict[str, Json]:
        """Read a resource without ``retry``. See ``get``."""
        seconds = self.read_seconds if read_seconds is None else read_seconds
        if fields not in self.refused_fields:
            try:
                address = _address(path, parameters, fields)
                return self.send_once("GET", address, None, seconds)
            except Refused as error:
                if error.status != _BAD_REQUEST:
                    raise
        response = self.send_once("GET", _address(path, parameters), None, seconds)
        self.refused_fields.add(fields)
        return response

    def with_hint(self, error: Refused) -> Refused:
        """Return a refusal with a hint on what to do."""
        context = self.context._replace(repository_seen=bool(self.seen))
        error.hint = hint_for(error, context, given_token=self.given_token) or error.hint
        return error

    def pages(
        self, path: str, fields: str, *, size: int = PAGE_SIZE, most: int = 0, **parameters: str
    ) -> Iterator[dict[str, Json]]:
        """Yield all pages of a list, or the first ``most`` pages.

        A page has ``size`` entries. After a page that is too large, it has fewer.

        Raises:
            InvalidResponse: the list exceeds a limit. The pages before that were yielded.
        """
        token, pages, limit = "", 0, ListLimit()
        while True:
            query = parameters | ({"pageToken": token} if token else {})
            reader = _PageReader(self, path, fields, query, size)
            page = self.retry(reader)
            limit.add(page)
            yield page
            size, token = reader.size, parse_page_token(page)
            pages += 1
            if not token or pages == most:
                return

    def full_name(self, collection: str, name: str) -> str:
        """Return the full name of a configuration.

        Raises:
            InputError: the name cannot be part of an API path.
        """
        if not is_segment(name):
            kind = "schedule" if collection == "workflowConfigs" else "environment"
            raise InputError([(kind, SEGMENT_PROBLEM)])
        return f"{self.parent}/{collection}/{quote(name, safe='')}"


class _PageReader:
    """The request for one page of a list. It can be repeated, also for fewer entries."""

    def __init__(
        self, api: GoogleApi, path: str, fields: str, query: Mapping[str, str], size: int
    ) -> None:
        self.size = size
        self._api = api
        self._path = path
        self._fields = fields
        self._query = query

    def __call__(self) -> dict[str, Json]:
        """Request the page; if it is too large, request a smaller one immediately.

        Raises:
            TooLarge: a single entry is too large.
            NoResponse: if it has no status, the response was late; the next request is for a
                smaller page.
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
        api = self._api._replace(limit=_PAGE_LIMIT) if self.size > 1 else self._api
        return api.get_once(self._path, self._fields, query)

    def _halve(self) -> None:
        self.size = max(1, self.size // 2)


def _address(path: str, parameters: Mapping[str, str], fields: str = "") -> str:
    parts = [urlencode(parameters)] if parameters else []
    parts += [f"fields={quote(fields, safe=_SAFE)}"] if fields else []
    return "?".join(filter(None, (path, "&".join(parts))))
