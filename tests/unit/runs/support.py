"""Helpers for the tests of runs."""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.errors import RunMayExist
from dataform_action.events import Update
from dataform_action.model import ActionState, RunRequest
from tests.support.fakes import make_action

NIGHTLY = RunRequest(schedule="nightly")
LOST = RunMayExist("lost", hint="Check.")
DONE, ACTIVE = make_action("p.d.a"), make_action("p.d.b", ActionState.RUNNING)


def raise_on(kind: type, error: BaseException) -> Callable[[Update], None]:
    """Return an observer that raises on one kind of update."""

    def observe(update: Update) -> None:
        if isinstance(update, kind):
            raise error

    return observe
