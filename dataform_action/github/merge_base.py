"""The commit with which the commit of an event is compared."""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.errors import Refused
from dataform_action.github.api import GitHub, is_missing
from dataform_action.github.event import EventKind, WorkflowEvent

Retry = Callable[[Callable[[], str]], str]


def find_base(
    github: GitHub, event: WorkflowEvent, retry: Retry = lambda request: request()
) -> str:
    """Return the commit to compare with: of a pull request, the merge base.

    It is empty if the event does not say it. ``retry`` makes each request.

    Raises:
        DataformError: as ``GitHub.find_merge_base``.
    """
    if event.kind is not EventKind.PULL_REQUEST:
        return event.base
    # The commit that the event names may be out of date, and would make changes of the branch that
    # were merged into the pull request seem to be its own. So ask for the branch as it is now.
    try:
        base = retry(lambda: github.find_merge_base(event.base_branch, event.head))
    except Refused as error:
        if not is_missing(error):
            raise
        # The branch may be deleted.
        base = event.head
    if base != event.head:
        return base
    # If the pull request is already merged, the branch contains its commit.
    return retry(lambda: github.find_merge_base(event.base, event.head))
