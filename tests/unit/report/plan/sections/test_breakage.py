"""What BigQuery rejects: the groups, their order, and the reasons."""

from __future__ import annotations

from dataform_action.plan import Cause, Change, Check, ColumnChange, Plan, PlannedAction, Verdict
from dataform_action.report.plan.comment import render_comment
from dataform_action.report.plan.sections.breakage import because, find_breakage
from dataform_action.report.plan.words import plain_style
from tests.support.plans import include_change, make_plan, planned, reading

CAUSE = Cause("my-project.a.b", ColumnChange("c", "STRING", ""))


def invalid(
    message: str = "Unrecognized name: c", *causes: Cause, line: int | None = None
) -> Check:
    return Check(verdict=Verdict.INVALID, message=message, line=line, causes=causes)


def reason_of(action: PlannedAction) -> str:
    plan = make_plan(action)
    [found] = find_breakage(plan)
    return because(found, plain_style(plan))


def comment_of(plan: Plan) -> str:
    return render_comment(plan, run_url="")


def test_groups_and_their_order() -> None:
    """Actions with the same message and causes are one group; what nobody edited comes first."""
    plan = make_plan(
        planned("a.own", check=invalid()),
        planned("a.own_2", check=invalid(line=3)),
        reading("a.one", "a.b", check=invalid("Other")),
        reading("a.x", "a.b", check=invalid("Unrecognized name: c", CAUSE, line=1)),
        reading("a.y", "a.b", check=invalid("Unrecognized name: c", CAUSE, line=2)),
        reading("a.z", "a.b"),
    )
    found = [
        ([it.name[13:] for it in group.actions], group.edited) for group in find_breakage(plan)
    ]
    assert found == [(["x", "y"], False), (["one"], False), (["own", "own_2"], True)]


def test_reasons() -> None:
    """The reason is the changed columns, or else the upstream actions, or else the own change."""
    many = tuple(Cause(f"my-project.a.{n}") for n in range(5))
    assert reason_of(reading("d.t", "a.b", check=invalid("x", CAUSE))) == "a.b no longer has c"
    assert reason_of(reading("d.t", "a.b", check=invalid("x", *many))) == (
        "a.0 is removed; a.1 is removed; a.2 is removed; and 2 more"
    )
    assert reason_of(reading("d.t", "a.b c.d", check=invalid())) == "it reads a.b and c.d"
    assert reason_of(reading("d.t", "", check=invalid())) == ""
    assert reason_of(planned("d.t", check=invalid(), aspects=("SQL", "partitioning"))) == (
        "its SQL and partitioning changed"
    )
    assert reason_of(planned("d.t", check=invalid(), aspects=())) == "its SQL changed"
    assert reason_of(planned("d.t", Change.ADDED, check=invalid())) == "it is new"


def test_a_table_of_few_rows_has_no_fold() -> None:
    """What is wholly visible is not repeated in a fold."""
    few = make_plan(reading("d.t", "a.b", check=invalid("x", line=14)))
    text = comment_of(few)
    assert "All 1 invalid" not in text
    assert "<br>line 14 of the compiled query |" in text
    assert "<summary>All 8 invalid actions</summary>" in comment_of(include_change())


def test_many_different_errors() -> None:
    """Ten different errors are visible, and all of them are in the fold."""
    plan = make_plan(*(reading(f"d.t{n}", "a.b", check=invalid(f"Error {n}")) for n in range(40)))
    top, fold = comment_of(plan).split("<summary>All 40 invalid actions</summary>")
    assert top.count("**not edited**") == 10
    assert fold.split("</details>")[0].count("**not edited**") == 40


def test_a_message_may_be_missing() -> None:
    """An error without a message still has its row."""
    assert "| No reason is given. |" in comment_of(
        make_plan(reading("d.t", "a.b", check=invalid(" ")))
    )
