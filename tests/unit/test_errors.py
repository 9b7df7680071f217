"""The tree of exceptions: what each says, and what follows from its class."""

from __future__ import annotations

import pickle

import pytest

from dataform_action import errors
from dataform_action.errors import (
    CredentialsRefused,
    DataformError,
    InputError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
    Unusable,
)

_CLASSES = [value for value in vars(errors).values() if isinstance(value, type)]
_ERRORS = [value for value in _CLASSES if issubclass(value, DataformError)]


def test_input_errors_tell_all_problems() -> None:
    """The message has a line a problem, and a plain ``except ValueError`` catches it."""
    error = InputError([("a", "is bad"), ("b", "is worse")])
    assert isinstance(error, ValueError)
    assert str(error) == error.message == "a is bad\nb is worse"
    assert error.problems == (("a", "is bad"), ("b", "is worse"))
    assert error.hint == "Nothing was sent."


def test_a_hint_of_the_moment_goes_before_that_of_the_class() -> None:
    """Every class brings a hint, which the place that raises may replace, or take away."""
    assert Unusable("x").hint == Unusable.hint
    assert Unusable("x", hint="Do y.").hint == "Do y."
    assert Refused("x", status=403, hint="").hint == ""
    assert Unusable.hint
    assert Refused.hint


def test_a_hint_that_only_points_to_the_message_is_no_remedy() -> None:
    """The classes differ, a hint of the moment is a remedy, and who raises has the last word."""
    plain = (Unusable("x"), NoResponse("x"), InvalidResponse("x"))
    assert [error.has_remedy for error in plain] == [False, False, False]
    others = (NotConnected("x"), Misconfigured("x"), Throttled("x"), Refused("x", status=403))
    assert [error.has_remedy for error in others] == [True, True, True, True]
    assert NoResponse("x", hint="Do y.").has_remedy
    assert not NotConnected("x", hint="See above.", has_remedy=False).has_remedy


def test_errors_of_an_exchange_keep_their_numbers() -> None:
    """The status of a refusal and the pause that a service asks for are kept."""
    assert Refused("x", status=403).status == 403
    assert Throttled("x", retry_after=0).retry_after == 0
    assert NoResponse("x").retry_after is None


@pytest.mark.parametrize(
    ("error_class", "unprocessed", "retryable"),
    [
        (NotConnected, True, True),
        (Misconfigured, True, False),
        (Throttled, True, True),
        (NoResponse, False, True),
        (InvalidResponse, False, True),
        (Unusable, False, True),
    ],
)
def test_only_what_was_surely_not_processed_says_so(
    error_class: type[Unusable], unprocessed: bool, retryable: bool
) -> None:
    """A create is repeated only after these; a wrong word here runs a schedule twice."""
    error = error_class("x")
    assert (error.unprocessed, error.retryable) == (unprocessed, retryable)


@pytest.mark.parametrize("error_class", [c for c in _ERRORS if not issubclass(c, Unusable)])
def test_nothing_else_is_worth_another_try(error_class: type[DataformError]) -> None:
    """Only an unusable answer can be followed by a usable one."""
    assert error_class.retryable is False


def test_the_tree_has_one_root() -> None:
    """``except DataformError`` catches everything that the package raises on purpose."""
    assert [value for value in _CLASSES if issubclass(value, BaseException)] == _ERRORS


@pytest.mark.parametrize(
    "error",
    [
        InputError([("token", "is missing")]),
        Refused("no", status=403, hint="Ask."),
        Throttled("slow down", retry_after=3.0),
        RunMayExist("lost"),
    ],
)
def test_errors_survive_a_process_pool(error: DataformError) -> None:
    """An error that is carried to another process is the same there."""
    carried = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(carried) is type(error)
    assert (carried.args, carried.__dict__) == (error.args, error.__dict__)


def test_a_refusal_of_credentials_is_final() -> None:
    """A refusal of credentials is an error of this package that no retry catches."""
    error = CredentialsRefused("x")
    assert isinstance(error, DataformError)
    assert not isinstance(error, Unusable)
    assert not error.retryable
    assert error.hint.startswith("In a workflow, run google-github-actions/auth before this step")
