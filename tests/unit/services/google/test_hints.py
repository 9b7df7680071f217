"""Google Cloud Dataform: a hint for each known refusal, and none for others."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from dataform_action.errors import Refused
from dataform_action.model import Prepared, RunRequest
from dataform_action.services.google.hints import EXPIRED_HINT, Context, hint_for
from dataform_action.services.google.service import GoogleDataform
from tests.unit.services.google.support import (
    COMPILATION,
    COMPILATIONS,
    RELEASE,
    REPOSITORY,
    RUN,
    RUNS,
    SCHEDULE,
    compiled,
    expect,
    expect_error,
    make_prepared,
    make_run,
)

WHAT = "POST https://dataform.googleapis.com/v1/projects/p/locations/l/repositories/r/x"
SCHEDULED = Context("start", ("schedule",))
REF = Context("compile", ("git-ref",))
ENVIRONMENT = Context("compile", ("environment",))
PROMOTED = Context("promote", ("environment",), "production")
PERMISSION = (
    "Permission '{}' denied on resource "
    "'//dataform.googleapis.com/projects/p/locations/l/repositories/git-secrets' "
    "(or it may not exist)."
)
QUOTA_PROJECT = (
    "Your application is authenticating by using local Application Default Credentials. The "
    "dataform.googleapis.com API requires a quota project, which is not set by default. To learn "
    "how to set your quota project, see "
    "https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds ."
)
PERIMETER = (
    "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: "
    "eYhDkfYCu-dOCjuj8X4Am9-spkxs0"
)
DISABLED = (
    "Dataform API has not been used in project 123 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/dataform.googleapis.com/overview?project=123 "
    "then retry."
)


def hint_of(words: str, status: int, context: Context = SCHEDULED, reason: str = "") -> str:
    error = Refused(f"{WHAT}: HTTP {status}: {words}", status=status, detail=words, reason=reason)
    return hint_for(error, context, given_token=True)


ACT_AS = "The caller does not have permission to act as service account: x@y"
STRICT = "Service account must be set when strict act as checks are enabled"
USER_ROLE = "Grant the caller roles/iam.serviceAccountUser on the service account of the run"
EVERY = "Grant the caller roles/iam.serviceAccountUser on the service account of every workflow"


def test_settings_that_the_api_does_not_have(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """If an API is older than the settings of the execution, the hint names the inputs."""
    request = RunRequest(git_ref="main", max_concurrent_actions=2, unit_tests="false")
    body = {"compilationResult": COMPILATION}
    words = 'Unknown name "concurrentActionsLimit". Unknown name "executionMode".'
    expect_error(api, f"POST {RUNS}", 400, words, body=body)
    with pytest.raises(Refused) as caught:
        google.start(Prepared(request=request, body=body))
    text = "The API has no such setting: remove max-concurrent-actions and unit-tests."
    assert caught.value.hint == text


def test_refused_priority(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A create request depends on the settings of the execution."""
    request = RunRequest(git_ref="main", query_priority="batch")
    body = {"compilationResult": COMPILATION}
    expect_error(api, f"POST {RUNS}", 404, "Not found", body=body)
    with pytest.raises(Refused) as caught:
        google.start(Prepared(request=request, body=body))
    assert "query-priority" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "words", "context", "hint"),
    [
        (
            404,
            "Can't find package.json",
            Context("compile", ("git-ref", "project-path")),
            "Check project-path. The folder that Dataform compiles has no package.json",
        ),
        (
            404,
            "Not found",
            Context("compile", ("workspace",), repository_seen=True),
            "Check workspace.",
        ),
        (
            400,
            'Invalid JSON payload received. Unknown name "executionMode" at '
            "'workflow_invocation.invocation_config': Cannot find field.",
            Context("start", ("tags", "unit-tests", "max-concurrent-actions")),
            "The API has no such setting: remove unit-tests.",
        ),
        (
            400,
            'Unknown name "concurrentActionsLimit": Cannot find field.',
            Context("start", ("max-concurrent-actions",)),
            "The API has no such setting: remove max-concurrent-actions.",
        ),
        (400, STRICT, Context("start"), "Set service-account to the account that the run acts as"),
        (400, STRICT, SCHEDULED, "Set a service account in the workflow configuration that"),
        (400, STRICT, PROMOTED, "Set a service account in each workflow configuration that uses"),
        (403, ACT_AS, SCHEDULED, USER_ROLE),
        (403, ACT_AS, PROMOTED, EVERY),
        (403, PERMISSION.format("iam.serviceAccounts.actAs"), SCHEDULED, USER_ROLE),
        (403, PERMISSION.format("iam.serviceAccounts.actAs"), PROMOTED, EVERY),
        (
            400,
            "cannot actAs x@y, please grant Service Account Token Creator role",
            SCHEDULED,
            "Grant Dataform's service agent",
        ),
        (
            400,
            "service-1@gcp-sa-dataform.iam.gserviceaccount.com does not have permission to "
            "generate tokens for x@y",
            SCHEDULED,
            "Grant Dataform's service agent",
        ),
        *(
            (400, words, SCHEDULED, "The release configuration of the schedule has not been")
            for words in (
                "releaseCompilationResult non renseigné dans la ReleaseConfig",
                "The release config has no release compilation result",
                "release_compilation_result is not set in projects/p/releaseConfigs/x",
                "ReleaseConfig.release_compilation_result must be set",
            )
        ),
        (400, "release_compilation_result was not created using it", PROMOTED, ""),
        (404, "parent resource not found", REF, "Check project-id, location and repository: the"),
        (
            404,
            "Can't find package.json",
            REF,
            "The folder that Dataform compiles has no package.json",
        ),
        (400, "Only a commitish value of 'main' is allowed.", REF, "Check git-ref: a repository"),
        (
            400,
            "Only a commitish value of 'main' is allowed.",
            ENVIRONMENT,
            "Check the Git commitish of the release configuration: a repository",
        ),
        (400, "Git commitish 'x' does not exist in the repository", REF, "Check git-ref: the Git"),
        (400, "Could not find branch x", ENVIRONMENT, "Check the Git commitish of the environ"),
        (
            400,
            "Requested target does not exist in compilation result: 'p.s.n'",
            Context("start", ("actions",)),
            "Check actions: the action is not in the compilation.",
        ),
        (
            400,
            "Requested target does not exist in compilation result: 'p.s.n'",
            Context("start"),
            "The schedule selects an action that is not in the compilation.",
        ),
        (403, "Quota exceeded for quota metric 'X' and limit 'Y'", REF, "The project's quota is"),
        (403, QUOTA_PROJECT, REF, "Set a project for quota and billing"),
        (
            403,
            "Caller does not have required permission to use project p. Grant the caller the "
            "roles/serviceusage.serviceUsageConsumer role, or a custom role with the "
            "serviceusage.services.use permission",
            REF,
            "Grant the caller roles/serviceusage.serviceUsageConsumer",
        ),
        (403, DISABLED, REF, "Enable the API in the project that the message names"),
        (403, PERIMETER, REF, "VPC Service Controls block the request"),
        (403, "Request had insufficient authentication scopes.", REF, "Give the token the scope"),
        (403, "This API method requires billing to be enabled.", REF, "Enable billing"),
        (
            403,
            "Permission denied on 'locations/europe-west' (or it may not exist).",
            REF,
            "Check location",
        ),
        (400, "constraints/dataform.restrictGitRemotes is violated", REF, "The organization pol"),
        *(
            (status, words, ENVIRONMENT, "Dataform has no access to the Git remote")
            for status in (400, 403)
            for words in (
                "Invalid git token",
                "The Git access token was rejected by the remote",
                "Git authentication failed for https://github.com/OWNER/warehouse.git",
                "remote: Invalid username or token. Authentication failed for 'x'",
                "Could not authenticate to the remote Git repository",
                "Permission 'secretmanager.versions.access' denied for secret x",
                "Unable to access secret version projects/p/secrets/git/versions/1",
                "GitHub denied permission to the repository",
            )
        ),
        (403, "Permission denied", REF, "Grant the caller roles/dataform.editor"),
        (403, "The caller does not have permission", REF, "Grant the caller roles/dataform.editor"),
        (
            403,
            PERMISSION.format("dataform.compilationResults.create"),
            REF,
            "Grant the caller roles/dataform.editor on the project or the repository, for "
            "dataform.compilationResults.create.",
        ),
        (
            403,
            PERMISSION.format("dataform.releaseConfigs.update"),
            PROMOTED,
            "Grant the caller roles/dataform.admin",
        ),
        (403, PERMISSION.format("bigquery.jobs.create"), REF, ""),
        (404, "workflowConfigs/x does not exist", SCHEDULED, "Check schedule, project-id, locat"),
        (404, "nope", Context("read", ("run-id",)), "Check run-id, project-id, location and repo"),
        (
            404,
            "nope",
            Context("promote", ("environment",), repository_seen=True),
            "Check environment.",
        ),
        (404, "nope", Context("read", repository_seen=True), ""),
        (400, "does not match projects/…", REF, ""),
        (400, "Request contains an invalid argument.", REF, ""),
        (403, "nothing that is known", REF, ""),
        (403, "quota", REF, ""),
        (409, "conflict", REF, ""),
        (418, "an empty body", REF, ""),
    ],
)
def test_known_errors(status: int, words: str, context: Context, hint: str) -> None:
    """Each known error has one hint, and other errors have none."""
    got = hint_of(words, status, context)
    assert got.startswith(hint)
    assert bool(got) is bool(hint)


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("SERVICE_DISABLED", "Enable the API"),
        ("SECURITY_POLICY_VIOLATED", "VPC Service Controls"),
        ("USER_PROJECT_DENIED", "Grant the caller roles/serviceusage.serviceUsageConsumer"),
        ("BILLING_DISABLED", "Enable billing"),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "Give the token the scope"),
        ("RATE_LIMIT_EXCEEDED", "The project's quota is used up"),
        ("CONSUMER_INVALID", "Check project-id, and quota_project_id"),
        ("IAM_PERMISSION_DENIED", "Grant the caller roles/dataform.editor"),
        ("SOMETHING_NEW", ""),
    ],
)
def test_reasons(reason: str, hint: str) -> None:
    """The reason is used if no words match."""
    got = hint_of("An error in the language of the country", 403, REF, reason)
    assert got.startswith(hint)
    assert bool(got) is bool(hint)


def test_a_missing_quota_project_is_not_a_disabled_api() -> None:
    """Google reports both with the same reason."""
    assert hint_of(QUOTA_PROJECT, 403, REF, "SERVICE_DISABLED").startswith("Set a project")


def test_permission_in_the_metadata() -> None:
    """The missing permission may be in the metadata."""
    error = Refused(
        "x",
        status=403,
        detail="denied",
        reason="IAM_PERMISSION_DENIED",
        metadata={"permission": "dataform.releaseConfigs.update"},
    )
    assert "roles/dataform.admin" in hint_for(error, REF, given_token=False)


@pytest.mark.parametrize("words", ["Request had invalid authentication credentials.", "quota"])
def test_token_that_is_not_accepted(words: str) -> None:
    """Only a given token may have expired. Other credentials have another hint."""
    error = Refused(f"{WHAT}: HTTP 401: {words}", status=401)
    assert hint_for(error, REF, given_token=True) == EXPIRED_HINT
    assert hint_for(error, REF, given_token=False) == (
        "The API did not accept the credentials. Check their project and their scopes."
    )
    error = Refused("x", status=401, reason="ACCESS_TOKEN_TYPE_UNSUPPORTED")
    assert hint_for(error, REF, given_token=True).startswith("token is not an OAuth access token")


@pytest.mark.parametrize("name", ["quota-exceeded", "git-token", "releaseCompilationResult"])
def test_names_give_no_hint(name: str) -> None:
    """Names that users choose do not match a rule."""
    what = f"GET https://dataform.googleapis.com/v1/projects/p/locations/l/repositories/{name}"
    words = f"projects/p/locations/l/repositories/{name}/workflowConfigs/{name} does not exist"
    error = Refused(f"{what}: HTTP 404: {words}", status=404, detail=words)
    assert hint_for(error, SCHEDULED, given_token=True).startswith("Check schedule, project-id")


def refuse(api: responses.RequestsMock, request: str, status: int, **error: Any) -> None:  # noqa: ANN401
    body = error.pop("sent", None)
    response = {"error": {"code": status, "message": "nope", "status": "X", **error}}
    expect(api, request, response, body=body, status=status)


@pytest.mark.parametrize(
    ("request_", "sent", "inputs"),
    [
        (RunRequest(environment="production"), {"releaseConfig": RELEASE}, "environment"),
        (RunRequest(git_ref="main"), {"gitCommitish": "main"}, "git-ref"),
    ],
)
def test_not_found_names_what_was_given(
    google: GoogleDataform,
    api: responses.RequestsMock,
    request_: RunRequest,
    sent: object,
    inputs: str,
) -> None:
    """A 404 names the inputs that the request depends on, and no others."""
    refuse(api, f"POST {COMPILATIONS}", 404, sent=sent, message="x does not exist")
    with pytest.raises(Refused) as caught:
        google.prepare(request_)
    assert caught.value.hint == f"Check {inputs}, project-id, location and repository."


def test_not_found_of_a_schedule(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A 404 of a schedule alone names the schedule and the repository."""
    refuse(api, f"POST {RUNS}", 404, sent={"workflowConfig": SCHEDULE})
    with pytest.raises(Refused) as caught:
        google.start(google.prepare(RunRequest(schedule="nightly")))
    assert caught.value.hint == "Check schedule, project-id, location and repository."


def test_not_found_after_the_repository_was_seen(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """After a response from the repository, only the other names can be wrong."""
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    expect(api, f"GET {COMPILATION}:query?pageSize=400", compiled("daily"))
    sent = {"compilationResult": COMPILATION, "invocationConfig": {"includedTags": ["daily"]}}
    refuse(api, f"POST {RUNS}", 404, sent=sent)
    with pytest.raises(Refused) as caught:
        google.start(google.prepare(RunRequest(environment="production", tags=("daily",))))
    assert caught.value.hint == "Check tags."


def test_not_found_of_a_run(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A 404 names run-id if it is an input, not if the run was created here."""
    refuse(api, f"GET {RUN}", 404)
    expect(api, f"POST {RUNS}", {"name": RUN}, body={"workflowConfig": SCHEDULE})
    refuse(api, f"GET {RUN}", 404)
    with pytest.raises(Refused) as caught:
        google.get(google.describe("1700-abc"))
    assert caught.value.hint == "Check run-id, project-id, location and repository."
    started = google.start(google.prepare(RunRequest(schedule="nightly")))
    with pytest.raises(Refused) as caught:
        google.get(started)
    assert caught.value.hint == Refused.hint


def test_reason_of_a_response(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The reason is read from ErrorInfo, among details of other types."""
    details = [
        "x",
        {"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": []},
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SECURITY_POLICY_VIOLATED",
            "domain": "googleapis.com",
            "metadata": {"service": "dataform.googleapis.com", "odd": 7},
        },
    ]
    refuse(api, f"GET {RUN}", 403, details=details)
    with pytest.raises(Refused) as caught:
        google.get(make_run())
    assert caught.value.reason == "SECURITY_POLICY_VIOLATED"
    assert caught.value.metadata == {"service": "dataform.googleapis.com"}
    assert caught.value.hint.startswith("VPC Service Controls")


@pytest.mark.parametrize("details", [None, 7, "x", [], [7], [{"@type": 7}], {"reason": "x"}])
def test_response_without_a_reason(
    google: GoogleDataform, api: responses.RequestsMock, details: object
) -> None:
    """Invalid details are ignored."""
    refuse(api, f"GET {RUN}", 403, details=details)
    with pytest.raises(Refused) as caught:
        google.get(make_run())
    assert (caught.value.reason, caught.value.metadata) == ("", {})


_PATCH = f"PATCH {RELEASE}?updateMask=releaseCompilationResult"
_BODY = {"releaseCompilationResult": COMPILATION}
_CONFIGS = f"GET {REPOSITORY}/workflowConfigs?pageSize=1000"


def _config(name: str, release: str = RELEASE, account: str = "") -> dict[str, object]:
    config = {"invocationConfig": {"serviceAccount": account}} if account else {}
    return {"name": f"{REPOSITORY}/workflowConfigs/{name}", "releaseConfig": release, **config}


def test_promote_names_every_account(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A promotion needs act-as on the accounts of all schedules of the environment."""
    expect_error(api, _PATCH, 403, ACT_AS, body=_BODY)
    configs = [
        _config("a", account="a@p.iam.gserviceaccount.com"),
        _config("b", account="a@p.iam.gserviceaccount.com"),
        _config("c", f"{RELEASE}-2", "other@p.iam.gserviceaccount.com"),
        _config("d"),
    ]
    expect(api, _CONFIGS, {"workflowConfigs": configs})
    expect(api, f"GET {REPOSITORY}", {"serviceAccount": "own@p.iam.gserviceaccount.com"})
    with pytest.raises(Refused) as caught:
        google.promote(make_prepared())
    assert caught.value.hint == (
        "Grant the caller roles/iam.serviceAccountUser on the service account of every workflow "
        "configuration that uses release configuration production: "
        "a@p.iam.gserviceaccount.com and own@p.iam.gserviceaccount.com. One without a service "
        "account uses that of the repository."
    )


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_promote_without_the_accounts(
    google: GoogleDataform, api: responses.RequestsMock, status: int
) -> None:
    """If the schedules cannot be read, the hint has no names."""
    expect_error(api, _PATCH, 403, ACT_AS, body=_BODY)
    expect_error(api, _CONFIGS, status)
    with pytest.raises(Refused, match="to act as service account") as caught:
        google.promote(make_prepared())
    assert caught.value.hint.startswith(f"{EVERY} configuration that uses release configuration p")


def test_promote_with_another_refusal(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Another refusal does not read the schedules."""
    expect_error(api, _PATCH, 403, "Permission denied", body=_BODY)
    with pytest.raises(Refused) as caught:
        google.promote(make_prepared())
    assert caught.value.hint.startswith("Grant the caller roles/dataform.admin")


def test_a_very_long_message() -> None:
    """Only the start of a message is searched, because the patterns take quadratic time."""
    assert hint_of(f"{'x ' * 999}requires billing", 400) == ""
    assert hint_of("token " * 1_000_000, 400) == ""
