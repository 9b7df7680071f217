"""Google Cloud Dataform: lost responses to create requests, and the search for the run."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from dataform_action.errors import InvalidResponse, NotConnected, Refused, RunMayExist, Throttled
from dataform_action.model import RunRequest
from dataform_action.runs.api import run
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import FakeClock
from tests.unit.services.google.support import (
    COMPILATION,
    COMPILATIONS,
    CONSOLE,
    NUMBERED,
    RELEASE,
    RUN,
    RUNS,
    SCHEDULE,
    expect,
    expect_error,
    make_google,
    make_prepared,
    make_run,
)


@pytest.mark.parametrize(
    "response",
    [
        {"status": 500},
        {"status": 408},
        {"body_text": "<!doctype html>"},
        {"body_text": '{"name": "pro'},
        {"response": {}},
        {"response": {"name": RUN.replace("shop", "other")}},
        {"response": {"name": f"{RUN}/x"}},
        {"body_text": ConnectionResetError("reset")},
    ],
)
def test_run_of_a_compilation_can_be_found(
    google: GoogleDataform, api: responses.RequestsMock, response: dict[str, Any]
) -> None:
    """A create request without a usable response is sent once, with a link in the hint."""
    expect(api, f"POST {RUNS}", body={"compilationResult": COMPILATION}, **response)
    with pytest.raises(RunMayExist) as caught:
        google.start(make_prepared())
    url = f"{CONSOLE}/details/workflows?project=my-project"
    assert caught.value.url == url
    assert caught.value.hint == f"Look for the run at {url} before you run this again."
    assert caught.value.message.startswith(
        "The create request got no usable response, so the run may exist. "
    )


def test_run_of_a_schedule_cannot_be_found(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """The lost run of a schedule looks like the schedule's own runs, so no list is read."""
    expect(api, f"POST {RUNS}", body={"workflowConfig": SCHEDULE}, status=503)
    prepared = google.prepare(RunRequest(schedule="nightly"))
    with pytest.raises(RunMayExist) as caught:
        google.start(prepared)
    assert (
        "so the run may exist. It cannot be identified, because the schedule also starts runs by "
        "itself, so it is not created again. POST "
    ) in caught.value.message
    assert prepared.compilation is None


def test_create_that_was_not_processed(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A 429 and a missing connection are errors that allow a retry."""
    body = {"compilationResult": COMPILATION}
    expect(api, f"POST {RUNS}", body=body, status=429, headers={"Retry-After": "25"})
    with pytest.raises(Throttled) as caught:
        google.start(make_prepared())
    assert caught.value.retry_after == 25
    api.stop(allow_assert=False)
    with pytest.raises(NotConnected):
        make_google(api_url="http://127.0.0.1:1").start(make_prepared())
    api.start()


def test_create_that_was_refused(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A refusal has the API's words and a hint."""
    words = "Service account must be set when strict act as checks are enabled"
    expect_error(api, f"POST {RUNS}", 400, words, body={"compilationResult": COMPILATION})
    with pytest.raises(Refused) as caught:
        google.start(make_prepared())
    assert caught.value.message.endswith(f"HTTP 400: {words}")
    assert caught.value.hint.startswith("Set service-account to the account")


def test_find_reads_the_newest_by_page(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The run is found by its compilation result on any page, also by project number."""
    listed = [
        {"name": f"{RUNS}/1", "compilationResult": f"{COMPILATIONS}/other"},
        {"name": f"{RUNS}/2", "workflowConfig": SCHEDULE},
        {"name": f"{RUNS}/3", "compilationResult": f"{COMPILATION}2"},
    ]
    query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
    expect(api, query, {"workflowInvocations": listed, "nextPageToken": "next"})
    entry = {
        "name": f"{NUMBERED}/workflowInvocations/1700-abc",
        "compilationResult": f"{NUMBERED}/compilationResults/c0ffee",
    }
    expect(api, f"{query}&pageToken=next", {"workflowInvocations": [entry]})
    assert google.find(COMPILATION) == make_run()


def test_find_ends(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """An endless list is read for a few pages."""
    query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
    for number in range(5):
        token = "&pageToken=again" if number else ""
        expect(api, f"{query}{token}", {"nextPageToken": "again"})
    assert google.find(COMPILATION) is None


def test_found_run_with_an_invalid_name(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """A run with an invalid name is an error, so that the search is repeated."""
    entry = {"name": "../..", "compilationResult": COMPILATION}
    query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
    expect(api, query, {"workflowInvocations": [entry]})
    with pytest.raises(InvalidResponse):
        google.find(COMPILATION)


def test_found_run_is_watched(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """A lost run that the list contains is watched and not created again."""
    body = {"releaseConfig": RELEASE}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    expect(api, f"POST {RUNS}", body={"compilationResult": COMPILATION}, status=502)
    query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
    expect(api, query)
    entry = {"name": RUN, "compilationResult": COMPILATION}
    expect(api, query, {"workflowInvocations": [entry]})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "SUCCEEDED"})
    expect(api, f"GET {RUN}:query?pageSize=1000")
    result = run(google, RunRequest(environment="production"), clock=clock)
    assert result.run.id == "1700-abc"
