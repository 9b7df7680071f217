"""GitHub's REST API: the merge base of two commits, pull requests and their comments.

See https://docs.github.com/rest. The token is that of a job or of the user. It is sent only to the
addresses in GITHUB_API_URL and GITHUB_GRAPHQL_URL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import copy
from types import MappingProxyType, NoneType
from urllib.parse import quote

from dataform_action.errors import InputError, Refused
from dataform_action.github.parse import (
    Comment,
    CommentPage,
    PullRequest,
    parse_comment,
    parse_login,
    parse_merge_base,
    parse_pull_request,
)
from dataform_action.transport.client import READ_SECONDS, Transport
from dataform_action.transport.response import Json
from dataform_action.validation import (
    api_url_problem,
    is_branch,
    is_commit,
    is_github_repository,
)

API_URL = "https://api.github.com"
GRAPHQL_URL = f"{API_URL}/graphql"
#: The permissions that a job gives its token, and what they are for.
READ_CONTENTS, WRITE_PULL_REQUESTS = "contents: read", "pull-requests: write"
_HEADERS = MappingProxyType(
    {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
)
_PAGE_SIZE = 100
_NEXT_PAGE = re.compile(r';\s*rel="?next"?', re.ASCII)
#: What else may be the reason for a refusal.
_MORE = MappingProxyType(
    {
        READ_CONTENTS: "Both commits must exist in this repository.",
        WRITE_PULL_REQUESTS: "Tokens of pull requests from forks are read-only.",
    }
)
#: In the messages of refusals that no permission remedies.
_RATE_LIMIT, _LOCKED = "rate limit", "is locked"


class GitHub:
    """GitHub's API, for one repository. Each call is one request.

    ``repository`` has the form ``owner/name``. ``token`` is a token or a function that returns one.
    ``on_exchange`` is called with a line on each request and its response, without secrets.

    Raises:
        InputError: ``repository`` is not valid, or an address would receive the token unencrypted.
    """

    def __init__(
        self,
        *,
        repository: str,
        token: str | Callable[[], str],
        api_url: str = API_URL,
        graphql_url: str = GRAPHQL_URL,
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        problems = [
            (name, problem)
            for name, problem in (
                ("GITHUB_API_URL", api_url_problem(api_url)),
                ("GITHUB_GRAPHQL_URL", api_url_problem(graphql_url)),
            )
            if problem
        ]
        if not is_github_repository(repository):
            problems.append(("GITHUB_REPOSITORY", "is not of the form owner/name"))
        if problems:
            raise InputError(problems)
        self._root = f"/repos/{repository}"

        def connect(url: str) -> Transport:
            return Transport(
                url.rstrip("/"),
                token if callable(token) else lambda: token,
                on_exchange=on_exchange,
                more_headers=lambda: _HEADERS,
            )

        self._rest, self._graphql = connect(api_url), connect(graphql_url)
        self._read_seconds: Callable[[], float] = lambda: READ_SECONDS

    def within(self, read_seconds: Callable[[], float]) -> GitHub:
        """Return the same API whose requests have another limit; see ``Transport.send``."""
        other = copy(self)
        other._read_seconds = read_seconds
        return other

    def find_merge_base(self, base: str, head: str) -> str:
        """Return the best common ancestor of two commits. ``base`` may be the name of a branch.

        Raises:
            ValueError: one of them is not valid in an address.
            DataformError: as ``Transport.send``; also if there is no common ancestor.
        """
        if not is_commit(head) or not (is_commit(base) or is_branch(base)):
            raise ValueError("base and head must be commits, or base a branch")
        # The response lists the changed files, and the commits page by page. One is enough.
        path = f"compare/{quote(base, safe='')}...{head}?per_page=1"
        value, _ = self._call("GET", path, READ_CONTENTS)
        return parse_merge_base(value)

    def get_pull_request(self, number: int) -> PullRequest:
        """Return the state of a pull request as it is now."""
        value, _ = self._call("GET", f"pulls/{number}", WRITE_PULL_REQUESTS)
        return parse_pull_request(value)

    def list_comments(self, number: int, page: int = 1) -> CommentPage:
        """Return some comments of a pull request, and whether there are more. The first is 1."""
        path = f"issues/{number}/comments?per_page={_PAGE_SIZE}&page={page}"
        value, headers = self._call("GET", path, WRITE_PULL_REQUESTS, expected=list)
        # The address of the next page is not used: the token must not go elsewhere.
        has_more = _NEXT_PAGE.search(headers.get("Link", "")) is not None
        return CommentPage(list(map(parse_comment, value)), has_more)

    def create_comment(self, number: int, body: str) -> Comment:
        """Add a comment to a pull request. If the response is lost, it may exist."""
        path = f"issues/{number}/comments"
        value, _ = self._call("POST", path, WRITE_PULL_REQUESTS, {"body": body})
        return parse_comment(value)

    def update_comment(self, comment_id: int, body: str) -> Comment:
        """Replace the text of a comment."""
        path = f"issues/comments/{comment_id}"
        value, _ = self._call("PATCH", path, WRITE_PULL_REQUESTS, {"body": body})
        return parse_comment(value)

    def delete_comment(self, comment_id: int) -> None:
        """Delete a comment."""
        path = f"issues/comments/{comment_id}"
        self._call("DELETE", path, WRITE_PULL_REQUESTS, expected=NoneType)

    def get_login(self) -> str:
        """Return the login of the token's owner, such as ``github-actions[bot]``.

        The REST API does not tell it the token of a job, so this is a request of the GraphQL API.
        """
        query = {"query": "query { viewer { login } }"}
        value = self._graphql.send("POST", "", query, read_seconds=self._read_seconds())
        return parse_login(value)

    def _call(
        self, method: str, path: str, permission: str, body: Json = None, expected: type = dict
    ) -> tuple[Json, Mapping[str, str]]:
        """Make a request about the repository. If it is refused, name the ``permission``."""
        try:
            return self._rest.exchange(
                method,
                f"{self._root}/{path}",
                body,
                expected,
                read_seconds=self._read_seconds(),
                creates=method == "POST",
            )
        except Refused as error:
            error.hint = _hint_for(error, permission)
            raise


def connect_github(
    environ: Mapping[str, str],
    token: str | Callable[[], str],
    on_exchange: Callable[[str], object] | None = None,
) -> GitHub:
    """Return the API of the server on which this workflow runs, for its repository.

    Raises:
        InputError: as ``GitHub``.
    """
    return GitHub(
        repository=environ.get("GITHUB_REPOSITORY", ""),
        token=token,
        api_url=environ.get("GITHUB_API_URL") or API_URL,
        graphql_url=environ.get("GITHUB_GRAPHQL_URL") or GRAPHQL_URL,
        on_exchange=on_exchange,
    )


def is_missing(error: Exception) -> bool:
    """Tell whether something does not exist, or the token may not see it."""
    return isinstance(error, Refused) and error.status in (404, 410)


def _hint_for(error: Refused, permission: str) -> str:
    """Return what to do about a refusal."""
    if error.status == 401:
        return "GitHub did not accept the token: check the input github-token."
    if error.retry_after is not None or _RATE_LIMIT in error.detail.lower():
        return "GitHub limits the requests of this token: try again later."
    if _LOCKED in error.detail.lower():
        return "Unlock the conversation of the pull request."
    if error.status in (403, 404):
        return f"The job needs the permission {permission}. {_MORE[permission]}"
    return error.hint
