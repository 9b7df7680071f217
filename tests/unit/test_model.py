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
def test_final_states_of_runs(state: State) -> None:
    """Every state except RUNNING is final."""
    assert state.ended is (state.value != "running")


def test_final_states_of_actions() -> None:
    """Every state except PENDING and RUNNING is final."""
    assert [state.value for state in ActionState if not state.ended] == ["pending", "running"]


def test_defaults_of_a_request() -> None:
    """A request without arguments keeps all settings of the service."""
    values = [getattr(RunRequest(), name) for name in RunRequest.__slots__]
    assert all(value in (None, (), False) for value in values)


def test_values_of_states() -> None:
    """The values are those of the output ``status``, which workflows compare."""
    assert [state.value for state in State] == [
        "running",
        "success",
        "failure",
        "cancelled",
        "timed_out",
    ]


def test_polling_with_invalid_times() -> None:
    """All invalid times are reported in one error, including NaN."""
    with pytest.raises(InputError) as caught:
        Polling(interval=0.99, timeout=-1, outage_timeout=math.nan)
    assert str(caught.value) == (
        "interval 0.99 is not at least 1 second\n"
        "timeout -1 is not at least 1 second\n"
        "outage_timeout nan is not at least 1 second"
    )


def test_polling_with_extreme_times() -> None:
    """The shortest time is one second, and a time may be infinite."""
    polling = Polling(interval=1, timeout=math.inf, outage_timeout=math.inf)
    assert polling.delay(1e9) == 1


@pytest.mark.parametrize(
    ("elapsed", "delay"), [(0, 1), (22, 1), (33, 1.5), (110, 5), (220, 10), (221, 10), (1e6, 10)]
)
def test_delay_grows_with_the_elapsed_time(elapsed: float, delay: float) -> None:
    """The delay between two polls grows from one second to the interval."""
    assert Polling(interval=10).delay(elapsed) == delay


def test_error_says_that_actions_could_not_be_read() -> None:
    """The message must not suggest that no action failed."""
    run = Run(id="1", state=State.FAILURE, status="FAILED", log_url="https://a/1")
    result = Result(run=run, duration=1, actions_error=InputError([("a", "b")]))
    with pytest.raises(RunUnsuccessful, match=r"\nThe actions could not be read\. a b$"):
        result.raise_for_state()


def test_defaults_of_polling() -> None:
    """The library and the action have the same defaults."""
    assert Polling() == Polling(interval=10, timeout=21600, outage_timeout=600, cancel=True)


def _result(state: State, *actions: Action) -> Result:
    run = Run(id="77", state=state, status="WORD", log_url="https://a/77")
    return Result(run=run, duration=1, actions=actions)


def test_success_raises_nothing() -> None:
    """``raise_for_state`` does nothing after a successful run."""
    _result(State.SUCCESS).raise_for_state()


@pytest.mark.parametrize("state", [state for state in State if state is not State.SUCCESS])
def test_other_states_raise(state: State) -> None:
    """The error of an unsuccessful run has the service's status and the link to the run."""
    with pytest.raises(RunUnsuccessful) as caught:
        _result(state).raise_for_state()
    assert str(caught.value) == "Run 77 ended with status WORD: https://a/77"
    assert caught.value.hint == "For details, see the log of the run."


def test_error_of_a_failed_run_has_the_reasons() -> None:
    """The message lists the failed actions by name, each with its file and reason."""
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


def test_error_of_a_failed_run_has_a_limit() -> None:
    """The message stays short if many actions fail with long reasons."""
    failed = [make_action(f"a{n:04}", ActionState.FAILED, reason="x" * 9999) for n in range(5000)]
    message = str(RunUnsuccessful(_result(State.FAILURE, *failed)))
    assert message.splitlines()[-1] == "4990 more actions failed."
    assert len(message) < 4200


def test_error_of_a_failed_run_can_be_pickled() -> None:
    """A process pool returns the error with its result."""
    error = RunUnsuccessful(_result(State.FAILURE, make_action("a", ActionState.FAILED)))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.result) == (str(error), error.result)


@pytest.mark.parametrize("name", ["tags", "actions"])
def test_string_instead_of_names(name: str) -> None:
    """A string is refused, because each of its letters would become a name."""
    with pytest.raises(InputError) as caught:
        RunRequest(**{name: "daily"})  # type: ignore[arg-type]
    assert str(caught.value) == f"{name} is a string: use a tuple of strings"
