"""The tables of a plan: order, columns, folds, reasons."""

from __future__ import annotations

from dataform_action.plan import Change, Check, Column, ColumnChange, Plan, Verdict
from dataform_action.report.plan.comment import render_comment
from dataform_action.report.plan.sections.tables import importance
from tests.support.plans import FILES_URL, make_plan, planned, reading


def comment_of(plan: Plan) -> str:
    return render_comment(plan, run_url="")


def row_of(text: str, name: str) -> str:
    [line] = [line for line in text.splitlines() if f"<code>{name}</code>" in line and "|" in line]
    return line.replace(f"[<code>{name}</code>](<{FILES_URL}/definitions/a/{name[2:]}.sqlx>)", name)


def unchecked(message: str) -> Check:
    return Check(verdict=Verdict.NOT_CHECKED, message=message)


def test_order_of_importance() -> None:
    """Invalid, full refresh, lost columns, the size of the change, and then the name."""
    lost, new = (ColumnChange("c", "INT64", ""),), (ColumnChange("c", "", "INT64"),)
    actions = [
        planned("a.6", before=1, after=1),
        planned("a.7", before=9, after=None),
        planned("a.5", before=9, after=2, columns=new),
        planned("a.4", before=1, after=9, columns=new),
        planned("a.3", columns=lost),
        planned("a.2", full_refresh="its type changed"),
        planned("a.1", check=Check(verdict=Verdict.INVALID)),
    ]
    assert [action.name[-1] for action in sorted(actions, key=importance)] == list("1234567")


def test_cells_of_changed_and_added_actions() -> None:
    """A row says what changed, the columns and the sizes; what is not known is unknown."""
    columns = tuple(ColumnChange(f"c{n}", "", "INT64") for n in range(6))
    text = comment_of(
        make_plan(
            planned("a.many", columns=columns, before=1, after=2),
            planned("a.same", before=1, after=1),
            planned("a.hidden", columns=None, check=unchecked("No permission.")),
            planned("a.new", Change.ADDED, after=3, schema=(Column("a", "INT64"),)),
            planned("a.newer", Change.ADDED, kind="view", full_refresh=""),
        )
    )
    code = [f"+ <code>c{n}</code> INT64" for n in range(4)]
    sizes = "1&nbsp;GiB&nbsp;→&nbsp;2&nbsp;GiB"
    assert row_of(text, "a.many") == (
        f"| ✏️ | a.many | table: SQL | {'<br>'.join(code)}<br>2 more | {sizes} |"
    )
    assert row_of(text, "a.same") == "| ✏️ | a.same | table: SQL | the&nbsp;same | 1&nbsp;GiB |"
    assert "| unknown | unknown |" in text
    assert row_of(text, "a.new") == "| ➕ | a.new | new table | 1 column | 3&nbsp;GiB |"
    assert row_of(text, "a.newer") == "| ➕ | a.newer | new view | unknown | unknown |"


def test_fifteen_rows_are_open_and_of_more_the_first_ten() -> None:
    """Up to fifteen rows are visible; of more, ten are, and the others are folded."""

    def shown(count: int) -> tuple[int, int]:
        text = comment_of(make_plan(*(planned(f"a.t{n}") for n in range(count))))
        top, _, fold = text.partition("<details>")
        return top.count("| ✏️"), fold.count("| ✏️")

    assert shown(15) == (15, 0)
    assert shown(16) == (10, 6)
    assert shown(90) == (10, 60)


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


def test_affected_through_many() -> None:
    """An affected action names the first upstream actions."""
    text = comment_of(make_plan(reading("a.t", "b.1 b.2 b.3 b.4", kind="view")))
    assert "| <code>b.1</code>, <code>b.2</code> and 2 more |" in text


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
