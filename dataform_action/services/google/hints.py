"""Google Cloud Dataform: what to do about a request that the API refused. Pure.

The patterns are from reported errors, https://cloud.google.com/apis/design/errors and
https://cloud.google.com/dataform/docs. If no rule matches, there is no hint: a wrong hint is worse.
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from dataform_action.errors import Refused
from dataform_action.text import join_names
from dataform_action.transport.error_body import LONGEST_MESSAGE

#: What to do if the API does not accept the access token that the user gave.
EXPIRED_HINT = (
    "The API did not accept the access token. It may have expired: tokens expire within an hour. "
    "Remove token and use google-github-actions/auth, whose credentials are renewed during the "
    "wait."
)
_UNACCEPTED = "The API did not accept the credentials. Check their project and their scopes."
_WRONG_KIND = (
    "token is not an OAuth access token. Remove it and use google-github-actions/auth, or set it "
    "to the access_token output of that action."
)
_PLACE = ("project-id", "location", "repository")

Purpose = Literal["read", "compile", "start", "promote", "cancel"]


class Context(NamedTuple):
    """The context of a request.

    ``inputs`` are the inputs that the request depends on, besides those of the repository.
    ``repository_seen`` says that an earlier request found the repository.
    """

    purpose: Purpose = "read"
    inputs: tuple[str, ...] = ()
    environment: str = ""
    repository_seen: bool = False


def hint_for(error: Refused, context: Context, *, given_token: bool) -> str:
    """Return what to do about a refusal; empty if that is not known."""
    if error.status == 401:
        if not given_token:
            return _UNACCEPTED
        wrong_kind = error.reason == "ACCESS_TOKEN_TYPE_UNSUPPORTED"
        return _WRONG_KIND if wrong_kind else EXPIRED_HINT
    # Resource names are removed, because users choose them.
    # The patterns take a time that grows with the square of the length.
    words = error.detail[:LONGEST_MESSAGE].lower()
    words = re.sub(r"\S*projects/\S*", "", words)
    words = " ".join(words.replace("_", " ").split())
    for rule in _RULES:
        if error.reason in rule.reasons or re.search(rule.words, words):
            hint = rule.hint(context, error) if callable(rule.hint) else rule.hint
            if hint:
                return hint
    return _not_found(context) if error.status == 404 else ""


def is_act_as(error: Refused) -> bool:
    """Return whether the caller lacks permission to act as a service account."""
    return re.search(_ACT_AS, error.detail.lower()) is not None


def is_unknown_commit(error: Refused) -> bool:
    """Return whether the Git remote has no such commit, or Dataform has not fetched it yet."""
    return re.search(_UNKNOWN_COMMIT, error.detail[:LONGEST_MESSAGE].lower()) is not None


class _Rule(NamedTuple):
    """A hint for refusals with a reason, or with words (in lower case) that match a pattern."""

    words: str
    hint: str | Callable[[Context, Refused], str]
    reasons: tuple[str, ...] = ()


def _not_found(context: Context) -> str:
    names = context.inputs if context.repository_seen else (*context.inputs, *_PLACE)
    return f"Check {join_names(names)}." if names else ""


def _no_account(context: Context, _error: Refused) -> str:
    need = "The caller needs roles/iam.serviceAccountUser on it."
    if context.purpose == "promote":
        return (
            "Set a service account in each workflow configuration that uses release configuration "
            f"{context.environment}, or in the repository, which enforces strict act-as checks. "
            "The caller needs roles/iam.serviceAccountUser on each of them."
        )
    if context.inputs == ("schedule",):
        return (
            "Set a service account in the workflow configuration that schedule names, or in the "
            f"repository, which enforces strict act-as checks. {need}"
        )
    return (
        "Set service-account to the account that the run acts as: the repository enforces strict "
        f"act-as checks. {need}"
    )


def _act_as(context: Context, _error: Refused) -> str:
    if context.purpose == "promote":
        return promote_hint(context.environment)
    return "Grant the caller roles/iam.serviceAccountUser on the service account of the run."


def promote_hint(environment: str, accounts: tuple[str, ...] = ()) -> str:
    """Return what to do if the caller cannot act as the accounts of a release's schedules."""
    known = f": {join_names(accounts)}" if accounts else ""
    return (
        "Grant the caller roles/iam.serviceAccountUser on the service account of every workflow "
        f"configuration that uses release configuration {environment}{known}. One without a "
        "service account uses that of the repository."
    )


def _not_compiled(context: Context, _error: Refused) -> str:
    if context.purpose != "start" or "schedule" not in context.inputs:
        return ""
    return (
        "The release configuration of the schedule has not been compiled yet: set environment as "
        "well, or compile it once in the console."
    )


def _only_main(context: Context, _error: Refused) -> str:
    known = "a repository without a Git remote has only main."
    if "git-ref" in context.inputs:
        return f"Check git-ref: {known}"
    return f"Check the Git commitish of the release configuration: {known}"


def _no_commitish(context: Context, _error: Refused) -> str:
    known = (name for name in ("git-ref", "head", "base") if name in context.inputs)
    what = next(known, "the Git commitish of the environment")
    text = f"Check {what}: the Git remote of the repository has no such branch, tag or commit."
    if what in ("head", "base"):
        text += " It does not have those of forks."
    return text


def _no_project(context: Context, _error: Refused) -> str:
    text = "The folder that Dataform compiles has no package.json or workflow_settings.yaml."
    return f"Check project-path. {text}" if "project-path" in context.inputs else text


def _no_target(context: Context, _error: Refused) -> str:
    if "actions" in context.inputs:
        return "Check actions: the action is not in the compilation."
    return "The schedule selects an action that is not in the compilation."


def _no_service_account(context: Context, _error: Refused) -> str:
    return "Check service-account." if "service-account" in context.inputs else ""


def _unknown_setting(context: Context, error: Refused) -> str:
    """Return the input of a setting that the API does not know."""
    settings = {"concurrentactionslimit": "max-concurrent-actions", "executionmode": "unit-tests"}
    words = re.sub("[^a-z]", "", error.detail.lower())
    names = [name for key, name in settings.items() if key in words and name in context.inputs]
    return f"The API has no such setting: remove {join_names(names)}." if names else ""


def _no_permission(context: Context, error: Refused) -> str:
    """Return the role that has a permission of Dataform; there is no hint for others."""
    named = re.search(r"[Pp]ermission '?([a-z]+\.[A-Za-z]+\.[A-Za-z]+)", error.detail)
    permission = error.metadata.get("permission") or (named[1] if named else "")
    if permission and not permission.startswith("dataform."):
        return ""
    editor = "roles/dataform.editor on the project or the repository"
    if context.purpose == "promote" or permission == "dataform.releaseConfigs.update":
        return "Grant the caller roles/dataform.admin: promote changes a release configuration."
    return f"Grant the caller {editor}{f', for {permission}' if permission else ''}."


_AGENT_ROLE = (
    "Grant Dataform's service agent, service-<project number>@gcp-sa-dataform.iam."
    "gserviceaccount.com, roles/iam.serviceAccountTokenCreator on the service account."
)
_QUOTA_PROJECT = (
    "Set a project for quota and billing: gcloud auth application-default set-quota-project "
    "writes it to the credentials file as quota_project_id. A service account does not need it."
)
_ACT_AS = "permission to act as|iam\\.serviceaccounts\\.actas|cannot actas"
#: Errors of the access to the Git remote, or to the secret with its token.
_GIT_ACCESS = "|".join(
    (
        r"\bgit(?:hub|lab)?\b.*(?:token|credential|authenticat|authoriz|secret|denied|permission)",
        r"(?:token|credential|authenticat\w*|authoriz\w*|secret)\b.*\bgit(?:hub|lab)?\b",
        r"secretmanager|secret manager|secret version|bad credentials|host key",
        r"invalid username or|could not read username|could not read from remote",
        r"remote repository.*(?:token|credential|authenticat)",
    )
)
_UNKNOWN_COMMIT = (
    "commitish.*(?:not exist|not found|invalid|unknown)|"
    "(?:not find|unknown|no such|invalid) (?:git )?(?:commitish|branch|commit|revision)"
)
_RULES = (
    _Rule("service account must be set", _no_account),
    _Rule(
        "generate tokens for|service account token creator|iam\\.serviceaccounts\\.getaccesstoken",
        _AGENT_ROLE,
    ),
    _Rule(_ACT_AS, _act_as),
    _Rule("release ?compilation ?result", _not_compiled),
    # Before the rule for a disabled API, because both have the same reason.
    _Rule("requires a quota project", _QUOTA_PROJECT),
    _Rule(
        "permission to use project|serviceusage\\.services\\.use",
        "Grant the caller roles/serviceusage.serviceUsageConsumer on the project in the message, "
        "or remove quota_project_id from the credentials.",
        ("USER_PROJECT_DENIED",),
    ),
    _Rule(
        "has not been used in project|api is (?:disabled|not enabled)",
        "Enable the API in the project that the message names, with gcloud services enable. This "
        "takes effect after a few minutes.",
        ("SERVICE_DISABLED", "API_DISABLED"),
    ),
    _Rule(
        "requires billing|billing (?:is|has been) disabled|billing to be enabled",
        "Enable billing for the project.",
        ("BILLING_DISABLED",),
    ),
    _Rule(
        "vpcservicecontrols|vpc service controls|prohibited by organization's policy",
        "VPC Service Controls block the request. Ask an administrator to add an ingress rule for "
        "the caller, or use a runner inside the perimeter. The audit log has an entry with the id "
        "in the message.",
        ("SECURITY_POLICY_VIOLATED",),
    ),
    _Rule(
        "restrictgitremotes",
        "The organization policy dataform.restrictGitRemotes does not allow the Git remote of the "
        "repository. Ask an administrator to add it.",
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
        "Check project-id, location and repository: the repository does not exist.",
    ),
    _Rule(
        "can't find package\\.json",
        _no_project,
    ),
    _Rule("only a commitish value", _only_main),
    _Rule(_UNKNOWN_COMMIT, _no_commitish),
    _Rule("requested target does not exist", _no_target),
    _Rule("unknown name", _unknown_setting),
    _Rule("service account.*(?:does not exist|not found|unknown)", _no_service_account),
    _Rule(
        _GIT_ACCESS,
        "Dataform has no access to the Git remote of the repository. Renew the token or the key in "
        "the secret that the Dataform repository uses, and let Dataform's service agent read it "
        "(roles/secretmanager.secretAccessor).",
    ),
    _Rule(
        "quota exceeded|exceed\\w*[^.]*quota|quota[^.]*exhausted",
        "The project's quota is used up: run fewer jobs at a time, or increase the quota.",
        ("RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"),
    ),
    _Rule(
        "permission denied|permission '[^']*' denied|not have permission|no permission|"
        "lacks? (?:the )?permission|missing permission",
        _no_permission,
        ("IAM_PERMISSION_DENIED",),
    ),
)
