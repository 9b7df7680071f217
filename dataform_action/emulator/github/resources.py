"""Resources as GitHub's REST API renders them.

https://docs.github.com/rest. A user, a comment and a comparison have all required fields. Of a pull
request and its repository, the fields that clients use most are there.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1

from dataform_action.emulator.github.repository import (
    GitHubRepository,
    PullRequest,
    PullRequestComment,
)

_BOT = "[bot]"
_USER_PAGES = (
    *("followers", "following{/other_user}", "gists{/gist_id}", "starred{/owner}{/repo}"),
    *("subscriptions", "orgs", "repos", "events{/privacy}", "received_events"),
)
_NAMES = {"orgs": "organizations_url"}


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders the resources of a repository. ``origin`` is the address of the server."""

    origin: str
    repository: GitHubRepository

    @property
    def _api(self) -> str:
        return f"{self.origin}/api/v3/repos/{self.repository.name}"

    @property
    def _page(self) -> str:
        return f"{self.origin}/{self.repository.name}"

    @property
    def _owner(self) -> str:
        return self.repository.name.partition("/")[0]

    def user(self, login: str) -> dict[str, object]:
        """Render a user or a bot."""
        url = f"{self.origin}/api/v3/users/{login}"
        pages = {
            _NAMES.get(page, f"{page.partition('{')[0]}_url"): f"{url}/{page}"
            for page in _USER_PAGES
        }
        return {
            "login": login,
            "id": int(sha1(login.encode(), usedforsecurity=False).hexdigest()[:6], 16),
            "node_id": f"U_{login}",
            "avatar_url": f"{self.origin}/avatars/{login}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.origin}/{login}",
            **pages,
            "type": "Bot" if login.endswith(_BOT) else "User",
            "site_admin": False,
        }

    def comment(self, comment: PullRequestComment) -> dict[str, object]:
        """Render a comment."""
        page = f"{self._page}/pull/{comment.number}#issuecomment-{comment.id}"
        return {
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "url": f"{self._api}/issues/comments/{comment.id}",
            "html_url": page,
            "issue_url": f"{self._api}/issues/{comment.number}",
            "body": comment.body,
            "user": self.user(comment.author),
            "created_at": _time(comment.created),
            "updated_at": _time(comment.updated),
            "author_association": "NONE",
        }

    def pull_request(self, pull_request: PullRequest) -> dict[str, object]:
        """Render the state of a pull request."""
        base = self.repository.branches.get(pull_request.base, "")
        source = pull_request.fork or self.repository.name
        return {
            "number": pull_request.number,
            "state": pull_request.state,
            "title": f"Change {pull_request.number}",
            "html_url": f"{self._page}/pull/{pull_request.number}",
            "draft": False,
            "merged": False,
            "user": self.user(self._owner),
            "head": _side(f"change-{pull_request.number}", pull_request.head, source),
            "base": _side(pull_request.base, base, self.repository.name),
        }

    def comparison(
        self, names: str, base: str, head: str, merge_base: str, commits: Sequence[str]
    ) -> dict[str, object]:
        """Render the comparison of two commits, with some of the commits between them."""
        ahead = len(set(self.repository.history(head)) - set(self.repository.history(base)))
        behind = len(set(self.repository.history(base)) - set(self.repository.history(head)))
        page = f"{self._page}/compare/{names}"
        state = "diverged" if ahead and behind else "ahead" if ahead else "behind"
        return {
            "url": f"{self._api}/compare/{names}",
            "html_url": page,
            "permalink_url": f"{self._page}/compare/{base}...{head}",
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": self._commit(base),
            "merge_base_commit": self._commit(merge_base),
            "status": state if ahead or behind else "identical",
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": [self._commit(sha) for sha in commits],
            "files": [],
        }

    def _commit(self, sha: str) -> dict[str, object]:
        url = f"{self._api}/commits/{sha}"
        person = {"name": "A", "email": "a@example.com", "date": _time(0)}
        tree = {"sha": sha, "url": f"{self._api}/git/trees/{sha}"}
        return {
            "url": url,
            "sha": sha,
            "node_id": f"C_{sha}",
            "html_url": f"{self._page}/commit/{sha}",
            "comments_url": f"{url}/comments",
            "commit": {
                "url": f"{self._api}/git/commits/{sha}",
                "author": person,
                "committer": person,
                "message": f"Commit {sha[:7]}",
                "comment_count": 0,
                "tree": tree,
            },
            "author": self.user(self._owner),
            "committer": self.user(self._owner),
            "parents": [
                {"sha": parent, "url": f"{self._api}/commits/{parent}"}
                for parent in self.repository.commits[sha]
            ],
        }


def _side(ref: str, sha: str, repository: str) -> dict[str, object]:
    owner = repository.partition("/")[0]
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "repo": {"full_name": repository, "name": repository.partition("/")[2]},
    }


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
