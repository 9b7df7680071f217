"""Responses are compressed when Google's APIs compress them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.emulator.http.compression import compress
from dataform_action.emulator.http.request import Headers
from dataform_action.emulator.http.response import Response
from tests.emulator.support import Client

_BOTH = {"Accept-Encoding": "deflate, gzip;q=0.8", "User-Agent": "my program (gzip)"}


def _headers(emulator: Emulator, more: Mapping[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {emulator.token}", **more}


def test_a_client_that_names_gzip_twice_gets_gzip(
    emulator: Emulator, client: Client, run_path: str
) -> None:
    """If the client accepts gzip and its User-Agent contains the word, the body is compressed."""
    plain = client.call("GET", run_path, headers=_headers(emulator, {}))
    before = emulator.sent_bytes
    packed = client.call("GET", run_path, headers=_headers(emulator, _BOTH))
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body)).keys() == plain.data.keys()
    assert emulator.sent_bytes - before == len(packed.body)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Accept-Encoding": "gzip", "User-Agent": "my program"},
        {"Accept-Encoding": "identity", "User-Agent": "my program (gzip)"},
        {"Accept-Encoding": "gzip;q=0.0", "User-Agent": "my program (gzip)"},
        {"Accept-Encoding": "x-gzip2, br", "User-Agent": "gzip"},
        {"User-Agent": "my program (gzip)"},
    ],
)
def test_other_clients_get_no_gzip(
    emulator: Emulator, client: Client, run_path: str, more: Mapping[str, str]
) -> None:
    """One of the two is not enough, and a weight of 0 means that gzip is not accepted."""
    response = client.call("GET", run_path, headers=_headers(emulator, more))
    assert "Content-Encoding" not in response.headers
    assert response.data["status"]


def test_a_broken_response_is_not_compressed(
    emulator: Emulator, client: Client, run_path: str
) -> None:
    """A fault breaks the text itself."""
    emulator.add_fault(Fault("json", body="{}"))
    assert client.call("GET", run_path, headers=_headers(emulator, _BOTH)).body == b"{}"


def test_an_empty_body_is_not_compressed() -> None:
    """A response without a body stays as it is."""
    empty = Response(204, b"")
    assert compress(empty, Headers(_BOTH.items())) is empty


def test_compression_can_be_off() -> None:
    """An emulator that does not compress sends the plain text."""
    with Emulator(compresses=False) as emulator:
        client = Client(emulator.url)
        response = client.call("GET", "/v1/project/1234/run/1", headers=_headers(emulator, _BOTH))
        assert "Content-Encoding" not in response.headers
        assert response.data["error"]
        client.close()
