"""The SQL changes: which are shown, how often, and how much of them."""

from __future__ import annotations

from dataform_action.report.plan.comment import render_comment
from dataform_action.report.plan.sections.diffs import find_sql_changes
from tests.support.github_markdown import read_page
from tests.support.plans import make_plan, planned

CUT = "\\ This diff is omitted, because the diffs of the plan are too long."


def comment_of(*diffs: str) -> str:
    plan = make_plan(*(planned(f"a.t{n}", diff=diff) for n, diff in enumerate(diffs)))
    return render_comment(plan, run_url="")


def test_the_same_lines_are_one_change() -> None:
    """Diffs that differ in positions and context alone are one change; the largest comes first."""
    plan = make_plan(
        planned("a.x", diff="@@ -1 +1 @@\n-a\n+b"),
        planned("a.y", diff="@@ -1 +1 @@\n-a\n+c"),
        planned("a.z", diff="@@ -7,2 +7,2 @@\n q\n-a\n+c\n"),
        planned("a.w"),
    )
    found = [
        (change.added, change.removed, len(change.actions)) for change in find_sql_changes(plan)
    ]
    assert found == [(1, 1, 2), (1, 1, 1)]


def test_short_changes_are_open_and_long_ones_are_folded() -> None:
    """Fewer than ten lines are visible; more are in a fold with the sums."""
    assert "#### Changes in detail (+1 −1)\n" in comment_of("@@ -1 +1 @@\n-a\n+b")
    long = "@@ -1,9 +1,9 @@\n" + "+a\n" * 9
    assert "<summary><b>Changes in detail (+9 −0)</b></summary>" in comment_of(long)


def test_a_long_change_is_cut_and_said() -> None:
    """A diff of more lines than fit says how many are missing."""
    text = comment_of("@@ -1 +1,100 @@\n" + "".join(f"+line {n}\n" for n in range(100)))
    [block] = read_page(text).code_blocks("diff")
    assert len(block.splitlines()) == 60
    assert "41 more lines of this change are not shown." in text


def test_many_changes_are_cut_and_said() -> None:
    """A comment has the first changes, and the number of the others."""
    text = comment_of(*(f"@@ -1 +1 @@\n-a\n+b{n}" for n in range(50)))
    assert text.count("```diff") == 30
    assert "20 more changes are not shown." in text


def test_omitted_diffs_are_not_the_same_change() -> None:
    """Diffs that are omitted are listed together, without a claim that they are equal."""
    text = comment_of(CUT, CUT)
    assert "\n2 actions: <code>a.t0</code> and <code>a.t1</code>\n" in text
    assert "same change" not in text


def test_fences_survive_backticks() -> None:
    """SQL with backticks, fences and HTML stays in its block."""
    text = comment_of("@@ -1 +1 @@\n-`a`\n+```\n+~~~~\n+</details><b>\n+" + "`" * 9)
    page = read_page(text)
    [block] = page.code_blocks("diff")
    assert "+```\n+~~~~\n+</details><b>\n+`````````\n" in block
    assert "b" not in page.elements


def test_long_lines_are_cut() -> None:
    """A line keeps its sign, and its end is cut: a wrapped line would look like context."""
    [block] = read_page(comment_of("@@ -1 +1 @@\n-a\n+" + "x" * 5000)).code_blocks("diff")
    lines = block.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("+xxx")
    assert lines[2].endswith("x…")
    assert len(lines[2]) == 300
