"""The legacy Dataform Web API: its requests, and how its runs advance."""

from __future__ import annotations

import pytest

from dataform_action.emulator import DEFAULT_TOKEN, Emulator, Outcome
from tests.emulator.support import RUNS, Client, ManualClock


def test_create_returns_an_id_of_digits(client: Client) -> None:
    """The response to a create request has only an id of digits, unique for each run."""
    order = {
        "scheduleName": "nightly",
        "environmentName": "production",
        "runConfig": {"tags": ["daily"]},
    }
    first, second = (client.call("POST", RUNS, order).data for _ in range(2))
    assert list(first) == ["id"]
    assert first["id"].isdigit()
    assert first != second


def test_get_returns_status_and_link(emulator: Emulator, client: Client) -> None:
    """A GET returns id, status and a link, like the real service."""
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
def test_link_has_the_address_that_the_client_used(
    client: Client, run_path: str, host: str, origin: str
) -> None:
    """The link starts with the Host header, if that is a valid host name."""
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
    """Without the correct bearer token, every response is 401 and no run is created."""
    path = RUNS if method == "POST" else f"{RUNS}/1"
    response = client.call(method, path, {}, headers)
    message = "The request has no valid API token: send Authorization: Bearer <token>"
    assert response.status == 401
    assert response.data == {"error": message, "code": 16, "message": message}
    assert response.headers["WWW-Authenticate"] == "Bearer"
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
def test_unknown_names_are_reported(
    client: Client, method: str, path: str, body: object, message: str
) -> None:
    """An unknown name gets a 404 that names it."""
    response = client.call(method, path, body)
    assert response.status == 404
    assert response.data == {"error": message, "code": 5, "message": message}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{", "The body is not JSON: "),
        (b"\xff", "The body is not JSON: "),
        (b"[" * 100_000, "The body is not JSON: "),
        (b"[]", "The body must be a JSON object, not list"),
        (b"null", "The body must be a JSON object, not NoneType"),
        ({"tags": [], "id": "1"}, "Unknown fields: id, tags. Known fields: environmentName, runC"),
        ({"scheduleName": None}, "scheduleName must be a string"),
        ({"environmentName": 1}, "environmentName must be a string"),
        ({"runConfig": []}, "runConfig must be an object"),
        ({"runConfig": {"tag": []}}, "Unknown fields in runConfig: tag. Known fields: tags"),
        ({"runConfig": {"tags": "daily"}}, "tags must be a list of strings"),
        ({"runConfig": {"tags": ["daily", 1]}}, "tags must be a list of strings"),
    ],
)
def test_malformed_bodies_are_refused(
    emulator: Emulator, client: Client, body: object, message: str
) -> None:
    """An undocumented body gets a 400 with the reason."""
    response = client.call("POST", RUNS, body)
    assert response.status == 400
    assert response.data["message"].startswith(message)
    assert response.data["code"] == 3
    assert emulator.runs == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", RUNS, "POST"), ("POST", f"{RUNS}/1", "GET"), ("DELETE", f"{RUNS}/1", "GET")],
)
def test_wrong_methods_are_reported(client: Client, method: str, path: str, allowed: str) -> None:
    """A known path responds to a wrong method with 405, and names the right method."""
    response = client.call(method, path)
    assert (response.status, response.headers["Allow"]) == (405, allowed)
    assert response.data["message"] == f"This path does not support {method}, only {allowed}"


def test_runs_belong_to_their_project() -> None:
    """A run is found only in its own project."""
    with Emulator(projects=("1234", "5678")) as emulator:
        client = Client(emulator.url)
        run_id = client.create()
        assert client.call("GET", f"/v1/project/5678/run/{run_id}").status == 404
        assert client.call("GET", f"/v1/project/1234/run/{run_id}").status == 200
        client.close()


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
    """By polls, each GET advances a run one step through the statuses of its schedule."""
    assert client.poll(client.create(schedule), len(statuses)) == statuses


def test_a_run_without_a_schedule_succeeds() -> None:
    """A run without a schedule succeeds, even if there is no schedule named success."""
    with Emulator(schedules={"only": Outcome(("FAILED",))}) as emulator:
        client = Client(emulator.url)
        assert client.poll(client.create(), 3)[-1] == "SUCCESSFUL"
        assert client.poll(client.create("only"), 1) == ["FAILED"]
        assert client.call("POST", RUNS, {"scheduleName": "nightly"}).status == 404
        client.close()


def test_time_advances_runs() -> None:
    """By the clock, a run ends after run_seconds, and its steps take equal time."""
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
    """By the clock, a slow run takes 600 s, independent of run_seconds."""
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


def test_outcomes_apply_to_later_runs(emulator: Emulator, client: Client) -> None:
    """An outcome applies to runs that are created later, and makes its schedule known."""
    before = client.create("nightly")
    emulator.set_outcome("nightly", ("QUEUED", "CANCELLED"))
    emulator.set_outcome("brand new", ("FAILED",))
    emulator.set_outcome("lost", ())
    assert client.poll(before, 3) == ["RUNNING", "RUNNING", "SUCCESSFUL"]
    assert client.poll(client.create("nightly"), 3) == ["QUEUED", "CANCELLED", "CANCELLED"]
    assert client.poll(client.create("brand new"), 1) == ["FAILED"]
    assert client.poll(client.create("lost"), 1) == [404]


def test_runs_are_listed_without_advancing_them(emulator: Emulator, client: Client) -> None:
    """The list of runs shows the last status of each, and listing changes nothing."""
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
