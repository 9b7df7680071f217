"""Promoting the compilation of a successful run."""

from __future__ import annotations

import pytest

from dataform_action.errors import (
    DataformError,
    GaveUp,
    InputError,
    Misconfigured,
    NoResponse,
    Refused,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, LeftRunning, OutageStarted, Promoted
from dataform_action.model import Compilation, CompileFailed, Polling, RunRequest
from dataform_action.runs.api import prepare, run
from tests.support.fakes import FakeClock, FakeService, Killed, Recorder

PROMOTING = RunRequest(environment="production", promote=True)
COMPILING = RunRequest(environment="production", promote=True, compile_only=True)


def test_promote_after_success(clock: FakeClock) -> None:
    """The compilation is promoted once after the run succeeded, and reported last."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    run(service, PROMOTING, on_update=seen, clock=clock)
    assert service.called == ["prepare", "start", "get", "get", "get", "promote"]
    assert seen.of(Promoted) == seen.updates[-1:] == [Promoted(Compilation(name="c/1"))]
    assert service.prepared[1] == service.prepared[0]


def test_promote_without_a_run(clock: FakeClock) -> None:
    """A compilation without errors is promoted, and no run is created."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    prepared = prepare(service, COMPILING, on_update=seen, clock=clock)
    assert service.called == ["prepare", "promote"]
    assert prepared.compilation == Compilation(name="c/1")
    assert seen.of(Promoted) == seen.updates[-1:] == [Promoted(Compilation(name="c/1"))]


@pytest.mark.parametrize(
    "request_", [PROMOTING, RunRequest(environment="production", compile_only=True)]
)
def test_a_compilation_is_promoted_only_if_requested(
    clock: FakeClock, request_: RunRequest
) -> None:
    """To promote without a run, the request must say both."""
    service = FakeService(clock, prepares=["c/1"])
    prepare(service, request_, clock=clock)
    assert service.called == ["prepare"]


def test_a_compilation_with_errors_is_not_promoted(clock: FakeClock) -> None:
    """The release configuration keeps its compilation."""
    failed = CompileFailed("1 error", errors=(), compilation_result="c/1")
    service = FakeService(clock, prepares=[failed])
    with pytest.raises(CompileFailed):
        prepare(service, COMPILING, clock=clock)
    assert service.called == ["prepare"]


@pytest.mark.parametrize(
    "error", [Refused("HTTP 403", status=403), Misconfigured("self-signed"), NoResponse("503")]
)
def test_promotion_without_a_run_that_fails(clock: FakeClock, error: DataformError) -> None:
    """The error says that the compilation has no errors."""
    service = FakeService(clock, prepares=["c/1"], promotes=[error])
    with pytest.raises((Refused, GaveUp)) as caught:
        prepare(service, COMPILING, clock=clock)
    text = "The compilation has no errors, but it was not promoted."
    assert caught.value.message.count(text) == 1


def test_promote_without_a_compilation_reports_nothing(clock: FakeClock) -> None:
    """If nothing was compiled, there is no ``Promoted``."""
    service, seen = FakeService(clock), Recorder(clock)
    run(service, PROMOTING, on_update=seen, clock=clock)
    assert seen.of(Promoted) == []


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "TIMED_OUT"])
def test_only_success_is_promoted(clock: FakeClock, status: str) -> None:
    """Scheduled runs never get code whose run did not succeed."""
    service = FakeService(clock, prepares=["c/1"], polls=["RUNNING", status])
    assert run(service, PROMOTING, clock=clock).run.status == status
    assert "promote" not in service.called


def test_nothing_is_promoted_by_default(clock: FakeClock) -> None:
    """Without promote, success changes nothing in the project."""
    service = FakeService(clock, prepares=["c/1"])
    run(service, RunRequest(environment="production"), clock=clock)
    assert "promote" not in service.called


def test_promote_is_repeated(clock: FakeClock) -> None:
    """Promoting twice does no harm, and it does not depend on the run's timeout."""
    service = FakeService(
        clock,
        polls=["SUCCESSFUL"],
        promotes=[NoResponse("503"), NoResponse("503"), ""],
        seconds={"get": 59.0},
    )
    seen = Recorder(clock)
    result = run(service, PROMOTING, Polling(timeout=60), on_update=seen, clock=clock)
    assert result.duration == 59
    assert len(service.times("promote")) == 3
    assert seen.of(OutageStarted) != []


@pytest.mark.parametrize(
    ("error", "polling", "kind", "message"),
    [
        (Refused("HTTP 403", status=403), Polling(), Refused, "HTTP 403"),
        (
            Misconfigured("self-signed"),
            Polling(outage_timeout=60),
            GaveUp,
            "No usable response from the API for 1m. The run succeeded, but its compilation was "
            "not promoted.\nLast error: self-signed",
        ),
        (
            NoResponse("HTTP 503"),
            Polling(outage_timeout=60),
            GaveUp,
            "No usable response from the API for 1m. The run succeeded, but its compilation was "
            "not promoted.\nLast error: HTTP 503",
        ),
        (
            NoResponse("HTTP 503"),
            Polling(timeout=60),
            WaitTimeout,
            "The run succeeded, but its compilation was not promoted. The timeout of 1m has passed."
            " Last error: HTTP 503",
        ),
        (Killed("stop"), Polling(), Killed, "stop"),
    ],
)
def test_promote_that_fails(
    clock: FakeClock,
    error: BaseException,
    polling: Polling,
    kind: type[BaseException],
    message: str,
) -> None:
    """A failed promotion raises its own error, and the run is not cancelled."""
    service, seen = FakeService(clock, prepares=["c/1"], promotes=[error]), Recorder(clock)
    with pytest.raises(kind) as caught:
        run(service, PROMOTING, polling, on_update=seen, clock=clock)
    assert str(caught.value) == message
    assert seen.of(Promoted) == seen.of(LeftRunning) == seen.of(CancelRequested) == []
    assert "cancel" not in service.called


@pytest.mark.parametrize(
    "error", [Refused("HTTP 403", status=403), Misconfigured("self-signed"), NoResponse("503")]
)
def test_promotion_that_fails_says_that_the_run_succeeded(
    clock: FakeClock, error: DataformError
) -> None:
    """The error of a failed promotion says that the run succeeded."""
    service = FakeService(clock, promotes=[error])
    with pytest.raises((Refused, GaveUp)) as caught:
        run(service, PROMOTING, clock=clock)
    text = "The run succeeded, but its compilation was not promoted."
    assert caught.value.message.count(text) == 1


def test_a_service_that_cannot_promote_refuses(clock: FakeClock) -> None:
    """A request that would have no effect is an input error, and nothing is compiled."""
    service = FakeService(clock, can_promote=False)
    with pytest.raises(InputError, match="promote is not supported by Fake"):
        run(service, PROMOTING, clock=clock)
    assert service.called == []
