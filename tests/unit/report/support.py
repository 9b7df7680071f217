"""What the tests of the job summary share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.model import Action, ActionState, RunRequest, State
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.words import Link, Mention, Words
from tests.support.fakes import make_action
from tests.support.golden import make_subject, render


def render_nightly(outcome: StepOutcome, limit: int = SUMMARY_LIMIT) -> str:
    return render(outcome, make_subject(RunRequest(schedule="nightly")), limit)


def said(*message: str | Link, hint: str = "", mentions: Iterable[Mention] = ()) -> Words:
    return Words(message=message, hint=(hint,), mentions=frozenset(mentions))


def make_outcome(*actions: Action, **changes: object) -> StepOutcome:
    outcome = StepOutcome(
        exit_code=ExitCode.RUN_UNSUCCESSFUL,
        status=State.FAILURE,
        title="Title",
        words=said("It failed."),
        actions=actions,
    )
    return replace(outcome, **changes)  # type: ignore[arg-type]


def failed_action(name: str, **more: object) -> Action:
    return make_action(name, ActionState.FAILED, **more)
