"""Google Cloud Dataform: requests to one repository of the v1 API, page by page if need be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from dataform_action.answers import Json
from dataform_action.errors import CredentialsRefused, InputError, Refused
from dataform_action.google_answers import parse_page_token
from dataform_action.model import is_segment
from dataform_action.transport import Transport

NO_SEGMENT = "may hold only letters, digits, - and _"
#: 5,000 actions are legal; a service that pages for ever is not.
LONGEST_PAGES = 200
_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleApi:
    """A Dataform repository's part of the API. An answer may take ``read_seconds``.

    ``given_token`` tells whether the token was handed over, and so cannot be renewed here.
    """

    project_id: str
    location: str
    repository: str
    transport: Transport
    read_seconds: float
    given_token: bool

    @property
    def parent(self) -> str:
        """Return the repository's full name."""
        return (
            f"projects/{self.project_id}/locations/{self.location}/repositories/{self.repository}"
        )

    def send(
        self, method: str, path: str, body: Json = None, *, read_seconds: float | None = None
    ) -> dict[str, Json]:
        """Make one request, with a hint in what it raises. See ``Transport.send``."""
        seconds = self.read_seconds if read_seconds is None else read_seconds
        try:
            return self.transport.send(method, f"/v1/{path}", body, read_seconds=seconds)
        except CredentialsRefused:
            raise
        except Refused as error:
            # Only for an error, so that a usual start does not pay for the import.
            from dataform_action.google_hints import hint_for

            error.hint = hint_for(error, given_token=self.given_token) or error.hint
            raise

    def pages(
        self, path: str, most: int = LONGEST_PAGES, **parameters: str
    ) -> Iterator[dict[str, Json]]:
        """Yield the pages of a list, all of them up to ``most``."""
        token = ""
        for _ in range(most):
            query = urlencode({"pageSize": _PAGE_SIZE, **parameters, "pageToken": token})
            page = self.send("GET", f"{path}?{query.removesuffix('&pageToken=')}")
            yield page
            token = parse_page_token(page)
            if not token:
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
