"""Repositories of the emulated GitHub: commits, branches, pull requests and comments."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

State = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request. ``fork`` is the repository of its commits; empty: that of the base."""

    number: int
    head: str
    base: str = "main"
    state: State = "open"
    fork: str = ""


@dataclass(frozen=True, slots=True)
class PullRequestComment:
    """A comment. ``author`` is a login; that of an app ends with ``[bot]``."""

    id: int
    number: int
    author: str
    body: str
    created: float = 0.0
    updated: float = 0.0


@dataclass(slots=True)
class GitHubRepository:
    """A repository: the parents of each commit, the commits of branches, and the rest by number."""

    name: str = "octo/shop"
    commits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[int, PullRequest] = field(default_factory=dict)
    comments: dict[int, PullRequestComment] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1_000_001))

    def add_commit(self, sha: str, *parents: str) -> str:
        """Add a commit after others; return it."""
        self.commits[sha] = parents
        return sha

    def set_pull_request(self, pull_request: PullRequest) -> None:
        """Create or change a pull request."""
        self.pull_requests[pull_request.number] = pull_request

    def resolve(self, name: str) -> str | None:
        """Return the commit that a branch or a commit id names."""
        commit = self.branches.get(name, name)
        return commit if commit in self.commits else None

    def history(self, commit: str) -> Mapping[str, None]:
        """Return a commit and its ancestors, the nearest first."""
        found: dict[str, None] = {}
        queue = [commit]
        while queue:
            sha = queue.pop(0)
            if sha not in found:
                found[sha] = None
                queue += self.commits.get(sha, ())
        return found

    def find_merge_base(self, base: str, head: str) -> str | None:
        """Return the best common ancestor of two commits."""
        ancestors = self.history(base)
        common = [sha for sha in self.history(head) if sha in ancestors]
        older = {other for sha in common for other in self.history(sha) if other != sha}
        return next((sha for sha in common if sha not in older), None)

    def add_comment(
        self, number: int, author: str, body: str, now: float = 0.0
    ) -> PullRequestComment:
        """Add a comment to a pull request."""
        # Ids are never used again.
        comment = PullRequestComment(next(self._ids), number, author, body, now, now)
        self.comments[comment.id] = comment
        return comment

    def update_comment(
        self, comment: PullRequestComment, body: str, now: float
    ) -> PullRequestComment:
        """Change the text of a comment."""
        self.comments[comment.id] = changed = replace(comment, body=body, updated=now)
        return changed

    def comments_of(self, number: int) -> list[PullRequestComment]:
        """Return the comments of a pull request, the oldest first."""
        return [comment for comment in self.comments.values() if comment.number == number]
