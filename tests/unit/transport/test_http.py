"""Requests over real sockets: one connection, no redirects, no .netrc, and a size limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import InvalidResponse, Misconfigured, NoResponse, Refused
from dataform_action.redaction import Redactor
from dataform_action.transport import client as transport
from dataform_action.transport.environment import HOST_HINT
from dataform_action.transport.http import HttpSession, Request
from dataform_action.version import __version__
from tests.unit.transport.support import RUNS, connect


def test_one_connection_for_all_requests(emulator: Emulator) -> None:
    """A hundred requests, including refused ones, use one kept-alive connection."""
    client = connect(emulator)
    client.send("POST", RUNS, {"scheduleName": "endless"})
    run_id = emulator.runs[0].id
    for _ in range(49):
        client.send("GET", f"{RUNS}/{run_id}")
        with pytest.raises(Refused):
            client.send("GET", f"{RUNS}/0")
    assert len(emulator.requests) == 99
    assert emulator.connections == 1


def test_headers(emulator: Emulator) -> None:
    """A request has exactly these headers, and no cookie of an earlier response."""
    emulator.add_fault(Fault("json", body="{}", headers={"Set-Cookie": "a=b; Path=/"}, times=2))
    client = connect(emulator)
    client.send("GET", RUNS)
    client.send("POST", RUNS, {"a": "é"})
    first, second = (dict(request.headers) for request in emulator.requests)
    assert first == {
        "Host": emulator.url.removeprefix("http://"),
        "User-Agent": f"dataform-action/{__version__} (gzip)",
        "Accept-Encoding": "gzip",
        "Accept": "*/*",
        "Connection": "keep-alive",
        "Authorization": f"Bearer {emulator.token}",
    }
    body = {"Content-Length": "15", "Content-Type": "application/json"}
    assert second == first | body
    assert emulator.requests[1].body == b'{"a": "\\u00e9"}'


@pytest.mark.parametrize(("seconds", "connections"), [(30.0, 1), (0.0, 2)])
def test_connection_of_a_create_request(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, seconds: float, connections: int
) -> None:
    """A create request does not use a connection that was idle for long; others do."""
    monkeypatch.setattr(transport, "_TRUSTED_SECONDS", seconds)
    client = connect(emulator)
    client.send("POST", RUNS, {}, creates=True)
    run_id = emulator.runs[0].id
    client.send("GET", f"{RUNS}/{run_id}")
    client.send("GET", f"{RUNS}/{run_id}")
    client.send("POST", RUNS, {}, creates=True)
    client.send("GET", f"{RUNS}/{run_id}")
    assert emulator.connections == connections


def test_request_after_a_failure(emulator: Emulator) -> None:
    """A failed request does not affect the next one."""
    client = connect(emulator)
    client.send("POST", RUNS, {})
    run_id = emulator.runs[0].id
    for kind in ("reset", "close", "short", "hang", "drip"):
        emulator.add_fault(Fault(kind, seconds=60))
        seconds = 0.4 if kind in ("hang", "drip") else 30
        with pytest.raises(NoResponse):
            client.send("GET", f"{RUNS}/{run_id}", read_seconds=seconds)
        assert client.send("GET", f"{RUNS}/{run_id}")["id"] == run_id


@pytest.mark.parametrize("host", ["a..b", ".a", "a" * 64, f"a.{'a' * 64}"])
def test_invalid_host(host: str) -> None:
    """A host name that no resolver accepts is refused immediately, without an attempt."""
    request = Request(
        what="GET it", method="GET", url=f"http://{host}/", headers={}, timeout=(1, 1), limit=1
    )
    with pytest.raises(Misconfigured, match=r"^GET it: the host name is invalid$") as caught:
        HttpSession(Redactor()).send(request, str)
    assert caught.value.hint == HOST_HINT


def test_endless_response(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that is larger than any real one is not read to its end."""
    monkeypatch.setattr(transport, "_BODY_LIMIT", 100_000)
    emulator.add_fault(Fault("huge"))
    with pytest.raises(InvalidResponse, match="the response is longer than 100000 bytes"):
        connect(emulator).send("GET", f"{RUNS}/1")


def test_body_of_a_redirect_is_not_read(emulator: Emulator) -> None:
    """The size limit also applies to the body of a redirect."""
    headers = {"Location": "/elsewhere"}
    emulator.add_fault(Fault("huge", status=302, size=40_000_000, headers=headers))
    with pytest.raises(InvalidResponse, match="the response is longer than"):
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
