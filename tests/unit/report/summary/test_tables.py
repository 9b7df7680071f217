"""The counts and the folded tables of the job summary."""

from __future__ import annotations

from dataform_action.model import ActionState, CompiledAction
from dataform_action.report.outcome import ExitCode
from dataform_action.report.words import Mention
from tests.support.fakes import make_action
from tests.support.golden import ran
from tests.unit.report.support import make_outcome, render_nightly, said


def test_states_are_counted_where_the_message_does_not() -> None:
    """A step that ends before its run shows the counts as a fact."""
    actions = (make_action("d.a"), make_action("d.b", ActionState.RUNNING))
    assert "**Actions** ▶️ 1 running · ✅ 1 succeeded" in render_nightly(make_outcome(*actions))
    counted = said("Of 2 actions, 1 succeeded.", mentions=[Mention.COUNTS])
    assert "**Actions**" not in render_nightly(make_outcome(*actions, words=counted))


def test_what_would_run_is_counted_by_type_and_tag() -> None:
    """Disabled actions and declarations are not counted. Tags beyond 50 are a number."""
    compiled = (
        *(CompiledAction(name=f"d.a{n}", kind="view", tags=(f"t{n:02}", "z")) for n in range(51)),
        CompiledAction(name="d.b", kind="table", disabled=True, tags=("z",)),
        CompiledAction(name="d.c", kind="declaration"),
    )
    text = render_nightly(make_outcome(exit_code=ExitCode.SUCCESS, compiled=compiled))
    assert (
        "| view | 51 |\n| **Total** | **51** |\n\nNot counted: 1 disabled, 1 declaration." in text
    )
    assert "| <code>z</code> | 51 |" in text
    assert "And 2 more tags." in text
    assert "<summary>All 52 actions</summary>" in text
    alone = render_nightly(make_outcome(compiled=compiled[-1:]))
    assert "<details>" not in alone


def test_no_more_rows_than_can_be_read() -> None:
    """A table has at most 1,000 rows: failed actions first, then the slowest."""
    actions = [ran(f"d.a{n:04}", 0, n) for n in range(1500)]
    text = render_nightly(make_outcome(*actions))
    assert text.count("| ✅ succeeded |") == 1000
    assert "| <code>d.a1499</code> |" in text
    assert "<code>d.a0499</code>" not in text
    assert "500 more actions are not shown." in text
