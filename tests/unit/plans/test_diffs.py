"""The diffs of changed and added actions, and their limits."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from dataform_action.graph import GraphAction
from dataform_action.plans import diffs
from dataform_action.plans.aspects import changed_parts, parts_of_new
from dataform_action.plans.diffs import Differ
from tests.unit.plans.support import action


def diff(base: GraphAction | None, head: GraphAction, differ: Differ | None = None) -> str:
    """Return the diff of two versions of an action, or of a new one."""
    parts = parts_of_new(head) if base is None else changed_parts(base, head)
    return (differ or Differ()).diff(parts)


def test_only_the_changed_lines_and_a_few_around() -> None:
    """A hunk has the lines of both versions, three lines around, and the name of the part."""
    old = [f"line {number}" for number in range(1, 21)]
    new = [*old[:9], "new", *old[10:]]
    text = diff(action("a", query="\n".join(old)), action("a", query="\n".join(new)))
    assert text.split("\n") == [
        "@@ -7,7 +7,7 @@ SQL",
        *(" line 7", " line 8", " line 9"),
        *("-line 10", "+new"),
        *(" line 11", " line 12", " line 13"),
    ]


def test_each_part_has_hunks() -> None:
    """Settings are shown as texts, and several statements are separated."""
    base = action("a", partition="date(x)", pre_operations=("a", "b"))
    head = action("a", clusters=("id",), settings=(("expiry", "7"),), pre_operations=("a\nb",))
    assert diff(base, head).split("\n") == [
        "@@ -1,3 +1,2 @@ operations before",
        *(" a", "----", " b"),
        *("@@ -1 +0,0 @@ partitioning", "-date(x)"),
        *("@@ -0,0 +1 @@ clustering", "+id"),
        *("@@ -0,0 +1 @@ options", "+expiry: 7"),
    ]


def test_the_same_edit_is_shown_once() -> None:
    """If the incremental SQL differs in the same lines, it is not shown again."""
    kind = "incremental table"
    base = action("a", kind=kind, query="select 1\nfrom x", incremental_query="select 1\nfrom y")
    head = action("a", kind=kind, query="select 2\nfrom x", incremental_query="select 2\nfrom y")
    text = diff(base, head)
    assert text.split("\n") == ["@@ -1,2 +1,2 @@ SQL", "-select 1", "+select 2", " from x"]


def test_a_new_action_is_shown_whole() -> None:
    """The diff of a new action has its SQL and its settings."""
    text = diff(None, action("a", query="select 1\nfrom x", partition="at"))
    sql = ["@@ -0,0 +1,2 @@ SQL", "+select 1", "+from x"]
    assert text.split("\n") == [*sql, "@@ -0,0 +1 @@ partitioning", "+at"]


def test_the_line_ends_of_a_checkout_are_not_shown() -> None:
    """CR LF is shown as LF."""
    text = diff(action("a", query="a\r\nb"), action("a", query="a\r\nc\r\n"))
    assert text.split("\n") == ["@@ -1,2 +1,2 @@ SQL", " a", "-b", "+c"]


def test_a_long_diff_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diff ends with the number of lines that are not shown. A long line is cut as well."""
    monkeypatch.setattr(diffs, "_LONGEST_DIFF", 1_200)
    query = "\n".join(["x" * 5_000, *map(str, range(300))])
    header, first, *_, last = diff(None, action("a", query=query)).split("\n")
    assert header == "@@ -0,0 +1,301 @@ SQL"
    assert len(first) <= 1_001
    assert last.startswith("\\ ")
    assert last.endswith(" more lines are not shown.")


def test_one_line_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text about one line is in the singular."""
    monkeypatch.setattr(diffs, "_LONGEST_LINE", 10)
    monkeypatch.setattr(diffs, "_LONGEST_DIFF", 32)
    text = diff(None, action("a", query="a\nb\nccccc"))
    assert text.split("\n")[-1] == "\\ 1 more line is not shown."


@pytest.mark.parametrize("length", [300, 5_000, 2_000_000])
def test_the_end_of_a_long_line(length: int) -> None:
    """Two long lines are shown from shortly before their difference, so that it is not cut."""
    start = "SELECT " + "x, " * (length // 3)
    text = diff(action("a", query=f"{start}old"), action("a", query=f"{start}new"))
    assert text.split("\n") == [
        "@@ -1 +1 @@ SQL",
        *(f"{sign}…{start[-40:]}{end}" for sign, end in (("-", "old"), ("+", "new"))),
    ]


def test_all_diffs_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the diffs are too long together, each of the others says that it is omitted."""
    monkeypatch.setattr(diffs, "_LONGEST_TOTAL", 2_000)
    differ = Differ()
    new = [diff(None, action(name, query="x" * 600), differ) for name in "abcd"]
    assert [len(text) > 600 for text in new] == [True, True, False, False]
    assert new[-1] == "\\ This diff is omitted, because the diffs of the plan are too long."
    assert diff(action("a"), action("a"), differ) == ""


def test_hostile_texts() -> None:
    """Texts for which the search for equal lines is slow are shown as replaced."""
    old = "\n".join(str(number % 97) for number in range(50_000))
    new = "\n".join(str(number % 89) for number in range(50_000))
    started = time.process_time()
    text = diff(action("a", query=old), action("a", query=new))
    assert time.process_time() - started < 10
    assert "more lines are not shown" in text


LINES = st.lists(st.sampled_from("abc"), max_size=12)


@given(LINES, LINES, st.booleans())
def test_the_diff_leads_from_one_text_to_the_other(
    old: list[str], new: list[str], limited: bool
) -> None:
    """The hunks, applied to the old lines, give the new ones, also without a search."""
    differ = Differ()
    if limited:
        differ._pairs = 0
    old, new = ["x", *old], ["x", *new]
    base, head = action("a", query="\n".join(old)), action("a", query="\n".join(new))
    assert apply(old, diff(base, head, differ)) == new


def apply(old: list[str], text: str) -> list[str]:
    """Apply a unified diff to lines."""
    result: list[str] = []
    at = 0
    for line in text.split("\n") if text else ():
        if line.startswith("@@"):
            first, _, count = line.split()[1][1:].partition(",")
            start = int(first) - (count != "0")
            result += old[at:start]
            at = start
        elif line[0] in " -":
            assert old[at] == line[1:]
            at += 1
        if line[0] in " +":
            result.append(line[1:])
    return result + old[at:]
