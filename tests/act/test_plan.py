"""A workflow with ``uses: ./plan``, run by act for the event of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataform_action.emulator import Emulator
from scripts.image import engine
from tests.act.conftest import RunWorkflow
from tests.support.pull_requests import (
    HEAD,
    HOME,
    make_payload,
    make_planned_repository,
    open_pull_request,
)
from tests.support.steps import ROOT


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """The APIs of Dataform, BigQuery and GitHub, with a pull request."""
    with Emulator(host=engine.gateway(), repositories=[make_planned_repository()]) as emulator:
        open_pull_request(emulator)
        yield emulator


def test_plan(emulator: Emulator, run_workflow: RunWorkflow) -> None:
    """Later steps have the outputs of the plan, and the pull request has its comment."""
    result = run_workflow(ROOT / "tests/act/plan.yml", payload=make_payload(), repository=HOME)
    assert result.results("Main")[1:] == [
        ("A plan", "success"),
        ("Missing inputs", "failure"),
        ("Check the outcomes and outputs", "success"),
    ], result.log
    assert result.exit_code == 0, result.log
    [comment] = emulator.github.repositories[HOME].comments.values()
    assert HEAD[:7] in comment.body
