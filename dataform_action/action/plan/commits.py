"""Which two commits a plan compares: by the inputs, or else by the event of the workflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dataform_action.errors import InputError
from dataform_action.github.event import EventKind, WorkflowEvent
from dataform_action.plan import PlanRequest, Remote
from dataform_action.validation import is_commit

_CONNECT = (
    "has no Git remote, and a plan compares two commits: connect the Dataform repository to a Git "
    "repository, see https://cloud.google.com/dataform/docs/connect-repository"
)


def find_commits(
    request: PlanRequest,
    event: WorkflowEvent,
    remote: Remote,
    *,
    is_here: bool,
    find_base: Callable[[WorkflowEvent], str],
) -> tuple[str, str]:
    """Return the head and the base.

    ``is_here`` says that the code is in the repository of the workflow, so that the event is about
    it. ``find_base`` returns the commit that the head of an event is compared with; empty if the
    event does not say it.

    Raises:
        InputError: there is no Git remote, or neither the inputs nor the event name a commit.
        Unusable, Refused: the base could not be found.
    """
    if not remote.url:
        raise InputError([("repository", _CONNECT)])
    if not is_here:
        event = WorkflowEvent(name=event.name)
    head = request.head or event.head
    base = request.base
    if not base and is_commit(head):
        base = find_base(replace(event, head=head))
    problems = [
        (name, _missing(name, event, "" if is_here else remote.url))
        for name, commit in (("head", head), ("base", base))
        if not commit
    ]
    if problems:
        raise InputError(problems)
    return head, base


def _missing(name: str, event: WorkflowEvent, elsewhere: str) -> str:
    """Return the text for a commit that is not known, and what to do."""
    if elsewhere:
        return (
            f"is missing: the code is in {elsewhere}, not in the repository of this workflow. "
            "Set it to a commit, a branch or a tag of that repository"
        )
    if name == "base" and event.kind is EventKind.PUSH and not event.base:
        return "is missing: the pushed branch is new, so there is no earlier commit. Set it"
    if name == "base" and event.kind is not EventKind.OTHER:
        return "is missing: it is needed if head is not a full commit. Set it"
    which = f"the event {event.name} names none" if event.name else "there is no event"
    return f"is missing: {which}. Set it to a commit, a branch or a tag"


def notes_on_branch(request: PlanRequest, event: WorkflowEvent, remote: Remote) -> tuple[str, ...]:
    """Return a note if the release configuration follows another branch than the base branch."""
    if not remote.branch or event.base_branch in ("", remote.branch):
        return ()
    return (
        f"The release configuration {request.environment} follows {remote.branch}, but this change "
        f"is for {event.base_branch}.",
    )
