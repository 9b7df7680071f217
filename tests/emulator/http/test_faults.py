"""Valid faults, and the requests that they apply to."""

from __future__ import annotations

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.emulator.http.faults import FaultQueue, FaultTarget
from tests.emulator.support import RUNS, Client


def test_faults_apply_to_their_operation(emulator: Emulator, client: Client, run_path: str) -> None:
    """A fault affects only its operation; ``any`` means all requests to the APIs."""
    targets: list[tuple[FaultTarget, int]] = [
        ("cancel", 500),
        ("create", 501),
        ("get", 502),
        ("other", 504),
    ]
    for on, status in targets:
        emulator.add_fault(Fault("status", on=on, status=status))
    assert client.call("GET", run_path).status == 502
    assert client.call("GET", run_path).status == 200
    assert client.call("POST", RUNS, {}).status == 501
    assert client.call("GET", RUNS).status == 504
    emulator.clear_faults()
    emulator.add_fault(Fault("status", times=None))
    for path, status in (("/", 200), ("/_emulator/runs", 200), (run_path, 503), ("/x", 503)):
        assert client.call("GET", path).status == status


def take_all(queue: FaultQueue, count: int) -> list[int | None]:
    """Return the status of the fault that each of ``count`` GETs gets."""
    faults = [queue.take("get") for _ in range(count)]
    return [None if fault is None else fault.status for fault in faults]


def test_faults_are_counted() -> None:
    """A fault skips the first requests, affects the set number, and is then used up."""
    queue = FaultQueue()
    queue.add(Fault("status", status=500, after=2, times=3))
    assert take_all(queue, 7) == [None, None, 500, 500, 500, None, None]


def test_faults_apply_in_the_order_of_adding() -> None:
    """The first fault that is due applies; each fault counts all requests that it matches."""
    queue = FaultQueue()
    queue.add(Fault("status", on="create", status=499))
    queue.add(Fault("status", on="get", status=500, after=1))
    queue.add(Fault("status", on="get", status=501, times=2))
    queue.add(Fault("status", on="any", status=502, after=3, times=None))
    assert take_all(queue, 6) == [501, 500, 501, 502, 502, 502]
    queue.clear()
    assert take_all(queue, 1) == [None]


INVALID_FAULTS: list[tuple[dict[str, object], str]] = [
    ({}, "Fault: kind is missing. It must be one of status, reset, close, short, cut-json, html,"),
    ({"kind": "stop"}, "Fault: kind must be one of status, reset, close, short, cut-json, html,"),
    ({"kind": ["reset"]}, "Fault: kind must be one of"),
    ({"kind": "reset", "x": 1, "b": 2}, "Fault: unknown b, x. Known fields: kind, on, times, aft"),
    (
        {"kind": "reset", "on": "put"},
        "Fault: on must be one of get, create, cancel, compile, query, list, update, jobs, ",
    ),
    ({"kind": "reset", "times": 0}, "Fault: times must be a whole number from 1, or null for no"),
    ({"kind": "reset", "times": True}, "Fault: times must be a whole number from 1, or null"),
    ({"kind": "reset", "after": -1}, "Fault: after must be a whole number from 0, not -1"),
    ({"kind": "status", "status": 100}, "Fault: status must be a status from 200 to 599, not 100"),
    ({"kind": "status", "headers": []}, "Fault: headers must be an object of header names and"),
    ({"kind": "status", "headers": {"a b": "c"}}, "Fault: headers must be an object"),
    ({"kind": "status", "headers": {"a": "b\r\nc: d"}}, "Fault: headers must be an object"),
    ({"kind": "status", "headers": {"a": "\u20ac"}}, "Fault: headers must be an object"),
    ({"kind": "status", "headers": {"a": 1}}, "Fault: headers must be an object"),
    ({"kind": "json", "body": {}}, "Fault: body must be a string, not {}"),
    ({"kind": "hang", "seconds": -1}, "Fault: seconds must be a number from 0 to 86400, not -1"),
    ({"kind": "hang", "seconds": "1"}, "Fault: seconds must be a number from 0 to 86400, not '1'"),
    ({"kind": "hang", "seconds": float("nan")}, "Fault: seconds must be a number from 0 to 86400"),
    ({"kind": "hang", "seconds": True}, "Fault: seconds must be a number from 0 to 86400"),
    ({"kind": "huge", "size": 10**10}, "Fault: size must be a whole number from 0 to 1000000000"),
    ({"kind": "reset", "processed": 1}, "Fault: processed must be true or false, not 1"),
    ({"kind": "redirect"}, "Fault: redirect needs a Location in headers"),
]


@pytest.mark.parametrize(("fields", "message"), INVALID_FAULTS)
def test_invalid_faults_are_refused(
    client: Client, fields: dict[str, object], message: str
) -> None:
    """Over HTTP, a fault with an invalid field gets a 400 with the reason."""
    response = client.call("POST", "/_emulator/faults", fields, headers={})
    assert response.status == 400
    assert response.data["message"].startswith(message)


def test_faults_in_python_are_checked_too() -> None:
    """An invalid Fault cannot be created."""
    with pytest.raises(ValueError, match="Fault: times must be a whole number from 1"):
        Fault("reset", times=-1)
