"""BigQuery: requests to the REST API, v2. A list is read page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from dataform_action.errors import CredentialsRefused, InputError, Refused
from dataform_action.transport.client import READ_SECONDS, Transport, quota_headers
from dataform_action.transport.response import Json
from dataform_action.validation import is_project_id, is_token

API_URL = "https://bigquery.googleapis.com"
#: The characters of a field list that may stand in an address as they are.
_SAFE = "(),/"
#: The reasons of a refusal that a role cannot remedy. The API's message says what to do.
_OTHER_REASONS = (
    *("SERVICE_DISABLED", "USER_PROJECT_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    *("SECURITY_POLICY_VIOLATED", "BILLING_DISABLED"),
)


class BigQuery:
    """BigQuery's API, for the resources of a project and of others.

    ``project_id`` is the project of the Dataform repository. ``token`` is an OAuth access token, or
    a function that returns one. If it has an attribute ``quota_project``, that project pays for the
    quota. ``api_url`` is the address of the API. ``on_exchange`` is called with a line on each
    request and its response, without secrets.

    Raises:
        InputError: ``project_id`` or ``token`` is not valid, or ``api_url`` would receive the token
            unencrypted.
    """

    def __init__(
        self,
        *,
        project_id: str,
        token: str | Callable[[], str],
        api_url: str = API_URL,
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        problems = []
        if not is_project_id(project_id):
            problems.append(("project_id", "is not a Google Cloud project id"))
        if not callable(token) and not is_token(token):
            problems.append(("token", "is not valid in an Authorization header"))
        if problems:
            raise InputError(problems)
        self.project_id = project_id
        self._transport = Transport(
            api_url.rstrip("/"),
            token if callable(token) else lambda: token,
            on_exchange=on_exchange,
            more_headers=lambda: quota_headers(token),
        )

    def get(
        self,
        project: str,
        path: str,
        fields: str,
        parameters: Mapping[str, str],
        *,
        role: str = "",
        read_seconds: float = READ_SECONDS,
    ) -> dict[str, Json]:
        """Read some ``fields`` of a resource of a project. ``path`` has no unsafe characters.

        ``role`` is what the caller needs: a refusal names it. See ``Transport.send`` for errors.
        """
        query = urlencode(parameters) + ("&" if parameters else "")
        return self._send("GET", project, f"{path}?{query}", fields, role, read_seconds)

    def post(
        self,
        project: str,
        path: str,
        fields: str,
        body: Mapping[str, Json],
        *,
        role: str = "",
        read_seconds: float = READ_SECONDS,
    ) -> dict[str, Json]:
        """Send a request that changes nothing, and read some ``fields`` of its response.

        The arguments and errors are those of ``get``.
        """
        return self._send("POST", project, f"{path}?", fields, role, read_seconds, dict(body))

    def _send(
        self,
        method: str,
        project: str,
        path: str,
        fields: str,
        role: str,
        read_seconds: float,
        body: Json = None,
    ) -> dict[str, Json]:
        address = f"/bigquery/v2/projects/{quote(project, safe=':')}/{path}"
        try:
            return self._transport.send(
                method,
                f"{address}fields={quote(fields, safe=_SAFE)}",
                body,
                read_seconds=read_seconds,
            )
        except CredentialsRefused:
            raise
        except Refused as error:
            error.hint = _hint_for(error, project, role) or error.hint
            raise


def is_of_the_project(error: Refused) -> bool:
    """Return whether a refusal is about the project or the caller, so that no role helps."""
    return error.reason in _OTHER_REASONS


def _hint_for(error: Refused, project: str, role: str) -> str:
    """Return what to do about a refusal; empty if that is not known."""
    if error.status == 401:
        return "BigQuery did not accept the credentials. If token is set, it may have expired."
    is_other = is_of_the_project(error) or "vpc service controls" in error.detail.lower()
    if error.status == 403 and role and not is_other:
        return f"Grant the caller {role} on project {project}."
    return ""
