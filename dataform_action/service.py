"""What the wait loop needs of a service; one module per service implements it."""

from __future__ import annotations

from typing import Protocol

from dataform_action.model import Run, RunRequest


class Service(Protocol):
    """A remote service that runs Dataform projects. Every call makes one attempt."""

    @property
    def name(self) -> str:
        """Return the service's name for people."""
        ...

    def start(self, request: RunRequest) -> Run:
        """Create a run.

        Raises:
            Unusable: no run was created, surely.
            RunMayExist: whether a run was created cannot be known.
            Refused: the API declined; no run was created.
        """
        ...

    def describe(self, run_id: str) -> Run:
        """Return what is known of a run before it was ever asked for: its link."""
        ...

    def get(self, run: Run) -> Run:
        """Ask for a run's present state.

        Raises:
            Unusable: no answer, or one that means nothing; ask again later.
            Refused: the API declined, for instance since it knows no such run.
        """
        ...

    def cancel(self, run: Run) -> None:
        """Ask the service to cancel a run; answer within 4 seconds or raise.

        Raises:
            CancelUnsupported: the service cannot cancel runs.
            Unusable: the request may not have arrived.
            Refused: the API declined; the run may be over.
        """
        ...
