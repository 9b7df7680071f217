"""What to do about each error of Google Cloud Dataform that is known."""

from __future__ import annotations

import pytest

from dataform_action.errors import Refused
from dataform_action.services.google.client import EXPIRED_HINT, hint_for

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
