"""GitHub's REST API: the exact requests, and what refusals and odd responses lead to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import responses

from dataform_action.errors import InputError, InvalidResponse, Refused, Throttled
from dataform_action.github.api import GitHub, connect_github, is_missing
from dataform_action.github.parse import Comment, PullRequest

TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
API = "https://api.github.com/repos/octo/shop"
HEAD, BASE = "a" * 40, "b" * 40
PAGE = "https://github.com/octo/shop/pull/7#issuecomment-1"
COMMENT = {"id": 1, "html_url": PAGE, "user": {"login": "x[bot]", "type": "Bot"}, "body": "Hi"}


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as api:
        yield api


def _github(**environ: str) -> GitHub:
    return connect_github({"GITHUB_REPOSITORY": "octo/shop", **environ}, TOKEN)


def test_merge_base(api: responses.RequestsMock) -> None:
    """The request has the token, the media type and the version, and asks for one commit."""
    api.add("GET", f"{API}/compare/main...{HEAD}", json={"merge_base_commit": {"sha": BASE}})
    assert _github().find_merge_base("main", HEAD) == BASE
    request = api.calls[0].request
    assert request.url == f"{API}/compare/main...{HEAD}?per_page=1"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Accept"] == "application/vnd.github+json"
    assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"


def test_branch_in_an_address(api: responses.RequestsMock) -> None:
    """A special character in the name of a branch cannot change the address."""
    url = f"{API}/compare/a%2Fb%23c%25%26...{HEAD}"
    api.add("GET", url, json={"merge_base_commit": {"sha": BASE}})
    assert _github().find_merge_base("a/b#c%&", HEAD) == BASE
    assert api.calls[0].request.url == f"{url}?per_page=1"


@pytest.mark.parametrize(
    ("base", "head"), [("a..b", HEAD), ("../x", HEAD), ("other:main", HEAD), ("main", "HEAD")]
)
def test_names_that_are_no_commits(base: str, head: str) -> None:
    """Nothing is sent for a name that would have another meaning in the address."""
    with pytest.raises(ValueError, match="must be commits"):
        _github().find_merge_base(base, head)


def test_pull_request(api: responses.RequestsMock) -> None:
    """A pull request has its last commit, and is open or not."""
    api.add("GET", f"{API}/pulls/7", json={"head": {"sha": HEAD}, "state": "open"})
    api.add("GET", f"{API}/pulls/7", json={"head": {"sha": BASE}, "state": "closed"})
    assert _github().get_pull_request(7) == PullRequest(HEAD, is_open=True)
    assert _github().get_pull_request(7) == PullRequest(BASE, is_open=False)


def test_comments(api: responses.RequestsMock) -> None:
    """A page has its comments, and says whether there is another. Its address is not used."""
    link = '<https://evil.example.com/?page=2>; rel="next", <https://x.example.com>; rel="last"'
    url = f"{API}/issues/7/comments"
    api.add("GET", f"{url}?per_page=100&page=1", json=[COMMENT], headers={"Link": link})
    deleted = {"id": 2, "html_url": "javascript:x", "user": None, "body": None}
    api.add("GET", f"{url}?per_page=100&page=2", json=[deleted], headers={"Link": 'rel="prev"'})
    comments, has_more = _github().list_comments(7)
    assert comments == [Comment(1, PAGE, "x[bot]", is_bot=True, body="Hi")]
    assert has_more
    assert _github().list_comments(7, 2) == ([Comment(2, "", "", is_bot=False, body="")], False)


def test_written_comments(api: responses.RequestsMock) -> None:
    """A comment is created, changed and deleted."""
    api.add("POST", f"{API}/issues/7/comments", json=COMMENT, status=201)
    api.add("PATCH", f"{API}/issues/comments/1", json=COMMENT)
    api.add("DELETE", f"{API}/issues/comments/1", status=204)
    github = _github()
    assert github.create_comment(7, "Hi").id == github.update_comment(1, "Ho").id == 1
    github.delete_comment(1)
    bodies = [json.loads(call.request.body or "null") for call in api.calls]
    assert bodies == [{"body": "Hi"}, {"body": "Ho"}, None]


class _Renewable:
    """A token function that can renew its token."""

    def __call__(self) -> str:
        return TOKEN

    def invalidate(self, token: str) -> None:
        pass


def test_create_is_not_repeated(api: responses.RequestsMock) -> None:
    """A comment is created by one request, even if the token could be renewed."""
    api.add("POST", f"{API}/issues/7/comments", status=401)
    with pytest.raises(Refused):
        GitHub(repository="octo/shop", token=_Renewable()).create_comment(7, "Hi")
    api.add("GET", f"{API}/pulls/7", status=401)
    api.add("GET", f"{API}/pulls/7", json={"head": {"sha": HEAD}, "state": "open"})
    assert GitHub(repository="octo/shop", token=_Renewable()).get_pull_request(7).is_open
    assert [call.request.method for call in api.calls] == ["POST", "GET", "GET"]


def test_login(api: responses.RequestsMock) -> None:
    """The login of the token's owner comes from the GraphQL API."""
    url = "https://api.github.com/graphql"
    api.add("POST", url, json={"data": {"viewer": {"login": "x[bot]"}}})
    api.add("POST", url, json={"data": None, "errors": [{"message": "no"}]})
    assert _github().get_login() == "x[bot]"
    assert json.loads(api.calls[0].request.body or "null") == {
        "query": "query { viewer { login } }"
    }
    with pytest.raises(InvalidResponse, match="the owner of the token is not understood"):
        _github().get_login()


def test_enterprise_server(api: responses.RequestsMock) -> None:
    """On GitHub Enterprise Server, all requests go to the addresses that the runner names."""
    root = "https://ghe.example.com/api"
    api.add("GET", f"{root}/v3/repos/octo/shop/pulls/7", json={"head": {"sha": HEAD}, "state": ""})
    api.add("POST", f"{root}/graphql", json={"data": {"viewer": {"login": "me"}}})
    github = _github(GITHUB_API_URL=f"{root}/v3", GITHUB_GRAPHQL_URL=f"{root}/graphql")
    assert not github.get_pull_request(7).is_open
    assert github.get_login() == "me"


def test_bad_addresses() -> None:
    """The token is sent neither unencrypted nor about a repository that has no valid name."""
    with pytest.raises(InputError) as caught:
        connect_github(
            {
                "GITHUB_API_URL": "http://api.example.com",
                "GITHUB_GRAPHQL_URL": "ftp://x",
                "GITHUB_REPOSITORY": "octo/..",
            },
            TOKEN,
        )
    names = [name for name, _ in caught.value.problems]
    assert names == ["GITHUB_API_URL", "GITHUB_GRAPHQL_URL", "GITHUB_REPOSITORY"]


DENIED = "Resource not accessible by integration"


@pytest.mark.parametrize(
    ("status", "message", "headers", "hint"),
    [
        (401, "Bad credentials", {}, "GitHub did not accept the token"),
        (403, DENIED, {}, "The job needs the permission contents: read. Both commits must exist"),
        (404, "Not Found", {}, "The job needs the permission contents: read."),
        (403, "You have exceeded a secondary rate limit.", {}, "GitHub limits the requests"),
        (403, "Slow down", {"Retry-After": "60"}, "GitHub limits the requests"),
        (422, "Odd", {}, Refused.hint),
    ],
)
def test_refusals(
    api: responses.RequestsMock, status: int, message: str, headers: dict[str, str], hint: str
) -> None:
    """A refusal names the permission, unless another cause is known."""
    url = f"{API}/compare/main...{HEAD}"
    api.add("GET", url, json={"message": message}, status=status, headers=headers)
    with pytest.raises(Refused) as caught:
        _github().find_merge_base("main", HEAD)
    assert caught.value.hint.startswith(hint)
    assert message in caught.value.message
    assert caught.value.retry_after == (60 if headers else None)
    assert is_missing(caught.value) is (status == 404)
    assert TOKEN not in caught.value.message


def test_refused_comment(api: responses.RequestsMock) -> None:
    """A refusal to write says what a read-only token is."""
    api.add("POST", f"{API}/issues/7/comments", json={"message": DENIED}, status=403)
    with pytest.raises(Refused) as caught:
        _github().create_comment(7, "Hi")
    assert caught.value.hint == (
        "The job needs the permission pull-requests: write. "
        "Tokens of pull requests from forks are read-only."
    )


def test_locked_conversation(api: responses.RequestsMock) -> None:
    """A locked conversation is not a missing permission."""
    message = "Unable to create comment because issue is locked."
    api.add("POST", f"{API}/issues/7/comments", json={"message": message}, status=403)
    with pytest.raises(Refused, match=message) as caught:
        _github().create_comment(7, "Hi")
    assert caught.value.hint == "Unlock the conversation of the pull request."


def test_too_many_requests(api: responses.RequestsMock) -> None:
    """HTTP 429 says when to try again."""
    api.add("GET", f"{API}/pulls/7", status=429, headers={"Retry-After": "3"})
    with pytest.raises(Throttled) as caught:
        _github().get_pull_request(7)
    assert caught.value.retry_after == 3


def test_moved_repository(api: responses.RequestsMock) -> None:
    """A redirect is not followed: the token must not go elsewhere."""
    headers = {"Location": "https://evil.example.com/"}
    api.add("GET", f"{API}/pulls/7", status=301, headers=headers)
    with pytest.raises(InvalidResponse, match="redirects are not followed"):
        _github().get_pull_request(7)


@pytest.mark.parametrize(
    "body", ["{}", "[]", "", '{"head": {"sha": "main"}, "state": "open"}', f'{{"head": "{HEAD}"}}']
)
def test_odd_pull_requests(api: responses.RequestsMock, body: str) -> None:
    """A response without a commit and a state is not understood."""
    api.add("GET", f"{API}/pulls/7", body=body)
    with pytest.raises(InvalidResponse):
        _github().get_pull_request(7)


@pytest.mark.parametrize("body", ["{}", "null", "[1]", '[{"id": true}]', '[{"id": -1}]', "x"])
def test_odd_comments(api: responses.RequestsMock, body: str) -> None:
    """A response without valid ids is not understood: ids become addresses."""
    api.add("GET", f"{API}/issues/7/comments", body=body)
    with pytest.raises(InvalidResponse):
        _github().list_comments(7)


def test_odd_comparison(api: responses.RequestsMock) -> None:
    """A merge base that is no commit is not understood."""
    json_ = {"merge_base_commit": {"sha": "../x"}}
    api.add("GET", f"{API}/compare/main...{HEAD}", json=json_)
    with pytest.raises(InvalidResponse, match="the comparison of two commits is not understood"):
        _github().find_merge_base("main", HEAD)


def test_time_limit(api: responses.RequestsMock) -> None:
    """Each request asks how long it may take."""
    api.add("GET", f"{API}/pulls/7", json={"head": {"sha": HEAD}, "state": "open"})
    limits = iter((0.5, 7.0))
    github = _github().within(lambda: next(limits))
    github.get_pull_request(7)
    github.get_pull_request(7)
    assert [call.request.req_kwargs["timeout"] for call in api.calls] == [(0.5, 0.5), (7.0, 7.0)]  # type: ignore[attr-defined]
