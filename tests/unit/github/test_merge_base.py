"""The commit with which a plan compares, against an emulated GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from dataform_action.emulator import Emulator, Fault, GitHubApi, GitHubRepository
from dataform_action.errors import NoResponse, Refused
from dataform_action.github.api import GitHub, connect_github
from dataform_action.github.event import EventKind, WorkflowEvent
from dataform_action.github.merge_base import find_merge_base

T = TypeVar("T")

#: main: OLD - FORK - MAIN; the change: FORK - FIRST - HEAD.
OLD, FORK, MAIN, FIRST, HEAD, MERGED = (digit * 40 for digit in "012345")
EVENT = WorkflowEvent(
    name="pull_request",
    kind=EventKind.PULL_REQUEST,
    head=HEAD,
    base=FORK,
    base_branch="main",
    pull_request=7,
)


@pytest.fixture
def repository() -> GitHubRepository:
    repository = GitHubRepository("octo/shop")
    for sha, parents in ((OLD, ()), (FORK, (OLD,)), (MAIN, (FORK,)), (FIRST, (FORK,))):
        repository.add_commit(sha, *parents)
    repository.add_commit(HEAD, FIRST)
    repository.branches["main"] = MAIN
    return repository


@pytest.fixture
def server(repository: GitHubRepository) -> Iterator[Emulator]:
    with Emulator(github=GitHubApi(repository)) as emulator:
        yield emulator


@pytest.fixture
def github(server: Emulator) -> GitHub:
    environ = {
        "GITHUB_REPOSITORY": "octo/shop",
        "GITHUB_API_URL": server.github_url,
        "GITHUB_GRAPHQL_URL": server.graphql_url,
    }
    return connect_github(environ, server.token)


def test_merge_base(github: GitHub, server: Emulator) -> None:
    """The commit to compare with is where the change left the branch, in one request."""
    assert find_merge_base(github, EVENT) == FORK
    assert len(server.requests) == 1


def test_branch_that_was_merged_into_the_change(
    github: GitHub, repository: GitHubRepository
) -> None:
    """If the branch has moved on since the event, its later commits are not part of the change."""
    repository.add_commit(MERGED, HEAD, MAIN)
    assert find_merge_base(github, replace(EVENT, head=MERGED, base=OLD)) == MAIN


def test_merged_pull_request(github: GitHub, repository: GitHubRepository) -> None:
    """After a merge, the branch contains the change, and the commit of the event counts."""
    repository.branches["main"] = repository.add_commit(MERGED, MAIN, HEAD)
    assert find_merge_base(github, replace(EVENT, base=MAIN)) == FORK


def test_deleted_branch(github: GitHub, repository: GitHubRepository) -> None:
    """If the branch was deleted, the commit of the event counts."""
    del repository.branches["main"]
    assert find_merge_base(github, EVENT) == FORK


def test_unrelated_commits(github: GitHub, repository: GitHubRepository) -> None:
    """Without a common ancestor, GitHub's message says so."""
    alone = repository.add_commit("f" * 40)
    with pytest.raises(Refused, match="No common ancestor between"):
        find_merge_base(github, replace(EVENT, head=alone))


def test_missing_permission(github: GitHub, server: Emulator) -> None:
    """A refusal names the permission."""
    server.add_fault(Fault("status", on="compare", status=403))
    with pytest.raises(Refused) as caught:
        find_merge_base(github, EVENT)
    assert "contents: read" in caught.value.hint


def test_retries(github: GitHub, server: Emulator) -> None:
    """The caller decides how often each request is made."""
    server.add_fault(Fault("status", on="compare"))

    def twice(request: Callable[[], T], /) -> T:
        try:
            return request()
        except NoResponse:
            return request()

    assert find_merge_base(github, EVENT, twice) == FORK
