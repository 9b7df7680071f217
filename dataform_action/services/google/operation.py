"""Google Cloud Dataform: one compilation, however long it takes.

The API compiles in a long-running operation, which is polled until it is done. Where it does not,
or where the operation cannot be read, the response to one request has to be waited for.

https://google.aip.dev/151
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from dataform_action.errors import InvalidResponse, NoResponse, NotDone, Refused
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.parse import text_in
from dataform_action.transport.response import Json, parse_error_info

T = TypeVar("T")

#: A response may come only when the compilation is done: git is fetched, and then 30 s are allowed.
#: It may take so many times as long as others.
_COMPILE_FACTOR = 6
#: The pause between two polls, and how many there are, where the caller has no way to wait.
_OWN_PAUSE = 2.0
_MOST_OWN_POLLS = 900
#: How often a compilation is started that the service itself broke off.
_MOST_STARTS = 3
#: Codes of google.rpc.Code for which the same may succeed later.
_TRANSIENT = frozenset({1, 2, 4, 8, 10, 13, 14})
_UNIMPLEMENTED = 12
#: The HTTP statuses of others. That Git's credentials are refused says nothing about ours.
_STATUSES = {5: 404, 6: 409, 7: 403, 16: 403}
_BROKEN_OFF = "closed the connection|connection (?:was )?(?:closed|reset)"
#: What a response says that knows the method, but not what is to be compiled.
_KNOWN_METHOD = "parent resource not found|can't find|does not exist"
_NO_METHOD = frozenset({405, 501})
_NOT_FOUND, _UNAUTHENTICATED, _NOT_IMPLEMENTED = 404, 401, 501


def compile_once(
    api: GoogleApi, body: Mapping[str, object], read: Callable[[dict[str, Json]], T]
) -> T:
    """Compile, and return what ``read`` makes of the compilation result.

    Raises:
        Unusable, Refused: see ``Service``.
    """
    compiling = _Compiling(api, body)
    for _ in range(_MOST_OWN_POLLS):
        try:
            return api.retry(lambda: read(compiling()))
        except NotDone:
            # The caller makes each request once, and cannot wait.
            api.clock.sleep(_OWN_PAUSE)
    raise NoResponse("The compilation did not end within half an hour.")


class _Compiling:
    """One compilation as a request that is made again until it is done."""

    def __init__(self, api: GoogleApi, body: Mapping[str, object]) -> None:
        self.api = api
        self.body = body
        #: The path of the operation; empty before it is started.
        self.operation = ""
        self.starts = 0
        #: Whether the API has no operations, or none that can be read.
        self.plain = False
        self.seconds = _COMPILE_FACTOR * api.read_seconds

    def __call__(self) -> dict[str, Json]:
        """Start the compilation or look at it, in one request.

        Raises:
            NotDone: it goes on.
            Unusable, Refused: see ``Service``.
        """
        if not self.plain:
            answer = self._poll() if self.operation else self._start()
            if answer is not None and (result := self._result(answer)) is not None:
                return result
        return self._compile()

    def _compile(self) -> dict[str, Json]:
        """Compile in one request, which takes as long as that takes."""
        self.plain = True
        path = f"{self.api.parent}/compilationResults"
        try:
            return self.api.send_once("POST", path, self.body, self.seconds)
        except NoResponse as error:
            if error.http_status is None:
                # It may have taken longer.
                self.seconds *= 2
            raise

    def _start(self) -> dict[str, Json] | None:
        """Return the new operation; None if the API has none."""
        path = f"{self.api.parent}/compilationResults:createLongRunning"
        try:
            answer = self.api.send_once("POST", path, self.body, self.seconds)
        except Refused as error:
            if not _lacks_method(error):
                raise
            return None
        except NoResponse as error:
            if error.http_status != _NOT_IMPLEMENTED:
                raise
            return None
        self.starts += 1
        return answer

    def _poll(self) -> dict[str, Json] | None:
        """Return the operation as it stands; None if it cannot be read."""
        try:
            return self.api.get_once(self.operation, fields.OPERATION)
        except Refused as error:
            if error.status == _UNAUTHENTICATED:
                raise
            return None
        except NoResponse as error:
            if error.http_status != _NOT_IMPLEMENTED:
                raise
            return None

    def _result(self, answer: dict[str, Json]) -> dict[str, Json] | None:
        """Return the result of an operation; None if it has none that can be used.

        Raises:
            NotDone: it goes on.
            Unusable, Refused: it failed.
        """
        error, response = answer.get("error"), answer.get("response")
        if isinstance(error, dict):
            self._failed(error)
            return None
        if isinstance(response, dict) and isinstance(response.get("name"), str):
            return response
        if answer.get("done") is True:
            return None
        self.operation = _path_of(answer, self.api)
        raise NotDone("The compilation goes on.")

    def _failed(self, error: dict[str, Json]) -> None:
        """Report why an operation failed, unless the API has to be asked in another way."""
        code, words = error.get("code"), text_in(error, "message")
        self.operation = ""
        if code == _UNIMPLEMENTED:
            return
        text = f"The compilation failed: {words or f'code {code!r:.20}'}"
        if (isinstance(code, int) and code in _TRANSIENT) or re.search(_BROKEN_OFF, words.lower()):
            broken = NoResponse(text, http_status=503)
            broken.retryable = self.starts < _MOST_STARTS
            raise broken
        reason, metadata = parse_error_info({"error": error})
        status = _STATUSES.get(code, 400) if isinstance(code, int) else 400
        refused = Refused(text, status=status, detail=words, reason=reason, metadata=metadata)
        raise self.api.with_hint(refused)


def _path_of(answer: dict[str, Json], api: GoogleApi) -> str:
    """Return the path of an operation of this project and location.

    Raises:
        InvalidResponse: its name is none.
    """
    name = answer.get("name")
    # Projects may be named by number in responses.
    form = rf"projects/[^/]+/locations/{re.escape(api.location)}/operations/([A-Za-z0-9_.~-]+)"
    match = re.fullmatch(form, name, re.ASCII) if isinstance(name, str) else None
    if match is None or set(match[1]) == {"."}:
        raise InvalidResponse(f"The response names no operation: {name!r:.300}")
    return f"projects/{api.project_id}/locations/{api.location}/operations/{match[1]}"


def _lacks_method(error: Refused) -> bool:
    """Tell whether the API may not know the method; then the other one says what is wrong."""
    if error.status == _NOT_FOUND:
        words = error.detail.lower()
        return "method" in words or re.search(_KNOWN_METHOD, words) is None
    return error.status in _NO_METHOD
