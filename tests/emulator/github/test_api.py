"""The emulated GitHub: its resources, its refusals, and GitHub's own description of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dataform_action.emulator import (
    Emulator,
    Fault,
    GitHubApi,
    GitHubRepository,
    PullRequest,
    TokenAccess,
)
from dataform_action.github.api import connect_github
from dataform_action.github.parse import parse_comment, parse_merge_base, parse_pull_request
from tests.emulator.support import Client, Response
from tests.support.github_openapi import check_request, check_response, example

ROOT = "/api/v3/repos/octo/shop"
OLD, BASE, MAIN, HEAD = (digit * 40 for digit in "0123")
READ_ONLY = "ghs_read-only"


@pytest.fixture
def repository() -> GitHubRepository:
    repository = GitHubRepository("octo/shop")
    repository.add_commit(OLD)
    repository.add_commit(BASE, OLD)
    repository.branches["main"] = repository.add_commit(MAIN, BASE)
    repository.set_pull_request(PullRequest(7, repository.add_commit(HEAD, BASE)))
    return repository


@pytest.fixture
def emulator(repository: GitHubRepository) -> Iterator[Emulator]:
    api = GitHubApi(repository)
    api.accept_token(READ_ONLY, TokenAccess(can_write=False))
    with Emulator(github=api) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    client = Client(emulator.url)
    yield client
    client.close()


def _call(client: Client, method: str, path: str, body: object = None) -> Response:
    """Send a request about the repository. Check its response against GitHub's description."""
    response = client.call(method, ROOT + path, body)
    described = (f"/repos/octo/shop{path}").partition("?")[0]
    # A whole pull request has some hundred fields.
    is_partial = "/pulls/" in path
    if response.status not in (401, 403, 404):
        problems = check_response(
            method, described, response.status, response.body, is_partial=is_partial
        )
        assert problems == []
    return response


def _message(response: Response) -> tuple[int, str]:
    return response.status, response.data["message"]


@pytest.mark.parametrize(
    ("names", "merge_base", "status", "ahead", "behind"),
    [
        (f"main...{HEAD}", BASE, "diverged", 1, 1),
        (f"{OLD}...{HEAD}", OLD, "ahead", 2, 0),
        (f"{HEAD}...{OLD}", OLD, "behind", 0, 2),
        (f"{HEAD}...{HEAD}", HEAD, "identical", 0, 0),
    ],
)
def test_compare(
    client: Client, names: str, merge_base: str, status: str, ahead: int, behind: int
) -> None:
    """A comparison has the merge base, and the commits of the head that the base lacks."""
    data = _call(client, "GET", f"/compare/{names}?per_page=1").data
    assert data["merge_base_commit"]["sha"] == merge_base
    assert (data["status"], data["ahead_by"], data["behind_by"]) == (status, ahead, behind)
    assert len(data["commits"]) == min(ahead, 1)


def test_merge_base_after_merges(repository: GitHubRepository) -> None:
    """The best common ancestor has no common ancestor after it."""
    repository.add_commit("4" * 40, HEAD, MAIN)
    repository.add_commit("5" * 40, MAIN)
    assert repository.find_merge_base("5" * 40, "4" * 40) == MAIN
    assert repository.find_merge_base(repository.add_commit("6" * 40), HEAD) is None


def test_pages_of_commits(client: Client) -> None:
    """The commits of a comparison come page by page, the oldest first."""
    first = _call(client, "GET", f"/compare/{OLD}...{HEAD}?per_page=1")
    assert [commit["sha"] for commit in first.data["commits"]] == [BASE]
    assert 'per_page=1&page=2>; rel="next"' in first.headers["Link"]


def test_pull_request(client: Client, repository: GitHubRepository) -> None:
    """A pull request has its head, its base and its state."""
    data = _call(client, "GET", "/pulls/7").data
    assert (data["number"], data["state"]) == (7, "open")
    assert (data["head"]["sha"], data["base"]["sha"], data["base"]["ref"]) == (HEAD, MAIN, "main")
    repository.set_pull_request(PullRequest(7, HEAD, state="closed", fork="stranger/shop"))
    data = _call(client, "GET", "/pulls/7").data
    assert (data["state"], data["head"]["repo"]["full_name"]) == ("closed", "stranger/shop")


def test_comments(client: Client, repository: GitHubRepository) -> None:
    """A comment is created, changed, listed and deleted. Its author is the token's owner."""
    created = _call(client, "POST", "/issues/7/comments", {"body": "Hi"})
    assert created.status == 201
    identifier = created.data["id"]
    path = f"/issues/comments/{identifier}"
    assert _call(client, "PATCH", path, {"body": "Ho"}).data["body"] == "Ho"
    (listed,) = _call(client, "GET", "/issues/7/comments").data
    assert (listed["id"], listed["body"]) == (identifier, "Ho")
    assert (listed["user"]["login"], listed["user"]["type"]) == ("github-actions[bot]", "Bot")
    assert listed["html_url"].endswith(f"/octo/shop/pull/7#issuecomment-{identifier}")
    deleted = _call(client, "DELETE", path)
    assert (deleted.status, deleted.body) == (204, b"")
    assert repository.comments == {}
    for method in ("PATCH", "DELETE"):
        assert _message(_call(client, method, path, {"body": "x"})) == (404, "Not Found")


def test_pages_of_comments(client: Client, repository: GitHubRepository) -> None:
    """A page has 30 comments, or as many as the client wants, and at most 100."""
    for number in range(230):
        repository.add_comment(7, "stranger", str(number))
    repository.add_comment(8, "stranger", "of another pull request")
    sizes = {"": 30, "?per_page=7": 7, "?per_page=500": 100, "?per_page=100&page=3": 30}
    for query, size in sizes.items():
        response = _call(client, "GET", f"/issues/7/comments{query}")
        assert len(response.data) == size
        assert ("Link" in response.headers) is (query != "?per_page=100&page=3")
    assert [item["body"] for item in response.data][:1] == ["200"]


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": 1}, {"body": "x" * 65_537}])
def test_bad_bodies(client: Client, body: object) -> None:
    """A comment has a text of at most 65,536 characters."""
    assert _call(client, "POST", "/issues/7/comments", body).status == 422
    longest = _call(client, "POST", "/issues/7/comments", {"body": "x" * 65_536})
    assert longest.status == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/compare/main...{'9' * 40}"),
        ("GET", "/pulls/8"),
        ("GET", "/issues/8/comments"),
        ("POST", "/issues/8/comments"),
        ("GET", "/pulls/x"),
        ("GET", "/issues"),
    ],
)
def test_unknown_things(client: Client, method: str, path: str) -> None:
    """What does not exist is not found, nor what the emulator does not serve."""
    assert _call(client, method, path, {"body": "x"}).status == 404


def test_unknown_repository(client: Client, repository: GitHubRepository) -> None:
    """Another repository is not found."""
    assert client.call("GET", "/api/v3/repos/octo/other/pulls/7").status == 404


def test_unrelated_commits(client: Client, repository: GitHubRepository) -> None:
    """Commits without a common ancestor cannot be compared."""
    alone = repository.add_commit("9" * 40)
    status, message = _message(_call(client, "GET", f"/compare/main...{alone}"))
    assert (status, message) == (404, f"No common ancestor between main and {alone}.")


def test_tokens(client: Client, emulator: Emulator) -> None:
    """An unknown token is refused, and a read-only one may only read."""
    client.token = READ_ONLY
    assert _call(client, "GET", "/pulls/7").status == 200
    refused = _call(client, "POST", "/issues/7/comments", {"body": "x"})
    assert _message(refused) == (403, "Resource not accessible by integration")
    client.token = "other"
    assert _message(_call(client, "GET", "/pulls/7")) == (401, "Bad credentials")


def test_viewer(client: Client, emulator: Emulator) -> None:
    """The GraphQL API only tells the login of the token's owner. A server may not have it."""

    def ask(query: str) -> Any:  # noqa: ANN401
        return client.call("POST", "/api/graphql", {"query": query}).data

    assert ask("{ viewer { login } }") == {"data": {"viewer": {"login": "github-actions[bot]"}}}
    assert ask("query { user { id } }")["errors"]
    emulator.github.has_graphql = False
    assert client.call("POST", "/api/graphql", {"query": ""}).status == 404


def test_faults(client: Client, emulator: Emulator) -> None:
    """Faults choose requests to GitHub by their operation, with GitHub's form of errors."""
    emulator.add_fault(Fault("status", on="pull", status=502))
    assert _call(client, "GET", "/issues/7/comments").status == 200
    response = client.call("GET", f"{ROOT}/pulls/7")
    assert response.status == 502
    assert set(response.data) == {"message", "documentation_url", "status"}


def test_requests_of_the_action(emulator: Emulator) -> None:
    """GitHub's description knows each request that the action sends, and its parameters."""
    environ = {
        "GITHUB_REPOSITORY": "octo/shop",
        "GITHUB_API_URL": emulator.github_url,
        "GITHUB_GRAPHQL_URL": emulator.graphql_url,
    }
    github = connect_github(environ, emulator.token)
    assert github.find_merge_base("main", HEAD) == BASE
    assert github.get_pull_request(7).is_open
    comment = github.create_comment(7, "Hi")
    github.update_comment(comment.id, "Ho")
    assert github.list_comments(7).comments[0].body == "Ho"
    github.delete_comment(comment.id)
    for request in emulator.requests:
        path = request.path.removeprefix("/api/v3")
        assert check_request(request.method, path, request.query, request.body) == []
    assert len(emulator.requests) == 6


def test_examples_of_the_documentation() -> None:
    """The responses that GitHub's documentation shows are understood."""
    assert parse_merge_base(example("commit-comparison")).startswith("6dcb09b5")
    pull_request = parse_pull_request(example("pull-request"))
    assert pull_request.is_open
    assert pull_request.head.startswith("6dcb09b5")
    comment = parse_comment(example("issue-comment"))
    assert (comment.id, comment.author, comment.is_bot) == (1, "octocat", False)
    assert comment.url.endswith("#issuecomment-1")
    assert parse_comment(example("issue-comment-items")[0]) == comment


def test_description_finds_mistakes() -> None:
    """A wrong request or response does not match GitHub's description."""
    path = "/repos/octo/shop/issues/7/comments"
    assert check_request("GET", path, "per_page=x", b"") != []
    assert check_request("GET", path, "pages=1", b"") == ["pages: unknown"]
    assert check_request("GET", path, "", b"{}") == ["a body is not expected"]
    assert check_request("POST", path, "", b'{"text": "x"}') != []
    assert check_response("GET", path, 200, b'[{"id": "1"}]') != []
    assert check_response("GET", path, 201, b"[]") == ["HTTP 201: not described"]
    comment = "/repos/octo/shop/issues/comments/1"
    assert check_response("DELETE", comment, 204, b"x") == ["a body is not expected"]
    with pytest.raises(LookupError):
        check_request("PUT", path, "", json.dumps({}).encode())
