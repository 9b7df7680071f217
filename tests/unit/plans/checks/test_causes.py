"""The columns that an error is about, and the changes of these columns."""

from __future__ import annotations

import pytest

from dataform_action.plan import Cause, ColumnChange
from dataform_action.plans.checks.causes import find_causes, names_in, trace

LOST = ColumnChange("region_code", "STRING", "")
CAUSE = Cause("p.d.customers", LOST)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("Unrecognized name: region_code; Did you mean region?", {"region_code"}),
        ("Unrecognized name: c.Region_Code", {"region_code"}),
        ("Name region_code not found inside c", {"region_code"}),
        ("Column name id is ambiguous", {"id"}),
        ("Column region_code in USING clause not found on left side of join", {"region_code"}),
        ("Field name b does not exist in STRUCT<a INT64>", {"b"}),
        ("Cannot access field `sku` on a value with type STRING", {"sku"}),
        ("No matching signature for operator +", set()),
    ],
)
def test_names_in_a_message(message: str, names: set[str]) -> None:
    """BigQuery's errors name a column in a few known forms."""
    assert names_in(message, "", None, None) == names


@pytest.mark.parametrize(
    ("position", "names"),
    [
        ((2, 3), {"amount"}),
        ((2, 16), set()),
        ((1, 1), {"select"}),
        ((9, 1), set()),
        ((2, 99), set()),
        ((0, 1), set()),
    ],
)
def test_names_at_a_position(position: tuple[int, int], names: set[str]) -> None:
    """The column at the position of an error counts, and a function does not."""
    assert names_in("wrong", "SELECT\n  `c`.amount + SUM (x)", *position) == names


def test_causes() -> None:
    """Only a change of a named column is a cause, also of a field of it, and each of them once."""
    field = Cause("p.d.x", ColumnChange("s.sku", "STRING", ""))
    upstreams = [{"region_code": (CAUSE,)}, {"s.sku": (field,), "region_code": (CAUSE,)}]
    assert find_causes({"region_code"}, upstreams) == (CAUSE,)
    assert find_causes({"sku"}, upstreams) == (field,)
    assert find_causes({"other"}, upstreams) == ()
    assert find_causes({"region_code"}, []) == ()


def test_changes_start_upstream() -> None:
    """A column that is lost upstream as well starts there; a gained one does not."""
    assert trace("p.d.view", [LOST], [{"region_code": (CAUSE,)}]) == {"region_code": (CAUSE,)}
    own = {"region_code": (Cause("p.d.view", LOST),)}
    gained = Cause("p.d.y", ColumnChange("region_code", "", "STRING"))
    assert trace("p.d.view", [LOST], [{"region_code": (gained,)}]) == own
    assert trace("p.d.view", [LOST], []) == own
