"""Google Cloud Dataform: requests to one repository of the v1 API, page by page if need be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from dataform_action.errors import CredentialsRefused, InputError, Refused
from dataform_action.services.base import Retry, once
from dataform_action.services.google.parse import parse_page_token
from dataform_action.transport.client import Transport
from dataform_action.transport.response import Json
from dataform_action.validation import is_segment

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
    retry: Retry = once

    def with_retry(self, retry: Retry) -> GoogleApi:
        """Return the same part of the API with another way to retry each request."""
        return replace(self, retry=retry)

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
        return self.retry(lambda: self._send_once(method, path, body, seconds, creates))

    def _send_once(
        self, method: str, path: str, body: Json, seconds: float, creates: bool
    ) -> dict[str, Json]:
        try:
            return self.transport.send(
                method, f"/v1/{path}", body, read_seconds=seconds, creates=creates
            )
        except CredentialsRefused:
            raise
        except Refused as error:
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


#: Words of a message, in lower case, and what to do; the first that fits counts.
_BY_WORDS = (
    (
        "service account must be set",
        "Set service-account to the account that the run acts as: the repository enforces strict "
        "act-as checks. The caller needs roles/iam.serviceAccountUser on it.",
    ),
    (
        "does not have permission to act as",
        "Grant the caller roles/iam.serviceAccountUser on the service account of the run.",
    ),
    (
        "generate tokens for",
        "Grant Dataform's service agent, service-<project number>@gcp-sa-dataform.iam."
        "gserviceaccount.com, roles/iam.serviceAccountTokenCreator on the service account.",
    ),
    (
        "service account token creator",
        "Grant Dataform's service agent, service-<project number>@gcp-sa-dataform.iam."
        "gserviceaccount.com, roles/iam.serviceAccountTokenCreator on the service account.",
    ),
    (
        "release compilation result",
        "The release configuration has not been compiled yet: give environment as well, or "
        "compile it once in the console.",
    ),
    (
        "releasecompilationresult",
        "The release configuration has not been compiled yet: give environment as well, or "
        "compile it once in the console.",
    ),
    (
        "parent resource not found",
        "Check project-id, location and repository: there is no such repository there.",
    ),
    (
        "can't find package.json",
        "The repository has no package.json or workflow_settings.yaml where Dataform looks.",
    ),
    (
        "commitish",
        "Check git-ref: a repository without a Git remote knows only main.",
    ),
    (
        "requested target does not exist",
        "Check actions: the compilation does not hold that one.",
    ),
    ("quota", "The project's quota is used up: run fewer jobs at a time or raise the quota."),
)
_BY_STATUS = {
    400: "Check the inputs against the API's own words above.",
    403: (
        "Grant the caller roles/dataform.editor on the project or repository (and, for promote, "
        "roles/dataform.admin)."
    ),
    404: "Check project-id, location, repository, schedule, environment and run-id.",
}
#: What to do when an access token that was given is not accepted.
EXPIRED_HINT = (
    "The access token was not accepted: it may have expired, as they do within an hour. Leave "
    "token out and use google-github-actions/auth, whose credentials are renewed during the wait."
)
_UNACCEPTED = "The API did not accept the credentials: check their project and their scopes."


def hint_for(error: Refused, *, given_token: bool) -> str:
    """Return what to do about a refusal; empty if nothing better is known than it says."""
    if error.status == 401:
        return EXPIRED_HINT if given_token else _UNACCEPTED
    # Not the message, whose address holds names that people chose.
    detail = error.detail.lower()
    found = next((hint for words, hint in _BY_WORDS if words in detail), "")
    return found or _BY_STATUS.get(error.status, "")
