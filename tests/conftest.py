"""Fixtures for the whole suite."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from dataform_action.emulator import Emulator
from tests.support.fakes import FakeClock

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell ignores SIGINT for background processes, and a test's processes would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The examples are the same in every run. ``make fuzz`` searches for new ones.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
_SUITE = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("suite", _SUITE)
settings.register_profile("fuzz", _SUITE, max_examples=1_500, derandomize=False)
settings.load_profile("suite")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator whose runs advance by one step with each poll."""
    with Emulator(advance="poll") as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove the machine's proxies and certificates, and restore the signal handlers."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
