"""Run again what did not succeed: the attempts of one request, and a run of an earlier job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dataform_action.clock import Retry
from dataform_action.errors import InputError, InvalidResponse, Refused
from dataform_action.events import Noted, RerunPrepared
from dataform_action.model import (
    Action,
    IncompleteActions,
    Prepared,
    Result,
    RunRequest,
    State,
)
from dataform_action.runs.backoff import Backoff
from dataform_action.runs.verdicts import NOTHING_CREATED
from dataform_action.services.base import Service

_NOT_FOUND = 404


class Attempts:
    """The runs of one request that have ended, and the preparation of another one.

    ``not_retried`` is why there is no other run, although the request allows it; empty otherwise.
    """

    def __init__(self, service: Service, backoff: Backoff) -> None:
        self._service = service
        self._backoff = backoff
        self._ended: dict[str, Result] = {}
        self.not_retried = ""

    @property
    def results(self) -> tuple[Result, ...]:
        """Return the result of each run, the oldest first."""
        return tuple(self._ended.values())

    def end(self, result: Result) -> Result:
        """Add the result of a run, or replace it; return the result of all runs."""
        self._ended[result.run.id] = result
        return merge(self.results)

    def add_failed(self, result: Result) -> None:
        """Add the result of a run whose unfinished actions are to be run again.

        Raises:
            InputError: they cannot be.
        """
        for attempt in result.attempts or (result,):
            self.end(attempt)
        if problem := problem_of_rerun(self.results[-1]):
            raise InputError([("result", problem)])

    def allow_another(self, request: RunRequest) -> bool:
        """Return whether to run again what did not succeed in the last run."""
        last = self.results[-1]
        if last.run.state is not State.FAILURE or len(self._ended) > request.retry_failed:
            return False
        if problem := problem_of_rerun(last):
            self.not_retried = f"run {last.run.id} {problem}."
        return not problem

    def prepare_another(self, request: RunRequest, earlier: Prepared | None) -> Prepared:
        """Prepare a run of what did not succeed in the last run, with retries.

        ``earlier`` is what was prepared for it, if it was created here.
        """
        retry = self._backoff.retrying(NOTHING_CREATED)
        prepared = self._service.prepare_rerun(request, self.results[-1], earlier, retry)
        self._notify(prepared)
        notes = () if earlier is None else earlier.notes
        return replace(prepared, notes=(*notes, *prepared.notes))

    def prepare_to_resume(self, request: RunRequest, run_id: str, retry: Retry) -> Prepared:
        """Prepare a run of what did not succeed in a run of an earlier job.

        Raises:
            InputError: there is no such run, it has not ended, or there is nothing to run again.
            Unusable, Refused: as the methods of ``Service``.
        """
        result = _read_run_to_resume(self._service, run_id, retry)
        prepared = self._service.prepare_rerun(request, result, None, retry)
        self._notify(prepared)
        return prepared

    def _notify(self, prepared: Prepared) -> None:
        if prepared.rerun is not None and prepared.compilation is not None:
            number, most = len(self._ended) + 1, prepared.request.retry_failed + 1
            update = RerunPrepared(prepared.rerun, prepared.compilation, number, most)
            self._backoff.notify(update)
        for note in prepared.notes:
            self._backoff.notify(Noted(note))


def problem_of_rerun(result: Result) -> str:
    """Return why the actions that did not succeed cannot be run again; empty if they can be."""
    if result.actions_error is not None:
        return "has actions that could not be read, so it is not known what to run again"
    if not result.actions:
        return "has no actions, so nothing can be run again"
    if not result.unfinished_actions:
        return "has no action that failed, was skipped or was cancelled"
    return ""


def check_repeated(prepared: Prepared | None, last: Result) -> None:
    """Check that a run that succeeded had all actions that it was to repeat.

    Raises:
        InvalidResponse: it did not have some of them, so its success says nothing about them.
    """
    rerun = None if prepared is None else prepared.rerun
    if rerun is None or last.run.state is not State.SUCCESS or last.actions_error is not None:
        return
    names = {action.name for action in last.actions}
    missing = [action.name for action in rerun.actions if action.name not in names]
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise InvalidResponse(
            f"Run {last.run.id} succeeded, but it did not run {missing[0]}{more} again.",
            hint=f"Start a run of the missing actions. The run: {last.run.log_url}",
        )


def merge(attempts: Sequence[Result]) -> Result:
    """Return one result for all attempts: the last state of each action, and the last run."""
    *earlier, last = attempts
    if not earlier:
        return last
    actions: dict[str, Action] = {}
    for result in attempts:
        actions |= {action.name: action for action in result.actions}
    if last.actions_error is not None:
        # What this attempt repeated has a new state, which is not known.
        read = {action.name for action in last.actions}
        for action in earlier[-1].unfinished_actions:
            if action.name not in read:
                actions.pop(action.name, None)
    known = (result.compilation for result in reversed(attempts))
    return replace(
        last,
        duration=sum(result.duration for result in attempts),
        actions=tuple(actions.values()),
        compilation=next((found for found in known if found is not None), None),
        attempts=tuple(attempts),
    )


def _read_run_to_resume(service: Service, run_id: str, retry: Retry) -> Result:
    if not service.can_rerun:
        raise _cannot_resume(f"is not supported by {service.name}")
    try:
        run = service.describe(run_id)
    except InputError as error:
        raise InputError([("resume", problem) for _, problem in error.problems]) from error
    try:
        run = retry(lambda: service.get(run))
    except Refused as error:
        if error.status != _NOT_FOUND:
            raise
        text = f"{run.id} is not the id of a run in this repository. {error.message}"
        raise _cannot_resume(text) from error
    if not run.state.ended:
        text = f"is {run.id}, which has not ended ({run.status}): set run-id to wait for it"
        raise _cannot_resume(text)
    if run.state is State.SUCCESS:
        raise _cannot_resume(f"is {run.id}, which succeeded: there is nothing to run again")
    try:
        actions = service.actions(run, retry)
    except IncompleteActions as error:
        # The type of the cause says what the error means.
        raise error.cause from error
    result = Result(run=run, duration=run.seconds or 0.0, actions=actions)
    if problem := problem_of_rerun(result):
        raise _cannot_resume(f"is {run.id}, which {problem}")
    return result


def _cannot_resume(problem: str) -> InputError:
    error = InputError([("resume", problem)])
    error.hint = "Nothing was run."
    return error
