"""The command plan: what a terminal needs, and what it does not have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataform_action.emulator import Commit, Emulator, Repository, make_warehouse
from dataform_action.emulator.graph.sample_repository import WAREHOUSE
from tests.unit.cli.support import google, play

_ENVIRONMENT = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": "/nowhere"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    graph = json.loads(WAREHOUSE.read_text("utf-8"))
    graph["tables"] = [it for it in graph["tables"] if it["target"]["name"] != "legacy_report"]
    refs = {"main": Commit(sha="a" * 40), "feature": Commit(sha="b" * 40, graph=graph)}
    configs = make_warehouse().release_configs
    repository = Repository(graph=WAREHOUSE, refs=refs, release_configs=configs)
    with Emulator(repositories=[repository]) as emulator:
        yield emulator


def test_plan_at_a_terminal(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two refs are compared; the event of a workflow and its token play no role."""
    monkeypatch.chdir(tmp_path)
    ended = play(
        *("plan", "--head", "feature", "--base", "main", "--no-validate"),
        *("--plan-file", "plan.json", "--environment", "production"),
        environ=google(emulator, **_ENVIRONMENT, INPUT_COMMENT="true"),
    )
    assert ended.exit_code == 0, ended
    assert any("legacy_report" in line for line in ended.lines)
    assert not any(line.startswith("::") for line in ended.lines)
    document = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    assert (document["status"], document["head"]) == ("changes", "b" * 40)
    assert not any("/comments" in request.path for request in emulator.requests)


def test_commits_are_required(emulator: Emulator) -> None:
    """Without an event, both must be named; nothing is sent."""
    ended = play("plan", environ=google(emulator))
    assert ended.exit_code == 2
    assert ended.errors.splitlines()[:2] == [
        "--head is missing: set it to a commit, a branch or a tag",
        "--base is missing: set it to a commit, a branch or a tag",
    ]
    assert not emulator.requests


def test_bad_inputs(emulator: Emulator) -> None:
    """They have the names of flags."""
    ended = play("plan", "--max-bytes", "much", environ=google(emulator))
    assert ended.exit_code == 2
    assert ended.errors.startswith("--max-bytes 'much' is not a number of bytes")
