"""The protocol that a service implements and that ``runs`` uses."""

from __future__ import annotations

from typing import Protocol

from dataform_action.clock import Retry, once
from dataform_action.errors import CancelUnsupported, InputError
from dataform_action.history import History
from dataform_action.model import Action, Compilation, Prepared, Result, Run, RunRequest


class Service(Protocol):
    """A remote service that runs Dataform projects.

    ``Unusable`` means that there was no usable response, and the request may be repeated.
    ``Refused`` means that another attempt cannot help. A method makes each request once, through
    ``retry`` if it has that argument.

    The defaults are those of a service that does not support the feature, so a subclass implements
    only what its service supports. The default of ``cancel`` raises ``CancelUnsupported``.
    """

    #: The name of the service, for people.
    name: str
    #: Whether the service reports the state of each action of a run.
    has_actions: bool = False
    #: Whether a run can be found by its compilation result, if the create response was lost.
    can_find_runs: bool = False
    #: Whether a compilation result can be set in an environment.
    can_promote: bool = False
    #: Whether some actions of a run can be run again, from the same compilation.
    can_rerun: bool = False

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:
        """Prepare a request to be started: compile and look up names. Nothing is run.

        For a request to compile only, the compilation has its actions and files, if the service
        reports them.

        Raises:
            CompileFailed: the compilation has errors.
            InputError: the request does not match the project.
            Unusable, Refused: see above.
        """
        ...

    def prepare_rerun(
        self,
        request: RunRequest,
        result: Result,  # noqa: ARG002
        earlier: Prepared | None,  # noqa: ARG002
        retry: Retry = once,  # noqa: ARG002
    ) -> Prepared:
        """Prepare a run of what did not succeed in an earlier run. Nothing is run.

        ``result`` is that of the earlier run, and ``earlier`` what was prepared for it, if it was
        created here.

        Raises:
            InputError: the run cannot be repeated.
            Unusable, Refused: see above.
        """
        name = "retry-failed" if request.resume is None else "resume"
        raise InputError([(name, f"is not supported by {self.name}")])

    def start(self, prepared: Prepared) -> Run:
        """Create a run.

        Raises:
            Unusable: it is certain that no run was created.
            RunMayExist: it is unknown whether a run was created.
            Refused: the API refused the request; no run was created.
        """
        ...

    def find(
        self,
        compilation_result: str,  # noqa: ARG002
        retry: Retry = once,  # noqa: ARG002
        known_runs: frozenset[str] = frozenset(),  # noqa: ARG002
    ) -> Run | None:
        """Return the newest run of a compilation result, if it can be identified.

        ``compilation_result`` is the full name of a compilation that was made for a single run,
        except for ``known_runs``, the ids of runs that are not searched for.

        Raises:
            Unusable, Refused: see above.
        """
        return None

    def describe(self, run_id: str) -> Run:
        """Return a run with its link, without a request.

        Raises:
            InputError: the id is not valid for this service.
        """
        ...

    def get(self, run: Run) -> Run:
        """Return a run in its current state.

        Raises:
            Unusable, Refused: see above.
        """
        ...

    def cancel(self, run: Run) -> Run:
        """Request the cancellation of a run within 6 seconds, and return what is known of the run.

        Raises:
            CancelUnsupported: the service cannot cancel runs.
            Unusable: the request may not have been received.
            Refused: the API refused the request, and the run has not ended.
        """
        raise CancelUnsupported(
            f"The API of {self.name} cannot cancel runs, so run {run.id} continues.",
            hint=f"To stop the run, cancel it manually: {run.log_url}",
        )

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:  # noqa: ARG002
        """Return every action of a run with its state.

        Raises:
            IncompleteActions: only some of the actions could be read.
            Unusable, Refused: see above.
        """
        return ()

    def details(
        self,
        run: Run,  # noqa: ARG002
        actions: tuple[Action, ...],
        retry: Retry = once,  # noqa: ARG002
    ) -> tuple[tuple[Action, ...], Compilation | None]:
        """Return the actions with their kinds, files and dependencies, and the compilation.

        Raises:
            Unusable, Refused: see above.
        """
        return actions, None

    def past_runs(self, run: Run) -> History | None:  # noqa: ARG002
        """Return earlier runs that can be compared with a run, which may still be running.

        None means that nothing is known, or that it is not certain which runs were the last ones.
        It takes at most 3 requests and 10 seconds.

        Raises:
            Unusable, Refused: see above.
        """
        return None

    def past_actions(self, run: Run) -> tuple[tuple[Action, ...], bool]:  # noqa: ARG002
        """Return actions of an earlier run, and whether these are all of them.

        It takes at most 2 requests and 10 seconds.

        Raises:
            Unusable, Refused: see above.
        """
        return (), False

    def past_commit(self, run: Run) -> str:  # noqa: ARG002
        """Return the commit of an earlier run; empty if it is not known. It takes one request.

        Raises:
            Unusable, Refused: see above.
        """
        return ""

    def promote(self, prepared: Prepared) -> None:  # noqa: ARG002
        """Set the compilation in the environment, whose scheduled runs then use it.

        Raises:
            Unusable, Refused: see above.
        """
        return
