"""Promoting the compilation of a run that succeeded."""

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
from dataform_action.model import Compilation, Polling, RunRequest
from dataform_action.runs.api import run
from tests.support.fakes import FakeClock, FakeService, Killed, Recorder

PROMOTING = RunRequest(environment="production", promote=True)


def test_promote_after_success(clock: FakeClock) -> None:
    """The compilation is promoted once, after the run succeeded, and told last."""
    service, seen = FakeService(clock, prepares=["c/1"]), Recorder(clock)
    run(service, PROMOTING, on_update=seen, clock=clock)
    assert service.called == ["prepare", "start", "get", "get", "get", "promote"]
    assert seen.of(Promoted) == seen.updates[-1:] == [Promoted(Compilation(name="c/1"))]
    assert service.prepared[1] == service.prepared[0]


def test_promote_without_a_compilation_tells_nothing(clock: FakeClock) -> None:
    """Where nothing was compiled there is nothing to tell of."""
    service, seen = FakeService(clock), Recorder(clock)
    run(service, PROMOTING, on_update=seen, clock=clock)
    assert seen.of(Promoted) == []


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "TIMED_OUT"])
def test_only_success_is_promoted(clock: FakeClock, status: str) -> None:
    """Code whose run did not succeed never becomes that of scheduled runs."""
    service = FakeService(clock, prepares=["c/1"], polls=["RUNNING", status])
    assert run(service, PROMOTING, clock=clock).run.status == status
    assert "promote" not in service.called


def test_nothing_is_promoted_unasked(clock: FakeClock) -> None:
    """Without promote, success changes nothing in the project."""
    service = FakeService(clock, prepares=["c/1"])
    run(service, RunRequest(environment="production"), clock=clock)
    assert "promote" not in service.called


def test_promote_is_repeated(clock: FakeClock) -> None:
    """To promote twice does no harm, and it has time of its own after a run that took all."""
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
        (Misconfigured("self-signed"), Polling(), Misconfigured, "self-signed"),
        (
            NoResponse("HTTP 503"),
            Polling(outage_timeout=60),
            GaveUp,
            "The API gave no usable answer for 1m. The run succeeded, but its compilation was not "
            "promoted.\nThe last failure: HTTP 503",
        ),
        (
            NoResponse("HTTP 503"),
            Polling(timeout=60),
            WaitTimeout,
            "The run succeeded, but its compilation was not promoted. The timeout of 1m is over. "
            "The last failure: HTTP 503",
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
    """What could not be promoted is an error of its own; the run is over and is left alone."""
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
    """Whatever kept the compilation from being promoted, the run's own success is told."""
    service = FakeService(clock, promotes=[error])
    with pytest.raises((Refused, Misconfigured, GaveUp)) as caught:
        run(service, PROMOTING, clock=clock)
    words = "The run succeeded, but its compilation was not promoted."
    assert caught.value.message.count(words) == 1


def test_a_service_that_cannot_promote_refuses_to(clock: FakeClock) -> None:
    """A request that would have no effect is an input error, and nothing is compiled."""
    service = FakeService(clock, can_promote=False)
    with pytest.raises(InputError, match="promote is not possible with Fake"):
        run(service, PROMOTING, clock=clock)
    assert service.called == []
