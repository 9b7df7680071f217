"""Google Cloud Dataform: one compilation, which may take long.

The API compiles in a long-running operation, which is polled until it is done. If the API has no
such operations, or if the operation cannot be read, one request waits for the compilation.

https://google.aip.dev/151
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from dataform_action.errors import InvalidResponse, NoResponse, NotDone, Refused
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.transport.error_body import LONGEST_MESSAGE
from dataform_action.transport.json_values import text_in
from dataform_action.transport.response import Json, parse_error_info

T = TypeVar("T")

#: How many times longer a response may take if it waits for the compilation: Dataform fetches the
#: Git remote and then compiles for up to 30 s.
_COMPILE_FACTOR = 6
#: The pause between two polls in seconds, and their number, if the caller cannot wait.
_OWN_PAUSE = 2.0
_MOST_OWN_POLLS = 900
#: How many times a compilation is started if the service itself aborts it.
_MOST_STARTS = 3
#: Codes of google.rpc.Code after which the same request may succeed later.
_TRANSIENT = frozenset({1, 2, 4, 8, 10, 13, 14})
_UNIMPLEMENTED = 12
#: The HTTP statuses of other codes. Refused Git credentials are not those of the caller.
_STATUSES = {5: 404, 6: 409, 7: 403, 16: 403}
_CONNECTION_CLOSED = "closed the connection|connection (?:was )?(?:closed|reset)"
#: Words of a 404 from an API that has the method, but not what is to be compiled.
_KNOWN_METHOD = "parent resource not found|can't find|does not exist"
_NO_METHOD = frozenset({405, 501})
_NOT_FOUND, _UNAUTHENTICATED, _NOT_IMPLEMENTED = 404, 401, 501


def compile_once(
    api: GoogleApi, body: Mapping[str, object], read: Callable[[dict[str, Json]], T]
) -> T:
    """Compile, and return the result of ``read`` for the compilation result.

    Raises:
        Unusable, Refused: see ``Service``.
    """
    request = _CompileRequest(api, body)
    for _ in range(_MOST_OWN_POLLS):
        try:
            return api.retry(lambda: read(request()))
        except NotDone:
            # The caller's retry cannot wait.
            api.clock.sleep(_OWN_PAUSE)
    raise NoResponse("The compilation did not end within half an hour.")


class _CompileRequest:
    """One compilation as a request that is repeated until it is done."""

    def __init__(self, api: GoogleApi, body: Mapping[str, object]) -> None:
        self.api = api
        self.body = body
        #: The path of the operation; empty before it starts.
        self.operation = ""
        self.starts = 0
        #: Whether the API has no operations, or the operation cannot be read.
        self.is_synchronous = False
        self.seconds = _COMPILE_FACTOR * api.read_seconds

    def __call__(self) -> dict[str, Json]:
        """Start or poll the compilation, with one request.

        Raises:
            NotDone: it is not done.
            Unusable, Refused: see ``Service``.
        """
        if not self.is_synchronous:
            operation = self._poll() if self.operation else self._start()
            if operation is not None and (result := self._result(operation)) is not None:
                return result
        return self._compile()

    def _compile(self) -> dict[str, Json]:
        """Compile in one request, whose response comes when the compilation is done."""
        self.is_synchronous = True
        path = f"{self.api.parent}/compilationResults"
        try:
            return self.api.send_once("POST", path, self.body, self.seconds)
        except NoResponse as error:
            if error.http_status is None:
                # The compilation may need more time.
                self.seconds *= 2
            raise

    def _start(self) -> dict[str, Json] | None:
        """Return the new operation; None if the API has none."""
        path = f"{self.api.parent}/compilationResults:createLongRunning"
        try:
            operation = self.api.send_once("POST", path, self.body, self.seconds)
        except Refused as error:
            if not _lacks_method(error):
                raise
            return None
        except NoResponse as error:
            if error.http_status != _NOT_IMPLEMENTED:
                raise
            return None
        self.starts += 1
        return operation

    def _poll(self) -> dict[str, Json] | None:
        """Return the operation; None if it cannot be read."""
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

    def _result(self, operation: dict[str, Json]) -> dict[str, Json] | None:
        """Return the result of an operation; None if it has no usable result.

        Raises:
            NotDone: it is not done.
            Unusable, Refused: it failed.
        """
        error, response = operation.get("error"), operation.get("response")
        if isinstance(error, dict):
            self._raise_error(error)
            return None
        if isinstance(response, dict) and isinstance(response.get("name"), str):
            return response
        if operation.get("done") is True:
            return None
        self.operation = _path_of(operation, self.api)
        raise NotDone("The compilation is not done.")

    def _raise_error(self, error: dict[str, Json]) -> None:
        """Raise the error of an operation, unless the API has no operations."""
        code, words = error.get("code"), text_in(error, "message")[:LONGEST_MESSAGE]
        self.operation = ""
        if code == _UNIMPLEMENTED:
            return
        text = f"The compilation failed: {words or f'code {code!r:.20}'}"
        is_transient = isinstance(code, int) and code in _TRANSIENT
        if is_transient or re.search(_CONNECTION_CLOSED, words.lower()):
            aborted = NoResponse(text, http_status=503)
            aborted.retryable = self.starts < _MOST_STARTS
            raise aborted
        reason, metadata = parse_error_info({"error": error})
        status = _STATUSES.get(code, 400) if isinstance(code, int) else 400
        refused = Refused(text, status=status, detail=words, reason=reason, metadata=metadata)
        raise self.api.with_hint(refused)


def _path_of(operation: dict[str, Json], api: GoogleApi) -> str:
    """Return the path of an operation in this project and location.

    Raises:
        InvalidResponse: its name is not valid.
    """
    name = operation.get("name")
    # In responses, the project may be its number.
    form = rf"projects/[^/]+/locations/{re.escape(api.location)}/operations/([A-Za-z0-9_.~-]+)"
    match = re.fullmatch(form, name, re.ASCII) if isinstance(name, str) else None
    if match is None or set(match[1]) == {"."}:
        raise InvalidResponse(f"The response has no operation name: {name!r:.300}")
    return f"projects/{api.project_id}/locations/{api.location}/operations/{match[1]}"


def _lacks_method(error: Refused) -> bool:
    """Return whether the API may not have the method. If it has, the other method reports why."""
    if error.status == _NOT_FOUND:
        words = error.detail.lower()
        return "method" in words or re.search(_KNOWN_METHOD, words) is None
    return error.status in _NO_METHOD
