"""Google Cloud Dataform: pages, tokens and retries of requests, and hints for known errors."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from dataform_action.errors import Refused
from dataform_action.model import Compilation, Polling, RunRequest
from dataform_action.runs.api import prepare
from dataform_action.services.google.client import EXPIRED_HINT, hint_for
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

WHAT = "POST https://dataform.googleapis.com/v1/projects/p/locations/l/repositories/r/x"


def hint_of(words: str, status: int, what: str = WHAT) -> str:
    message = f"{what}: HTTP {status}: {words}"
    return hint_for(Refused(message, status=status, detail=words), given_token=True)


@pytest.mark.parametrize(
    ("status", "words", "hint"),
    [
        (
            400,
            "Service account must be set when strict act as checks are enabled",
            "Set service-account to the account that the run acts as",
        ),
        (
            403,
            "The caller does not have permission to act as service account x@y",
            "Grant the caller roles/iam.serviceAccountUser",
        ),
        (
            400,
            "cannot actAs x@y, please grant Service Account Token Creator role",
            "Grant Dataform's service agent",
        ),
        (
            400,
            "service-1@gcp-sa-dataform.iam.gserviceaccount.com does not have permission to "
            "generate tokens for x@y",
            "Grant Dataform's service agent",
        ),
        (
            400,
            "releaseCompilationResult non renseigné dans la ReleaseConfig",
            "The release configuration has not been compiled yet",
        ),
        (
            400,
            "The release config has no release compilation result",
            "The release configuration has not been compiled yet",
        ),
        (404, "parent resource not found", "Check project-id, location and repository: there"),
        (404, "Can't find package.json", "The repository has no package.json or workflow_settings"),
        (400, "Only a commitish value of 'main' is allowed.", "Check git-ref: a repository"),
        (
            400,
            "Requested target does not exist in compilation result: 'p.s.n'",
            "Check actions: the compilation does not hold that one.",
        ),
        (403, "Quota exceeded for quota metric 'X'", "The project's quota is used up"),
        (400, "does not match projects/…", "Check the inputs against the API's own words above."),
        (403, "Permission denied", "Grant the caller roles/dataform.editor"),
        (404, "workflowConfigs/x does not exist", "Check project-id, location, repository, sch"),
        (409, "conflict", ""),
        (418, "an empty body", ""),
    ],
)
def test_known_errors(status: int, words: str, hint: str) -> None:
    """Each error that people reported has the one thing to do about it, in any case."""
    for spelling in (words, words.upper(), words.lower()):
        got = hint_of(spelling, status)
        assert got.startswith(hint)
        assert bool(got) is bool(hint)


@pytest.mark.parametrize("words", ["Request had invalid authentication credentials.", "quota"])
def test_token_that_is_not_accepted(words: str) -> None:
    """A token that was given may have expired; one that we mint has another fault."""
    error = Refused(f"{WHAT}: HTTP 401: {words}", status=401)
    assert hint_for(error, given_token=True) == EXPIRED_HINT
    assert hint_for(error, given_token=False) == (
        "The API did not accept the credentials: check their project and their scopes."
    )


@pytest.mark.parametrize("name", ["quota", "commitish-tests", "releaseCompilationResult"])
def test_names_in_the_address_give_no_hint(name: str) -> None:
    """The words of an address, which people chose, do not pass for the API's."""
    what = f"GET https://dataform.googleapis.com/v1/projects/p/locations/l/repositories/{name}"
    assert hint_of("not found", 404, what).startswith("Check project-id, location, repository,")


def test_expired_token(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A token that was given and expires is told as such, one that we mint is not."""
    for _ in range(2):
        expect_error(api, f"GET {RUN}", 401)
    hints = []
    for service in (google, make_google(token=lambda: TOKEN)):
        with pytest.raises(Refused) as caught:
            service.get(make_run())
        hints.append(caught.value.hint)
    assert hints[0] == EXPIRED_HINT
    assert hints[1].startswith("The API did not accept the credentials")


def test_refusal_that_is_not_known(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A refusal for which nothing better is known keeps its own hint."""
    expect_error(api, f"GET {RUN}", 418)
    with pytest.raises(Refused) as caught:
        google.get(make_run())
    assert caught.value.hint == Refused.hint


def test_token_is_asked_for_at_each_request(api: responses.RequestsMock) -> None:
    """A token may be a function, which is asked before every request."""
    tokens = iter(["first-token", "second-token"])
    google = make_google(token=lambda: next(tokens))
    for token in ("first-token", "second-token"):
        expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"}, token=token)
        google.get(make_run())


def test_pages_without_end(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A service that pages for ever is left after 200 pages."""
    for number in range(200):
        token = f"&pageToken={number}" if number else ""
        said = {"nextPageToken": str(number + 1)}
        expect(api, f"GET {RUN}:query?pageSize=1000{token}", said)
    assert google.actions(make_run()) == ()
    assert len(api.calls) == 200


def test_only_the_request_that_failed_is_made_again(
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
    """A preparation goes on as long as no single outage is too long, however many there are."""
    request = RunRequest(schedule="nightly", environment="production", actions=("orders",))
    config = {"releaseConfig": RELEASE}
    page = {"compilationResultActions": [{"target": target("orders"), "relation": {}}]}
    exchanges: tuple[tuple[str, dict[str, Any] | None, dict[str, Any]], ...] = (
        (f"GET {SCHEDULE}", None, config),
        (f"POST {COMPILATIONS}", config, {"name": COMPILATION}),
        (f"GET {COMPILATION}:query?pageSize=400", None, page),
    )
    for request_line, body, said in exchanges:
        for _ in range(4):
            expect_error(api, request_line, 503, body=body)
        expect(api, request_line, said, body=body)
    started = clock.now()
    polling = Polling(interval=1, outage_timeout=60)
    assert prepare(google, request, polling, clock=clock).compilation is not None
    assert clock.now() - started > polling.outage_timeout
