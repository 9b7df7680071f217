"""Google Cloud Dataform: a long compilation is started only once."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from dataform_action.emulator import Emulator, Fault, Rules
from dataform_action.errors import GaveUp, InvalidResponse, NoResponse, Refused, WaitTimeout
from dataform_action.events import OutageStarted
from dataform_action.model import Polling, RunRequest
from dataform_action.runs.api import prepare, run
from dataform_action.services.google.service import GoogleDataform
from dataform_action.transport.error_body import LONGEST_MESSAGE
from tests.support.fakes import FakeClock, Recorder
from tests.unit.services.google.support import (
    COMPILATION,
    COMPILATIONS,
    LONG_RUNNING,
    OPERATION,
    RELEASE,
    expect,
    expect_error,
    make_google,
    timeouts,
)

REQUEST = RunRequest(environment="production")
BODY = {"releaseConfig": RELEASE}
PENDING = {"name": OPERATION, "metadata": {"@type": "x"}}
DONE = {"name": OPERATION, "done": True, "response": {"@type": "x", "name": COMPILATION}}


def failed(code: object, message: str = "no luck", **more: object) -> dict[str, object]:
    return {"name": OPERATION, "done": True, "error": {"code": code, "message": message, **more}}


def connect(emulator: Emulator, **more: Any) -> GoogleDataform:  # noqa: ANN401
    return GoogleDataform(
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        token=emulator.token,
        api_url=emulator.url,
        **more,
    )


def compiles(emulator: Emulator) -> list[str]:
    """Return the method that started each compilation."""
    posts = (request.path.rpartition("/")[2] for request in emulator.requests)
    return [post for post in posts if post.startswith("compilationResults")]


def test_an_operation_is_polled_until_it_is_done(clock: FakeClock) -> None:
    """A compilation of ten minutes is started once, and its polls are no outage."""
    recorder = Recorder(clock)
    with Emulator(rules=Rules(compilation_polls=150)) as emulator:
        polling = Polling(interval=10, outage_timeout=60)
        result = run(connect(emulator), REQUEST, polling, on_update=recorder, clock=clock)
        assert compiles(emulator) == ["compilationResults:createLongRunning"]
        polls = [request for request in emulator.requests if "/operations/" in request.path]
    assert len(polls) == 151
    assert recorder.of(OutageStarted) == []
    assert result.run.status == "SUCCEEDED"
    assert clock.now() - 1000 > 600
    # As for a run: soon at first, and then at the interval.
    assert clock.sleeps[0] == 1
    assert max(clock.sleeps) == 10


def test_exact_requests(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """One POST starts the operation, and GETs poll it."""
    expect(api, LONG_RUNNING, PENDING, body=BODY)
    expect(api, f"GET {OPERATION}", PENDING)
    expect(api, f"GET {OPERATION}", DONE)
    prepared = prepare(google, REQUEST, clock=clock)
    assert prepared.body == {"compilationResult": COMPILATION}
    assert timeouts(api) == [(10.0, 180.0), (10.0, 30.0), (10.0, 30.0)]


def test_an_operation_of_a_numbered_project(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """The operation name may have the project number."""
    numbered = OPERATION.replace("my-project", "123456")
    expect(api, LONG_RUNNING, {"name": numbered}, body=BODY)
    expect(api, f"GET {OPERATION}", {**DONE, "name": numbered})
    assert prepare(google, REQUEST, clock=clock).body == {"compilationResult": COMPILATION}


@pytest.mark.parametrize(
    "name",
    [
        None,
        7,
        "",
        "operation-1",
        OPERATION.replace("europe-west1", "us-east1"),
        f"{OPERATION}/../x",
        f"{OPERATION}?x",
        OPERATION.replace("operation-1", ".."),
        COMPILATION,
    ],
)
def test_an_operation_without_a_valid_name(
    google: GoogleDataform, api: responses.RequestsMock, name: object
) -> None:
    """An operation of another place or without a name cannot be polled."""
    expect(api, LONG_RUNNING, {"name": name}, body=BODY)
    with pytest.raises(InvalidResponse, match="has no operation name"):
        google.prepare(REQUEST)


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("words", ["Method not found.", "nope"])
def test_an_api_without_operations(
    google: GoogleDataform,
    api: responses.RequestsMock,
    clock: FakeClock,
    status: int,
    words: str,
) -> None:
    """If the method does not exist, one request compiles, without an outage."""
    recorder = Recorder(clock)
    expect_error(api, LONG_RUNNING, status, words, body=BODY)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=BODY, plain=True)
    prepared = prepare(google, REQUEST, on_update=recorder, clock=clock)
    assert prepared.body == {"compilationResult": COMPILATION}
    assert recorder.of(OutageStarted) == []


def test_a_page_instead_of_the_method(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Google's front end returns an HTML page for an unknown address."""
    expect(api, LONG_RUNNING, body=BODY, body_text="<!DOCTYPE html>Error 404", status=404)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=BODY, plain=True)
    assert google.prepare(REQUEST).compilation is not None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "bad"),
        (401, "expired"),
        (403, "Permission denied"),
        (404, "parent resource not found"),
        (404, "Can't find package.json"),
        (404, "releaseConfigs/production does not exist"),
    ],
)
def test_a_refusal_is_not_a_missing_method(
    google: GoogleDataform, api: responses.RequestsMock, status: int, words: str
) -> None:
    """A refusal of the project is not requested again with the other method."""
    expect_error(api, LONG_RUNNING, status, words, body=BODY)
    with pytest.raises(Refused, match=f"HTTP {status}"):
        google.prepare(REQUEST)


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_an_operation_that_cannot_be_read(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock, status: int
) -> None:
    """Without permission to read operations, one request waits for the compilation."""
    expect(api, LONG_RUNNING, PENDING, body=BODY)
    expect_error(api, f"GET {OPERATION}", status)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=BODY, plain=True)
    assert prepare(google, REQUEST, clock=clock).compilation is not None


def test_a_token_that_expires_meanwhile(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """A 401 is about the token, not about operations."""
    expect(api, LONG_RUNNING, PENDING, body=BODY)
    expect_error(api, f"GET {OPERATION}", 401)
    with pytest.raises(Refused, match="HTTP 401"):
        prepare(google, REQUEST, clock=clock)


@pytest.mark.parametrize("response", [None, {}, {"@type": "google.protobuf.Empty"}, 7, {"name": 7}])
def test_an_operation_without_a_result(
    google: GoogleDataform, api: responses.RequestsMock, response: object
) -> None:
    """An operation that is done without a result is replaced by one request."""
    expect(api, LONG_RUNNING, {"name": OPERATION, "done": True, "response": response}, body=BODY)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=BODY, plain=True)
    assert google.prepare(REQUEST).compilation is not None


@pytest.mark.parametrize(
    ("code", "status", "hint"),
    [
        (3, 400, Refused.hint),
        (5, 404, "Check environment."),
        (7, 403, Refused.hint),
        (9, 400, Refused.hint),
        (16, 403, Refused.hint),
        (None, 400, Refused.hint),
        ("x", 400, Refused.hint),
    ],
)
def test_an_operation_that_fails(
    google: GoogleDataform, api: responses.RequestsMock, code: object, status: int, hint: str
) -> None:
    """A failed operation is a refusal with the API's words and a hint."""
    expect(api, LONG_RUNNING, failed(code), body=BODY)
    with pytest.raises(Refused) as caught:
        google.prepare(REQUEST)
    assert (caught.value.status, caught.value.detail) == (status, "no luck")
    assert caught.value.message == "The compilation failed: no luck"
    assert caught.value.hint == hint


def test_an_operation_that_fails_with_a_long_message(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """The message of an operation has the same limit as that of a response."""
    expect(api, LONG_RUNNING, failed(3, "token " * 200_000), body=BODY)
    with pytest.raises(Refused) as caught:
        google.prepare(REQUEST)
    assert len(caught.value.detail) == LONGEST_MESSAGE
    assert len(caught.value.message) < LONGEST_MESSAGE + 100


def test_a_git_token_that_is_rejected_in_an_operation(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """Refused Git credentials are not those of the caller."""
    expect(api, LONG_RUNNING, failed(16, "Git authentication failed: bad token"), body=BODY)
    with pytest.raises(Refused) as caught:
        google.prepare(REQUEST)
    assert caught.value.hint.startswith("Dataform has no access to the Git remote")


def test_an_operation_that_is_not_implemented(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """UNIMPLEMENTED may be the error of an operation."""
    expect(api, LONG_RUNNING, failed(12), body=BODY)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=BODY, plain=True)
    assert google.prepare(REQUEST).compilation is not None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        *((code, "no luck") for code in (1, 2, 4, 8, 10, 13, 14)),
        (9, "The remote server unexpectedly closed the connection during remote operation"),
    ],
)
def test_an_aborted_operation(
    google: GoogleDataform,
    api: responses.RequestsMock,
    clock: FakeClock,
    code: int,
    message: str,
) -> None:
    """An operation with a transient error is started again after a wait."""
    recorder = Recorder(clock)
    expect(api, LONG_RUNNING, PENDING, body=BODY)
    expect(api, f"GET {OPERATION}", failed(code, message))
    expect(api, LONG_RUNNING, DONE, body=BODY)
    assert prepare(google, REQUEST, on_update=recorder, clock=clock).compilation is not None
    assert len(recorder.of(OutageStarted)) == 1


def test_an_operation_that_is_always_aborted(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """A compilation that the service aborts three times is not started again."""
    for _ in range(3):
        expect(api, LONG_RUNNING, PENDING, body=BODY)
        expect(api, f"GET {OPERATION}", failed(13))
    with pytest.raises(NoResponse, match="The compilation failed: no luck"):
        prepare(google, REQUEST, clock=clock)


def test_an_outage_during_an_operation(clock: FakeClock) -> None:
    """An outage does not start a second compilation."""
    with Emulator(rules=Rules(compilation_polls=5)) as emulator:
        emulator.add_fault(Fault("status", on="other", status=503, times=4, after=2))
        emulator.add_fault(Fault("close", on="other", times=2, after=8))
        assert prepare(connect(emulator), REQUEST, clock=clock).compilation is not None
        assert len(compiles(emulator)) == 1


def test_an_outage_without_end(clock: FakeClock) -> None:
    """An operation that cannot be polled ends the wait after the outage timeout."""
    with Emulator(rules=Rules(compilation_polls=5)) as emulator:
        emulator.add_fault(Fault("status", on="other", status=503, times=None))
        with pytest.raises(GaveUp):
            prepare(connect(emulator), REQUEST, Polling(outage_timeout=60), clock=clock)
        assert len(compiles(emulator)) == 1


def test_a_compilation_without_end(clock: FakeClock) -> None:
    """The timeout ends the wait for a compilation as well."""
    with Emulator(rules=Rules(compilation_polls=10**6)) as emulator:
        with pytest.raises(WaitTimeout, match="No run was created"):
            prepare(connect(emulator), REQUEST, Polling(timeout=120), clock=clock)
        assert len(compiles(emulator)) == 1
    assert 1115 < clock.now() < 1125


def test_a_caller_that_cannot_wait(clock: FakeClock) -> None:
    """If the caller cannot wait, the service waits itself, but not forever."""
    with Emulator(rules=Rules(compilation_polls=5)) as emulator:
        assert connect(emulator, clock=clock).prepare(REQUEST).compilation is not None
        assert len(compiles(emulator)) == 1
    assert clock.sleeps == [2.0] * 6


def test_a_compilation_without_end_of_a_caller_that_cannot_wait(clock: FakeClock) -> None:
    """The service itself waits for at most half an hour."""
    with (
        Emulator(rules=Rules(compilation_polls=10**6)) as emulator,
        pytest.raises(NoResponse, match="did not end within half an hour"),
    ):
        connect(emulator, clock=clock).prepare(REQUEST)
    assert clock.now() - 1000 == 1800


def test_a_longer_wait_without_operations(api: responses.RequestsMock, clock: FakeClock) -> None:
    """After a lost response, a compilation in one request may take twice as long."""
    google = make_google(read_seconds=20.0)
    expect_error(api, LONG_RUNNING, 404, body=BODY)
    lost = ConnectionResetError("reset")
    expect(api, f"POST {COMPILATIONS}", body=BODY, plain=True, body_text=lost)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=BODY, plain=True)
    prepare(google, REQUEST, clock=clock)
    assert timeouts(api) == [(10.0, 120.0), (10.0, 120.0), (10.0, 240.0)]


def test_an_invalid_result_is_an_outage(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """An invalid compilation result is requested again."""
    invalid = {"@type": "x", "name": COMPILATION, "compilationErrors": "none"}
    expect(api, LONG_RUNNING, {"name": OPERATION, "done": True, "response": invalid}, body=BODY)
    expect(api, LONG_RUNNING, DONE, body=BODY)
    assert prepare(google, REQUEST, clock=clock).body == {"compilationResult": COMPILATION}
