"""Dataform Web: build the legacy REST API's requests and read its answers.

The API is described at
https://github.com/dataform-co/dataform/blob/main/content/docs/dataform-web/api/index.md
"""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.errors import (
    InputError,
    InvalidResponse,
    Refused,
    RunMayExist,
    Unusable,
)
from dataform_action.model import Prepared, Run, RunRequest, State
from dataform_action.services.base import Retry, Service, once
from dataform_action.services.specs import DATAFORM_WEB
from dataform_action.text import join_names
from dataform_action.transport.client import READ_SECONDS, Transport
from dataform_action.transport.response import Json
from dataform_action.validation import is_link, is_segment, is_token

_APP_URL = "https://app.dataform.co"

#: From the run-result enum of the service's protocol. Other words may exist: they are
#: odd answers, never an ending.
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
    "Dataform Web does not report the actions of a run, so the tags cannot be checked: a tag that "
    "no action has runs nothing."
)
_HINTS = {
    401: (
        "The token was not accepted: make an API token in the Dataform project's settings and "
        "store it as the secret that the token input reads."
    ),
    403: "The token may not do this: it must belong to the project that project-id names.",
}


class DataformWeb(Service):
    """Runs of one Dataform Web project.

    ``token`` is an API token of the project, or a function that returns one. An answer
    may take ``read_seconds``, and twice that for the one that matters most: to a create.
    ``api_url`` is the address of the API without its version. ``on_exchange`` is told of
    each request and its answer, in a line without secrets.

    Raises:
        InputError: ``project_id`` cannot be part of an API path, ``token`` is none, or the
            token would go to ``api_url`` in the clear.
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
            problems.append(("project_id", "may hold only letters, digits, - and _"))
        if not callable(token) and not is_token(token):
            problems.append(("token", "holds a blank or a character that no token has"))
        if problems:
            raise InputError(problems)
        api_url = api_url.rstrip("/")
        self._path = f"/v1/project/{project_id}/run"
        # Another address of the API is taken to serve the app's pages beside it.
        app_url = _APP_URL if api_url == DATAFORM_WEB.api_url else "/".join(api_url.split("/")[:3])
        self._project_url = f"{app_url}/#/{project_id}"
        self._read_seconds = read_seconds
        #: The ids of the runs that were created here.
        self._created: set[str] = set()
        self._transport = Transport(
            api_url, token if callable(token) else lambda: token, on_exchange=on_exchange
        )

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:  # noqa: ARG002
        """Return the body of RunCreate for a request; nothing is compiled here."""
        notes = (_TAGS_UNCHECKED,) if request.tags else ()
        return Prepared(request=request, body=create_body(request), notes=notes)

    def start(self, prepared: Prepared) -> Run:
        """Create a run (RunCreate). See ``Service.start`` for what it raises."""
        try:
            answer = self._transport.send(
                "POST",
                self._path,
                dict(prepared.body),
                read_seconds=2 * self._read_seconds,
                creates=True,
            )
            run_id = parse_created(answer)
            self._created.add(run_id)
            return self.describe(run_id)
        except Unusable as error:
            if error.unprocessed:
                raise
            raise RunMayExist(
                "The answer to the request that creates the run is lost or makes no sense, so "
                f"the run may exist. {error.message}",
                hint=f"Look for it at {self._project_url} before you run this again.",
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
        """Return a run that was not asked for yet, with the link that its id gives."""
        if not is_segment(run_id):
            raise InputError([("run-id", "may hold only letters, digits, - and _")])
        url = f"{self._project_url}/run/{run_id}"
        return Run(id=run_id, state=State.RUNNING, status="", log_url=url)

    def get(self, run: Run) -> Run:
        """Ask for a run's state (RunGet). See ``Service.get`` for what it raises."""
        try:
            path = f"{self._path}/{run.id}"
            return parse_run(
                self._transport.send("GET", path, read_seconds=self._read_seconds), run
            )
        except Refused as error:
            # The id of a run that was created here is no input.
            error.hint = _hint_for(error.status, ("run-id", run.id not in self._created))
            raise


def _hint_for(status: int, *inputs: tuple[str, object]) -> str:
    """Return what to do about a refusal, by the inputs that were given."""
    given = tuple(name for name, value in inputs if value)
    if status == _BAD_REQUEST and given:
        return f"Check {join_names(given)}."
    if status == _NOT_FOUND:
        # Tags are no names of the project's that could be missing.
        names = ("project-id", *(name for name in given if name != "tags"))
        which = "it" if len(names) == 1 else "one of them"
        return f"Check {join_names(names)}: {which} is not known there."
    return _HINTS.get(status, Refused.hint)


def create_body(request: RunRequest) -> dict[str, Json]:
    """Return RunCreate's body, which holds just the names that were given."""
    body: dict[str, Json] = {}
    if request.schedule is not None:
        body["scheduleName"] = request.schedule
    if request.environment is not None:
        body["environmentName"] = request.environment
    if request.tags:
        body["runConfig"] = {"tags": list(request.tags)}
    return body


def parse_created(answer: dict[str, Json]) -> str:
    """Return the id in RunCreate's answer.

    Raises:
        InvalidResponse: there is none that could be part of a path.
    """
    run_id = answer.get("id")
    if not isinstance(run_id, str) or not is_segment(run_id):
        raise InvalidResponse(f"The answer holds no usable run id: {run_id!r:.200}")
    return run_id


def parse_run(answer: dict[str, Json], run: Run) -> Run:
    """Return the run as RunGet's answer describes it; ``run`` is what was known before.

    Raises:
        InvalidResponse: it is of another run, or its status is missing or not known.
    """
    if answer.get("id", run.id) != run.id:
        raise InvalidResponse(
            f"The answer is about another run: {answer['id']!r:.200}, not {run.id}"
        )
    status = answer.get("status")
    if not isinstance(status, str) or status not in _STATES:
        raise InvalidResponse(f"Unknown run status: {status!r:.200}")
    url = answer.get("runLogUrl")
    log_url = url if isinstance(url, str) and is_link(url) else run.log_url
    return Run(id=run.id, state=_STATES[status], status=status, log_url=log_url)
