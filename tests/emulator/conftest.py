"""Fixtures for the tests of the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataform_action.emulator import Emulator
from tests.emulator.support import RUNS, Client


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    client = Client(emulator.url)
    yield client
    client.close()


@pytest.fixture
def run_path(client: Client) -> str:
    return f"{RUNS}/{client.create('nightly')}"
