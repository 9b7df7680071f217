"""Parses the responses of GitHub's API. Text in them may come from anyone."""

from __future__ import annotations

from typing import Any, NamedTuple

from dataform_action.errors import InvalidResponse
from dataform_action.transport.json_values import value_at
from dataform_action.validation import is_commit, is_link

_Json = Any


class PullRequest(NamedTuple):
    """The state of a pull request. ``head`` is its last commit."""

    head: str
    is_open: bool


class Comment(NamedTuple):
    """A comment on a pull request. ``author`` is a login. ``url`` is empty if it is not safe."""

    id: int
    url: str
    author: str
    is_bot: bool
    body: str


class CommentPage(NamedTuple):
    """Some comments of a pull request, and whether there are more."""

    comments: list[Comment]
    has_more: bool


def parse_merge_base(value: _Json) -> str:
    """Return the common ancestor in the comparison of two commits."""
    found = value_at(value, "merge_base_commit.sha")
    if not isinstance(found, str) or not is_commit(found):
        raise _not_understood("the comparison of two commits")
    return found


def parse_pull_request(value: _Json) -> PullRequest:
    """Return a pull request."""
    head, state = value_at(value, "head.sha"), value_at(value, "state")
    if not isinstance(head, str) or not is_commit(head) or not isinstance(state, str):
        raise _not_understood("the pull request")
    return PullRequest(head, state == "open")


def parse_comment(value: _Json) -> Comment:
    """Return a comment. The user who wrote it may be deleted."""
    comment_id, body = value_at(value, "id"), value_at(value, "body")
    url, author = value_at(value, "html_url"), value_at(value, "user.login")
    if not isinstance(comment_id, int) or isinstance(comment_id, bool) or comment_id <= 0:
        raise _not_understood("a comment")
    return Comment(
        id=comment_id,
        url=url if isinstance(url, str) and is_link(url) else "",
        author=author if isinstance(author, str) else "",
        is_bot=value_at(value, "user.type") == "Bot",
        body=body if isinstance(body, str) else "",
    )


def parse_login(value: _Json) -> str:
    """Return the login of the token's owner."""
    login = value_at(value, "data.viewer.login")
    if not isinstance(login, str) or not login:
        raise _not_understood("the owner of the token")
    return login


def _not_understood(what: str) -> InvalidResponse:
    return InvalidResponse(f"GitHub's response about {what} is not understood.")
