"""A row of the tables in docs/faults.md: a fault, and what must happen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dataform_action.emulator import Course, Fault, Repository
from dataform_action.errors import InvalidResponse, NoResponse
from dataform_action.model import Polling, RunRequest
from tests.support.fakes import Step

#: The longest wait for a response of the emulator, in seconds of the wall clock.
READ_SECONDS = 30.0
#: The same for rows in which the emulator lets a request wait.
SHORT_READ_SECONDS = 0.5
NIGHTLY = RunRequest(schedule="nightly")
ENDLESS = Course(endless=("orders_cleaned",))
MANY = 10_000
_HOUR = Polling(timeout=3600)
#: For runs that do not end, so that a test polls less often.
TEN_MINUTES = Polling(timeout=600)
LOST = NoResponse("lost")
ODD = InvalidResponse("odd")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault and what must happen.

    ``faults`` and ``statuses`` are for the emulator, ``polls`` and ``made`` for the scripted
    service. ``peers`` are the measured outcomes of ``PEERS``, in order.
    """

    name: str
    exit_code: int = 0
    creates: int = 1
    runs: int = 1
    #: The number of outages; None: any number.
    outages: int | None = 1
    faults: tuple[Fault, ...] = ()
    statuses: tuple[str, ...] = ("RUNNING", "RUNNING", "SUCCESSFUL")
    polls: tuple[Step, ...] = ("RUNNING", "RUNNING", "SUCCESSFUL")
    made: tuple[Step, ...] = ("",)
    signal: int | None = None
    #: The course of the invocation on Google Cloud; None: the row does not apply there.
    course: Course | None = field(default_factory=Course)
    #: The exit code on Google Cloud, if it differs.
    google_exit_code: int | None = None
    google_request: RunRequest | None = None
    #: The network to the service, by its name in ``tests.support.networks``.
    network: str = ""
    #: A part of the outcome's title.
    title: str = ""
    #: The longest time that the step may take, in seconds; None: as long as the inputs allow.
    most_seconds: float | None = None
    polling: Polling = _HOUR
    #: Whether the token can be renewed.
    renews: bool = False
    #: Whether the run ends with the last poll before the timeout, whose response is lost.
    ends_late: bool = False
    #: The repository on Google Cloud; None: the sample.
    repository: Callable[[], Repository] | None = None
    peers: tuple[str, ...] = ("", "", "", "", "")

    @property
    def read_seconds(self) -> float:
        """The longest wait for a response, in seconds of the wall clock."""
        waits = any(fault.kind in ("hang", "drip") for fault in self.faults)
        return SHORT_READ_SECONDS if waits else READ_SECONDS

    @property
    def exit_code_on_google(self) -> int:
        return self.exit_code if self.google_exit_code is None else self.google_exit_code


PEERS = (
    "the API page's script",
    "curl and jq loop",
    "Airflow's hook",
    "aws-codebuild-run-build",
    "dbt-cloud-action",
)


def get_fault(kind: Any, **options: Any) -> Fault:  # noqa: ANN401
    """Return a fault of polls, by default of the second one."""
    return Fault(kind, on="get", **{"after": 1, **options})


def create_fault(kind: Any, **options: Any) -> Fault:  # noqa: ANN401
    """Return a fault of a create request."""
    return Fault(kind, on="create", **options)


#: The message of Google for a failure between two of its servers.
_CLOSED = "The remote server unexpectedly closed the connection during remote operation"
REMOTE_CLOSED = "400, a remote connection closed"
#: Responses with HTTP 4xx that do not mean that the request is wrong, by their names.
TRANSIENT: dict[str, dict[str, Any]] = {
    REMOTE_CLOSED: {
        "status": 400,
        "body": json.dumps({"error": {"code": 400, "message": _CLOSED}, "message": _CLOSED}),
    },
    "409 ABORTED": {"status": 409},
    "425": {"status": 425},
    "499": {"status": 499},
}
