"""Google Cloud Dataform: what to do about a request that the API refused. Pure.

The words are those that people reported, and those of
https://cloud.google.com/apis/design/errors and https://cloud.google.com/dataform/docs. Where no
rule fits, there is no hint: a wrong one sends people to the wrong place.
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from dataform_action.errors import Refused
from dataform_action.text import join_names

#: What to do when an access token that was given is not accepted.
EXPIRED_HINT = (
    "The access token was not accepted: it may have expired, as they do within an hour. Leave "
    "token out and use google-github-actions/auth, whose credentials are renewed during the wait."
)
_UNACCEPTED = "The API did not accept the credentials: check their project and their scopes."
_WRONG_KIND = (
    "token holds no OAuth access token. Leave it out and use google-github-actions/auth, or give "
    "the access_token output of that action."
)
_PLACE = ("project-id", "location", "repository")


Purpose = Literal["read", "compile", "start", "promote", "cancel"]


class About(NamedTuple):
    """What a request was for.

    ``inputs`` are those that were given and that the request depends on, beside the place of the
    repository. ``knows_place`` says that the repository was seen before.
    """

    purpose: Purpose = "read"
    inputs: tuple[str, ...] = ()
    environment: str = ""
    knows_place: bool = False


def hint_for(error: Refused, about: About, *, given_token: bool) -> str:
    """Return what to do about a refusal; empty if nothing better is known than it says."""
    if error.status == 401:
        if not given_token:
            return _UNACCEPTED
        wrong_kind = error.reason == "ACCESS_TOKEN_TYPE_UNSUPPORTED"
        return _WRONG_KIND if wrong_kind else EXPIRED_HINT
    # Neither the message, whose address holds names that people chose, nor the names in it.
    words = re.sub(r"\S*projects/\S*", "", error.detail.lower())
    words = " ".join(words.replace("_", " ").split())
    for rule in _RULES:
        if error.reason in rule.reasons or re.search(rule.words, words):
            hint = rule.hint(about, error) if callable(rule.hint) else rule.hint
            if hint:
                return hint
    return _not_found(about) if error.status == 404 else ""


def is_act_as(error: Refused) -> bool:
    """Tell whether the caller may not act as a service account."""
    return re.search(_ACT_AS, error.detail.lower()) is not None


class _Rule(NamedTuple):
    """What is known about a refusal, by the API's own words in lower case or by its reason."""

    words: str
    hint: str | Callable[[About, Refused], str]
    reasons: tuple[str, ...] = ()


def _not_found(about: About) -> str:
    names = about.inputs if about.knows_place else (*about.inputs, *_PLACE)
    return f"Check {join_names(names)}." if names else ""


def _no_account(about: About, _error: Refused) -> str:
    need = "The caller needs roles/iam.serviceAccountUser on it."
    if about.purpose == "promote":
        return (
            "Set a service account in each workflow configuration that uses release configuration "
            f"{about.environment}, or in the repository: strict act-as checks are enforced. The "
            "caller needs roles/iam.serviceAccountUser on all of them."
        )
    if about.inputs == ("schedule",):
        return (
            "Set a service account in the workflow configuration that schedule names, or in the "
            f"repository: strict act-as checks are enforced. {need}"
        )
    return (
        "Set service-account to the account that the run acts as: the repository enforces strict "
        f"act-as checks. {need}"
    )


def _act_as(about: About, _error: Refused) -> str:
    if about.purpose == "promote":
        return promote_hint(about.environment)
    return "Grant the caller roles/iam.serviceAccountUser on the service account of the run."


def promote_hint(environment: str, accounts: tuple[str, ...] = ()) -> str:
    """Return what to do if the caller may not act as the accounts of a release's schedules."""
    known = f": {join_names(accounts)}" if accounts else ""
    return (
        "Grant the caller roles/iam.serviceAccountUser on the service account of every workflow "
        f"configuration that uses release configuration {environment}{known}. One without an "
        "account of its own uses the repository's."
    )


def _not_compiled(about: About, _error: Refused) -> str:
    if about.purpose != "start" or "schedule" not in about.inputs:
        return ""
    return (
        "The release configuration of the schedule has not been compiled yet: give environment as "
        "well, or compile it once in the console."
    )


def _only_main(about: About, _error: Refused) -> str:
    known = "a repository without a Git remote knows only main."
    if "git-ref" in about.inputs:
        return f"Check git-ref: {known}"
    return f"Check the Git commitish of the release configuration: {known}"


def _no_commitish(about: About, _error: Refused) -> str:
    what = "git-ref" if "git-ref" in about.inputs else "the Git commitish of the environment"
    return f"Check {what}: the Git remote of the repository has no such branch, tag or commit."


def _no_target(about: About, _error: Refused) -> str:
    if "actions" in about.inputs:
        return "Check actions: the compilation does not hold that one."
    return "The schedule selects an action that the compilation does not hold."


def _no_service_account(about: About, _error: Refused) -> str:
    return "Check service-account." if "service-account" in about.inputs else ""


def _no_permission(about: About, error: Refused) -> str:
    """Return the role that holds a permission of Dataform; others are none of the caller's."""
    named = re.search(r"[Pp]ermission '?([a-z]+\.[A-Za-z]+\.[A-Za-z]+)", error.detail)
    permission = error.metadata.get("permission") or (named[1] if named else "")
    if permission and not permission.startswith("dataform."):
        return ""
    editor = "roles/dataform.editor on the project or the repository"
    if about.purpose == "promote" or permission == "dataform.releaseConfigs.update":
        return "Grant the caller roles/dataform.admin: promote changes a release configuration."
    return f"Grant the caller {editor}{f', for {permission}' if permission else ''}."


_AGENT_ROLE = (
    "Grant Dataform's service agent, service-<project number>@gcp-sa-dataform.iam."
    "gserviceaccount.com, roles/iam.serviceAccountTokenCreator on the service account."
)
_QUOTA_PROJECT = (
    "Name a project for quota and billing: gcloud auth application-default set-quota-project "
    "writes it into the credentials file, as quota_project_id. A service account needs none."
)
_ACT_AS = "permission to act as|iam\\.serviceaccounts\\.actas|cannot actas"
#: What may be wrong with the access to the Git remote, or to the secret that holds its token.
_GIT_ACCESS = "|".join(
    (
        r"\bgit(?:hub|lab)?\b.*(?:token|credential|authenticat|authoriz|secret|denied|permission)",
        r"(?:token|credential|authenticat\w*|authoriz\w*|secret)\b.*\bgit(?:hub|lab)?\b",
        r"secretmanager|secret manager|secret version|bad credentials|host key",
        r"invalid username or|could not read username|could not read from remote",
        r"remote repository.*(?:token|credential|authenticat)",
    )
)
_RULES = (
    _Rule("service account must be set", _no_account),
    _Rule(
        "generate tokens for|service account token creator|iam\\.serviceaccounts\\.getaccesstoken",
        _AGENT_ROLE,
    ),
    _Rule(_ACT_AS, _act_as),
    _Rule("release ?compilation ?result", _not_compiled),
    # Its reason is that of an API that is disabled, so it comes before that.
    _Rule("requires a quota project", _QUOTA_PROJECT),
    _Rule(
        "permission to use project|serviceusage\\.services\\.use",
        "Grant the caller roles/serviceusage.serviceUsageConsumer on the project that the message "
        "names, or take quota_project_id out of the credentials.",
        ("USER_PROJECT_DENIED",),
    ),
    _Rule(
        "has not been used in project|api is (?:disabled|not enabled)",
        "Enable the API that the message names, in the project that it names: gcloud services "
        "enable. A few minutes later it works.",
        ("SERVICE_DISABLED", "API_DISABLED"),
    ),
    _Rule(
        "requires billing|billing (?:is|has been) disabled|billing to be enabled",
        "Enable billing for the project.",
        ("BILLING_DISABLED",),
    ),
    _Rule(
        "vpcservicecontrols|vpc service controls|prohibited by organization's policy",
        "VPC Service Controls block the request: let an administrator add an ingress rule for the "
        "caller, or run the job on a runner inside the perimeter. The id in the message finds the "
        "entry in the audit log.",
        ("SECURITY_POLICY_VIOLATED",),
    ),
    _Rule(
        "restrictgitremotes",
        "The organization policy dataform.restrictGitRemotes does not allow the Git remote of the "
        "repository: let an administrator add it.",
    ),
    _Rule(
        "insufficient authentication scopes",
        "Give the token the scope https://www.googleapis.com/auth/cloud-platform.",
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT",),
    ),
    _Rule(
        "project .*(?:not found or deleted|has been deleted|is deleted)",
        "Check project-id, and quota_project_id in the credentials.",
        ("CONSUMER_INVALID",),
    ),
    _Rule(
        "(?:denied on|access|invalid|unsupported|unknown)[^.]*\\blocations?\\b|"
        "\\blocation\\b[^.]*(?:not found|unauthorized|not supported|does not exist|not valid)",
        "Check location: it must be the region of the repository, such as europe-west1.",
        ("LOCATION_POLICY_VIOLATED",),
    ),
    _Rule(
        "parent resource not found",
        "Check project-id, location and repository: there is no such repository there.",
    ),
    _Rule(
        "can't find package\\.json",
        "The repository has no package.json or workflow_settings.yaml where Dataform looks.",
    ),
    _Rule("only a commitish value", _only_main),
    _Rule(
        "commitish.*(?:not exist|not found|invalid|unknown)|"
        "(?:not find|unknown|no such|invalid) (?:git )?(?:commitish|branch|commit|revision)",
        _no_commitish,
    ),
    _Rule("requested target does not exist", _no_target),
    _Rule("service account.*(?:does not exist|not found|unknown)", _no_service_account),
    _Rule(
        _GIT_ACCESS,
        "Dataform has no access to the Git remote of the repository: renew the token or the key in "
        "the secret that the Dataform repository uses, and let Dataform's service agent read it "
        "(roles/secretmanager.secretAccessor).",
    ),
    _Rule(
        "quota exceeded|exceed\\w*[^.]*quota|quota[^.]*exhausted",
        "The project's quota is used up: run fewer jobs at a time or raise the quota.",
        ("RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"),
    ),
    _Rule(
        "permission denied|permission '[^']*' denied|not have permission|no permission|"
        "lacks? (?:the )?permission|missing permission",
        _no_permission,
        ("IAM_PERMISSION_DENIED",),
    ),
)
