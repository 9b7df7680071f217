"""Dataform Web: the exact requests, and parsing the responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from responses import matchers
from responses.registries import OrderedRegistry

from dataform_action.clock import Clock
from dataform_action.errors import (
    CancelUnsupported,
    InputError,
    InvalidResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
)
from dataform_action.model import RunRequest, State
from dataform_action.runs.api import run
from dataform_action.services.dataform_web import DataformWeb, create_body, parse_created, parse_run
from dataform_action.services.specs import TOKEN_PROBLEM
from tests.support.fakes import LOG_URL, make_action, make_run

TOKEN = "9182736450|q7Zr+T2w/Ux9cVb4LmN8sKfYhGdP3aEjR5oWtQ6iB0k=|1"
RUNS = "https://api.dataform.co/v1/project/1234/run"


@pytest.fixture
def web() -> DataformWeb:
    return DataformWeb(project_id="1234", token=TOKEN)


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    """Send the responses in the order in which they were added; all must be used."""
    with responses.RequestsMock(registry=OrderedRegistry) as mock:
        yield mock


def with_token(token: str = TOKEN) -> Any:  # noqa: ANN401
    return matchers.header_matcher({"Authorization": f"Bearer {token}"})


def respond(api: responses.RequestsMock, method: str, url: str, **kwargs: Any) -> None:  # noqa: ANN401
    """Expect one request with the token, and send a response."""
    match = [with_token()]
    if "expect" in kwargs:
        match.append(matchers.json_params_matcher(kwargs.pop("expect")))
    api.add(method, url, match=match, **kwargs)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("SUCCESSFUL", State.SUCCESS),
        ("FAILED", State.FAILURE),
        ("CANCELLED", State.CANCELLED),
        ("TIMED_OUT", State.TIMED_OUT),
    ],
)
def test_exact_requests_of_a_run(
    web: DataformWeb, api: responses.RequestsMock, clock: Clock, status: str, state: State
) -> None:
    """A run is one POST with only the names, and GETs until its status is final."""
    expect = {"scheduleName": "nightly", "environmentName": "production"}
    respond(api, "POST", RUNS, json={"id": "1029591293203"}, expect=expect)
    url = f"{RUNS}/1029591293203"
    link = "https://app.dataform.co/#/1234/run/1029591293203"
    for word in ("RUNNING", "RUNNING", status):
        response = {"id": "1029591293203", "status": word, "runLogUrl": link}
        respond(api, "GET", url, json=response)
    result = run(web, RunRequest(schedule="nightly", environment="production"), clock=clock)
    assert result.run.state is state
    assert result.run.log_url == link


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (RunRequest(), {}),
        (RunRequest(schedule="a b/ü"), {"scheduleName": "a b/ü"}),
        (RunRequest(environment="production"), {"environmentName": "production"}),
        (RunRequest(tags=("daily", "x")), {"runConfig": {"tags": ["daily", "x"]}}),
    ],
)
def test_body_has_only_what_was_given(request_: RunRequest, body: dict[str, Any]) -> None:
    """The body of RunCreate has no name that was not given."""
    assert create_body(request_) == body


def test_link_is_known_before_the_first_request(web: DataformWeb) -> None:
    """The link is built from the run id, in the service's own form."""
    assert web.describe("77").log_url == LOG_URL


def test_link_with_another_api_address() -> None:
    """With another API address, the app's pages are assumed to be at the same host."""
    web = DataformWeb(project_id="1", token=TOKEN, api_url="http://127.0.0.1:8000/base")
    assert web.describe("77").log_url == "http://127.0.0.1:8000/#/1/run/77"


@pytest.mark.parametrize("project_id", ["", "a/b", "..", "1?x", "1 2", "1\n"])
def test_project_id_stays_inside_its_segment(project_id: str) -> None:
    """A project id that would change the path is refused before any request."""
    with pytest.raises(InputError, match="project_id may contain only letters, digits, - and _"):
        DataformWeb(project_id=project_id, token=TOKEN)


@pytest.mark.parametrize(
    "run_id", [None, "", 12, True, "../../x", "a/b", "1?x=2", "9" * 201, "1\n", ["1"], {}]
)
def test_invalid_run_id(run_id: object) -> None:
    """An id that is not a path segment is refused and not used in a path."""
    with pytest.raises(InvalidResponse, match="The response has no valid run id"):
        parse_created({"id": run_id})


@pytest.mark.parametrize("status", [None, "", "QUEUED", 3, ["FAILED"], {}, "successful"])
def test_unknown_status(status: object) -> None:
    """A missing or unknown status is an invalid response."""
    with pytest.raises(InvalidResponse, match="Unknown run status"):
        parse_run({"id": "77", "status": status}, make_run())


def test_response_for_another_run() -> None:
    """A response for another run is invalid."""
    with pytest.raises(InvalidResponse, match="The response is for another run: '78', not 77"):
        parse_run({"id": "78", "status": "SUCCESSFUL"}, make_run())


@pytest.mark.parametrize(
    "url", [None, 7, "javascript:alert(1)", "https://x/ y", "https://a@b/", 'https://x/"', ""]
)
def test_invalid_link_is_ignored(url: object) -> None:
    """Only a plain http(s) address becomes the link."""
    run_ = parse_run({"status": "RUNNING", "runLogUrl": url}, make_run())
    assert run_.log_url == LOG_URL


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, ""),
        (401, "The API did not accept the token. Create an API token"),
        (403, "The token has no permission for this"),
        (404, "Check project-id"),
    ],
)
def test_refusals_say_what_to_check(
    web: DataformWeb, api: responses.RequestsMock, status: int, words: str
) -> None:
    """Each refusal has the API's words and one thing to check, for POST and GET."""
    respond(api, "POST", RUNS, status=status, json={"error": "nope", "code": 5})
    respond(api, "GET", f"{RUNS}/77", status=status, json={"error": {"message": "nope"}})
    calls: list[Callable[[], object]] = [
        lambda: web.start(web.prepare(RunRequest())),
        lambda: web.get(make_run()),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.message.endswith(f"HTTP {status}: nope")
        assert caught.value.hint.startswith(words)


@pytest.mark.parametrize(
    ("request_", "status", "hint"),
    [
        (RunRequest(), 404, "Check project-id: it does not exist."),
        (
            RunRequest(schedule="nightly", tags=("daily",)),
            404,
            "Check project-id and schedule: one of them does not exist.",
        ),
        (
            RunRequest(schedule="nightly", environment="production"),
            404,
            "Check project-id, schedule and environment: one of them does not exist.",
        ),
        (RunRequest(schedule="nightly"), 400, "Check schedule."),
        (RunRequest(environment="p", tags=("daily",)), 400, "Check environment and tags."),
    ],
)
def test_refusals_name_what_was_given(
    web: DataformWeb, api: responses.RequestsMock, request_: RunRequest, status: int, hint: str
) -> None:
    """A refusal names the inputs that were set, and no others."""
    respond(api, "POST", RUNS, status=status)
    with pytest.raises(Refused) as caught:
        web.start(web.prepare(request_))
    assert caught.value.hint == hint


def test_refusal_of_a_run(web: DataformWeb, api: responses.RequestsMock) -> None:
    """The id of a run is named if it is an input, not if the run was created here."""
    respond(api, "GET", f"{RUNS}/77", status=404)
    respond(api, "POST", RUNS, json={"id": "77"})
    respond(api, "GET", f"{RUNS}/77", status=404)
    hints = []
    for run_ in (web.describe("77"), None):
        with pytest.raises(Refused) as caught:
            web.get(run_ or web.start(web.prepare(RunRequest())))
        hints.append(caught.value.hint)
    assert hints == [
        "Check project-id and run-id: one of them does not exist.",
        "Check project-id: it does not exist.",
    ]


def test_other_refusals_have_a_hint(web: DataformWeb, api: responses.RequestsMock) -> None:
    """An unexpected refusal has the general hint."""
    respond(api, "POST", RUNS, status=418)
    with pytest.raises(Refused) as caught:
        web.start(web.prepare(RunRequest()))
    assert caught.value.hint == Refused.hint
    assert caught.value.message.endswith("HTTP 418: an empty body")


@pytest.mark.parametrize(
    "kwargs",
    [
        {"status": 500},
        {"status": 503, "json": {"error": "busy"}},
        {"status": 408},
        {"status": 302, "headers": {"Location": "https://evil.example/"}},
        {"body": "<!doctype html><p>Sign in"},
        {"body": '{"id": "1'},
        {"json": ["1"]},
        {"json": {"id": "../1"}},
        {"body": ConnectionResetError("reset")},
    ],
)
def test_lost_create_may_have_created_a_run(
    web: DataformWeb, api: responses.RequestsMock, kwargs: dict[str, Any]
) -> None:
    """A create request without a usable response is sent once, and the error has the link."""
    respond(api, "POST", RUNS, **kwargs)
    with pytest.raises(RunMayExist) as caught:
        web.start(web.prepare(RunRequest()))
    assert "so the run may exist" in caught.value.message
    assert caught.value.url == "https://app.dataform.co/#/1234"
    assert caught.value.hint == (
        "Look for the run at https://app.dataform.co/#/1234 before you run this again."
    )


@pytest.mark.parametrize("token", ["", "a b", "tok\n"])
def test_token_is_checked_before_anything_is_sent(token: str) -> None:
    """An invalid token is refused and not repeated in the message."""
    with pytest.raises(InputError) as caught:
        DataformWeb(project_id="1", token=token)
    assert caught.value.message == f"token {TOKEN_PROBLEM}"


def test_create_may_take_twice_as_long(api: responses.RequestsMock) -> None:
    """The read timeout of a create request is twice that of other requests."""
    respond(api, "POST", RUNS, json={"id": "77"})
    respond(api, "GET", f"{RUNS}/77", json={"id": "77", "status": "RUNNING"})
    web = DataformWeb(project_id="1234", token=TOKEN, read_seconds=40)
    web.get(web.start(web.prepare(RunRequest())))
    sent: list[Any] = [call.request for call in api.calls]
    assert [request.req_kwargs["timeout"] for request in sent] == [(10, 80), (10, 40)]


def test_throttled_create_can_be_repeated(web: DataformWeb, api: responses.RequestsMock) -> None:
    """A 429 is raised as an error that allows a retry, with its Retry-After."""
    respond(api, "POST", RUNS, status=429, headers={"Retry-After": "25"})
    with pytest.raises(Throttled) as caught:
        web.start(web.prepare(RunRequest()))
    assert caught.value.retry_after == 25


def test_create_without_a_connection_can_be_repeated() -> None:
    """A refused connection is raised as an error that allows a retry."""
    web = DataformWeb(project_id="1", token=TOKEN, api_url="http://127.0.0.1:1")
    with pytest.raises(NotConnected):
        web.start(web.prepare(RunRequest()))


def test_cancel_is_not_supported(web: DataformWeb) -> None:
    """The error says that the run continues, and where to cancel it."""
    with pytest.raises(
        CancelUnsupported, match="The API of Dataform Web cannot cancel runs, so run 77 continues"
    ) as caught:
        web.cancel(make_run())
    assert caught.value.hint == f"To stop the run, cancel it manually: {LOG_URL}"


def test_nothing_is_compiled(web: DataformWeb) -> None:
    """``prepare`` makes the body of the create request, and sends nothing."""
    request = RunRequest(schedule="nightly", promote=True)
    prepared = web.prepare(request)
    assert (prepared.request, prepared.compilation) == (request, None)
    assert prepared.body == {"scheduleName": "nightly"}


def test_what_the_service_does_not_support(web: DataformWeb) -> None:
    """There are no actions, lost runs are not found, and promoting sends nothing."""
    prepared = web.prepare(RunRequest())
    action = make_action("d.a")
    assert web.has_actions is False
    assert web.actions(make_run()) == ()
    assert web.details(make_run(), (action,)) == ((action,), None)
    assert [web.can_find_runs, web.can_promote] == [False, False]
    assert web.find("compilationResults/1") is None
    web.promote(prepared)


@pytest.mark.parametrize("run_id", ["", "a/b", "..", "1\n"])
def test_invalid_run_id_input(web: DataformWeb, run_id: str) -> None:
    """An id that would change the path is an input error."""
    with pytest.raises(InputError, match="run-id may contain only letters, digits, - and _"):
        web.describe(run_id)


def test_token_function_is_called_for_each_request(api: responses.RequestsMock) -> None:
    """A token may be a function, which is called before every request."""
    tokens = iter(["first-token", "second-token"])
    web = DataformWeb(project_id="1234", token=lambda: next(tokens))
    for _ in range(2):
        api.add("GET", f"{RUNS}/77", json={"status": "RUNNING"})
        web.get(make_run())
    sent = [call.request.headers["Authorization"] for call in api.calls]
    assert sent == ["Bearer first-token", "Bearer second-token"]


def test_token_echoed_by_the_service_is_hidden(
    web: DataformWeb, api: responses.RequestsMock
) -> None:
    """A token in a response, plain or in JSON, is replaced in every error."""
    respond(api, "GET", f"{RUNS}/77", status=400, body=json.dumps({"error": f"bad {TOKEN}!"}))
    respond(api, "GET", f"{RUNS}/77", status=400, body=f"bad {TOKEN}!")
    respond(api, "GET", f"{RUNS}/77", json={"status": TOKEN})
    respond(api, "POST", RUNS, json={"id": TOKEN})
    for number in range(4):
        with pytest.raises((Refused, InvalidResponse, RunMayExist)) as caught:
            web.get(make_run()) if number < 3 else web.start(web.prepare(RunRequest()))
        assert TOKEN not in caught.value.message
        assert "***" in caught.value.message
