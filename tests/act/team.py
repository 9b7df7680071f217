"""A team that keeps a Dataform project on GitHub, and the workflow that it copied from the pages.

The project is the example, in a Git repository of its own. act plays the events of GitHub in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataform_action.emulator import Emulator, GitHubRepository, PullRequest, Request
from scripts.workflows.snippets import read_snippets
from tests.act.conftest import PLAN, Act, WorkflowResult, run_event
from tests.emulator.google.support import Warehouse
from tests.emulator.local.support import commit, git
from tests.support.steps import ROOT

HOME = "OWNER/warehouse"
#: The complete workflow on the pages.
_SNIPPET = "plan-1"
_PLACE = {"token": "${{ secrets.DATAFORM_TOKEN }}", "api-url": "${{ vars.API_URL }}"}
_WITH_PLAN = {"bigquery-url": "${{ vars.API_URL }}"}


@dataclass(frozen=True)
class Played:
    """What an event of GitHub led to: ``compiled`` are the commits that were compiled."""

    commit: str
    compiled: set[str]
    workflow: WorkflowResult
    requests: list[Request]
    comments: list[tuple[int, str]]

    @property
    def writes(self) -> list[Request]:
        """The requests other than GET."""
        return [request for request in self.requests if request.method != "GET"]


@dataclass
class Team:
    """A checkout of the team's repository, with act and the emulated APIs."""

    checkout: Path
    action: Path
    act: Act
    emulator: Emulator

    def __post_init__(self) -> None:
        """Push the branch main to GitHub."""
        self.github = GitHubRepository(HOME)
        self.emulator.github.repositories[HOME] = self.github
        self._publish()
        self.github.branches["main"] = self.head

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return git(self.checkout, "rev-parse", "HEAD")

    def propose(self, number: int, changes: Mapping[str, tuple[str, str]]) -> Played:
        """Push changes of files to a pull request. Its first push opens it."""
        branch = f"change-{number}"
        if number in self.github.pull_requests:
            action, switch = "synchronize", [branch]
        else:
            action, switch = "opened", ["--create", branch, "main"]
        git(self.checkout, "switch", "--quiet", *switch)
        self._commit(changes)
        self.github.set_pull_request(PullRequest(number, self.head))
        return self._play("pull_request", self._pull_request(number, branch, action))

    def merge(self, number: int) -> Played:
        """Merge a pull request, which pushes the branch main."""
        git(self.checkout, "switch", "--quiet", "main")
        git(self.checkout, "merge", "--quiet", "--no-ff", "--no-edit", f"change-{number}")
        return self._push()

    def _commit(self, changes: Mapping[str, tuple[str, str]]) -> None:
        files = {}
        for name, (old, new) in changes.items():
            text = Path(self.checkout, name).read_text("utf-8")
            assert text.count(old) == 1, name
            files[name] = text.replace(old, new)
        commit(self.checkout, files)
        self._publish()

    def _publish(self) -> None:
        """Add the commit that is checked out to GitHub."""
        for line in git(self.checkout, "rev-list", "--parents", "HEAD").splitlines():
            self.github.add_commit(*line.split())

    def _push(self) -> Played:
        self._publish()
        before, self.github.branches["main"] = self.github.branches["main"], self.head
        payload = {"ref": "refs/heads/main", "before": before, "after": self.head}
        return self._play("push", payload)

    def _pull_request(self, number: int, branch: str, action: str) -> dict[str, Any]:
        repository = {"repo": {"full_name": HOME}}
        sides = {
            "head": {"ref": branch, "sha": self.head, **repository},
            "base": {"ref": "main", "sha": self.github.branches["main"], **repository},
        }
        return {"action": action, "number": number, "pull_request": {"number": number, **sides}}

    def _play(self, event: str, payload: Mapping[str, Any]) -> Played:
        before, first = self._compilations(), len(self.emulator.requests)
        used = f"OWNER/dataform-action@v1={self.action}"
        result = run_event(
            self.act, self.checkout, self.emulator, event, payload, "--local-repository", used
        )
        requests = self.emulator.requests[first:]
        compiled = {sha for name, sha in self._compilations().items() if name not in before}
        comments = [(one.number, one.body) for one in self.github.comments.values()]
        return Played(self.head, compiled, result, requests, comments)

    def _compilations(self) -> dict[str, str]:
        """Return the commit of each compilation result by its name."""
        dataform = Warehouse(self.emulator.url, self.emulator.token)
        with closing(dataform.connection):
            found = dataform.data("GET", "/compilationResults?pageSize=1000")["compilationResults"]
        return {one["name"]: one["resolvedGitCommitSha"] for one in found}


def make_checkout(folder: Path) -> Path:
    """Make the team's Git repository, with the example and the workflow."""
    shutil.copytree(ROOT / "examples" / "warehouse", folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "remote", "add", "origin", f"https://github.com/{HOME}.git")
    commit(folder, {".github/workflows/dataform.yml": _read_workflow()})
    return folder


def _read_workflow() -> str:
    """Return the complete workflow on the pages, without the sign-in, and with the emulator."""
    [text] = [snippet.text for snippet in read_snippets() if snippet.name == _SNIPPET]
    workflow = yaml.safe_load(text)
    # YAML 1.1 reads the key "on" as true.
    workflow["on"] = workflow.pop(True)
    for job in workflow["jobs"].values():
        job["steps"] = [step for step in job["steps"] if "/auth@" not in step["uses"]]
        for step in job["steps"]:
            if step["uses"].startswith("OWNER/dataform-action"):
                more = _WITH_PLAN if step["uses"].startswith(PLAN) else {"poll-interval": "1"}
                step["with"] |= _PLACE | more
    return yaml.safe_dump(workflow, sort_keys=False)
