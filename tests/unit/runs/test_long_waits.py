"""Waits of simulated hours, with credentials that are renewed or expire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dataform_action.auth.token_source import ApplicationDefaultCredentials
from dataform_action.emulator import Emulator
from dataform_action.errors import CredentialsRefused, GaveUp, NotConnected, Refused
from dataform_action.events import OutageEnded, OutageStarted
from dataform_action.model import Polling, Result, RunRequest, State
from dataform_action.runs import api as watch
from dataform_action.services.google.hints import EXPIRED_HINT
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import FakeClock, Recorder
from tests.support.google_stand_ins import EXCHANGE, IDENTITY, IMPERSONATION, GoogleStandIns, Reply

_MINUTE, _HOUR = 60.0, 3600.0
_RUN = 3 * _HOUR
#: When the token exchange starts to fail in the tests that need it.
_BREAKDOWN = 25 * _MINUTE
#: The paths that mint a token for the API, and the prefix of their tokens.
_MINTS = {EXCHANGE: "federated-token", IMPERSONATION: "impersonated-token"}


@dataclass
class World:
    """The API, the token endpoints, and one clock for all of them."""

    clock: FakeClock
    google: GoogleStandIns
    emulator: Emulator
    folder: Path
    #: When the token exchange starts and stops to fail (seconds from the start), and its status.
    fails_from: float = float("inf")
    fails_until: float = float("inf")
    failure: int = 503
    #: When each token was minted, which were announced before use, which were not accepted.
    minted: dict[str, float] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    refused: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = self.clock.now()
        self.observer = Recorder(self.clock)
        self.google.on_request = self.mint
        self.emulator.accept_tokens(self.accept)

    @property
    def elapsed(self) -> float:
        return self.clock.now() - self.started

    @property
    def is_cancelled(self) -> bool:
        [invocation] = self.emulator.invocations
        requested = any(request.path.endswith(":cancel") for request in self.emulator.requests)
        return requested or invocation.state != "RUNNING"

    def mint(self, path: str) -> None:
        if path in _MINTS:
            self.minted[f"{_MINTS[path]}-{len(self.google.requests)}"] = self.clock.now()
        elif path == IDENTITY and self.fails_from <= self.elapsed < self.fails_until:
            self.google.fail(EXCHANGE, Reply(status=self.failure))

    def accept(self, token: str | None) -> bool:
        """Accept a token that was announced and has not expired."""
        minted_at = self.minted.get(token or "", float("-inf"))
        is_good = token in self.announced and self.clock.now() < minted_at + self.google.lifetime
        if not is_good:
            self.refused.append(token)
        return is_good

    def credentials(self, *, impersonation: bool = False) -> ApplicationDefaultCredentials:
        self.google.lifetime = int(_HOUR if impersonation else 5 * _MINUTE)
        path = self.folder / "credentials.json"
        path.write_text(json.dumps(self.google.external_account(impersonation=impersonation)))
        environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
        return ApplicationDefaultCredentials(
            environ, on_token=self.announced.append, clock=self.clock
        )

    def run(self, token: str | ApplicationDefaultCredentials, interval: float = 30) -> Result:
        service = GoogleDataform(
            project_id="my-project",
            location="europe-west1",
            repository="warehouse",
            token=token,
            api_url=self.emulator.url,
        )
        return watch.run(
            service,
            RunRequest(schedule="nightly"),
            Polling(interval=interval),
            on_update=self.observer,
            clock=self.clock,
        )


@pytest.fixture
def run_seconds() -> float:
    return _RUN


@pytest.fixture
def world(clock: FakeClock, run_seconds: float, tmp_path: Path) -> Iterator[World]:
    paced = Emulator(advance="clock", run_seconds=run_seconds, clock=clock)
    with GoogleStandIns() as google, paced as emulator:
        yield World(clock, google, emulator, tmp_path)


def _assert_whole_wait(world: World, result: Result, seconds: float, interval: float) -> None:
    assert (result.run.state, world.refused) == (State.SUCCESS, [])
    assert seconds <= result.duration <= seconds + interval
    assert {action.state.value for action in result.actions} >= {"succeeded"}
    assert world.observer.of(OutageStarted) == []


@pytest.mark.parametrize("interval", [150, 400])
def test_tokens_of_five_minutes(world: World, interval: float) -> None:
    """During three hours of 5-minute tokens, no expired token is used."""
    result = world.run(world.credentials(), interval)
    _assert_whole_wait(world, result, _RUN, interval)
    # Each is used for 3 of its 5 minutes, and at longer intervals for one poll.
    assert _RUN / max(5 * _MINUTE, interval) <= len(world.minted) <= _RUN / (3 * _MINUTE) + 1
    assert len(world.announced) == len(set(world.announced)) == 2 * len(world.minted)


@pytest.mark.parametrize("run_seconds", [5 * _HOUR])
def test_tokens_of_an_hour(world: World, run_seconds: float) -> None:
    """Five hours need six service account tokens of one hour each."""
    result = world.run(world.credentials(impersonation=True), 300)
    _assert_whole_wait(world, result, run_seconds, 300)
    used = [token for token in world.minted if token.startswith("impersonated")]
    assert len(used) == 6
    # Each needs an identity token and a federated token, which are secrets as well.
    assert len(world.announced) == len(set(world.announced)) == 3 * len(used)
    assert set(world.minted) <= set(world.announced)


@pytest.mark.parametrize("run_seconds", [_HOUR])
@pytest.mark.parametrize("failure", [503, 403])
def test_an_exchange_that_fails_for_a_while(world: World, failure: int) -> None:
    """Seven minutes without a new token are one outage, even if it looks like a refusal."""
    world.fails_from, world.fails_until = _BREAKDOWN, _BREAKDOWN + 7 * _MINUTE
    world.failure = failure
    result = world.run(world.credentials())
    assert (result.run.state, world.refused) == (State.SUCCESS, [])
    [start], [end] = world.observer.of(OutageStarted), world.observer.of(OutageEnded)
    assert isinstance(start, OutageStarted)
    assert isinstance(start.error, NotConnected)
    assert f"POST {world.google.url}{EXCHANGE}: HTTP {failure}" in start.error.message
    # The old token is used as long as possible. The pause between two attempts is about a minute.
    assert isinstance(end, OutageEnded)
    assert 2 * _MINUTE < end.seconds < 7 * _MINUTE + 1.25 * _MINUTE


@pytest.mark.parametrize("failure", [503, 403])
def test_an_exchange_that_fails_forever(world: World, failure: int) -> None:
    """The wait gives up after the outage timeout, and leaves the run running."""
    world.fails_from, world.failure = _BREAKDOWN, failure
    with pytest.raises(GaveUp) as caught:
        world.run(world.credentials())
    assert f"HTTP {failure}" in caught.value.message
    assert "may still be running" in caught.value.message
    outage_start = next(
        moment
        for moment, update in zip(world.observer.moments, world.observer.updates, strict=True)
        if isinstance(update, OutageStarted)
    )
    assert world.clock.now() - outage_start == pytest.approx(Polling().outage_timeout)
    # The last token was used until shortly before it expired.
    assert _MINUTE < outage_start - world.started - _BREAKDOWN < 5 * _MINUTE
    assert (world.is_cancelled, world.refused) == (False, [])


def test_a_first_exchange_that_is_refused(world: World) -> None:
    """Credentials that never worked end the step before any request to Dataform."""
    world.fails_from, world.failure = 0, 403
    with pytest.raises(CredentialsRefused, match="HTTP 403"):
        world.run(world.credentials())
    assert (world.emulator.requests, world.emulator.invocations) == ([], [])
    assert world.elapsed == 0
    assert world.google.paths == [IDENTITY, EXCHANGE]


def test_a_plain_token_that_expires(world: World) -> None:
    """An expired token ends the wait, not the run, and the hint says what to use instead."""
    world.minted["plain-token"] = world.clock.now()
    world.announced.append("plain-token")
    with pytest.raises(Refused, match="invalid authentication credentials") as caught:
        world.run("plain-token")
    assert (caught.value.status, caught.value.hint) == (401, EXPIRED_HINT)
    assert "expired" in EXPIRED_HINT
    assert "google-github-actions/auth" in EXPIRED_HINT
    assert _HOUR <= world.elapsed <= _HOUR + 30
    assert not world.is_cancelled
