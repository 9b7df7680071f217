"""The commit with which the commit of a pull request is compared."""

from __future__ import annotations

from dataform_action.clock import Retry, once
from dataform_action.errors import Refused
from dataform_action.github.api import GitHub, is_missing
from dataform_action.github.event import WorkflowEvent


def find_merge_base(github: GitHub, event: WorkflowEvent, retry: Retry = once) -> str:
    """Return the commit where a pull request left its branch. ``retry`` makes each request.

    Raises:
        DataformError: as ``GitHub.find_merge_base``.
    """
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
