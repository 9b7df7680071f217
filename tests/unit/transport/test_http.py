"""One exchange over real sockets: one connection, no redirect, no .netrc, and no endless body."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import InvalidResponse, NoResponse, Refused
from dataform_action.transport import client as transport
from tests.unit.transport.support import RUNS, connect


def test_one_connection_serves_all(emulator: Emulator) -> None:
    """A hundred requests, refused ones among them, go over one kept-alive connection."""
    client = connect(emulator)
    client.send("POST", RUNS, {"scheduleName": "endless"})
    run_id = emulator.runs[0].id
    for _ in range(49):
        client.send("GET", f"{RUNS}/{run_id}")
        with pytest.raises(Refused):
            client.send("GET", f"{RUNS}/0")
    assert len(emulator.requests) == 99
    assert emulator.connections == 1


def test_connection_is_used_again_after_a_failure(emulator: Emulator) -> None:
    """A failed exchange does not spoil the next one."""
    client = connect(emulator)
    client.send("POST", RUNS, {})
    run_id = emulator.runs[0].id
    for kind in ("reset", "close", "short", "hang", "drip"):
        emulator.add_fault(Fault(kind, seconds=60))
        with pytest.raises(NoResponse):
            client.send("GET", f"{RUNS}/{run_id}", read_seconds=0.1)
        assert client.send("GET", f"{RUNS}/{run_id}")["id"] == run_id


def test_endless_answer_is_cut(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is larger than any real one is not held in memory."""
    monkeypatch.setattr(transport, "_BODY_LIMIT", 100_000)
    emulator.add_fault(Fault("huge"))
    with pytest.raises(InvalidResponse, match="the answer is longer than 100000 bytes"):
        connect(emulator).send("GET", f"{RUNS}/1")


def test_body_of_a_redirect_is_not_read(emulator: Emulator) -> None:
    """A redirect's body counts against the same limit as any other."""
    headers = {"Location": "/elsewhere"}
    emulator.add_fault(Fault("huge", status=302, size=40_000_000, headers=headers))
    with pytest.raises(InvalidResponse, match="the answer is longer than"):
        connect(emulator).send("GET", RUNS)


def test_netrc_is_not_used(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A .netrc entry for the host does not replace the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password evil\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    connect(emulator).send("POST", RUNS, {})
    assert emulator.requests[0].headers["Authorization"] == f"Bearer {emulator.token}"
