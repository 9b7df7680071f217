"""The vocabulary of runs: states, requests, polling, results."""

from __future__ import annotations

import math
import pickle

import pytest

from dataform_action.errors import InputError
from dataform_action.model import (
    Action,
    ActionState,
    Polling,
    Result,
    Run,
    RunRequest,
    RunUnsuccessful,
    State,
)
from tests.support.fakes import make_action


@pytest.mark.parametrize("state", State)
def test_only_a_running_run_can_change(state: State) -> None:
    """Every state but RUNNING is final."""
    assert state.ended is (state.value != "running")


def test_only_pending_and_running_actions_can_change() -> None:
    """Every other state of an action is final, whether it ran or not."""
    assert [state.value for state in ActionState if not state.ended] == ["pending", "running"]


def test_a_request_asks_for_nothing_by_itself() -> None:
    """Whatever is not given stays as the service has it."""
    values = [getattr(RunRequest(), name) for name in RunRequest.__slots__]
    assert all(value in (None, (), False) for value in values)


def test_states_are_githubs_own_words() -> None:
    """The values become the output ``status``, where workflows compare them."""
    assert [state.value for state in State] == [
        "running",
        "success",
        "failure",
        "cancelled",
        "timed_out",
    ]


def test_polling_names_every_time_that_is_too_short() -> None:
    """All bad times are reported at once, even what is no number at all."""
    with pytest.raises(InputError) as caught:
        Polling(interval=0.99, timeout=-1, outage_timeout=math.nan)
    assert str(caught.value) == (
        "interval 0.99 is not at least 1 second\n"
        "timeout -1 is not at least 1 second\n"
        "outage_timeout nan is not at least 1 second"
    )


def test_polling_takes_one_second_and_for_ever() -> None:
    """The shortest time is one second, and there is no longest."""
    polling = Polling(interval=1, timeout=math.inf, outage_timeout=math.inf)
    assert polling.delay(1e9) == 1


@pytest.mark.parametrize(
    ("elapsed", "delay"), [(0, 1), (22, 1), (33, 1.5), (110, 5), (220, 10), (221, 10), (1e6, 10)]
)
def test_the_wait_is_a_share_of_the_time_gone_by(elapsed: float, delay: float) -> None:
    """A wait grows with the run, from one second to the interval."""
    assert Polling(interval=10).delay(elapsed) == delay


def test_actions_that_could_not_be_read_are_part_of_the_error() -> None:
    """Whoever only sees the message is not left to think that no action failed."""
    run = Run(id="1", state=State.FAILURE, status="FAILED", log_url="https://a/1")
    result = Result(run=run, duration=1, actions_error=InputError([("a", "b")]))
    with pytest.raises(RunUnsuccessful, match=r"\nIts actions could not be read\. a b$"):
        result.raise_for_state()


def test_defaults_of_polling_are_those_of_the_action() -> None:
    """A library user waits as the action does."""
    assert Polling() == Polling(interval=10, timeout=21600, outage_timeout=600, cancel=True)


def _result(state: State, *actions: Action) -> Result:
    run = Run(id="77", state=state, status="WORD", log_url="https://a/77")
    return Result(run=run, duration=1, actions=actions)


def test_success_raises_nothing() -> None:
    """A run that succeeded passes ``raise_for_state``."""
    _result(State.SUCCESS).raise_for_state()


@pytest.mark.parametrize("state", [state for state in State if state is not State.SUCCESS])
def test_everything_but_success_raises(state: State) -> None:
    """A run that did not succeed raises, with the service's word and its link."""
    with pytest.raises(RunUnsuccessful) as caught:
        _result(state).raise_for_state()
    assert str(caught.value) == "Run 77 ended with status WORD: https://a/77"
    assert caught.value.hint == "The run's log says more."


def test_the_error_of_a_failed_run_has_the_reasons() -> None:
    """Each failed action is told with its file and reason, in the order of their names."""
    result = _result(
        State.FAILURE,
        make_action("p.d.late", ActionState.FAILED, file="a/late.sqlx", reason="Zero\n  [1:2]"),
        make_action("p.d.good"),
        make_action("p.d.early", ActionState.FAILED),
    )
    with pytest.raises(RunUnsuccessful) as caught:
        result.raise_for_state()
    assert str(caught.value).splitlines() == [
        "Run 77 ended with status WORD: https://a/77",
        "p.d.early: the API gives no reason",
        "p.d.late (a/late.sqlx): Zero [1:2]",
    ]
    assert caught.value.result is result
    assert [action.name for action in result.failed_actions] == ["p.d.early", "p.d.late"]


def test_the_error_of_a_failed_run_has_bounds() -> None:
    """However much fails, for whatever reason, the message stays one that can be read."""
    failed = [make_action(f"a{n:04}", ActionState.FAILED, reason="x" * 9999) for n in range(5000)]
    message = str(RunUnsuccessful(_result(State.FAILURE, *failed)))
    assert message.splitlines()[-1] == "And 4990 more actions failed."
    assert len(message) < 4200


def test_the_error_of_a_failed_run_crosses_processes() -> None:
    """What a process pool pickles comes back with its result."""
    error = RunUnsuccessful(_result(State.FAILURE, make_action("a", ActionState.FAILED)))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.result) == (str(error), error.result)


@pytest.mark.parametrize("name", ["tags", "actions"])
def test_a_text_is_no_list_of_names(name: str) -> None:
    """A forgotten comma does not make a tag of each letter."""
    with pytest.raises(InputError) as caught:
        RunRequest(**{name: "daily"})  # type: ignore[arg-type]
    assert str(caught.value) == f"{name} is one text: give a tuple of texts"
