"""Fixtures for the tests of Google's API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataform_action.emulator import Emulator
from tests.emulator.google.support import Warehouse


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Warehouse]:
    client = Warehouse(emulator.url)
    yield client
    client.close()
