"""What the tests of runs share."""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.errors import RunMayExist
from dataform_action.events import Update
from dataform_action.model import ActionState, RunRequest
from tests.support.fakes import make_action

NIGHTLY = RunRequest(schedule="nightly")
LOST = RunMayExist("lost", hint="Look.")
DONE, GOING = make_action("p.d.a"), make_action("p.d.b", ActionState.RUNNING)


def raise_on(kind: type, error: BaseException) -> Callable[[Update], None]:
    """Return an observer that fails on one kind of update."""

    def observe(update: Update) -> None:
        if isinstance(update, kind):
            raise error

    return observe
