"""What a service must offer: the protocol that ``runs`` works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from dataform_action.errors import CancelUnsupported
from dataform_action.model import Action, Compilation, Prepared, Run, RunRequest

T = TypeVar("T")


class Retry(Protocol):
    """Make one request, again and again while that makes sense, and return its value."""

    def __call__(self, request: Callable[[], T], /) -> T:
        """Call ``request`` until it succeeds; raise its error when no attempt is left.

        It may raise ``NotDone``, after which it is called again at the pace of a poll. What
        cannot wait lets that pass.
        """
        ...


def once(request: Callable[[], T], /) -> T:
    """Make one request a single time: the ``Retry`` of a caller that retries by itself."""
    return request()


class Service(Protocol):
    """A remote service that runs Dataform projects.

    ``Unusable`` means that there was no usable response and that the request may be made again;
    ``Refused`` that another attempt is in vain. A method makes each request once, by way of
    ``retry`` where it takes one.

    The methods and attributes with a default are those of a service that cannot do the thing: a
    class that inherits from this one has to write only what its service can do. ``cancel`` of a
    service that cannot cancel raises ``CancelUnsupported``.
    """

    #: The service's name for people.
    name: str
    #: Whether the service can say how each action of a run stands.
    has_actions: bool = False
    #: Whether a run can be found by its compilation result, if its create request got no response.
    can_find_runs: bool = False
    #: Whether an environment can be given a compilation result.
    can_promote: bool = False

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:
        """Make a request ready to be started: compile, look names up. Nothing is run.

        If to compile is all that is asked for, the compilation has its actions and files,
        as far as the service reports them.

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

    def find(self, compilation_result: str, retry: Retry = once) -> Run | None:  # noqa: ARG002
        """Return the newest run of a compilation result, if there is one.

        ``compilation_result`` is a full name, of one that was made for a single run.

        Raises:
            Unusable, Refused: see above.
        """
        return None

    def describe(self, run_id: str) -> Run:
        """Return what is known of a run before it was ever requested: its link.

        Raises:
            InputError: the id cannot be one of this service's.
        """
        ...

    def get(self, run: Run) -> Run:
        """Return a run with its present state.

        Raises:
            Unusable, Refused: see above.
        """
        ...

    def cancel(self, run: Run) -> Run:
        """Request that a run is cancelled, within 6 seconds, and return what is known of it.

        Raises:
            CancelUnsupported: the service cannot cancel runs.
            Unusable: the request may not have arrived.
            Refused: the API declined, and the run is not over.
        """
        raise CancelUnsupported(
            f"{self.name} has no way to cancel a run through its API, so run {run.id} goes on.",
            hint=f"Cancel it by hand if it should not: {run.log_url}",
        )

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:  # noqa: ARG002
        """Return how each action of a run stands.

        Raises:
            Unusable, Refused: see above.
        """
        return ()

    def details(
        self,
        run: Run,  # noqa: ARG002
        actions: tuple[Action, ...],
        retry: Retry = once,  # noqa: ARG002
    ) -> tuple[tuple[Action, ...], Compilation | None]:
        """Return the actions with what the compilation says of them, and the compilation.

        Raises:
            Unusable, Refused: see above.
        """
        return actions, None

    def promote(self, prepared: Prepared) -> None:  # noqa: ARG002
        """Make the compilation the one that scheduled runs of the environment use.

        Raises:
            Unusable, Refused: see above.
        """
        return
