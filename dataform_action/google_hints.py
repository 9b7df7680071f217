"""What to do about the errors of Google Cloud Dataform that people run into."""

from __future__ import annotations

from dataform_action.errors import Refused

#: Words of a message, in lower case, and what to do; the first that fits counts.
_BY_WORDS = (
    (
        "service account must be set",
        "Set service-account to the account that the run acts as: the repository enforces strict "
        "act-as checks. The caller needs roles/iam.serviceAccountUser on it.",
    ),
    (
        "does not have permission to act as",
        "Grant the caller roles/iam.serviceAccountUser on the service account of the run.",
    ),
    (
        "generate tokens for",
        "Grant Dataform's service agent, service-<project number>@gcp-sa-dataform.iam."
        "gserviceaccount.com, roles/iam.serviceAccountTokenCreator on the service account.",
    ),
    (
        "service account token creator",
        "Grant Dataform's service agent, service-<project number>@gcp-sa-dataform.iam."
        "gserviceaccount.com, roles/iam.serviceAccountTokenCreator on the service account.",
    ),
    (
        "release compilation result",
        "The release configuration has not been compiled yet: give environment as well, or "
        "compile it once in the console.",
    ),
    (
        "releasecompilationresult",
        "The release configuration has not been compiled yet: give environment as well, or "
        "compile it once in the console.",
    ),
    (
        "parent resource not found",
        "Check project-id, location and repository: there is no such repository there.",
    ),
    (
        "can't find package.json",
        "The repository has no package.json or workflow_settings.yaml where Dataform looks.",
    ),
    (
        "commitish",
        "Check git-ref: a repository without a Git remote knows only main.",
    ),
    (
        "requested target does not exist",
        "Check actions: the compilation does not hold that one.",
    ),
    ("quota", "The project's quota is used up: run fewer jobs at a time or raise the quota."),
)
_BY_STATUS = {
    400: "Check the inputs against the API's own words above.",
    403: (
        "Grant the caller roles/dataform.editor on the project or repository (and, for promote, "
        "roles/dataform.admin)."
    ),
    404: "Check project-id, location, repository, schedule, environment and run-id.",
}
#: What to do when an access token that was given is not accepted.
EXPIRED_HINT = (
    "The access token was not accepted: it may have expired, as they do within an hour. Leave "
    "token out and use google-github-actions/auth, whose credentials are renewed during the wait."
)
_UNACCEPTED = "The API did not accept the credentials: check their project and their scopes."


def hint_for(error: Refused, *, given_token: bool) -> str:
    """Return what to do about a refusal; empty if nothing better is known than it says."""
    if error.status == 401:
        return EXPIRED_HINT if given_token else _UNACCEPTED
    # Without the address: it holds names that people chose.
    words = error.message.split(f": HTTP {error.status}: ", 1)[-1].lower()
    found = next((hint for part, hint in _BY_WORDS if part in words), "")
    return found or _BY_STATUS.get(error.status, "")
