"""Shortened texts and durations."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.text import cut, format_bytes, format_duration
from tests.support.runner import BOUNDED, hostile_texts


@BOUNDED
@given(hostile_texts() | st.text("ab ", max_size=60), st.integers(1, 50))
@example("a", 1)
@example("ab", 1)
def test_cut_text_keeps_its_limit(text: str, limit: int) -> None:
    """A cut text is the start of the text, ends with an ellipsis, and fits the limit."""
    short = cut(text, limit)
    assert len(short) <= limit
    if short != text:
        assert len(text) > limit
        assert short.endswith("…")
        assert text.startswith(short[:-1])


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("a bcdefghijkl", 12, "a bcdefghij…"),
        ("abcdefghijklm", 12, "abcdefghijk…"),
    ],
)
def test_text_is_cut_between_words(text: str, limit: int, expected: str) -> None:
    """A text is cut between words, unless that would remove half of it."""
    assert cut(text, limit) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.999, "0s"),
        (45, "45s"),
        (60, "1m"),
        (133.7, "2m 13s"),
        (3600, "1h"),
        (3601, "1h 1s"),
        (90061, "25h 1m 1s"),
        (math.inf, "an unlimited time"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """A duration has hours, minutes and whole seconds. Parts that are zero are left out."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1 KiB"),
        (10 * 2**20, "10 MiB"),
        (1_300_000_000, "1.21 GiB"),
        (25_500 * 2**20, "24.9 GiB"),
        (200 * 2**40, "200 TiB"),
        (5_000 * 2**50, "5,000 PiB"),
    ],
)
def test_format_bytes(count: int, text: str) -> None:
    """A size has its largest unit, and at most three digits if that has another one above it."""
    assert format_bytes(count) == text
