"""The event that started a workflow: which commits it is about, and which pull request.

See https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows.
Pull requests may come from strangers, so each value of a payload is checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from dataform_action.errors import InputError
from dataform_action.transport.files import read_file
from dataform_action.transport.json_values import TooManyValues, parse_json, value_at
from dataform_action.validation import is_branch, is_commit, is_github_repository, is_link

_Payload = Mapping[str, Any]

GITHUB_URL = "https://github.com"
#: GitHub sends no larger payload.
_PAYLOAD_LIMIT = 25 * 1024 * 1024
_REMEDY = "Set the inputs head and base to the commits to compare."
_HEADS = "refs/heads/"
_SECRETS = (
    "is pull_request_target, which is not supported: such a workflow has the secrets of the "
    "repository, and the SQL of a pull request may come from a stranger. Use pull_request."
)
_FORK = (
    "names a pull request from a fork, which is not supported: its SQL may come from a stranger, "
    "and the runner may have credentials of its own. Skip forks with a condition of the job, as "
    "docs/plan.md shows. Do not use pull_request_target."
)
#: The events about code that may be in a fork, by the start of their names: where their payloads
#: have the code, and its repository. If the fork was deleted, the repository is null.
_SOURCES = {
    "pull_request": ("pull_request.head", "repo"),
    "workflow_run": ("workflow_run", "head_repository"),
}


class UnsafeEvent(InputError):
    """The event may run a stranger's SQL with credentials. No input changes that."""


class EventKind(Enum):
    """The events that say which commits to compare, and all others."""

    PULL_REQUEST = "pull_request"
    MERGE_GROUP = "merge_group"
    PUSH = "push"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEvent:
    """What a workflow's event says. A text is empty, and a number None, if it says nothing.

    ``name`` is the name of the event. ``head`` is the commit to plan. ``base`` is the commit that
    the event names beside it: of a pull request, a commit of the branch ``base_branch``, which may
    be out of date; of a merge group, the commit that it is merged into; of a push, the one before,
    unless the branch is new. ``base_branch`` is the branch that a pull request or a merge group is
    merged into, or that was pushed. ``pull_request`` is a number.
    """

    name: str = ""
    kind: EventKind = EventKind.OTHER
    head: str = ""
    base: str = ""
    base_branch: str = ""
    pull_request: int | None = None


class WorkflowRun(NamedTuple):
    """The run of a workflow. Ids grow with time; a re-run has the same id and the next attempt.

    ``url`` is the page of the attempt. It is empty, and the numbers are 0, outside of GitHub.
    """

    id: int = 0
    attempt: int = 0
    url: str = ""


def read_event(environ: Mapping[str, str]) -> WorkflowEvent:
    """Return what the event of this workflow says.

    Raises:
        UnsafeEvent: the event is ``pull_request_target``, or its code is in a fork.
        InputError: the payload is broken.
    """
    name = environ.get("GITHUB_EVENT_NAME", "")
    match name:
        case "pull_request_target":
            raise UnsafeEvent([("GITHUB_EVENT_NAME", _SECRETS)])
        case "pull_request":
            return _parse_pull_request(_read_payload(environ))
        case "merge_group":
            return _parse_merge_group(_read_payload(environ))
        case "push":
            return _parse_push(_read_payload(environ))
        case _:
            if environ.get("GITHUB_EVENT_PATH"):
                _read_payload(environ)
            return WorkflowEvent(name=name)


def read_run(environ: Mapping[str, str]) -> WorkflowRun:
    """Return the run of the workflow that this step belongs to."""
    server = environ.get("GITHUB_SERVER_URL") or GITHUB_URL
    repository = environ.get("GITHUB_REPOSITORY", "")
    run_id = _count(environ.get("GITHUB_RUN_ID", ""))
    attempt = _count(environ.get("GITHUB_RUN_ATTEMPT", ""))
    url = f"{server}/{repository}/actions/runs/{run_id}"
    url += f"/attempts/{attempt}" if attempt else ""
    is_known = run_id > 0 and is_github_repository(repository) and is_link(url)
    return WorkflowRun(
        id=run_id,
        attempt=attempt,
        url=url if is_known else "",
    )


def _parse_pull_request(payload: _Payload) -> WorkflowEvent:
    number = value_at(payload, "pull_request.number")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 10**12:
        raise _broken("pull_request.number", "a number")
    return WorkflowEvent(
        name="pull_request",
        kind=EventKind.PULL_REQUEST,
        head=_commit(payload, "pull_request.head.sha"),
        base=_commit(payload, "pull_request.base.sha"),
        base_branch=_branch(payload, "pull_request.base.ref"),
        pull_request=number,
    )


def _parse_merge_group(payload: _Payload) -> WorkflowEvent:
    return WorkflowEvent(
        name="merge_group",
        kind=EventKind.MERGE_GROUP,
        head=_commit(payload, "merge_group.head_sha"),
        base=_commit(payload, "merge_group.base_sha"),
        base_branch=_branch(payload, "merge_group.base_ref"),
    )


def _parse_push(payload: _Payload) -> WorkflowEvent:
    head, before = _commit(payload, "after"), _commit(payload, "before")
    if not head.strip("0"):
        text = f"says that a branch or a tag was deleted, so there is no commit. {_REMEDY}"
        raise InputError([("GITHUB_EVENT_PATH", text)])
    ref = value_at(payload, "ref")
    is_branch_ref = isinstance(ref, str) and ref.startswith(_HEADS)
    return WorkflowEvent(
        name="push",
        kind=EventKind.PUSH,
        head=head,
        base=before if before.strip("0") else "",
        base_branch=_branch(payload, "ref") if is_branch_ref else "",
    )


def _repository_of(environ: Mapping[str, str]) -> str:
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not is_github_repository(repository):
        raise UnsafeEvent([("GITHUB_REPOSITORY", "is not set to the form owner/name.")])
    return repository


def _refuse_fork(payload: _Payload, environ: Mapping[str, str]) -> None:
    """Raise UnsafeEvent if the code of an event is not known to be in this repository."""
    event = environ.get("GITHUB_EVENT_NAME", "")
    for name, (path, key) in _SOURCES.items():
        code = value_at(payload, path)
        if event.startswith(name) or (isinstance(code, dict) and key in code):
            repository = value_at(code, f"{key}.full_name")
            if str(repository).lower() != _repository_of(environ).lower():
                raise UnsafeEvent([("GITHUB_EVENT_PATH", _FORK)])


def _read_payload(environ: Mapping[str, str]) -> _Payload:
    """Return the payload of the event, whose code is not in a fork."""
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        raise InputError([("GITHUB_EVENT_PATH", f"is not set. {_REMEDY}")])
    try:
        value = parse_json(read_file(Path(path), _PAYLOAD_LIMIT))
    except TooManyValues:
        value = None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
        text = f"names a file that cannot be read: {reason}. {_REMEDY}"
        raise InputError([("GITHUB_EVENT_PATH", text)]) from error
    if not isinstance(value, dict):
        text = f"names a file that does not contain a JSON object. {_REMEDY}"
        raise InputError([("GITHUB_EVENT_PATH", text)])
    _refuse_fork(value, environ)
    return value


def _commit(payload: _Payload, path: str) -> str:
    value = value_at(payload, path)
    if not isinstance(value, str) or not is_commit(value.lower()):
        raise _broken(path, "a commit")
    return value.lower()


def _branch(payload: _Payload, path: str) -> str:
    value = value_at(payload, path)
    name = value.removeprefix(_HEADS) if isinstance(value, str) else ""
    if not is_branch(name):
        raise _broken(path, "the name of a branch")
    return name


def _broken(path: str, wanted: str) -> InputError:
    """Return the error for a value that is missing or invalid. The value is not repeated."""
    text = f"names a payload in which {path} is not {wanted}. {_REMEDY}"
    return InputError([("GITHUB_EVENT_PATH", text)])


def _count(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,18}", text, re.ASCII) else 0
