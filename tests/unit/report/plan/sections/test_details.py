"""The smaller parts of a plan: full refreshes, removals, reasons, differences in production."""

from __future__ import annotations

from dataform_action.plan import Change, Check, ColumnChange, Plan, Verdict
from dataform_action.report.plan.comment import render_comment
from tests.support.plans import make_plan, planned, reading


def comment_of(plan: Plan) -> str:
    return render_comment(plan, run_url="")


def unchecked(message: str) -> Check:
    return Check(verdict=Verdict.NOT_CHECKED, message=message)


def test_full_refreshes_by_reason() -> None:
    """Tables with the same reason share a line, and only three reasons have one."""
    actions = [planned(f"a.t{n}", full_refresh=f"reason {n % 5}") for n in range(9)]
    text = comment_of(make_plan(*actions))
    assert "⚠️ <code>a.t0</code> and <code>a.t5</code> need a full refresh: reason 0.\n" in text
    assert "⚠️ More full refreshes are needed, for 2 other reasons." in text
    one = comment_of(make_plan(planned("a.t", full_refresh="its type changed")))
    assert "⚠️ <code>a.t</code> needs a full refresh: its type changed.\n" in one


def test_removed_actions_stay_in_bigquery() -> None:
    """What is removed is listed, with what Dataform does not do."""
    plan = make_plan(*(planned(f"a.t{n}", Change.REMOVED) for n in range(12)))
    text = comment_of(plan)
    assert " and 2 more. Dataform does not drop them: they stay in BigQuery." in text


def test_declarations() -> None:
    """Sources that are declared or no longer declared are listed."""
    plan = make_plan(
        declarations_added=("my-project.r.a", "other.r.b"), declarations_removed=("my-project.r.c",)
    )
    text = comment_of(plan)
    assert "Newly declared sources: <code>r.a</code> and <code>other.r.b</code>.\n" in text
    assert "Sources that are no longer declared: <code>r.c</code>.\n" in text


def test_not_checked_by_reason() -> None:
    """Reasons have their counts, the most frequent first."""
    plan = make_plan(
        planned("a.x", check=unchecked("No permission.")),
        planned("a.y", kind="operation", check=unchecked("It is a script.")),
        reading("a.z", "a.x", check=unchecked("It is a script.")),
    )
    text = comment_of(plan)
    assert "<summary><b>3 not checked</b>, for 2 reasons</summary>" in text
    assert text.index("| It is a script. | 2 |") < text.index("| No permission. | 1 |")
    one = comment_of(make_plan(planned("a.x", check=unchecked("No permission."))))
    assert "<summary><b>1 not checked</b>: No permission.</summary>" in one


def test_drift() -> None:
    """Tables that differ in production are in a fold of their own."""
    plan = make_plan(planned("a.t", drift=(ColumnChange("c", "", "INT64"),)))
    text = comment_of(plan)
    assert "<summary><b>Production differs from the base</b> in the columns of 1 table" in text
    assert "| <code>a.t</code> | + <code>c</code> INT64 |" in text


def test_metadata() -> None:
    """Actions that build the same are folded, with what differs."""
    plan = make_plan(*(planned(f"a.{n}", Change.METADATA, aspects=("tags",)) for n in "xy"))
    text = comment_of(plan)
    assert "<summary><b>2 actions build the same</b>: only files, tags" in text
    assert "| <code>a.x</code> | <code>tags</code> |" in text
