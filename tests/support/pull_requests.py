"""A pull request of the emulator's sample repository, for plans of it."""

from __future__ import annotations

import json
from typing import Any

from dataform_action.emulator import (
    Commit,
    Emulator,
    GitHubRepository,
    PullRequest,
    Repository,
    make_warehouse,
)
from dataform_action.emulator.graph.sample_repository import WAREHOUSE

BASE, HEAD, SAME, BROKEN, MAIN = ("a" * 40, "b" * 40, "c" * 40, "d" * 40, "e" * 40)
NUMBER = 7
HOME = "OWNER/warehouse"


def _change_sample() -> dict[str, Any]:
    """Return the sample in which a view has one column less, and a table is partitioned."""
    graph: dict[str, Any] = json.loads(WAREHOUSE.read_text("utf-8"))
    tables = {table["target"]["name"]: table for table in graph["tables"]}
    tables["customers_cleaned"]["query"] = (
        "SELECT id, LOWER(email) AS email FROM `my-project.raw.accounts`"
    )
    tables["revenue"]["bigquery"] = {"partitionBy": "day"}
    return graph


def make_planned_repository(**changes: object) -> Repository:
    """Return the sample repository with a commit that changes it, and one that is broken."""
    sample = make_warehouse()
    broken = {
        "graphErrors": {
            "compilationErrors": [{"fileName": "definitions/a.sqlx", "message": "no such table"}]
        },
        "dataformCoreVersion": "3.0.0",
    }
    refs = {
        "main": Commit(sha=MAIN),
        "base": Commit(sha=BASE),
        "same": Commit(sha=SAME),
        "head": Commit(sha=HEAD, graph=_change_sample()),
        "broken": Commit(sha=BROKEN, graph=broken),
    }
    fields: dict[str, Any] = {
        "graph": WAREHOUSE,
        "release_configs": sample.release_configs,
        "refs": refs,
        "git_url": f"https://github.com/{HOME}.git",
        **changes,
    }
    return Repository(**fields)


def open_pull_request(emulator: Emulator, head: str = HEAD) -> GitHubRepository:
    """Add the repository with its commits and a pull request to GitHub."""
    github = GitHubRepository(HOME)
    emulator.github.repositories[HOME] = github
    github.add_commit(BASE)
    for commit in (MAIN, HEAD, SAME, BROKEN):
        github.add_commit(commit, BASE)
    github.branches["main"] = MAIN
    github.set_pull_request(PullRequest(NUMBER, head))
    return github


def make_payload(event: str = "pull_request", head: str = HEAD) -> dict[str, Any]:
    """Return what GitHub says about an event."""
    match event:
        case "pull_request":
            return {
                "pull_request": {
                    "number": NUMBER,
                    "head": {"sha": head, "repo": {"full_name": HOME}},
                    "base": {"sha": MAIN, "ref": "main"},
                }
            }
        case "merge_group":
            group = {"head_sha": head, "base_sha": BASE, "base_ref": "refs/heads/main"}
            return {"merge_group": group}
        case "push":
            return {"ref": "refs/heads/main", "before": BASE, "after": head}
    return {}
