"""Recorded requests."""

from __future__ import annotations

import json
import time

import pytest

from dataform_action.emulator import Emulator
from dataform_action.emulator.http.request import Headers
from tests.emulator.support import RUNS, Client


def test_requests_are_recorded(emulator: Emulator, client: Client) -> None:
    """Each request is recorded with its contents, the connection's number and the time."""
    before = time.monotonic()
    client.create("nightly")
    client.call("GET", "/v1/a%20b?c=d&e?")
    first, second = emulator.requests
    assert (first.method, first.path, first.query) == ("POST", RUNS, "")
    assert json.loads(first.body) == {"scheduleName": "nightly"}
    assert first.headers["authorization"] == f"Bearer {emulator.token}"
    assert (second.path, second.query, second.body) == ("/v1/a%20b", "c=d&e?", b"")
    assert second.segments == ("v1", "a b")
    assert before <= first.time <= second.time <= time.monotonic()
    assert first.connection == second.connection == 1


def test_headers_are_found_in_any_case() -> None:
    """Header names ignore case and keep their spelling; repeated headers are joined."""
    headers = Headers([("Accept", "a"), ("X-One", "1"), ("accept", "b")])
    assert dict(headers) == {"Accept": "a, b", "X-One": "1"}
    assert headers["ACCEPT"] == "a, b"
    assert len(headers) == 2
    with pytest.raises(KeyError):
        headers["missing"]
