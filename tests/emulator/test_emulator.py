"""The emulator as a whole: start and close, and the log."""

from __future__ import annotations

import pytest

from dataform_action.emulator import Emulator, Fault
from tests.emulator.support import RUNS, Client, send_raw


def test_emulator_serves_between_start_and_close() -> None:
    """An emulator serves once, has a URL after its start, and keeps its records."""
    emulator = Emulator(host="0.0.0.0", token="another")  # noqa: S104
    emulator.close()
    with pytest.raises(RuntimeError, match="The emulator has not started"):
        _ = emulator.url
    emulator.start()
    client = Client(emulator.url, "another")
    client.create()
    client.close()
    with pytest.raises(RuntimeError, match="The emulator was already started"):
        emulator.start()
    emulator.close()
    emulator.close()
    assert emulator.url.startswith("http://127.0.0.1:")
    assert len(emulator.runs) == len(emulator.requests) == 1
    with pytest.raises(ConnectionRefusedError):
        Client(emulator.url).call("GET", "/")


def test_log_has_a_line_for_each_request() -> None:
    """The log has method, path and outcome of each request, without tokens or escape codes."""
    lines: list[str] = []
    with Emulator(token="secret", log=lines.append) as emulator:
        client = Client(emulator.url, "secret")
        client.create()
        emulator.add_fault(Fault("json"))
        client.call("GET", f"{RUNS}/1?token=secret")
        send_raw(emulator.url, b"GET /secret\x1b[2J HTTP/1.1\r\nConnection: close\r\n\r\n")
        client.call("GET", "/_emulator/requests")
        client.close()
    assert lines == [
        f"POST {RUNS} -> 200",
        f"GET {RUNS}/1 -> fault json",
        "GET /***\\x1b[2J -> 404",
    ]
