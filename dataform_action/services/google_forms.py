"""Check the format of Google Cloud Dataform's inputs: names, variables, accounts, refs. Pure.

A wrong format is refused immediately. Otherwise the API would fail much later, or would search for
a ref that it cannot have.
"""

from __future__ import annotations

import re

from dataform_action.model import RunRequest
from dataform_action.text import shown

Problem = tuple[str, str]

#: The rule of Dataform's own command line: suffix and prefix become part of BigQuery names.
_NAME_PART = r"[A-Za-z0-9_]+"
_LONGEST_NAME_PART = 300
#: The settings that have no input of their own.
_OVERRIDES = (
    *("defaultDatabase", "defaultSchema", "defaultLocation", "assertionSchema"),
    *("databaseSuffix", "builtinAssertionNamePrefix"),
)
#: The settings with an input of their own, and the names of other settings in
#: workflow_settings.yaml, which differ from those of the API.
_OTHER_INPUTS = {
    "vars": "vars",
    **dict.fromkeys(("schemasuffix", "datasetsuffix"), "schema-suffix"),
    **dict.fromkeys(("tableprefix", "nameprefix"), "table-prefix"),
}
_SYNONYMS = {
    "defaultproject": "defaultDatabase",
    "defaultdataset": "defaultSchema",
    "defaultassertiondataset": "assertionSchema",
    "projectsuffix": "databaseSuffix",
    **{name.lower(): name for name in _OVERRIDES},
}
_VARIABLE = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_ACCOUNT = r"[A-Za-z0-9][A-Za-z0-9.-]*@[A-Za-z0-9][A-Za-z0-9.-]*\.gserviceaccount\.com"
_ACCOUNT_PREFIXES = ("serviceaccount:", "user:")

#: The values of inputs in any case, and their names in the API.
QUERY_PRIORITIES = {"interactive": "INTERACTIVE", "batch": "BATCH"}
EXECUTION_MODES = {"only": "UNIT_TESTS_ONLY", "false": "ALL_EXCEPT_UNIT_TESTS"}
#: How often a run may be repeated.
MOST_RETRIES = 3
#: The API has a limit for numbers of 32 bits.
_LARGEST_NUMBER = 2**31 - 1

#: The prefixes of branches and tags in GitHub's contexts.
_REF_PREFIXES = ("refs/heads/", "refs/tags/")
_PULL_REQUEST = r"(?:(?:refs/)?(?:remotes/)?pull/)?[0-9]+/(?:merge|head)"
_REMOTE_BRANCH = r"refs/remotes/[^/]+/(.+)"
#: What branch and tag names cannot contain: https://git-scm.com/docs/git-check-ref-format.
_NOT_IN_REF = r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|\.lock$|^-|^@$"
_PULL_REQUEST_REMEDY = (
    "use the branch (github.head_ref) or the head commit (github.event.pull_request.head.sha)"
)


def form_problems(request: RunRequest) -> list[Problem]:
    """Return the problems of a request whose format is wrong."""
    problems = [
        (name, problem)
        for name, value in (
            ("schema-suffix", request.schema_suffix),
            ("table-prefix", request.table_prefix),
        )
        if value and (problem := _name_part_problem(value))
    ]
    problems += [
        ("vars", problem) for name, _ in request.vars if (problem := _variable_problem(name))
    ]
    problems += [
        ("compile-overrides", problem)
        for name, value in request.compile_overrides
        if (problem := _override_problem(name, value))
    ]
    if request.service_account and (problem := _account_problem(request.service_account)):
        problems.append(("service-account", problem))
    problems += _execution_problems(request)
    # A user of the library may give any object.
    retries: object = request.retry_failed
    if type(retries) is not int or not 0 <= retries <= MOST_RETRIES:
        problems.append(("retry-failed", f"is not a number from 0 to {MOST_RETRIES}"))
    if request.project_path and (problem := _path_problem(request.project_path)):
        problems.append(("project-path", problem))
    if request.git_ref and (problem := _ref_problem(request.git_ref)):
        problems.append(("git-ref", problem))
    return problems


def _execution_problems(request: RunRequest) -> list[Problem]:
    problems = []
    priority, tests = request.query_priority, request.unit_tests
    # A user of the library may give any object.
    limit: object = request.max_concurrent_actions
    if priority and priority.lower() not in QUERY_PRIORITIES:
        text = f"{shown(priority)} is not a priority: use interactive or batch"
        problems.append(("query-priority", text))
    if limit is not None and not (isinstance(limit, int) and 1 <= limit <= _LARGEST_NUMBER):
        problems.append(("max-concurrent-actions", f"{limit!r:.40} is not a positive number"))
    if tests and tests.lower() == "true":
        text = (
            "cannot be true, because Dataform runs unit tests only without other actions: use "
            "only, and run the other actions in another step"
        )
        problems.append(("unit-tests", text))
    elif tests and tests.lower() not in EXECUTION_MODES:
        problems.append(("unit-tests", f"{shown(tests)} is not valid: use only or false"))
    return problems


def commitish_of(git_ref: str) -> str:
    """Return a Git ref as Dataform expects it: a branch, tag or commit without ``refs/…/``."""
    for prefix in _REF_PREFIXES:
        if git_ref.startswith(prefix):
            return git_ref.removeprefix(prefix)
    return git_ref


def _name_part_problem(value: str) -> str:
    if re.fullmatch(_NAME_PART, value, re.ASCII) is None:
        return (
            f"{shown(value)} may contain only letters, digits and underscores, because it becomes "
            f"part of BigQuery names{_example(value)}"
        )
    if len(value) > _LONGEST_NAME_PART:
        return f"has {len(value)} characters, but at most {_LONGEST_NAME_PART} are allowed"
    return ""


def _variable_problem(name: str) -> str:
    if not name or re.fullmatch(_VARIABLE, name, re.ASCII):
        return ""
    return (
        f"name {shown(name)} may contain only letters, digits, underscores, dots and hyphens"
        f"{_example(name)}"
    )


def _override_problem(name: str, value: str) -> str:
    if name in _OVERRIDES:
        return "" if value else f"has no value for {name}: set one, or remove the line"
    folded = re.sub("[^a-z]", "", name.lower())
    if folded in _OTHER_INPUTS:
        return f"{shown(name)} has an input of its own: use {_OTHER_INPUTS[folded]}"
    near = _SYNONYMS.get(folded)
    remedy = f"Did you mean {near}?" if near else f"Use one of {', '.join(_OVERRIDES)}"
    return f"{shown(name)} is not the name of a setting. {remedy}"


def _example(value: str) -> str:
    """Return a similar text that is allowed, as part of a message."""
    near = re.sub("[^A-Za-z0-9]+", "_", value).strip("_")[:_LONGEST_NAME_PART]
    return f": use {shown(near)}, for example" if near else ""


def _account_problem(value: str) -> str:
    if re.fullmatch(_ACCOUNT, value, re.ASCII):
        return ""
    near = value.strip("<>").rpartition("/")[2]
    for prefix in _ACCOUNT_PREFIXES:
        if near.lower().startswith(prefix):
            near = near[len(prefix) :]
    remedy = "use an address such as name@project-id.iam.gserviceaccount.com"
    if re.fullmatch(_ACCOUNT, near, re.ASCII):
        remedy = f"use {near}"
    return f"{shown(value)} is not the email address of a service account: {remedy}"


def folder_of(project_path: str) -> str:
    """Return the path of a folder as Dataform expects it: without a slash at its end."""
    return project_path.removesuffix("/")


def _path_problem(value: str) -> str:
    parts = value.replace("\\", "/").split("/")
    near = "/".join(part for part in parts if part not in ("", ".", ".."))
    if near and near == folder_of(value):
        return ""
    remedy = f"use {shown(near)}, for example" if near else "remove it for the root"
    return f"{shown(value)} is not a path from the root of the Git repository: {remedy}"


def _ref_problem(value: str) -> str:
    name = commitish_of(value)
    if re.fullmatch(_PULL_REQUEST, value):
        return (
            f"{shown(value)} is a pull request ref, which only GitHub has: {_PULL_REQUEST_REMEDY}"
        )
    if name == value and value.startswith("refs/"):
        remote = re.fullmatch(_REMOTE_BRANCH, value)
        return (
            f"{shown(value)} is not supported by Dataform: use a branch, a tag or a commit"
            f"{f', such as {shown(remote[1])}' if remote else ''}"
        )
    if not name or re.search(_NOT_IN_REF, name):
        return f"{shown(value)} is not a valid Git ref: use a branch, a tag or a commit"
    return ""
