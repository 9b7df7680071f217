"""Fixtures for the tests of Google Cloud Dataform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses
from responses.registries import OrderedRegistry

from dataform_action.services.google.service import GoogleDataform
from tests.unit.services.google.support import make_google


@pytest.fixture
def google() -> GoogleDataform:
    return make_google()


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    """Send the responses in the order in which they were added; all must be used."""
    with responses.RequestsMock(registry=OrderedRegistry) as mock:
        yield mock
