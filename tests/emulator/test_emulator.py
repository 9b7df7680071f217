"""The emulator: routes, advancing runs, faults, recording, control, the page, the command line."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

from dataform_action.emulator import DEFAULT_TOKEN, Emulator, Fault, Outcome
from dataform_action.emulator.cli import main
from dataform_action.emulator.clock import SystemClock
from dataform_action.emulator.http.connection import Connection
from dataform_action.emulator.http.fault_effects import EFFECTS
from dataform_action.emulator.http.faults import FaultKind, FaultQueue, FaultTarget
from dataform_action.emulator.http.request import Headers
from dataform_action.emulator.http.server import BODY_LIMIT
from dataform_action.emulator.status_page import Card, render_page

RUNS = "/v1/project/1234/run"
ROOT = Path(__file__).resolve().parents[2]


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self.seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def data(self) -> Any:  # noqa: ANN401
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body, read as UTF-8."""
        return self.body.decode()


class Client:
    """Talks to an emulator over one kept connection."""

    def __init__(self, url: str, token: str = DEFAULT_TOKEN) -> None:
        self.address = url.removeprefix("http://")
        self.token = token
        self.connection = http.client.HTTPConnection(self.address, timeout=5)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a request: bytes as they are, other bodies as JSON, the token if none is given."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        self.connection.request(method, path, raw, dict(given))

    def receive(self) -> Answer:
        """Read the answer to what was sent."""
        with self.connection.getresponse() as response:
            return Answer(response.status, response.headers, response.read())

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, and read its answer."""
        self.send(method, path, body, headers)
        return self.receive()

    def create(self, schedule: str | None = None) -> str:
        """Create a run; return its id."""
        answer = self.call("POST", RUNS, {} if schedule is None else {"scheduleName": schedule})
        assert answer.status == 200
        return str(answer.data["id"])

    def poll(self, run_id: str, times: int) -> list[str | int]:
        """Return what so many GETs of a run answer: statuses, or HTTP errors."""
        answers = [self.call("GET", f"{RUNS}/{run_id}") for _ in range(times)]
        return [answer.data.get("status", answer.status) for answer in answers]

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    client = Client(emulator.url)
    yield client
    client.close()


@pytest.fixture
def run_path(client: Client) -> str:
    return f"{RUNS}/{client.create('nightly')}"


def exchange_raw(url: str, data: bytes) -> bytes:
    """Send bytes as they are, end the sending side, and read until the server closes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            return stream.read()


# Routes


def test_create_answers_an_id_of_digits(client: Client) -> None:
    """A new run is answered by its id alone, a string of digits, and each run gets its own."""
    order = {
        "scheduleName": "nightly",
        "environmentName": "production",
        "runConfig": {"tags": ["daily"]},
    }
    first, second = (client.call("POST", RUNS, order).data for _ in range(2))
    assert list(first) == ["id"]
    assert first["id"].isdigit()
    assert first != second


def test_get_answers_status_and_link(emulator: Emulator, client: Client) -> None:
    """A GET answers id, status and a link of the real service's form."""
    run_id = client.create("nightly")
    assert client.call("GET", f"{RUNS}/{run_id}").data == {
        "id": run_id,
        "status": "RUNNING",
        "runLogUrl": f"{emulator.url}/#/1234/run/{run_id}",
    }


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("emulator:8080", "http://emulator:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("evil/@<script>", "http://localhost"),
    ],
)
def test_link_leads_where_the_client_found_the_server(
    client: Client, run_path: str, host: str, origin: str
) -> None:
    """The link starts with the Host header, if that is the name of a host."""
    headers = {"Host": host, "Authorization": f"Bearer {client.token}"}
    link = client.call("GET", run_path, headers=headers).data["runLogUrl"]
    assert link.startswith(f"{origin}/#/1234/run/")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": DEFAULT_TOKEN}],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_token_is_required(
    emulator: Emulator, client: Client, method: str, headers: dict[str, str]
) -> None:
    """Without the right bearer token, every answer is 401 and nothing is carried out."""
    path = RUNS if method == "POST" else f"{RUNS}/1"
    answer = client.call(method, path, {}, headers)
    message = "The request has no valid API token: send Authorization: Bearer <token>"
    assert answer.status == 401
    assert answer.data == {"error": message, "code": 16, "message": message}
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert emulator.runs == []


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/v1/project/99/run", {}, 'Unknown project "99"'),
        ("GET", "/v1/project/99/run/1", None, 'Unknown project "99"'),
        ("GET", "/v1/project/a%2Fb/run/1", None, 'Unknown project "a/b"'),
        ("GET", f"{RUNS}/42", None, 'Unknown run "42" in project 1234'),
        ("POST", RUNS, {"scheduleName": "x"}, 'Unknown schedule "x" in project 1234'),
        ("POST", RUNS, {"environmentName": "x"}, 'Unknown environment "x" in project 1234'),
        ("GET", "/v1/project/1234/runs", None, "Nothing is served at /v1/project/1234/runs"),
        ("POST", "/", {}, "Nothing is served at /"),
    ],
)
def test_unknown_names_are_told(
    client: Client, method: str, path: str, body: object, message: str
) -> None:
    """What is unknown is answered by a 404 that names it."""
    answer = client.call(method, path, body)
    assert answer.status == 404
    assert answer.data == {"error": message, "code": 5, "message": message}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{", "The body is not JSON: "),
        (b"\xff", "The body is not JSON: "),
        (b"[" * 100_000, "The body is not JSON: "),
        (b"[]", "The body must be a JSON object, not list"),
        (b"null", "The body must be a JSON object, not NoneType"),
        ({"tags": [], "id": "1"}, "Unknown: id, tags; known are environmentName, runConfig, sche"),
        ({"scheduleName": None}, "scheduleName must be a string"),
        ({"environmentName": 1}, "environmentName must be a string"),
        ({"runConfig": []}, "runConfig must be an object"),
        ({"runConfig": {"tag": []}}, "Unknown in runConfig: tag; known are tags"),
        ({"runConfig": {"tags": "daily"}}, "tags must be a list of strings"),
        ({"runConfig": {"tags": ["daily", 1]}}, "tags must be a list of strings"),
    ],
)
def test_malformed_orders_are_refused(
    emulator: Emulator, client: Client, body: object, message: str
) -> None:
    """A body that is not as documented is answered by a 400 that says why."""
    answer = client.call("POST", RUNS, body)
    assert answer.status == 400
    assert answer.data["message"].startswith(message)
    assert answer.data["code"] == 3
    assert emulator.runs == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", RUNS, "POST"), ("POST", f"{RUNS}/1", "GET"), ("DELETE", f"{RUNS}/1", "GET")],
)
def test_wrong_methods_are_told(client: Client, method: str, path: str, allowed: str) -> None:
    """A known path answers 405 to a method that it does not serve, and names the one it does."""
    answer = client.call(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert answer.data["message"] == f"The method {method} is not served here, only {allowed}"


def test_runs_belong_to_their_project() -> None:
    """A run is found in its own project only."""
    with Emulator(projects=("1234", "5678")) as emulator:
        client = Client(emulator.url)
        run_id = client.create()
        assert client.call("GET", f"/v1/project/5678/run/{run_id}").status == 404
        assert client.call("GET", f"/v1/project/1234/run/{run_id}").status == 200
        client.close()


# How runs advance


@pytest.mark.parametrize(
    ("schedule", "statuses"),
    [
        (None, ["RUNNING", "RUNNING", "SUCCESSFUL", "SUCCESSFUL"]),
        ("success", ["RUNNING", "RUNNING", "SUCCESSFUL", "SUCCESSFUL"]),
        ("nightly", ["RUNNING", "RUNNING", "SUCCESSFUL", "SUCCESSFUL"]),
        ("failure", ["RUNNING", "RUNNING", "FAILED"]),
        ("cancelled", ["RUNNING", "RUNNING", "CANCELLED"]),
        ("timed-out", ["RUNNING", "RUNNING", "TIMED_OUT"]),
        ("slow", ["RUNNING"] * 30 + ["SUCCESSFUL"]),
        ("unknown-status", ["PAUSED", "PAUSED", "PAUSED"]),
        ("missing", [404, 404, 404]),
        ("endless", ["RUNNING"] * 40),
    ],
)
def test_polls_advance_runs(
    client: Client, schedule: str | None, statuses: list[str | int]
) -> None:
    """By polls, each schedule's runs go one step along their script with each GET."""
    assert client.poll(client.create(schedule), len(statuses)) == statuses


def test_a_run_without_a_schedule_works_among_any_schedules() -> None:
    """A run that names no schedule succeeds even where no schedule is called success."""
    with Emulator(schedules={"only": Outcome(("FAILED",))}) as emulator:
        client = Client(emulator.url)
        assert client.poll(client.create(), 3)[-1] == "SUCCESSFUL"
        assert client.poll(client.create("only"), 1) == ["FAILED"]
        assert client.call("POST", RUNS, {"scheduleName": "nightly"}).status == 404
        client.close()


def test_time_advances_runs() -> None:
    """By the clock, a run ends after run_seconds, and the time before is shared evenly."""
    clock = ManualClock()
    with Emulator(advance="clock", run_seconds=10, clock=clock) as emulator:
        emulator.set_outcome("scripted", ("QUEUED", "RUNNING", "FAILED"))
        client = Client(emulator.url)
        run_id = client.create("scripted")
        seen = []
        for _ in range(5):
            seen += client.poll(run_id, 2)
            clock.seconds += 2.5
        assert seen == ["QUEUED"] * 4 + ["RUNNING"] * 4 + ["FAILED"] * 2
        assert [(run.status, run.polls) for run in emulator.runs] == [("FAILED", 10)]
        client.close()


def test_slow_runs_take_ten_minutes() -> None:
    """By the clock, a slow run takes 600 s whatever the others take."""
    clock = ManualClock()
    with Emulator(advance="clock", run_seconds=0, clock=clock) as emulator:
        client = Client(emulator.url)
        ordinary, slow = client.create("nightly"), client.create("slow")
        assert client.poll(ordinary, 1) == ["SUCCESSFUL"]
        clock.seconds += 599.9
        assert client.poll(slow, 1) == ["RUNNING"]
        clock.seconds += 0.1
        assert client.poll(slow, 1) == ["SUCCESSFUL"]
        client.close()


def test_system_clock_tells_the_time_of_day() -> None:
    """The real clock counts the seconds since the epoch."""
    assert SystemClock().now() == pytest.approx(time.time(), abs=5)


def test_outcomes_are_scripted_for_later_runs(emulator: Emulator, client: Client) -> None:
    """A scripted outcome holds for the runs created after it, and makes its name known."""
    before = client.create("nightly")
    emulator.set_outcome("nightly", ("QUEUED", "CANCELLED"))
    emulator.set_outcome("brand new", ("FAILED",))
    emulator.set_outcome("lost", ())
    assert client.poll(before, 3) == ["RUNNING", "RUNNING", "SUCCESSFUL"]
    assert client.poll(client.create("nightly"), 3) == ["QUEUED", "CANCELLED", "CANCELLED"]
    assert client.poll(client.create("brand new"), 1) == ["FAILED"]
    assert client.poll(client.create("lost"), 1) == [404]


def test_runs_are_listed_without_advancing_them(emulator: Emulator, client: Client) -> None:
    """The list of runs shows each as it was answered last, and looking changes nothing."""
    order = {
        "scheduleName": "failure",
        "environmentName": "staging",
        "runConfig": {"tags": ["daily", "eu"]},
    }
    run_id = client.call("POST", RUNS, order).data["id"]
    lost_id = client.create("missing")
    client.poll(run_id, 2)
    assert emulator.runs == emulator.runs
    run, lost = emulator.runs
    assert (run.id, run.project_id, run.schedule) == (run_id, "1234", "failure")
    assert (run.environment, run.tags) == ("staging", ("daily", "eu"))
    assert (run.status, run.polls) == ("RUNNING", 2)
    assert (lost.id, lost.status, lost.polls) == (lost_id, "NOT_FOUND", 0)
    assert client.poll(run_id, 1) == ["FAILED"]
    assert emulator.runs[0].status == "FAILED"


# Faults


def test_every_kind_of_fault_has_a_function() -> None:
    """The table of faults is complete."""
    assert set(EFFECTS) == set(get_args(FaultKind))


def test_status_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A status fault answers 503 in the shape of other errors, with the headers given."""
    emulator.add_fault(Fault("status", headers={"Retry-After": "7"}))
    answer = client.call("GET", run_path)
    message = "The emulator was told to answer 503"
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert answer.data == {"error": message, "code": 14, "message": message}


def test_status_fault_with_a_text(emulator: Emulator, client: Client, run_path: str) -> None:
    """A status fault answers the status, the text and the type given."""
    headers = {"content-type": "text/plain"}
    emulator.add_fault(Fault("status", status=599, headers=headers, body="no \ud800 luck"))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.body) == (599, b"no ? luck")
    assert answer.headers.get_all("Content-Type") == ["text/plain"]


def test_bodiless_status_keeps_the_connection_whole(
    emulator: Emulator, client: Client, run_path: str
) -> None:
    """A 204 comes without a body, so that the next answer is read from its start."""
    emulator.add_fault(Fault("status", status=204, body="never sent", times=2))
    assert client.call("GET", run_path).body == b""
    request = f"GET {run_path} HTTP/1.1\r\n\r\n".encode()
    answers = exchange_raw(emulator.url, request * 2)
    first, second, rest = answers.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert second.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert rest.startswith(b"{")


def test_reset_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A reset fault ends the connection by a TCP reset."""
    emulator.add_fault(Fault("reset"))
    client.send("GET", run_path)
    with pytest.raises(ConnectionResetError) as raised:
        client.receive()
    assert not isinstance(raised.value, http.client.RemoteDisconnected)


def test_close_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A close fault ends the connection without a byte."""
    emulator.add_fault(Fault("close"))
    client.send("GET", run_path)
    with pytest.raises(http.client.RemoteDisconnected):
        client.receive()


def test_short_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A short fault promises more than it sends, and closes."""
    emulator.add_fault(Fault("short", body="12345678"))
    client.send("GET", run_path)
    with pytest.raises(http.client.IncompleteRead) as raised:
        client.receive()
    assert (raised.value.partial, raised.value.expected) == (b"1234", 5)


def test_cut_json_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A cut-json fault answers half of a JSON text, with the right length."""
    emulator.add_fault(Fault("cut-json"))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Content-Length"] == str(len(answer.body))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(answer.body)


def test_html_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """An html fault answers 200 with a page."""
    emulator.add_fault(Fault("html"))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    assert answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize(("body", "expected"), [(None, {}), ("[1]", [1])])
def test_json_fault(
    emulator: Emulator, client: Client, run_path: str, body: str | None, expected: object
) -> None:
    """A json fault answers 200 with the JSON text given, or an empty object."""
    emulator.add_fault(Fault("json", body=body))
    answer = client.call("GET", run_path)
    assert (answer.status, answer.data) == (200, expected)


def test_hang_fault_answers_in_the_end(emulator: Emulator, client: Client, run_path: str) -> None:
    """A hang fault gives the proper answer when its time is over."""
    emulator.add_fault(Fault("hang", seconds=0.05))
    before = time.monotonic()
    assert client.call("GET", run_path).data["status"] == "RUNNING"
    assert time.monotonic() - before >= 0.05
    assert [run.polls for run in emulator.runs] == [1]


@pytest.mark.parametrize("processed", [True, False])
def test_held_answers_do_not_delay_the_end(processed: bool) -> None:
    """Closing ends a hang at once; what was not carried out by then never is."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("hang", seconds=600, processed=processed))
        client = Client(emulator.url)
        client.send("POST", RUNS, {})
        if processed:
            assert emulator.wait_for(lambda: emulator.runs)[0].status == "RUNNING"
        else:
            emulator.wait_for(lambda: emulator.requests)
        before = time.monotonic()
        emulator.close()
        assert time.monotonic() - before < 1
        with pytest.raises(http.client.RemoteDisconnected):
            client.receive()
        assert len(emulator.runs) == int(processed)


def test_hang_is_in_vain_when_the_client_has_left() -> None:
    """A held request whose client has left is not carried out; one whose client waits is."""
    server_side, client_side = socket.socketpair()
    with server_side, client_side:
        connection = Connection(server_side, threading.Event(), keep_open=True)
        assert connection.hold(0)
        client_side.sendall(b"the next request")
        assert connection.hold(0)
        server_side.recv(100)
        client_side.close()
        assert not connection.hold(0)


def test_drip_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A drip fault sends a byte at a time, and never the whole."""
    emulator.add_fault(Fault("drip", seconds=0.1))
    client.send("GET", run_path)
    with pytest.raises(http.client.IncompleteRead) as raised:
        client.receive()
    assert (raised.value.partial, raised.value.expected) == (b"  ", 1)


def test_drip_ends_with_the_emulator(emulator: Emulator, client: Client, run_path: str) -> None:
    """Closing ends a drip at once."""
    emulator.add_fault(Fault("drip", seconds=600))
    client.send("GET", run_path)
    response = client.connection.getresponse()
    emulator.close()
    with pytest.raises(http.client.IncompleteRead):
        response.read()


@pytest.mark.parametrize("size", [200_000, 65_536, 50, 3, 0])
def test_huge_fault(emulator: Emulator, run_path: str, size: int) -> None:
    """A huge fault answers exactly as many bytes as it is told: JSON, and blanks behind it."""
    emulator.add_fault(Fault("huge", size=size))
    request = f"GET {run_path} HTTP/1.1\r\nConnection: close\r\n\r\n"
    head, _, body = exchange_raw(emulator.url, request.encode()).partition(b"\r\n\r\n")
    assert f"Content-Length: {size}\r\n".encode() in head
    sample = b'{"id": "1029591293203", "status": "RUNNING"}'
    assert body == sample.ljust(size)[:size]


def test_redirect_fault(emulator: Emulator, client: Client, run_path: str) -> None:
    """A redirect fault answers 302, or the status given, to the location given."""
    location = {"Location": "http://elsewhere.example/"}
    emulator.add_fault(Fault("redirect", headers=location))
    emulator.add_fault(Fault("redirect", headers=location, status=308))
    answers = [client.call("GET", run_path) for _ in range(2)]
    assert [answer.status for answer in answers] == [302, 308]
    assert {answer.headers["Location"] for answer in answers} == set(location.values())


@pytest.mark.parametrize("kind", sorted(set(get_args(FaultKind)) - {"drip", "hang", "redirect"}))
@pytest.mark.parametrize("processed", [True, False])
def test_processed_says_whether_a_run_is_created(
    emulator: Emulator, client: Client, kind: FaultKind, processed: bool
) -> None:
    """A fault spoils the answer to a create with or without the run."""
    emulator.add_fault(Fault(kind, on="create", processed=processed, size=10))
    client.send("POST", RUNS, {"scheduleName": "nightly"})
    try:
        answer = client.receive()
    except (http.client.HTTPException, ConnectionError):
        pass
    else:
        assert b"nightly" not in answer.body
    assert len(emulator.runs) == int(processed)


def test_a_processed_refusal_keeps_its_status(emulator: Emulator, client: Client) -> None:
    """A spoilt answer that was carried out has the proper answer's status and text."""
    emulator.add_fault(Fault("cut-json", processed=True))
    answer = client.call("GET", f"{RUNS}/42")
    assert (answer.status, answer.text) == (
        404,
        '{"error": "Unknown run \\"42\\" in project 1234", "code',
    )


def test_faults_choose_their_operation(emulator: Emulator, client: Client, run_path: str) -> None:
    """A fault spoils its own operation only; any means each of the API's, but not the page."""
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
    """Tell by its status which fault each of so many GETs gets."""
    faults = [queue.take("get") for _ in range(count)]
    return [None if fault is None else fault.status for fault in faults]


def test_faults_are_counted() -> None:
    """A fault lets the first requests pass, spoils its number of them, and is used up."""
    queue = FaultQueue()
    queue.add(Fault("status", status=500, after=2, times=3))
    assert take_all(queue, 7) == [None, None, 500, 500, 500, None, None]


def test_faults_go_in_order_of_adding() -> None:
    """The first fault that is due wins; each counts every request that it matches."""
    queue = FaultQueue()
    queue.add(Fault("status", on="create", status=499))
    queue.add(Fault("status", on="get", status=500, after=1))
    queue.add(Fault("status", on="get", status=501, times=2))
    queue.add(Fault("status", on="any", status=502, after=3, times=None))
    assert take_all(queue, 6) == [501, 500, 501, 502, 502, 502]
    queue.clear()
    assert take_all(queue, 1) == [None]


NONSENSE: list[tuple[dict[str, object], str]] = [
    ({}, "Fault: kind is missing; it is one of status, reset, close, short, cut-json, html,"),
    ({"kind": "stop"}, "Fault: kind must be one of status, reset, close, short, cut-json, html,"),
    ({"kind": ["reset"]}, "Fault: kind must be one of"),
    ({"kind": "reset", "x": 1, "b": 2}, "Fault: unknown b, x; known are kind, on, times, after,"),
    (
        {"kind": "reset", "on": "put"},
        "Fault: on must be one of get, create, cancel, compile, query, list, other, any,",
    ),
    ({"kind": "reset", "times": 0}, "Fault: times must be a whole number from 1, or null for ever"),
    ({"kind": "reset", "times": True}, "Fault: times must be a whole number from 1, or null"),
    ({"kind": "reset", "after": -1}, "Fault: after must be a whole number from 0, not -1"),
    ({"kind": "status", "status": 100}, "Fault: status must be a status from 200 to 599, not 100"),
    ({"kind": "status", "headers": []}, "Fault: headers must be an object of header names and"),
    ({"kind": "status", "headers": {"a b": "c"}}, "Fault: headers must be an object"),
    ({"kind": "status", "headers": {"a": "b\r\nc: d"}}, "Fault: headers must be an object"),
    ({"kind": "status", "headers": {"a": "\u20ac"}}, "Fault: headers must be an object"),
    ({"kind": "status", "headers": {"a": 1}}, "Fault: headers must be an object"),
    ({"kind": "json", "body": {}}, "Fault: body must be a text, not {}"),
    ({"kind": "hang", "seconds": -1}, "Fault: seconds must be a number from 0 to 86400, not -1"),
    ({"kind": "hang", "seconds": "1"}, "Fault: seconds must be a number from 0 to 86400, not '1'"),
    ({"kind": "hang", "seconds": float("nan")}, "Fault: seconds must be a number from 0 to 86400"),
    ({"kind": "hang", "seconds": True}, "Fault: seconds must be a number from 0 to 86400"),
    ({"kind": "huge", "size": 10**10}, "Fault: size must be a whole number from 0 to 1000000000"),
    ({"kind": "reset", "processed": 1}, "Fault: processed must be true or false, not 1"),
    ({"kind": "redirect"}, "Fault: redirect needs a Location in headers"),
]


@pytest.mark.parametrize(("fields", "message"), NONSENSE)
def test_faults_that_make_no_sense_are_refused(
    client: Client, fields: dict[str, object], message: str
) -> None:
    """A fault with a field that makes no sense is refused, over HTTP by a 400 that says why."""
    answer = client.call("POST", "/_emulator/faults", fields, headers={})
    assert answer.status == 400
    assert answer.data["message"].startswith(message)


def test_faults_in_python_are_checked_too() -> None:
    """A nonsensical Fault cannot be made."""
    with pytest.raises(ValueError, match="Fault: times must be a whole number from 1"):
        Fault("reset", times=-1)


# Recording


def test_requests_are_recorded(emulator: Emulator, client: Client) -> None:
    """Each request is kept with all that was sent, the connection's number and the time."""
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
    """Header names have no case, keep their spelling, and repeated ones are joined."""
    headers = Headers([("Accept", "a"), ("X-One", "1"), ("accept", "b")])
    assert dict(headers) == {"Accept": "a, b", "X-One": "1"}
    assert headers["ACCEPT"] == "a, b"
    assert len(headers) == 2
    with pytest.raises(KeyError):
        headers["missing"]


def test_connections_are_counted_by_requests(emulator: Emulator) -> None:
    """A connection counts once it has sent a request to an API; control and page do not count."""
    clients = [Client(emulator.url) for _ in range(4)]
    silent, looking, once, twice = clients
    silent.connection.connect()
    looking.call("GET", "/")
    looking.call("GET", "/_emulator/runs")
    once.create()
    twice.create()
    twice.create()
    assert emulator.connections == 2
    assert len(emulator.requests) == 3
    for client in clients:
        client.close()


class WaitingClock(ManualClock):
    """A clock that stops whoever asks for the time until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        # Only from when the test says so: the emulator asks for the time while it starts.
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def now(self) -> float:
        """Wait, and return the seconds since the epoch."""
        self.may_go_on.wait(30)
        return super().now()


def test_waiting_looks_when_requests_arrive_and_when_they_are_carried_out() -> None:
    """Waiting looks at its condition at once, at the arrival of a request, and once it is done."""
    clock = WaitingClock()
    has_looked = threading.Event()
    looks: list[int] = []
    with Emulator(clock=clock) as emulator:
        clock.may_go_on.clear()

        def create() -> None:
            has_looked.wait(30)
            client = Client(emulator.url)
            client.create()
            client.close()

        def look() -> bool:
            looks.append(len(emulator.requests))
            has_looked.set()
            if len(looks) == 2:
                clock.may_go_on.set()
            return len(looks) == 3

        thread = threading.Thread(target=create)
        thread.start()
        before = time.monotonic()
        assert emulator.wait_for(look, seconds=10)
        assert time.monotonic() - before < 9, "it was not woken"
        thread.join()
        assert looks == [0, 1, 1]
        assert [run.status for run in emulator.wait_for(lambda: emulator.runs)] == ["RUNNING"]


def test_waiting_in_vain_tells_what_came(emulator: Emulator, client: Client) -> None:
    """Waiting for what never comes raises an error that tells the requests so far."""
    with pytest.raises(TimeoutError, match=r"^Not so within 0 s; requests so far: none$"):
        emulator.wait_for(lambda: False, seconds=0)
    client.create()
    with pytest.raises(TimeoutError, match=rf"^Not so within 0\.01 s; .*: POST {RUNS}$"):
        emulator.wait_for(lambda: len(emulator.requests) == 2, seconds=0.01)


# Control over HTTP


def test_faults_are_controlled_over_http(emulator: Emulator, client: Client, run_path: str) -> None:
    """Faults are added and cleared over HTTP, without a token."""
    fault = {"kind": "status", "on": "get", "times": None, "status": 429, "seconds": 1}
    assert client.call("POST", "/_emulator/faults", fault, headers={}).data == {}
    assert client.call("GET", run_path).status == 429
    assert client.call("DELETE", "/_emulator/faults", headers={}).data == {}
    assert client.call("GET", run_path).status == 200


def test_outcomes_are_controlled_over_http(client: Client) -> None:
    """Outcomes are scripted over HTTP."""
    outcome = {"schedule": "nightly", "statuses": ["QUEUED", "FAILED"]}
    assert client.call("POST", "/_emulator/outcomes", outcome, headers={}).data == {}
    assert client.poll(client.create("nightly"), 3) == ["QUEUED", "FAILED", "FAILED"]


@pytest.mark.parametrize(
    "body",
    [
        {"schedule": "nightly"},
        {"schedule": 1, "statuses": []},
        {"schedule": "nightly", "statuses": "FAILED"},
        {"schedule": "nightly", "statuses": [1]},
        {"schedule": "nightly", "statuses": [], "seconds": 1},
    ],
)
def test_malformed_outcomes_are_refused(client: Client, body: object) -> None:
    """An outcome of another shape is answered by a 400 that shows the right one."""
    answer = client.call("POST", "/_emulator/outcomes", body)
    wanted = 'An outcome looks like {"schedule": "<name>", "statuses": ["<status>", ...]}'
    assert (answer.status, answer.data["message"]) == (400, wanted)


def test_unknown_controls_are_told(client: Client) -> None:
    """What is no control is answered by a 404 that names it."""
    answer = client.call("PUT", "/_emulator/faults")
    message = "The emulator has no control PUT /_emulator/faults"
    assert (answer.status, answer.data["message"]) == (404, message)


def test_runs_are_listed_over_http(emulator: Emulator, client: Client) -> None:
    """The runs are listed over HTTP as in Python."""
    run_id = client.create("nightly")
    client.poll(run_id, 1)
    assert client.call("GET", "/_emulator/runs", headers={}).data["runs"] == [
        {
            "id": run_id,
            "project_id": "1234",
            "schedule": "nightly",
            "environment": None,
            "tags": [],
            "status": "RUNNING",
            "polls": 1,
            "started": emulator.runs[0].started,
        }
    ]


def test_requests_are_listed_without_tokens(emulator: Emulator, client: Client) -> None:
    """The requests are listed over HTTP, and no form of the token is among them."""
    quoted = "7301846295512064%7CjxU7Flmorr%2Fb4PK%2BhiR48c%2FgtLYiC3il5FEWcGekiSc%3D%7C1"
    headers = {"Authorization": "Bearer another-secret", "X-Copy": emulator.token}
    client.call("POST", f"/v1/{quoted}?token={quoted}", emulator.token.encode(), headers)
    answer = client.call("GET", "/_emulator/requests", headers={})
    (request,) = answer.data["requests"]
    assert answer.data["connections"] == 1
    assert (request["method"], request["path"], request["query"]) == (
        "POST",
        "/v1/***",
        "token=***",
    )
    assert request["headers"]["Authorization"] == "***"
    assert (request["headers"]["X-Copy"], request["body"]) == ("***", "***")
    assert request["time"] == emulator.requests[0].time
    assert "another-secret" not in answer.text
    assert "jxU7" not in answer.text


# The page


def test_page_shows_each_run_at_its_link(client: Client) -> None:
    """The page has a section for each run, found by the fragment of the run's link."""
    assert "No run yet." in client.call("GET", "/", headers={}).text
    order = {
        "scheduleName": "failure",
        "environmentName": "staging",
        "runConfig": {"tags": ["daily", "eu"]},
    }
    run_id = client.call("POST", RUNS, order).data["id"]
    link = client.call("GET", f"{RUNS}/{run_id}").data["runLogUrl"]
    answer = client.call("GET", "/", headers={})
    assert answer.headers.get_content_type() == "text/html"
    assert f'<section id="{link.partition("#")[2]}">' in answer.text
    assert '<span class="badge running">RUNNING</span>' in answer.text
    assert "Schedule</dt><dd>failure" in answer.text
    assert "Environment</dt><dd>staging" in answer.text
    assert "Tags</dt><dd>daily, eu" in answer.text
    assert "<p>1 run. " in answer.text
    newest_id = client.create()
    page = client.call("GET", "/").text
    assert "<p>2 runs, the newest first. " in page
    assert page.index(f"Run {newest_id}") < page.index(f"Run {run_id}")


def test_page_refreshes_itself_while_something_runs(client: Client) -> None:
    """The page reloads itself as long as a run goes on, and looking at it advances none."""
    refresh = "<script>setTimeout(() => location.reload(), 2000)</script>"
    assert refresh not in client.call("GET", "/").text
    run_id = client.create("nightly")
    client.create("missing")
    assert all(refresh in client.call("GET", "/").text for _ in range(4))
    client.poll(run_id, 3)
    page = client.call("GET", "/").text
    assert refresh not in page
    assert '<span class="badge success">SUCCESSFUL</span>' in page
    assert '<span class="badge neutral">NOT_FOUND</span>' in page


def test_page_escapes_everything(emulator: Emulator, client: Client) -> None:
    """Text that came from outside is escaped on the page, and never breaks it."""
    emulator.set_outcome("<b>\"'&", ("<i>",))
    tags = ["</dd><script>alert(1)</script>", "\ud800"]
    client.call("POST", RUNS, {"scheduleName": "<b>\"'&", "runConfig": {"tags": tags}})
    page = client.call("GET", "/").text
    assert "&lt;b&gt;&quot;&#x27;&amp;" in page
    assert "&lt;/dd&gt;&lt;script&gt;alert(1)&lt;/script&gt;, ?" in page
    assert '<span class="badge unknown">&lt;i&gt;</span>' in page
    assert page.count("<script") == 1
    assert "<i>" not in page
    hostile = Card('"><u>', "<s>", "<i>", "unknown", 0.0, {"<b>": "<b>"})
    section = render_page([hostile]).partition("<section")[2]
    assert section.startswith(' id="&quot;&gt;&lt;u&gt;">')
    assert not any(tag in section for tag in ("<u>", "<s>", "<i>", "<b>"))


def test_page_tells_when_a_run_started() -> None:
    """The page shows the start of a run in UTC."""
    with Emulator(clock=ManualClock()) as emulator:
        client = Client(emulator.url)
        client.create()
        assert "<dd>1970-01-12 13:46:40 UTC</dd>" in client.call("GET", "/").text
        client.close()


# The server


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n", b""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"400"),
        (b"GET\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"HEAD / HTTP/1.1\r\n\r\n", b"501"),
        (b"GET http://[/ HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET /%ff%00/%2e%2e HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort", b""),
    ],
)
def test_malformed_requests_do_no_harm(
    emulator: Emulator,
    client: Client,
    capfd: pytest.CaptureFixture[str],
    data: bytes,
    status: bytes,
) -> None:
    """A malformed request is answered as one, or not at all, and the next client is served."""
    answer = exchange_raw(emulator.url, data)
    assert answer[9:12] == status
    assert status == b"" or b"\r\nConnection: close\r\n" in answer
    assert client.call("GET", "/").status == 200
    assert capfd.readouterr() == ("", "")


def test_malformed_requests_are_answered_in_json(emulator: Emulator) -> None:
    """Errors of framing have the shape of the other errors."""
    answer = exchange_raw(emulator.url, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    message = "Content-Length must be one whole number"
    body = answer.partition(b"\r\n\r\n")[2]
    assert json.loads(body) == {"error": message, "code": 3, "message": message}


def test_old_clients_are_answered_and_closed(emulator: Emulator) -> None:
    """A client of HTTP/1.0 gets its answer, and the end of the connection."""
    answer = exchange_raw(emulator.url, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_clients_may_leave_at_any_time(
    emulator: Emulator, run_path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that leaves in the middle of its answer is no error."""
    emulator.add_fault(Fault("huge", size=50_000_000))
    client = Client(emulator.url)
    client.send("GET", run_path)
    client.connection.getresponse().close()
    client.close()
    emulator.close()
    assert capfd.readouterr() == ("", "")


def test_many_clients_are_served_at_once(emulator: Emulator) -> None:
    """Runs that are created at the same time all get ids of their own."""
    ids: list[str] = []

    def create() -> None:
        client = Client(emulator.url)
        ids.extend(client.create() for _ in range(5))
        client.close()

    threads = [threading.Thread(target=create) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 50
    assert emulator.connections == 10
    assert sorted(ids) == [run.id for run in emulator.runs]


# The life of an emulator


def test_emulator_serves_between_start_and_close() -> None:
    """An emulator serves once, has an address from its start, and keeps its records."""
    emulator = Emulator(host="0.0.0.0", token="another")  # noqa: S104
    emulator.close()
    with pytest.raises(RuntimeError, match="The emulator is not started"):
        _ = emulator.url
    emulator.start()
    client = Client(emulator.url, "another")
    client.create()
    client.close()
    with pytest.raises(RuntimeError, match="The emulator was started before"):
        emulator.start()
    emulator.close()
    emulator.close()
    assert emulator.url.startswith("http://127.0.0.1:")
    assert len(emulator.runs) == len(emulator.requests) == 1
    with pytest.raises(ConnectionRefusedError):
        Client(emulator.url).call("GET", "/")


def test_log_gets_a_line_a_request_without_tokens() -> None:
    """The log gets method, path and outcome of each request, harmless to a terminal."""
    lines: list[str] = []
    with Emulator(token="secret", log=lines.append) as emulator:
        client = Client(emulator.url, "secret")
        client.create()
        emulator.add_fault(Fault("json"))
        client.call("GET", f"{RUNS}/1?token=secret")
        exchange_raw(emulator.url, b"GET /secret\x1b[2J HTTP/1.1\r\nConnection: close\r\n\r\n")
        client.call("GET", "/_emulator/requests")
        client.close()
    assert lines == [
        f"POST {RUNS} -> 200",
        f"GET {RUNS}/1 -> fault json",
        "GET /***\\x1b[2J -> 404",
    ]


# The command line


def test_importing_the_command_starts_nothing() -> None:
    """The module that the command runs can be imported."""
    assert import_module("dataform_action.emulator.__main__").main is main


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_command_serves_until_a_signal(ending: signal.Signals) -> None:
    """The command prints its address first, serves, and ends quietly with 0 on a signal."""
    command = [sys.executable, "-m", "dataform_action.emulator", "--port", "0", "--verbose"]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    environment.pop("PYTHONUNBUFFERED", None)
    process = subprocess.Popen(
        [*command, "--advance", "poll"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = threading.Timer(20, process.kill)
    limit.start()
    with process:
        assert process.stdout is not None
        address, token = (process.stdout.readline().strip() for _ in range(2))
        client = Client(address.removeprefix("Dataform emulator: "))
        assert token == f"API token: {DEFAULT_TOKEN}"
        assert client.poll(client.create("failure"), 3)[-1] == "FAILED"
        process.send_signal(ending)
        output, errors = process.communicate()
        client.close()
    limit.cancel()
    assert process.returncode == 0
    assert errors == ""
    assert output.splitlines()[0] == f"POST {RUNS} -> 200"
    assert len(output.splitlines()) == 4


def test_command_takes_the_token_and_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A token that was given is accepted and not printed; runs advance by the clock."""
    seen: list[str | int] = []

    def use() -> None:
        url = capsys.readouterr().out.strip().removeprefix("Dataform emulator: ")
        client = Client(url, "given")
        seen.extend(client.poll(client.create(), 1))
        client.close()

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert main(["--port", "0", "--token", "given", "--run-seconds", "0"], use) == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert seen == ["SUCCESSFUL"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["0.0.0.0", "", "0"])  # noqa: S104
def test_command_tells_where_it_listens(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An address that stands for all of the machine's is told as what can be called."""
    seen: list[str | int] = []

    def use() -> None:
        first, second = capsys.readouterr().out.splitlines()
        match = re.fullmatch(r"Dataform emulator: (http://127\.0\.0\.1:([0-9]+))", first)
        assert match is not None
        assert second.startswith("It listens on every address of this machine, port ")
        assert second.endswith(f", such as http://172.17.0.1:{match[2]}")
        client = Client(match[1], "given")
        seen.append(client.create())
        client.close()

    assert main(["--host", host, "--port", "0", "--token", "given"], use) == 0
    assert len(seen) == 1


def test_command_tells_each_default_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The help says of a flag with a default what it is, and of no flag twice."""
    with pytest.raises(SystemExit):
        main(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "on loopback" not in words
    assert re.findall(r"\(default: ([^)]*)\)", words) == [
        *("127.0.0.1", "8080", "an example, printed", "clock", "8", "a sample")
    ]


def test_command_tells_that_a_port_is_taken(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that cannot be had is told in one line, with exit code 1."""
    port = emulator.url.rpartition(":")[2]
    assert main(["--port", port]) == 1
    message = f"The emulator cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert capsys.readouterr() == ("", message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "65536"], "a port is a number from 0 to 65535, not '65536'"),
        (["--port", "http"], "a port is a number from 0 to 65535, not 'http'"),
        (["--run-seconds", "-1"], "seconds are a number from 0, not '-1'"),
        (["--run-seconds", "soon"], "seconds are a number from 0, not 'soon'"),
        (["--run-seconds", "inf"], "seconds are a number from 0, not 'inf'"),
        (["--advance", "never"], "invalid choice: 'never'"),
    ],
)
def test_command_refuses_nonsense(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Arguments that make no sense are told, with exit code 2."""
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err
