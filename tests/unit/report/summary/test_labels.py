"""Labels are short, and as distinct as the names."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, strategies as st

from dataform_action.report.summary.labels import make_labels, shared_place, without_place

#: Texts that are easily confused once they are cut.
_NAMES = st.lists(st.text("ab_…", max_size=30), max_size=12)


@pytest.mark.parametrize(
    ("names", "place"),
    [
        ((), ""),
        (("p.d.a",), ""),
        (("a", "b"), ""),
        (("p.d.a", "p.d.b"), "p.d"),
        (("p.d.a", "p.e.a"), "p"),
        (("p.d.a", "p.d2.a"), "p"),
        (("p.d.a", "q.d.a"), ""),
        (("d.a", "d.b"), "d"),
        (("d.a", "d2.b"), ""),
        # The first part is a dataset in one name and a project in the other.
        (("d.a", "d.e.b"), ""),
        # Without the place, nothing would be left.
        (("d.a", "d."), ""),
    ],
)
def test_the_place_that_all_names_share_is_found(names: tuple[str, ...], place: str) -> None:
    """It is the project and dataset, or the project alone, and never a part of their names."""
    assert shared_place(names) == place


def test_only_whole_places_are_removed() -> None:
    """A name in another place stays whole, also if that place starts in the same way."""
    names = ("d.a", "d2.a", "x.d.a")
    assert [without_place(name, "d") for name in names] == ["a", "d2.a", "x.d.a"]
    assert without_place(".a", "") == ".a"


def test_long_names_keep_their_first_word_and_their_end() -> None:
    """The layer comes first in names of real projects, and what differs comes last."""
    names = [
        f"int_marketing_campaign_performance_{every}_by_channel_and_{last}"
        for every, last in product(("daily", "weekly"), ("device", "country", "device_v2"))
    ]
    assert make_labels(names, 40) == [
        "int_…daily_by_channel_and_device",
        "int_…daily_by_channel_and_country",
        "int_…daily_by_channel_and_device_v2",
        "int_…weekly_by_channel_and_device",
        "int_…weekly_by_channel_and_country",
        "int_…weekly_by_channel_and_device_v2",
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("", ""),
        ("x" * 20, "x" * 20),
        ("abcdefghijklmnopqrstu", "abcdef…ijklmnopqrstu"),
        ("ab_defghijklmnopqrstu", "ab_…fghijklmnopqrstu"),
        ("ab_defghi_klmnopqrstu", "ab_…klmnopqrstu"),
        # The next word is too far away.
        ("ab_defghijklm_opqrstu", "ab_…fghijklm_opqrstu"),
    ],
)
def test_a_name_is_cut_between_words_if_possible(name: str, label: str) -> None:
    """Where a word ends near the limit, the cut is there."""
    assert make_labels([name], 20) == [label]


def test_names_that_differ_elsewhere_show_the_difference() -> None:
    """If the first word and the end are equal, the first word gives way to the one that differs."""
    names = [
        f"int_marketing_campaign_{channel}_performance_daily_by_channel_and_device"
        for channel in ("search", "social", "video")
    ]
    assert make_labels(names, 40) == [
        "…campaign_search_…by_channel_and_device",
        "…campaign_social_…by_channel_and_device",
        "…campaign_video_…by_channel_and_device",
    ]
    names = [
        f"stg_{source}_by_region_and_device_with_refunds"
        for source in ("marketing_campaign", "customer_lifetime_value")
    ]
    assert make_labels(names, 40) == [
        "stg_marketing_…and_device_with_refunds",
        "stg_customer_…and_device_with_refunds",
    ]


def test_a_difference_near_the_end_is_not_cut_off() -> None:
    """The cut between words is before the difference."""
    names = ["a" * 20 + f"_bbbb{letter}_" + "c" * 31 for letter in "xy"]
    assert make_labels(names, 40) == [f"…bbbb{letter}_{'c' * 31}" for letter in "xy"]


def test_names_with_differences_far_apart_stay_distinct() -> None:
    """Of three names, two differ elsewhere than the third."""
    start, end = "a_" + "b" * 40, "z" * 40
    names = [f"{start}1{'m' * 60}1{end}", f"{start}1{'m' * 60}2{end}", f"{start}2{'m' * 61}{end}"]
    assert make_labels(names, 40) == [
        f"…{'m' * 10}1{'z' * 8}…{'z' * 19}",
        f"…{'m' * 10}2{'z' * 8}…{'z' * 19}",
        f"…{'b' * 10}2{'m' * 8}…{'z' * 19}",
    ]


def test_labels_get_a_number_if_nothing_else_tells_them_apart() -> None:
    """The same name twice, or names that differ in their length only."""
    assert make_labels(["a", "a", "a (2)", "a"], 20) == ["a", "a (2)", "a (2) (2)", "a (3)"]
    assert make_labels(["x" * 30, "x" * 40], 20) == [f"…{'x' * 19}", f"…{'x' * 14}… (2)"]


@given(_NAMES)
def test_labels_are_always_short_and_distinct(names: list[str]) -> None:
    """Short names stay as they are, unless there are two of them."""
    labels = make_labels(names, 12)
    assert len(set(labels)) == len(names)
    assert all(len(label) <= 12 for label in labels)
    if len(set(names)) == len(names) and all(len(name) <= 12 for name in names):
        assert labels == names


@given(
    st.lists(st.text("ab_", min_size=40, max_size=40), min_size=2, max_size=8, unique=True),
    st.integers(13, 39),
)
def test_every_difference_is_shown(names: list[str], limit: int) -> None:
    """Names of one length need no numbers, wherever they differ."""
    labels = make_labels(names, limit)
    assert len(set(labels)) == len(names)
    assert all(len(label) <= limit for label in labels)
    assert not any(label.endswith(")") for label in labels)
