"""Dataform Web: build the requests of the legacy REST API and read its responses.

API reference:
https://github.com/dataform-co/dataform/blob/main/content/docs/dataform-web/api/index.md
"""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.clock import Retry, once
from dataform_action.errors import (
    InputError,
    InvalidResponse,
    Refused,
    RunMayExist,
    Unusable,
)
from dataform_action.model import Prepared, Run, RunRequest, State
from dataform_action.services.base import Service
from dataform_action.services.specs import DATAFORM_WEB, SEGMENT_PROBLEM, TOKEN_PROBLEM
from dataform_action.text import join_names
from dataform_action.transport.client import READ_SECONDS, Transport
from dataform_action.transport.response import Json
from dataform_action.validation import is_link, is_segment, is_token

_APP_URL = "https://app.dataform.co"

#: From the run result enum of the service's protocol. An unknown word is an invalid response: it
#: does not end the wait.
_STATES = {
    "RUNNING": State.RUNNING,
    "SUCCESSFUL": State.SUCCESS,
    "FAILED": State.FAILURE,
    "CANCELLED": State.CANCELLED,
    "TIMED_OUT": State.TIMED_OUT,
}

_BAD_REQUEST = 400
_NOT_FOUND = 404
_TAGS_UNCHECKED = (
    "Dataform Web does not report the actions of a run, so the tags cannot be checked. If no "
    "action has one of them, nothing is run."
)
_HINTS = {
    401: (
        "The API did not accept the token. Create an API token in the settings of the Dataform "
        "project, and store it in the secret that the token input uses."
    ),
    403: "The token has no permission for this. It must belong to the project in project-id.",
}


class DataformWeb(Service):
    """Runs of one Dataform Web project.

    ``token`` is an API token of the project, or a function that returns one. ``api_url`` is the
    address of the API without its version. ``read_seconds`` is how long a response may take; the
    response to a create request may take twice as long. ``on_exchange`` is called with a line on
    each request and its response, without secrets.

    Raises:
        InputError: ``project_id`` cannot be part of an API path, ``token`` is not valid, or
            ``api_url`` would receive the token unencrypted.
    """

    name = DATAFORM_WEB.name

    def __init__(
        self,
        *,
        project_id: str,
        token: str | Callable[[], str],
        api_url: str = DATAFORM_WEB.api_url,
        read_seconds: float = READ_SECONDS,
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        problems = []
        if not is_segment(project_id):
            problems.append(("project_id", SEGMENT_PROBLEM))
        if not callable(token) and not is_token(token):
            problems.append(("token", TOKEN_PROBLEM))
        if problems:
            raise InputError(problems)
        api_url = api_url.rstrip("/")
        self._path = f"/v1/project/{project_id}/run"
        # With another API address, the pages of the app are assumed to be at the same host.
        app_url = _APP_URL if api_url == DATAFORM_WEB.api_url else "/".join(api_url.split("/")[:3])
        self._project_url = f"{app_url}/#/{project_id}"
        self._read_seconds = read_seconds
        #: The ids of the runs that were created here.
        self._created: set[str] = set()
        self._transport = Transport(
            api_url, token if callable(token) else lambda: token, on_exchange=on_exchange
        )

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:  # noqa: ARG002
        """Return the body of RunCreate for a request. Nothing is compiled."""
        notes = (_TAGS_UNCHECKED,) if request.tags else ()
        return Prepared(request=request, body=create_body(request), notes=notes)

    def start(self, prepared: Prepared) -> Run:
        """Create a run (RunCreate). See ``Service.start`` for what it raises."""
        try:
            response = self._transport.send(
                "POST",
                self._path,
                dict(prepared.body),
                read_seconds=2 * self._read_seconds,
                creates=True,
            )
            run_id = parse_created(response)
            self._created.add(run_id)
            return self.describe(run_id)
        except Unusable as error:
            if error.unprocessed:
                raise
            raise RunMayExist(
                f"The create request got no usable response, so the run may exist. {error.message}",
                hint=f"Look for the run at {self._project_url} before you run this again.",
                url=self._project_url,
            ) from error
        except Refused as error:
            given = prepared.request
            error.hint = _hint_for(
                error.status,
                ("schedule", given.schedule),
                ("environment", given.environment),
                ("tags", given.tags),
            )
            raise

    def describe(self, run_id: str) -> Run:
        """Return a run by its id, with its link, without a request."""
        if not is_segment(run_id):
            raise InputError([("run-id", SEGMENT_PROBLEM)])
        url = f"{self._project_url}/run/{run_id}"
        return Run(id=run_id, state=State.RUNNING, status="", log_url=url)

    def get(self, run: Run) -> Run:
        """Request the state of a run (RunGet). See ``Service.get`` for what it raises."""
        try:
            path = f"{self._path}/{run.id}"
            return parse_run(
                self._transport.send("GET", path, read_seconds=self._read_seconds), run
            )
        except Refused as error:
            # The id of a run that was created here is not an input.
            error.hint = _hint_for(error.status, ("run-id", run.id not in self._created))
            raise


def _hint_for(status: int, *inputs: tuple[str, object]) -> str:
    """Return what to do about a refusal, depending on the inputs that were set."""
    given = tuple(name for name, value in inputs if value)
    if status == _BAD_REQUEST and given:
        return f"Check {join_names(given)}."
    if status == _NOT_FOUND:
        # An unknown tag is not an error of the API.
        names = ("project-id", *(name for name in given if name != "tags"))
        which = "it" if len(names) == 1 else "one of them"
        return f"Check {join_names(names)}: {which} does not exist."
    return _HINTS.get(status, Refused.hint)


def create_body(request: RunRequest) -> dict[str, Json]:
    """Return the body of RunCreate, with only the names that were given."""
    body: dict[str, Json] = {}
    if request.schedule is not None:
        body["scheduleName"] = request.schedule
    if request.environment is not None:
        body["environmentName"] = request.environment
    if request.tags:
        body["runConfig"] = {"tags": list(request.tags)}
    return body


def parse_created(response: dict[str, Json]) -> str:
    """Return the run id in the response of RunCreate.

    Raises:
        InvalidResponse: there is no id that can be part of a path.
    """
    run_id = response.get("id")
    if not isinstance(run_id, str) or not is_segment(run_id):
        raise InvalidResponse(f"The response has no valid run id: {run_id!r:.200}")
    return run_id


def parse_run(response: dict[str, Json], run: Run) -> Run:
    """Return the run from the response of RunGet; ``run`` is what was known before.

    Raises:
        InvalidResponse: it is another run, or its status is missing or unknown.
    """
    if response.get("id", run.id) != run.id:
        raise InvalidResponse(
            f"The response is for another run: {response['id']!r:.200}, not {run.id}"
        )
    status = response.get("status")
    if not isinstance(status, str) or status not in _STATES:
        raise InvalidResponse(f"Unknown run status: {status!r:.200}")
    url = response.get("runLogUrl")
    log_url = url if isinstance(url, str) and is_link(url) else run.log_url
    return Run(id=run.id, state=_STATES[status], status=status, log_url=log_url)
