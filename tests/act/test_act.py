"""A workflow with ``uses: ./``, run by act.

What act plays differently from the runner, such as signals, state and commands, is tested in
``tests/e2e`` instead.
"""

from __future__ import annotations

from dataform_action.emulator import Emulator
from tests.act.conftest import Play
from tests.support.steps import ROOT


def test_workflow(emulator: Emulator, play: Play) -> None:
    """Later steps of a workflow see how the action ended, and its outputs."""
    played = play(ROOT / "tests/act/workflow.yml")
    assert played.results("Main")[1:] == [
        ("A run that succeeds", "success"),
        ("A run that fails", "failure"),
        ("Inputs that are missing", "failure"),
        ("What the steps left", "success"),
    ], played.log
    # As many as there are steps that ran: each one's post step, whatever became of it.
    assert [result for _, result in played.results("Post")] == ["success"] * 3
    assert played.exit_code == 0, played.log
    assert (len(emulator.runs), len(emulator.invocations)) == (1, 1)
