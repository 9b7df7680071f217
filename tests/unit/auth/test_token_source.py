"""The token source: when a token is renewed, and how it bears failures, threads and signals."""

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
from tests.support.google_stand_ins import EXCHANGE, IDENTITY, IMPERSONATION, OAUTH, Given
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


def test_a_source_without_options(setting: Setting) -> None:
    """Neither a mask nor a clock has to be given."""
    path = setting.folder / "credentials.json"
    path.write_text(json.dumps(setting.google.external_account()))
    source = ApplicationDefaultCredentials({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert source() == source() == "impersonated-token-3"


def test_nothing_goes_on_in_the_background(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """google-auth starts no thread of its own, which would look up where a token may be used."""
    started: list[tuple[str, str]] = []
    start = threading.Thread.start

    def record(thread: threading.Thread) -> None:
        started.append((type(thread).__module__, thread.name.partition("-")[0]))
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", record)
    setting.federation()()
    assert {module for module, _ in started} == {"threading"}
    # The others are the stand-ins' own, one a request.
    assert sorted(name for _, name in started) == ["Thread", "Thread", "Thread", "dataform"]


@pytest.mark.parametrize("module", ["dataform_action", "dataform_action.auth.token_source"])
def test_importing_loads_nothing_of_google(module: str) -> None:
    """google-auth costs a run of the other service nothing."""
    program = (
        f"import sys, {module}\n"
        "print(*[n for n in sys.modules if n.split('.')[0] in ('google', 'cryptography')])"
    )
    assert run_program(program).split() == []


def test_a_missing_library(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without google-auth is told to install it."""
    monkeypatch.setitem(sys.modules, "google.oauth2", None)
    error = refusal(setting.source(service_account_key(setting.google)))
    assert "google.oauth2" in error.message
    assert error.hint == "Install google-auth, or give an access token."


def test_a_broken_key_is_not_shown(setting: Setting) -> None:
    """What is wrong with a key is said without the key."""
    info = service_account_key(setting.google) | {"private_key": "secret-but-no-key"}
    error = refusal(setting.source(info))
    assert error.message.startswith("The Google Cloud credentials cannot be used: ")
    assert "secret-but-no-key" not in error.message


def test_a_reused_source_asks_again_after_a_refusal(setting: Setting) -> None:
    """A refusal is not kept: the next call may find the mistake mended."""
    setting.google.fail(IMPERSONATION, Given(403, DENIED))
    source = setting.federation()
    refusal(source)
    assert source() == "impersonated-token-6"


class _Stuck(dict[str, str]):
    """An environment that takes its time, as a resolver may."""

    over = threading.Event()

    def get(self, *_: object) -> str:
        self.over.wait(60)
        return ""


def test_a_caller_waits_no_longer_than_the_limit(setting: Setting) -> None:
    """Where no timeout of a socket helps, the caller goes on alone."""
    environ = _Stuck()
    error = failure(setting.source_of(environ, refresh_seconds=0.05))
    environ.over.set()
    assert error.message == "No access token could be had within 0.05 seconds"
    assert error.hint == Unusable.hint
    assert not error.has_remedy


def test_an_answer_without_a_lifetime(setting: Setting) -> None:
    """A token of unknown lifetime is used once."""
    setting.google.fail(OAUTH, *[Given(body={"access_token": f"token-{n}"}) for n in range(2)])
    source = setting.source(service_account_key(setting.google))
    assert [source(), source()] == ["token-0", "token-1"]


@pytest.mark.parametrize(("lifetime", "renewed"), [(300, 180), (3600, 3480), (43_200, 3480)])
def test_a_token_is_renewed_before_it_expires(
    setting: Setting, lifetime: int, renewed: float
) -> None:
    """Two minutes before the end there is a new one; no token is trusted beyond an hour."""
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


def test_the_file_is_read_once(setting: Setting) -> None:
    """A file that is deleted during a long run is not missed."""
    source = setting.federation()
    source()
    (setting.folder / "credentials.json").unlink()
    setting.clock.time += 3600
    assert source() == "impersonated-token-6"


@pytest.mark.parametrize(
    "given", [Given(500), Given(403, DENIED), Given(fault="close"), Given(body={})]
)
def test_a_failed_renewal_is_an_outage(setting: Setting, given: Given) -> None:
    """Credentials that were good once are tried again, whatever the answer was."""
    source = setting.federation()
    source()
    setting.clock.time += 3600
    setting.google.fail(IMPERSONATION, given)
    error = failure(source)
    assert error.unprocessed
    assert error.message.startswith("No access token: POST ")
    assert error.hint
    assert source().startswith("impersonated-token-")


def test_a_renewal_may_fail_while_the_old_token_lasts(setting: Setting) -> None:
    """Until half a minute before its end, the old token is used on."""
    source = setting.federation()
    first = source()
    setting.google.fail(IDENTITY, Given(500), Given(403), Given(500))
    setting.clock.time += 3500
    assert source() == first
    setting.clock.time += 65
    assert source() == first
    setting.clock.time += 10
    failure(source)
    assert len(setting.google.paths) == 6


def test_a_slow_renewal_does_not_hold_up(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old token is used at once, and the new one as soon as it is there."""
    monkeypatch.setattr(token_source, "_PATIENCE", 0.05)
    source = setting.federation()
    first = source()
    go_on = threading.Event()
    setting.google.on_request = lambda _path: go_on.wait(60)
    setting.clock.time += 3500
    assert source() == first
    go_on.set()
    join_workers()
    assert source() == "impersonated-token-6"
    assert len(setting.google.paths) == 6


def test_a_token_that_was_not_accepted(setting: Setting) -> None:
    """It is replaced by the next call; a token that is not in use any more is not asked about."""
    source = setting.federation()
    first = source()
    source.invalidate("another")
    assert source() == first
    source.invalidate(first)
    second = source()
    assert second == "impersonated-token-6"
    source.invalidate(first)
    assert source() == second


def test_a_token_that_cannot_be_replaced(setting: Setting) -> None:
    """Credentials that were good before are tried again: their refusal is an outage then."""
    source = setting.federation()
    source.invalidate("none")
    source.invalidate(source())
    setting.google.fail(IMPERSONATION, Given(403, DENIED), Given(500))
    for _ in range(2):
        failure(source)
    assert source() == "impersonated-token-12"


def test_no_free_thread(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a free thread, the old token is used while it lasts; then there is an outage."""
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


def test_many_threads(setting: Setting) -> None:
    """Threads may share a source; each gets a token that was masked."""
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
    assert all(token.startswith("impersonated-token-") and masked for token, masked in found)
    assert source() in dict(found)


def _stop(*_: object) -> None:
    raise Stop


@pytest.mark.parametrize("path", FEDERATION)
def test_a_signal_in_the_middle(setting: Setting, path: str) -> None:
    """A handler that raises ends the call at once, and leaves the source in order."""
    go_on = threading.Event()

    def interrupt(asked: str) -> None:
        if asked == path:
            os.kill(os.getpid(), signal.SIGTERM)
            go_on.wait(60)

    signal.signal(signal.SIGTERM, _stop)
    setting.google.on_request = interrupt
    source = setting.federation()
    with pytest.raises(Stop):
        source()
    setting.google.on_request = lambda _path: None
    assert source().startswith("impersonated-token-")
    go_on.set()
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
def test_project_that_pays_for_the_quota(
    setting: Setting, own: object, environ: dict[str, str], project: str
) -> None:
    """The credentials name it, or the environment, which goes before them."""
    named = {} if own is None else {"quota_project_id": own}
    info = {**setting.google.external_account(), **named}
    path = setting.folder / "credentials.json"
    path.write_text(json.dumps(info))
    source = ApplicationDefaultCredentials({"GOOGLE_APPLICATION_CREDENTIALS": str(path), **environ})
    assert source.quota_project == ""
    source()
    assert source.quota_project == project
