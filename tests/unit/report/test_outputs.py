"""The outputs that are known at the end of a step."""

from __future__ import annotations

import json
import subprocess

import pytest

from dataform_action.costs import ActionCost, Costs, JobCost
from dataform_action.events import Subject
from dataform_action.model import Action, ActionState, RunRequest, State
from dataform_action.report.analysis import analyse
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.outputs import (
    LIST_LIMIT,
    notes_on_outputs,
    render_outputs,
)
from dataform_action.report.words import Words
from tests.support.fakes import make_action
from tests.support.golden import make_subject


def _outputs(
    *actions: Action,
    duration: float | None = None,
    compilation_result: str = "",
    has_unread_actions: bool = False,
    subject: Subject | None = None,
    costs: Costs | None = None,
) -> dict[str, str]:
    outcome = StepOutcome(
        exit_code=ExitCode.TIMEOUT,
        status=State.TIMED_OUT,
        title="",
        words=Words(message=()),
        duration=duration,
        actions=actions,
        compilation_result=compilation_result,
        has_unread_actions=has_unread_actions,
        costs=costs,
    )
    return render_outputs(outcome, analyse(actions), subject)


@pytest.mark.parametrize(
    ("duration", "outputs"),
    [
        (65.9, {"status": "timed_out", "duration": "65"}),
        (0.0, {"status": "timed_out", "duration": "0"}),
        (None, {"status": "timed_out"}),
    ],
)
def test_outputs_have_the_status_and_whole_seconds(
    duration: float | None, outputs: dict[str, str]
) -> None:
    """An unknown duration has no output, a duration of zero has one."""
    assert _outputs(duration=duration) == outputs


def test_outputs_have_the_compilation_and_the_failed_actions() -> None:
    """The names of failed actions are a sorted JSON list on one line, whatever is in them."""
    failed = ActionState.FAILED
    actions = (
        make_action('p.d."b\n', failed),
        make_action("p.d.d", ActionState.SKIPPED, dependencies=("p.d.a",)),
        make_action("p.d.c"),
        make_action("p.d.a", failed),
    )
    outputs = _outputs(*actions, compilation_result="c/1")
    assert outputs["compilation-result"] == "c/1"
    assert json.loads(outputs["failed-actions"]) == ['p.d."b\n', "p.d.a"]
    assert "\n" not in outputs["failed-actions"]


def test_unread_actions_have_no_list() -> None:
    """An empty list would say that nothing failed, which is not known."""
    subject = make_subject(RunRequest(schedule="nightly"))
    assert _outputs(subject=subject)["failed-actions"] == "[]"
    assert _outputs(subject=subject, has_unread_actions=True) == {"status": "timed_out"}


def test_a_long_list_of_failed_actions_is_cut_between_names() -> None:
    """The list is valid JSON and fits into a variable. The count includes all actions."""
    actions = [make_action(f"p.d.{'ü' * 150}{n:04}", ActionState.FAILED) for n in range(5000)]
    blocker = make_action("p.z.last", ActionState.FAILED)
    blocked = make_action("p.z.a", ActionState.SKIPPED, dependencies=("p.z.last",))
    outputs = _outputs(*actions, blocker, blocked)
    assert outputs["failed-actions-count"] == "5001"
    text = outputs["failed-actions"]
    assert LIST_LIMIT - 1000 < len(text.encode()) <= LIST_LIMIT
    names = json.loads(text)
    assert names == sorted(names)
    assert set(names) < {action.name for action in (*actions, blocker)}
    assert "p.z.last" in names
    shell = subprocess.run(
        ["/bin/sh", "-c", 'printf %s "$FAILED"'],
        env={"FAILED": text},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdout == text


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_name_that_never_fits_is_left_out(count: int) -> None:
    """One huge name neither breaks the output nor displaces the others."""
    actions = [make_action(f"p.d.{n}", ActionState.FAILED) for n in range(count)]
    monster = make_action("p.d." + "x" * 60_000, ActionState.FAILED)
    outputs = _outputs(monster, *actions)
    assert json.loads(outputs["failed-actions"]) == [action.name for action in actions]
    assert outputs["failed-actions-count"] == str(count + 1)
    [note] = notes_on_outputs(analyse((monster, *actions)))
    assert note.text.startswith(f"The output failed-actions has {count} of {count + 1} names,")


def test_a_complete_list_has_no_note() -> None:
    """A list that fits exactly is not shortened."""
    names = ["x" * (LIST_LIMIT // 2 - 5), "y" * (LIST_LIMIT // 2 - 5)]
    actions = tuple(make_action(name, ActionState.FAILED) for name in names)
    assert notes_on_outputs(analyse(actions)) == ()
    text = _outputs(*actions)["failed-actions"]
    assert json.loads(text) == names
    assert len(text) <= LIST_LIMIT


def test_no_failed_action_is_an_empty_list() -> None:
    """If the actions are known, a workflow can always read the list."""
    outputs = _outputs(make_action("p.d.a"))
    assert (outputs["failed-actions"], outputs["failed-actions-count"]) == ("[]", "0")


@pytest.mark.parametrize(
    ("jobs", "numbers"),
    [
        ((), {"bytes-billed": "0", "slot-seconds": "0"}),
        ((JobCost("a", 5, 1999),), {"bytes-billed": "5", "slot-seconds": "1"}),
        ((JobCost("a", 5, 1999), JobCost("b")), {}),
        ((JobCost("a", 5),), {}),
    ],
)
def test_costs_are_whole_numbers_or_missing(
    jobs: tuple[JobCost, ...], numbers: dict[str, str]
) -> None:
    """An output is never a lower bound."""
    outputs = _outputs(costs=Costs(actions=(ActionCost("p.d.a", jobs),)))
    assert outputs == {"status": "timed_out", **numbers}
