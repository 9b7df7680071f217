"""Pull requests that are defined in JSON, for tests in other processes."""

from collections.abc import Mapping
from typing import Any, get_args

from dataform_action.emulator.github.api import GitHubApi
from dataform_action.emulator.github.repository import GitHubRepository, PullRequest, State

EXAMPLE = (
    '{"repository": "octo/shop", "number": 7, "head": "<commit>", "base": "main", '
    '"state": "open", "branches": {"main": "<commit>"}, "commits": {"<commit>": ["<parent>"]}}'
)
_STATES = get_args(State)


def define_pull_request(github: GitHubApi, data: Mapping[str, Any]) -> None:
    """Create or change a pull request, and the commits and branches of its repository.

    Raise ValueError if the data do not have the form of ``EXAMPLE``.
    """
    match data:
        case {"repository": str(name), "number": int(number), "head": str(head), **rest}:
            pass
        case _:
            raise ValueError(f"A pull request must look like {EXAMPLE}")
    base, state = rest.pop("base", "main"), rest.pop("state", "open")
    fork = rest.pop("fork", "")
    branches, commits = rest.pop("branches", {}), rest.pop("commits", {})
    are_valid = (
        isinstance(base, str) and isinstance(fork, str) and state in _STATES,
        isinstance(branches, dict) and all(isinstance(sha, str) for sha in branches.values()),
        isinstance(commits, dict) and all(isinstance(found, list) for found in commits.values()),
    )
    if rest or not all(are_valid):
        raise ValueError(f"A pull request must look like {EXAMPLE}")
    repository = github.repositories.setdefault(name, GitHubRepository(name))
    for sha, parents in {head: [], **commits}.items():
        if sha in commits or sha not in repository.commits:
            repository.add_commit(sha, *map(str, parents))
    repository.branches.update(branches)
    repository.set_pull_request(PullRequest(number, head, base, state, fork))


def render_comments(github: GitHubApi) -> list[dict[str, object]]:
    """Return all comments, with their repositories and pull requests."""
    return [
        {
            "repository": repository.name,
            "number": comment.number,
            "id": comment.id,
            "author": comment.author,
            "body": comment.body,
        }
        for repository in github.repositories.values()
        for comment in repository.comments.values()
    ]
