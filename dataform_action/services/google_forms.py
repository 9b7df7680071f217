"""The form of Google Cloud Dataform's inputs: names, variables, accounts and Git refs. Pure.

What has the wrong form is refused at once, with what to give instead: the API would compile it and
fail much later, or would look for a ref that it cannot know.
"""

from __future__ import annotations

import re

from dataform_action.model import RunRequest
from dataform_action.text import shown

Problem = tuple[str, str]

#: As Dataform's own command line demands of both, since they become part of BigQuery's names.
_NAME_PART = r"[A-Za-z0-9_]+"
_LONGEST_NAME_PART = 300
_VARIABLE = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_ACCOUNT = r"[A-Za-z0-9][A-Za-z0-9.-]*@[A-Za-z0-9][A-Za-z0-9.-]*\.gserviceaccount\.com"
_ACCOUNT_PREFIXES = ("serviceaccount:", "user:")

#: What GitHub's contexts put in front of the names of branches and tags.
_REF_PREFIXES = ("refs/heads/", "refs/tags/")
_PULL_REQUEST = r"(?:(?:refs/)?(?:remotes/)?pull/)?[0-9]+/(?:merge|head)"
_REMOTE_BRANCH = r"refs/remotes/[^/]+/(.+)"
#: See https://git-scm.com/docs/git-check-ref-format. Not in any name of a branch or a tag.
_NO_REF = r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|\.lock$|^-|^@$"
_ADVICE = "give the branch (github.head_ref) or the commit of its head"


def form_problems(request: RunRequest) -> list[Problem]:
    """Return what of a request has a form that cannot be right."""
    problems = [
        (name, problem)
        for name, value in (
            ("schema-suffix", request.schema_suffix),
            ("table-prefix", request.table_prefix),
        )
        if value and (problem := _name_part_problem(value))
    ]
    problems += [("vars", problem) for name, _ in request.vars if (problem := _variable(name))]
    if request.service_account and (problem := _account_problem(request.service_account)):
        problems.append(("service-account", problem))
    if request.git_ref and (problem := _ref_problem(request.git_ref)):
        problems.append(("git-ref", problem))
    return problems


def commitish_of(git_ref: str) -> str:
    """Return a Git ref as Dataform knows it: a branch, tag or commit without ``refs/…/``."""
    for prefix in _REF_PREFIXES:
        if git_ref.startswith(prefix):
            return git_ref.removeprefix(prefix)
    return git_ref


def _name_part_problem(value: str) -> str:
    if re.fullmatch(_NAME_PART, value, re.ASCII) is None:
        return (
            f"{shown(value)} becomes part of names in BigQuery, so it may hold only letters, "
            f"digits and underscores{_such_as(value)}"
        )
    if len(value) > _LONGEST_NAME_PART:
        return f"has {len(value)} characters: at most {_LONGEST_NAME_PART} fit in a name"
    return ""


def _variable(name: str) -> str:
    if not name or re.fullmatch(_VARIABLE, name, re.ASCII):
        return ""
    return (
        f"name {shown(name)} may hold only letters, digits, underscores, dots and hyphens"
        f"{_such_as(name)}"
    )


def _such_as(value: str) -> str:
    """Return the nearest text that is a part of a name, as advice."""
    near = re.sub("[^A-Za-z0-9]+", "_", value).strip("_")[:_LONGEST_NAME_PART]
    return f": give {shown(near)}, for example" if near else ""


def _account_problem(value: str) -> str:
    if re.fullmatch(_ACCOUNT, value, re.ASCII):
        return ""
    near = value.strip("<>").rpartition("/")[2]
    for prefix in _ACCOUNT_PREFIXES:
        if near.lower().startswith(prefix):
            near = near[len(prefix) :]
    given = "give its email address, such as name@project-id.iam.gserviceaccount.com"
    if re.fullmatch(_ACCOUNT, near, re.ASCII):
        given = f"give {near}"
    return f"{shown(value)} is no service account: {given}"


def _ref_problem(value: str) -> str:
    name = commitish_of(value)
    if re.fullmatch(_PULL_REQUEST, value):
        return (
            f"{shown(value)} is GitHub's own ref of a pull request, which Dataform does not know: "
            f"{_ADVICE} (github.event.pull_request.head.sha)"
        )
    if name == value and value.startswith("refs/"):
        remote = re.fullmatch(_REMOTE_BRANCH, value)
        return (
            f"{shown(value)} is neither a branch nor a tag, and Dataform knows no other refs: "
            f"give a branch, a tag or a commit{f', such as {shown(remote[1])}' if remote else ''}"
        )
    if not name or re.search(_NO_REF, name):
        return (
            f"{shown(value)} cannot be the name of a branch or a tag, nor a commit: give one of "
            "them"
        )
    return ""
