"""The token source: when it renews a token, and what failures, threads and signals do."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

import pytest

from dataform_action.auth import token_source
from dataform_action.auth.token_source import ApplicationDefaultCredentials
from dataform_action.errors import Unusable
from tests.support.google_stand_ins import EXCHANGE, IDENTITY, IMPERSONATION, OAUTH, Reply
from tests.support.steps import run_program
from tests.unit.auth.support import (
    DENIED,
    FEDERATION,
    Setting,
    Stop,
    failure,
    join_workers,
    refusal,
    service_account_key,
)


def test_source_without_options(setting: Setting) -> None:
    """All options have defaults."""
    path = setting.folder / "credentials.json"
    path.write_text(json.dumps(setting.google.external_account()))
    source = ApplicationDefaultCredentials({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert source() == source() == "impersonated-token-3"


def test_no_background_threads(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth starts no thread. It could start one to look up trust boundaries."""
    started: list[tuple[str, str]] = []
    start = threading.Thread.start

    def record(thread: threading.Thread) -> None:
        started.append((type(thread).__module__, thread.name.partition("-")[0]))
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", record)
    setting.federation()()
    assert {module for module, _ in started} == {"threading"}
    # The stand-ins start the other threads, one for each request.
    assert sorted(name for _, name in started) == ["Thread", "Thread", "Thread", "dataform"]


@pytest.mark.parametrize("module", ["dataform_action", "dataform_action.auth.token_source"])
def test_importing_loads_nothing_of_google(module: str) -> None:
    """google-auth is not loaded for a run that does not need it."""
    program = (
        f"import sys, {module}\n"
        "print(*[n for n in sys.modules if n.split('.')[0] in ('google', 'cryptography')])"
    )
    assert run_program(program).split() == []


def test_missing_library(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """If google-auth is missing, the hint is to install it."""
    monkeypatch.setitem(sys.modules, "google.oauth2", None)
    error = refusal(setting.source(service_account_key(setting.google)))
    assert "google.oauth2" in error.message
    assert error.hint == "Install google-auth, or provide an access token."


def test_invalid_key(setting: Setting) -> None:
    """The message about an invalid key does not show the key."""
    info = service_account_key(setting.google) | {"private_key": "secret-but-no-key"}
    error = refusal(setting.source(info))
    assert error.message.startswith("The Google Cloud credentials cannot be used: ")
    assert "secret-but-no-key" not in error.message


def test_call_after_a_refusal(setting: Setting) -> None:
    """A refusal is not cached: the next call makes new requests."""
    setting.google.fail(IMPERSONATION, Reply(403, DENIED))
    source = setting.federation()
    refusal(source)
    assert source() == "impersonated-token-6"


class _Stuck(dict[str, str]):
    """An environment that blocks, as a resolver may."""

    over = threading.Event()

    def get(self, *_: object) -> str:
        self.over.wait(60)
        return ""


def test_time_limit_of_a_call(setting: Setting) -> None:
    """A call ends at its time limit, even if something other than a socket blocks."""
    environ = _Stuck()
    error = failure(setting.source_of(environ, refresh_seconds=0.05))
    environ.over.set()
    assert error.message == "No access token was obtained within 0.05 seconds"
    assert error.hint == Unusable.hint
    assert not error.has_remedy


def test_token_without_a_lifetime(setting: Setting) -> None:
    """A token of unknown lifetime is used once."""
    setting.google.fail(OAUTH, *[Reply(body={"access_token": f"token-{n}"}) for n in range(2)])
    source = setting.source(service_account_key(setting.google))
    assert [source(), source()] == ["token-0", "token-1"]


@pytest.mark.parametrize(("lifetime", "renewed"), [(300, 180), (3600, 3480), (43_200, 3480)])
def test_token_is_renewed_before_it_expires(
    setting: Setting, lifetime: int, renewed: float
) -> None:
    """A token is renewed 2 minutes before it expires, or after an hour at the latest."""
    setting.google.lifetime = lifetime
    source = setting.source(setting.google.external_account(impersonation=False))
    first = source()
    setting.clock.time += renewed - 2
    assert source() == first
    setting.clock.time += 2
    second = source()
    assert second != first
    assert source() == second
    assert setting.google.paths == 2 * [IDENTITY, EXCHANGE]
    assert second in setting.masked


def test_file_is_read_once(setting: Setting) -> None:
    """The credentials file may be deleted during a long run."""
    source = setting.federation()
    source()
    (setting.folder / "credentials.json").unlink()
    setting.clock.time += 3600
    assert source() == "impersonated-token-6"


@pytest.mark.parametrize(
    "reply", [Reply(500), Reply(403, DENIED), Reply(fault="close"), Reply(body={})]
)
def test_failed_renewal_is_an_outage(setting: Setting, reply: Reply) -> None:
    """After a first success, every failure of a renewal may be temporary."""
    source = setting.federation()
    source()
    setting.clock.time += 3600
    setting.google.fail(IMPERSONATION, reply)
    error = failure(source)
    assert error.unprocessed
    assert error.message.startswith("No access token: POST ")
    assert error.hint
    assert source().startswith("impersonated-token-")


def test_failed_renewal_while_the_old_token_is_valid(setting: Setting) -> None:
    """The old token is used until 30 seconds before it expires."""
    source = setting.federation()
    first = source()
    setting.google.fail(IDENTITY, Reply(500), Reply(403), Reply(500))
    setting.clock.time += 3500
    assert source() == first
    setting.clock.time += 65
    assert source() == first
    setting.clock.time += 10
    failure(source)
    assert len(setting.google.paths) == 6


def test_slow_renewal(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old token is used until the new one arrives."""
    monkeypatch.setattr(token_source, "_PATIENCE", 0.05)
    source = setting.federation()
    first = source()
    proceed = threading.Event()
    setting.google.on_request = lambda _path: proceed.wait(60)
    setting.clock.time += 3500
    assert source() == first
    proceed.set()
    join_workers()
    assert source() == "impersonated-token-6"
    assert len(setting.google.paths) == 6


def test_token_that_was_not_accepted(setting: Setting) -> None:
    """The next call replaces it. To invalidate a token that is not in use has no effect."""
    source = setting.federation()
    first = source()
    source.invalidate("another")
    assert source() == first
    source.invalidate(first)
    second = source()
    assert second == "impersonated-token-6"
    source.invalidate(first)
    assert source() == second


def test_invalidated_token_that_cannot_be_replaced(setting: Setting) -> None:
    """If the credentials were accepted before, their refusal is an outage."""
    source = setting.federation()
    source.invalidate("none")
    source.invalidate(source())
    setting.google.fail(IMPERSONATION, Reply(403, DENIED), Reply(500))
    for _ in range(2):
        failure(source)
    assert source() == "impersonated-token-12"


def test_no_free_thread(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can be started, the old token is used while it is valid."""
    source = setting.federation()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "dataform-token":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert "can't start new thread" in failure(source).message
    first = source()
    setting.clock.time += 3500
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert source() == first
        setting.clock.time += 100
        assert failure(source).unprocessed
    assert source() != first


def test_many_threads(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads share one token, which is requested once, and masked before they receive it."""
    monkeypatch.setattr(token_source, "_TURN_SECONDS", 60)
    source = setting.federation()
    found: list[tuple[str, bool]] = []

    def work() -> None:
        token = source()
        found.append((token, token in setting.masked))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert set(found) == {("impersonated-token-3", True)}
    assert setting.google.paths == FEDERATION


def test_renewal_of_another_thread_that_hangs(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread does not wait for long for the token that another thread requests."""
    monkeypatch.setattr(token_source, "_TURN_SECONDS", 0.05)
    source = setting.federation()
    hangs, proceed = threading.Event(), threading.Event()

    def hang_once(_path: str) -> None:
        if not hangs.is_set():
            hangs.set()
            proceed.wait(60)

    setting.google.on_request = hang_once
    other = threading.Thread(target=source)
    other.start()
    assert hangs.wait(60)
    assert source().startswith("impersonated-token-")
    proceed.set()
    other.join(60)


def _stop(*_: object) -> None:
    raise Stop


@pytest.mark.parametrize("path", FEDERATION)
def test_signal_during_a_call(setting: Setting, path: str) -> None:
    """A signal handler that raises ends the call immediately. The next call works."""
    proceed = threading.Event()

    def interrupt(requested: str) -> None:
        if requested == path:
            os.kill(os.getpid(), signal.SIGTERM)
            proceed.wait(60)

    signal.signal(signal.SIGTERM, _stop)
    setting.google.on_request = interrupt
    source = setting.federation()
    with pytest.raises(Stop):
        source()
    setting.google.on_request = lambda _path: None
    assert source().startswith("impersonated-token-")
    proceed.set()
    join_workers()
    token = source()
    assert token in setting.masked


@pytest.mark.parametrize(
    ("own", "environ", "project"),
    [
        ("billing-project", {}, "billing-project"),
        ("billing-project", {"GOOGLE_CLOUD_QUOTA_PROJECT": " other "}, "other"),
        (None, {"GOOGLE_CLOUD_QUOTA_PROJECT": "other"}, "other"),
        (None, {}, ""),
        ("", {}, ""),
        ("a b", {}, ""),
        ("billing-project", {"GOOGLE_CLOUD_QUOTA_PROJECT": "a b"}, ""),
    ],
)
def test_quota_project(
    setting: Setting, own: object, environ: dict[str, str], project: str
) -> None:
    """The variable overrides the credentials, and an invalid project is ignored."""
    named = {} if own is None else {"quota_project_id": own}
    info = {**setting.google.external_account(), **named}
    path = setting.folder / "credentials.json"
    path.write_text(json.dumps(info))
    source = ApplicationDefaultCredentials({"GOOGLE_APPLICATION_CREDENTIALS": str(path), **environ})
    assert source.quota_project == ""
    source()
    assert source.quota_project == project
