"""Google Cloud Dataform: read the v1 API's answers.

The fields are described at https://cloud.google.com/dataform/reference/rest/v1. JSON of
this API leaves out what has its default value, and may hold words that are newer than
this module: a missing or unknown state of an action counts as pending.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dataform_action.answers import Json
from dataform_action.errors import InvalidResponse
from dataform_action.model import State

_STATES = {
    "RUNNING": State.RUNNING,
    "CANCELING": State.RUNNING,
    "SUCCEEDED": State.SUCCESS,
    "FAILED": State.FAILURE,
    "CANCELLED": State.CANCELLED,
}
_LONGEST_PATH = 500


def parse_state(answer: dict[str, Json]) -> tuple[State, str]:
    """Return the state of an invocation, and the API's word for it.

    Raises:
        InvalidResponse: the state is missing or not known.
    """
    word = answer.get("state")
    if not isinstance(word, str) or word not in _STATES:
        raise InvalidResponse(f"Unknown state of the workflow invocation: {word!r:.200}")
    return _STATES[word], word


def parse_invocation_name(answer: dict[str, Json], parent: str) -> str:
    """Return the id in the name of an invocation of a repository.

    Raises:
        InvalidResponse: the name is missing, or of another repository.
    """
    return _own_id(answer.get("name"), f"{parent}/workflowInvocations/")


def parse_compilation_name(answer: dict[str, Json], parent: str) -> str:
    """Return the full name of a compilation result of a repository.

    Raises:
        InvalidResponse: the name is missing, or of another repository.
    """
    prefix = f"{parent}/compilationResults/"
    return prefix + _own_id(answer.get("name"), prefix)


def _own_id(name: Json, prefix: str) -> str:
    # Projects may be named by number in answers, so only the rest is compared.
    match = re.fullmatch(r"projects/[^/]+/(.+)", name) if isinstance(name, str) else None
    rest = prefix.split("/", 2)[2]
    if match is None or not match[1].startswith(rest):
        raise InvalidResponse(f"The answer names nothing in {prefix}: {name!r:.300}")
    own_id = match[1][len(rest) :]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", own_id):
        raise InvalidResponse(f"The answer holds no usable id: {name!r:.300}")
    return own_id


def parse_project_path(config: Json) -> str:
    """Return the folder of the Dataform project in its repository; empty for the root."""
    pipeline = config.get("pipelineConfig") if isinstance(config, dict) else None
    path = pipeline.get("path") if isinstance(pipeline, dict) else None
    return repository_path(path, "") if isinstance(path, str) else ""


def parse_default_location(config: Json) -> str:
    """Return the BigQuery location that a project was compiled with; empty if it is not told."""
    location = config.get("defaultLocation") if isinstance(config, dict) else None
    known = isinstance(location, str) and re.fullmatch(r"[A-Za-z0-9-]{1,50}", location)
    return str(location) if known else ""


def parse_commit(answer: dict[str, Json]) -> str:
    """Return the commit of a compilation result; empty if there is none."""
    commit = text_in(answer, "resolvedGitCommitSha")
    return commit if re.fullmatch(r"[0-9a-f]{7,64}", commit, re.ASCII) else ""


def parse_git_url(answer: dict[str, Json]) -> str:
    """Return the address that a repository is fetched from; empty if there is none."""
    settings = answer.get("gitRemoteSettings")
    return text_in(settings, "url") if isinstance(settings, dict) else ""


def repository_path(path: str, prefix: str) -> str:
    """Return a path in the repository, or an empty text for what leads out of it."""
    if not path or len(path) > _LONGEST_PATH or not path.isprintable():
        return ""
    clean = posixpath.normpath(path)
    if clean.startswith(("/", "..")) or clean == ".":
        return ""
    return clean if not prefix or clean.startswith(f"{prefix}/") else f"{prefix}/{clean}"


def parse_page_token(answer: dict[str, Json]) -> str:
    """Return the token of the next page; empty for the last page."""
    return text_in(answer, "nextPageToken")


def parse_names(answer: dict[str, Json], key: str, field: str) -> Iterator[tuple[Json, Json]]:
    """Yield the name and another field of each object in a list of an answer."""
    for entry in objects_in(answer, key):
        yield entry.get("name"), entry.get(field)


def objects_in(answer: dict[str, Json], key: str) -> list[dict[str, Json]]:
    """Return the objects in a list; a list that is left out is empty."""
    value = answer.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_in(answer: dict[str, Json], key: str) -> str:
    """Return a text of an answer; empty if there is none."""
    value = answer.get(key)
    return value if isinstance(value, str) else ""
