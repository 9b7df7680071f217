"""The exceptions: their messages, hints and properties."""

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


def test_input_error_reports_all_problems() -> None:
    """The message has one line for each problem, and ``except ValueError`` catches the error."""
    error = InputError([("a", "is bad"), ("b", "is worse")])
    assert isinstance(error, ValueError)
    assert str(error) == error.message == "a is bad\nb is worse"
    assert error.problems == (("a", "is bad"), ("b", "is worse"))
    assert error.hint == "Nothing was sent."


def test_hints() -> None:
    """A class has a default hint, which an error may replace or remove."""
    assert Unusable("x").hint == Unusable.hint
    assert Unusable("x", hint="Do y.").hint == "Do y."
    assert Refused("x", status=403, hint="").hint == ""
    assert Unusable.hint
    assert Refused.hint


def test_hints_without_a_remedy() -> None:
    """A default hint may only refer to the message. An explicit hint is a remedy by default."""
    plain = (Unusable("x"), NoResponse("x"), InvalidResponse("x"))
    assert [error.has_remedy for error in plain] == [False, False, False]
    others = (NotConnected("x"), Misconfigured("x"), Throttled("x"), Refused("x", status=403))
    assert [error.has_remedy for error in others] == [True, True, True, True]
    assert NoResponse("x", hint="Do y.").has_remedy
    assert not NotConnected("x", hint="See above.", has_remedy=False).has_remedy


def test_errors_keep_their_numbers() -> None:
    """The status of a refusal and the value of Retry-After are kept."""
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
def test_unprocessed_and_retryable(
    error_class: type[Unusable], unprocessed: bool, retryable: bool
) -> None:
    """A create is repeated after unprocessed errors. A wrong value runs a schedule twice."""
    error = error_class("x")
    assert (error.unprocessed, error.retryable) == (unprocessed, retryable)


@pytest.mark.parametrize("error_class", [c for c in _ERRORS if not issubclass(c, Unusable)])
def test_other_errors_are_not_retryable(error_class: type[DataformError]) -> None:
    """Only requests without a usable response are retried."""
    assert error_class.retryable is False


def test_base_class() -> None:
    """``except DataformError`` catches all errors of the package."""
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
def test_errors_can_be_pickled(error: DataformError) -> None:
    """A process pool transfers an error without changes."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is type(error)
    assert (copy.args, copy.__dict__) == (error.args, error.__dict__)


def test_refused_credentials() -> None:
    """Refused credentials are not retried."""
    error = CredentialsRefused("x")
    assert isinstance(error, DataformError)
    assert not isinstance(error, Unusable)
    assert not error.retryable
    assert error.hint.startswith("In a workflow, run google-github-actions/auth before this step")
