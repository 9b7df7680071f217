"""Fixtures for the tests of access tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.google_stand_ins import GoogleStandIns
from tests.unit.auth.support import Setting


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStandIns]:
    """The stand-ins. They are also the proxy, so no request reaches the real services."""
    with GoogleStandIns() as google:
        monkeypatch.setenv("HTTPS_PROXY", google.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield google


@pytest.fixture
def setting(tmp_path: Path, google: GoogleStandIns) -> Setting:
    return Setting(tmp_path, google)
