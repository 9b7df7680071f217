"""The words about a plan: sizes, columns, causes, lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataform_action.graph import GraphAction
from dataform_action.plan import Cause, Change, ColumnChange, PlannedAction, Scan
from dataform_action.report.plan.words import (
    Scans,
    difference,
    limit_size,
    linked,
    listed,
    markdown_style,
    other_scans,
    plain_style,
    scan_of_edited,
    scans_of,
    shortener,
    show_cause,
    show_column,
    size,
    size_change,
)
from tests.support.plans import GIB, make_plan, planned, reading

PLAIN = plain_style(make_plan())
_STRUCT = f"STRUCT<{', '.join(f'field_{n} STRING' for n in range(20))}>"


@pytest.mark.parametrize(
    ("scan", "text"),
    [
        (None, "unknown"),
        (Scan(None), "unknown"),
        (Scan(None, at_least=True), "unknown"),
        (Scan(0), "0 B"),
        (Scan(0, at_least=True), "≥ 0 B"),
        (Scan(52 * GIB), "52 GiB"),
        (Scan(52 * GIB, at_least=True), "≥ 52 GiB"),
    ],
)
def test_unknown_is_not_zero(scan: Scan | None, text: str) -> None:
    """A size that is not known is unknown, and one that may be larger has a sign."""
    assert size(scan) == text


@pytest.mark.parametrize(
    ("change", "before", "after", "text"),
    [
        (Change.CHANGED, 1, 2, "1 GiB → 2 GiB"),
        (Change.CHANGED, 2, 2, "2 GiB"),
        (Change.CHANGED, None, 2, "unknown → 2 GiB"),
        (Change.CHANGED, 1, None, "1 GiB → unknown"),
        (Change.CHANGED, None, None, "unknown"),
        (Change.ADDED, None, 2, "2 GiB"),
        (Change.AFFECTED, 1, 1, "1 GiB"),
    ],
)
def test_sizes_before_and_after(
    change: Change, before: float | None, after: float | None, text: str
) -> None:
    """Two sizes have an arrow, unless they are equal or the action is new."""
    assert size_change(planned("a.b", change, before=before, after=after)) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (Scan(GIB), Scan(3 * GIB), "+2 GiB"),
        (Scan(3 * GIB), Scan(GIB), "−2 GiB"),
        (Scan(GIB), Scan(3 * GIB, at_least=True), "+2 GiB or more"),
        (Scan(3 * GIB), Scan(GIB, at_least=True), ""),
        (Scan(GIB, at_least=True), Scan(3 * GIB), ""),
        (Scan(GIB), Scan(GIB), ""),
        (Scan(None), Scan(GIB), ""),
        (Scan(GIB), Scan(None), ""),
    ],
)
def test_difference_is_said_only_if_it_is_known(before: Scan, after: Scan, text: str) -> None:
    """A lower bound before, or after a decrease, says nothing about the difference."""
    assert difference(before, after) == text


@pytest.mark.parametrize(
    ("count", "limit", "text"),
    [
        (282_930_970_624, 200 * 10**9, "282.9 GB"),
        (200 * 10**9, 200 * 10**9, "200 GB"),
        (0, 10**6, "0 B"),
        (3 * 10**18, 10**12, "3,000 PB"),
        (300 * GIB, 200 * GIB, "300 GiB"),
        (300 * GIB, 1024 * 1000, "300 GiB"),
        (300 * GIB, 12_345, "300 GiB"),
    ],
)
def test_unit_of_a_limit(count: int, limit: int, text: str) -> None:
    """A size beside a limit in GB is in GB, and one beside a limit in GiB is in GiB."""
    if limit == 1024 * 1000:
        text = "322.1 GB"
    assert limit_size(count, limit) == text


@pytest.mark.parametrize(
    ("change", "column", "cause"),
    [
        (ColumnChange("c", "STRING", ""), "− c STRING", "d.t no longer has c"),
        (ColumnChange("c", "", "STRING"), "+ c STRING", "d.t now has c"),
        (
            ColumnChange("c", "INT64", "NUMERIC"),
            "c INT64 → NUMERIC",
            "c of d.t is now NUMERIC instead of INT64",
        ),
    ],
)
def test_columns_and_causes(change: ColumnChange, column: str, cause: str) -> None:
    """A column is removed, new or has another type, and so it explains an error."""
    assert show_column(change, PLAIN) == column
    assert show_cause(Cause("my-project.d.t", change), PLAIN) == cause


def test_removed_action_as_a_cause() -> None:
    """A cause without a column is the removal of the action."""
    assert show_cause(Cause("other.d.t"), PLAIN) == "other.d.t is removed"


def test_long_types_are_cut() -> None:
    """A type of many fields does not fill the page."""
    for style in (PLAIN, markdown_style(make_plan())):
        shown = show_column(ColumnChange("c", _STRUCT, _STRUCT), style)
        assert len(shown) < 300
        assert "…" in shown


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b"), "a and b"),
        (("a", "b", "c", "d", "e" * 9), "a, b and 3 more"),
    ],
)
def test_lists(names: tuple[str, ...], text: str) -> None:
    """A list is cut after some names, with the number of the others."""
    assert listed(names, 2) == text


def test_removed_actions_have_no_link() -> None:
    """The file of a removed action is not in the head."""
    plan = make_plan()
    style = markdown_style(plan)
    assert linked(planned("a.b"), plan, style).startswith("[<code>a.b</code>](<https://")
    assert linked(planned("a.b", Change.REMOVED), plan, style) == "<code>a.b</code>"


def test_tables_views_and_assertions_are_summed_apart() -> None:
    """Sums are apart: edited tables, affected tables, assertions, and views."""
    plan = make_plan(
        planned("t.changed", before=1, after=2),
        planned("t.added", Change.ADDED, after=4),
        planned("v.changed", kind="view", before=100, after=200),
        planned("a.changed", kind="assertion", before=10, after=20),
        reading("t.affected", "t.changed", after=8.0),
        reading("v.affected", "t.changed", kind="view", after=400.0),
        planned("t.removed", Change.REMOVED, before=1000),
    )
    scans = scans_of(plan)
    assert scans == Scans(*(Scan(gib * GIB) for gib in (1, 6, 8, 20, 600)))
    assert scan_of_edited(scans) == "1 GiB → 6 GiB (+5 GiB)"
    assert other_scans(scans) == [
        "affected tables 8 GiB",
        "assertions 20 GiB",
        "views (when read) 600 GiB",
    ]


def test_sums_of_what_does_not_exist() -> None:
    """Without actions of a kind there is no sum, and with an unknown size it is a lower bound."""
    assert other_scans(scans_of(make_plan())) == []
    assert scan_of_edited(scans_of(make_plan())) == ""
    added = scans_of(make_plan(planned("t.a", Change.ADDED, after=4), planned("t.b", Change.ADDED)))
    assert scan_of_edited(added, "**") == "**≥ 4 GiB**"


def test_the_project_of_most_actions_is_omitted() -> None:
    """The tables may be in another project than the Dataform repository."""
    names = ("data.a.x", "data.a.y", "other.a.z")
    plan = replace(make_plan(), actions=tuple(map(of_project, names)))
    assert list(map(shortener(plan), names)) == ["a.x", "a.y", "other.a.z"]
    assert shortener(make_plan())("my-project.a.x") == "a.x"


def of_project(name: str) -> PlannedAction:
    return PlannedAction(action=GraphAction(name=name, key=name, kind="table"), change=Change.ADDED)
