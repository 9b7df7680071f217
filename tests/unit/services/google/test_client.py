"""Google Cloud Dataform: pages, tokens and retries of requests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
import responses

from dataform_action.errors import InvalidResponse, Refused
from dataform_action.model import Compilation, IncompleteActions, Polling, RunRequest
from dataform_action.runs.api import prepare
from dataform_action.services.google.hints import EXPIRED_HINT
from dataform_action.services.google.limits import ListLimit
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import FakeClock
from tests.unit.services.google.support import (
    COMPILATION,
    COMPILATIONS,
    RELEASE,
    RUN,
    SCHEDULE,
    TOKEN,
    expect,
    expect_error,
    make_google,
    make_run,
    target,
)


def test_expired_token(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Only the hint for a given token says that it may have expired."""
    for _ in range(2):
        expect_error(api, f"GET {RUN}", 401)
    hints = []
    for service in (google, make_google(token=lambda: TOKEN)):
        with pytest.raises(Refused) as caught:
            service.get(make_run())
        hints.append(caught.value.hint)
    assert hints[0] == EXPIRED_HINT
    assert hints[1].startswith("The API did not accept the credentials")


def test_unknown_refusal(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """An unknown refusal keeps its own hint."""
    expect_error(api, f"GET {RUN}", 418)
    with pytest.raises(Refused) as caught:
        google.get(make_run())
    assert caught.value.hint == Refused.hint


def test_token_function_is_called_for_each_request(api: responses.RequestsMock) -> None:
    """A token may be a function, which is called before every request."""
    tokens = iter(["first-token", "second-token"])
    google = make_google(token=lambda: next(tokens))
    for token in ("first-token", "second-token"):
        expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"}, token=token)
        google.get(make_run())
    sent = [call.request.headers["Authorization"] for call in api.calls]
    assert sent == ["Bearer first-token", "Bearer second-token"]


def expect_pages(api: responses.RequestsMock, pages: Iterable[list[object]]) -> None:
    """Expect a request for each page of actions; every page names another one."""
    for number, entries in enumerate(pages):
        token = f"&pageToken={number}" if number else ""
        response = {"nextPageToken": str(number + 1), "workflowInvocationActions": entries}
        expect(api, f"GET {RUN}:query?pageSize=1000{token}", response)


def test_pages_without_end(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A list of empty pages without end is an error after 200 pages."""
    expect_pages(api, [[]] * 201)
    with pytest.raises(InvalidResponse, match="The list has more than 200 empty pages"):
        google.actions(make_run())


def test_too_many_entries(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Of a list with too many entries, the pages before the limit are kept."""
    expect_pages(api, [[{"target": target("orders")}], [{}] * 10_000])
    with pytest.raises(IncompleteActions) as caught:
        google.actions(make_run())
    assert [action.name for action in caught.value.actions] == ["my-project.sales.orders"]
    assert caught.value.message == (
        "Only 1 of the run's actions could be read. The list has more than 10,000 entries."
    )


def test_too_many_bytes() -> None:
    """The sum of all pages is limited, also if each page fits."""
    limit = ListLimit()
    page = {"workflowInvocationActions": [{"failureReason": "x" * 2**25}]}
    for _ in range(7):
        limit.add(page)
    with pytest.raises(InvalidResponse, match="The list takes more than 256 MiB of memory"):
        limit.add(page)


def test_a_list_of_the_largest_size() -> None:
    """The limits are above those of Google: 5,000 actions, whose graph has 20 MB."""
    limit = ListLimit()
    names = [target(f"orders_{number:03}") for number in range(100)]
    entry = {"target": target("orders"), "relation": {"dependencyTargets": names}}
    assert len(json.dumps(entry)) * 5000 > 20_000_000
    for _ in range(13):
        limit.add({"compilationResultActions": [entry] * 400})


def test_only_the_failed_request_is_repeated(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """A failure after the compilation does not compile again."""
    request = RunRequest(environment="production", actions=("orders",))
    page = {"compilationResultActions": [{"target": target("orders"), "relation": {}}]}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    expect_error(api, f"GET {COMPILATION}:query?pageSize=400", 503)
    expect(api, f"GET {COMPILATION}:query?pageSize=400", page)
    prepared = prepare(google, request, clock=clock)
    assert prepared.compilation == Compilation(name=COMPILATION)


def test_a_good_response_ends_an_outage_of_a_preparation(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """A preparation continues if no single outage is too long, even if there are many."""
    request = RunRequest(schedule="nightly", environment="production", actions=("orders",))
    config = {"releaseConfig": RELEASE}
    page = {"compilationResultActions": [{"target": target("orders"), "relation": {}}]}
    exchanges: tuple[tuple[str, dict[str, Any] | None, dict[str, Any]], ...] = (
        (f"GET {SCHEDULE}", None, config),
        (f"POST {COMPILATIONS}", config, {"name": COMPILATION}),
        (f"GET {COMPILATION}:query?pageSize=400", None, page),
    )
    for request_line, body, response in exchanges:
        for _ in range(4):
            expect_error(api, request_line, 503, body=body)
        expect(api, request_line, response, body=body)
    started = clock.now()
    polling = Polling(interval=1, outage_timeout=60)
    assert prepare(google, request, polling, clock=clock).compilation is not None
    assert clock.now() - started > polling.outage_timeout


@pytest.mark.parametrize(("project", "sent"), [("billing-project", "billing-project"), ("", None)])
def test_project_that_pays_for_the_quota(
    api: responses.RequestsMock, project: str, sent: str | None
) -> None:
    """The quota project of the credentials is sent with each request."""

    class Source:
        quota_project = ""

        def __call__(self) -> str:
            self.quota_project = project
            return TOKEN

    google = make_google(token=Source())
    for _ in range(2):
        expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"})
        google.get(make_run())
    for call in api.calls:
        headers = call.request.headers
        assert headers.get("X-Goog-User-Project") == sent


def test_a_given_token_has_no_quota_project(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """A given access token has no quota project."""
    expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"})
    google.get(make_run())
    assert "X-Goog-User-Project" not in api.calls[0].request.headers
