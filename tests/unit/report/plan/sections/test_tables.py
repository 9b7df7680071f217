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


def test_affected_through_many() -> None:
    """An affected action names the first upstream actions."""
    text = comment_of(make_plan(reading("a.t", "b.1 b.2 b.3 b.4", kind="view")))
    assert "| <code>b.1</code>, <code>b.2</code> and 2 more |" in text
