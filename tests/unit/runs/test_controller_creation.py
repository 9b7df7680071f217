"""Preparing and creating a run: what is repeated, and what the shield covers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dataform_action.errors import (
    DataformError,
    GaveUp,
    InputError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
    WaitTimeout,
)
from dataform_action.events import Compiled, Created, OutageEnded, OutageStarted
from dataform_action.model import CompileFailed, Polling, State
from dataform_action.runs.api import prepare, run
from tests.support.fakes import Broken, FakeClock, FakeService, Killed, Recorder
from tests.unit.runs.support import NIGHTLY


@pytest.mark.parametrize(
    "error", [NoResponse("503"), InvalidResponse("HTML"), NotConnected("no"), Throttled("429")]
)
def test_prepare_is_repeated(clock: FakeClock, error: DataformError) -> None:
    """Compiling twice does no harm, so a request without a usable response is repeated."""
    service, seen = FakeService(clock, prepares=[error, error, "c/1"]), Recorder(clock)
    assert run(service, NIGHTLY, on_update=seen, clock=clock).run.state is State.SUCCESS
    assert service.called[:4] == ["prepare", "prepare", "prepare", "start"]
    assert [type(update) for update in seen.updates[:4]] == [
        *(OutageStarted, OutageEnded, Compiled, Created)
    ]


def test_prepare_gives_up_after_the_outage_timeout(clock: FakeClock) -> None:
    """A compilation without a response ends after the outage timeout, without a run."""
    service = FakeService(clock, prepares=[NoResponse("HTTP 503")])
    with pytest.raises(GaveUp) as caught:
        run(service, NIGHTLY, Polling(outage_timeout=120), clock=clock)
    assert caught.value.message == (
        "No usable response from the API for 2m. No run was created.\nLast error: HTTP 503"
    )
    assert service.times("prepare")[-1] == pytest.approx(120)
    assert set(service.called) == {"prepare"}


def test_prepare_ends_at_the_timeout(clock: FakeClock) -> None:
    """A timeout shorter than the outage timeout ends a compilation without a response."""
    service = FakeService(clock, prepares=[NoResponse("HTTP 503")])
    with pytest.raises(WaitTimeout, match=r"No run was created\. The timeout of 1m has passed\."):
        prepare(service, NIGHTLY, Polling(timeout=60), clock=clock)
    assert service.times("prepare")[-1] == pytest.approx(60)


@pytest.mark.parametrize(
    "error",
    [
        CompileFailed("1 error", errors=[], compilation_result="c/1"),
        InputError([("schedule", "belongs to another release")]),
        Refused("no", status=403),
        Misconfigured("self-signed"),
        Broken("no credentials"),
    ],
)
def test_prepare_is_not_repeated_after_a_final_error(
    clock: FakeClock, error: DataformError
) -> None:
    """An error that a retry cannot fix ends the step immediately, and nothing is started."""
    service, seen = FakeService(clock, prepares=[error]), Recorder(clock)
    with pytest.raises(type(error)) as caught:
        run(service, NIGHTLY, on_update=seen, clock=clock)
    assert caught.value is error
    assert service.called == ["prepare"]
    assert seen.updates == []


def test_kill_while_preparing_cancels_nothing(clock: FakeClock) -> None:
    """Before there is a run, a kill cancels nothing."""
    service = FakeService(clock, prepares=[Killed()])
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock)
    assert service.called == ["prepare"]


@pytest.mark.parametrize("error", [NotConnected("no route"), Throttled("slow down")])
def test_create_is_repeated_if_not_processed(clock: FakeClock, error: DataformError) -> None:
    """A create request is repeated if no connection was made or the response was 429."""
    service = FakeService(clock, creates=[error, error, ""])
    assert run(service, NIGHTLY, clock=clock).run.state is State.SUCCESS
    assert len(service.times("start")) == 3


@pytest.mark.parametrize(
    "error", [RunMayExist("lost"), Refused("no", status=403), Misconfigured("self-signed")]
)
def test_create_is_not_repeated_otherwise(clock: FakeClock, error: DataformError) -> None:
    """A create request is not repeated if its response was lost or it was refused."""
    service = FakeService(clock, creates=[error])
    with pytest.raises(type(error)) as caught:
        run(service, NIGHTLY, clock=clock)
    assert caught.value is error
    assert service.called == ["prepare", "start"]


def test_create_gives_up_after_the_outage_timeout(clock: FakeClock) -> None:
    """A create request that is never delivered ends after the outage timeout."""
    service, seen = FakeService(clock, creates=[NotConnected("no route")]), Recorder(clock)
    with pytest.raises(GaveUp) as caught:
        run(service, NIGHTLY, Polling(outage_timeout=120), on_update=seen, clock=clock)
    assert caught.value.message == (
        "No usable response from the API for 2m. No run was created.\nLast error: no route"
    )
    assert service.times("start")[-1] == pytest.approx(120)
    assert len(seen.of(OutageStarted)) == 1


def test_create_ends_at_the_timeout(clock: FakeClock) -> None:
    """A timeout shorter than the outage timeout ends undelivered create requests."""
    service = FakeService(clock, creates=[NotConnected("no route")])
    with pytest.raises(WaitTimeout) as caught:
        run(service, NIGHTLY, Polling(timeout=60), clock=clock)
    assert caught.value.message == (
        "No run was created. The timeout of 1m has passed. Last error: no route"
    )
    assert caught.value.hint == NotConnected.hint
    assert service.times("start")[-1] == pytest.approx(60)


def test_shield_covers_each_attempt_and_its_update(clock: FakeClock) -> None:
    """The shield covers each create request and its update, but not the sleeps."""
    log: list[str] = []

    @contextmanager
    def shielded() -> Iterator[None]:
        log.append("shield")
        yield
        log.append("open")

    def attempt() -> str:
        log.append("attempt")
        return ""

    def refuse() -> str:
        log.append("attempt")
        raise NotConnected("no route")

    service = FakeService(clock, creates=[refuse, attempt], polls=["SUCCESSFUL"])
    run(
        service,
        NIGHTLY,
        on_update=lambda update: log.append(type(update).__name__),
        clock=clock,
        shielded=shielded,
    )
    assert log == [
        *("shield", "attempt", "open", "OutageStarted"),
        *("shield", "attempt", "Created", "OutageEnded", "open", "Changed"),
    ]


def test_kill_at_the_shield_cancels(clock: FakeClock) -> None:
    """A signal that the shield delays until the run is known cancels that run."""

    @contextmanager
    def shielded() -> Iterator[None]:
        yield
        raise Killed

    service = FakeService(clock)
    with pytest.raises(Killed):
        run(service, NIGHTLY, clock=clock, shielded=shielded)
    assert service.called == ["prepare", "start", "cancel"]
