"""What the wait loop needs of a service; one module per service implements it."""

from __future__ import annotations

from typing import Protocol

from dataform_action.model import Action, Compilation, Prepared, Run, RunRequest


class Service(Protocol):
    """A remote service that runs Dataform projects.

    A call may make several requests, but each of them once. ``Unusable`` means that there
    was no usable answer and that the call may be made again; ``Refused`` that it is in vain.
    """

    @property
    def name(self) -> str:
        """Return the service's name for people."""
        ...

    @property
    def has_actions(self) -> bool:
        """Tell whether the service can say how each action of a run stands."""
        ...

    def prepare(self, request: RunRequest) -> Prepared:
        """Make a request ready to be started: compile, look names up. Nothing is run.

        If to compile is all that is asked for, the compilation has its actions and files,
        as far as the service tells.

        Raises:
            CompileFailed: the compilation has errors.
            InputError: the request does not fit the project.
            Unusable, Refused: see above.
        """
        ...

    def start(self, prepared: Prepared) -> Run:
        """Create a run.

        Raises:
            Unusable: no run was created, surely.
            RunMayExist: whether a run was created cannot be known.
            Refused: the API declined; no run was created.
        """
        ...

    def find(self, prepared: Prepared) -> Run | None:
        """Return the run that a lost ``start`` may have created, if it can be told apart.

        Raises:
            Unusable, Refused: see above.
        """
        ...

    def describe(self, run_id: str) -> Run:
        """Return what is known of a run before it was ever asked for: its link.

        Raises:
            InputError: the id cannot be one of this service's.
        """
        ...

    def get(self, run: Run) -> Run:
        """Ask for a run's present state.

        Raises:
            Unusable, Refused: see above.
        """
        ...

    def cancel(self, run: Run) -> Run:
        """Ask the service to cancel a run, within 6 seconds, and return what is known of it.

        Raises:
            CancelUnsupported: the service cannot cancel runs.
            Unusable: the request may not have arrived.
            Refused: the API declined, and the run is not over.
        """
        ...

    def actions(self, run: Run) -> tuple[Action, ...]:
        """Return how each action of a run stands.

        Raises:
            Unusable, Refused: see above.
        """
        ...

    def details(
        self, run: Run, actions: tuple[Action, ...]
    ) -> tuple[tuple[Action, ...], Compilation | None]:
        """Return the actions with what the compilation tells of them, and the compilation.

        Raises:
            Unusable, Refused: see above.
        """
        ...

    def promote(self, prepared: Prepared) -> None:
        """Make the compilation the one that scheduled runs of the environment use.

        Raises:
            Unusable, Refused: see above.
        """
        ...
