"""A workflow whose steps fail, run by act.

Signals, state and commands differ between act and the runner: ``tests/e2e`` tests them instead.
"""

from __future__ import annotations

from dataform_action.emulator import Emulator
from tests.act.conftest import RunWorkflow
from tests.support.steps import ROOT


def test_workflow(emulator: Emulator, run_workflow: RunWorkflow) -> None:
    """Later steps have the outcome and the outputs of a failed step, and can continue."""
    result = run_workflow(ROOT / "tests/act/workflow.yml")
    assert result.results("Main")[1:] == [
        ("A run that fails", "failure"),
        ("A run without inputs", "failure"),
        ("A plan without inputs", "failure"),
        ("Check the outcomes and outputs", "success"),
    ], result.log
    # Each run has a post step, independent of its outcome.
    assert [outcome for _, outcome in result.results("Post")] == ["success"] * 2
    assert result.exit_code == 0, result.log
    assert (len(emulator.runs), len(emulator.invocations)) == (0, 1)
