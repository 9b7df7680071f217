"""Fixtures for the tests of BigQuery."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses
from responses.registries import OrderedRegistry


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    """Send the responses in the order in which they were added; all must be used."""
    with responses.RequestsMock(registry=OrderedRegistry) as mock:
        yield mock
