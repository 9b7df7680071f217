"""The interface of the emulator's APIs: an endpoint for each request that they serve."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import HttpError, Response, error_response

Operation = Literal[
    "get",
    "create",
    "cancel",
    "compile",
    "query",
    "list",
    "update",
    "jobs",
    "dryRun",
    "compare",
    "pull",
    "comments",
    "comment",
    "viewer",
    "other",
]
"""The kind of a request; faults choose their requests by it.

``get``, ``create`` and ``cancel`` are about a run or a workflow invocation; ``compile`` creates a
compilation result, ``query`` lists actions, ``list`` returns a page of any other list, ``update``
changes a release configuration, ``jobs`` reads BigQuery's jobs, and ``dryRun`` checks a query. Of
GitHub, ``compare`` compares commits, ``pull`` reads a pull request, ``comments`` lists comments,
``comment`` writes or deletes one, and ``viewer`` reads the login of the token's owner.
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an API responds to a request.

    ``respond`` processes the request; it is called at most once. An ``operation`` of None means a
    request to the emulator itself: it is not recorded, and has no faults. Faults use the other two
    fields: ``render_error`` makes the API's response for an HTTP error, and ``sample_body`` is a
    plausible body.
    """

    operation: Operation | None
    respond: Callable[[], Response]
    render_error: Callable[[HttpError], Response] = error_response
    sample_body: bytes = b'{"id": "1029591293203", "status": "RUNNING"}'


class Api(Protocol):
    """One API that the server serves."""

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request without processing it; None: another API's path."""


def error_endpoint(operation: Operation | None, error: HttpError) -> Endpoint:
    """Make an endpoint that always refuses the request."""
    return Endpoint(operation, partial(error_response, error))
