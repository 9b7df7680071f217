"""Whether a run of an outcome may still need to be cancelled."""

from __future__ import annotations

import pytest

from dataform_action.errors import CancelUnsupported, GaveUp, NoResponse, RunMayExist, WaitTimeout
from dataform_action.events import CancelRequested, LeftRunning, RunOutcome
from dataform_action.model import Compilation, Prepared, RunRequest
from tests.support.fakes import Broken, Killed, make_run

RUN = make_run("RUNNING")
BY_SCHEDULE = Prepared(request=RunRequest(), body={})
COMPILED = Prepared(request=RunRequest(), body={}, compilation=Compilation(name="c/1"))
NO_RESPONSE = LeftRunning(RUN, NoResponse("HTTP 503"))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (RunOutcome(run=RUN), False),
        (RunOutcome(run=RUN, error=Killed()), True),
        (RunOutcome(run=make_run("SUCCESSFUL"), error=Killed()), False),
        (RunOutcome(run=RUN, error=Killed(), cancellation=CancelRequested(RUN)), False),
        (RunOutcome(run=RUN, error=Killed(), cancellation=NO_RESPONSE), True),
        (RunOutcome(run=RUN, error=Killed(), cancellation=LeftRunning(RUN, None)), False),
        (
            RunOutcome(
                run=RUN, error=Killed(), cancellation=LeftRunning(RUN, CancelUnsupported("no"))
            ),
            False,
        ),
        (RunOutcome(run=RUN, error=WaitTimeout("late"), cancellation=NO_RESPONSE), True),
        (RunOutcome(run=RUN, error=Broken("observer"), cancellation=NO_RESPONSE), True),
        (RunOutcome(run=RUN, error=GaveUp("silence")), False),
        (RunOutcome(prepared=COMPILED, may_exist=True, error=Killed()), True),
        (RunOutcome(prepared=COMPILED, may_exist=False, error=Killed()), False),
        (RunOutcome(prepared=BY_SCHEDULE, may_exist=True, error=Killed()), False),
        (RunOutcome(may_exist=True, error=Killed()), False),
        (RunOutcome(prepared=COMPILED, may_exist=True, error=RunMayExist("lost")), False),
    ],
)
def test_may_need_cancel(outcome: RunOutcome, expected: bool) -> None:
    """The post step is needed if the run should be cancelled, was not, and still can be."""
    assert outcome.may_need_cancel is expected
