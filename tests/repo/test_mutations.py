"""What make mutations breaks stands in the code."""

from __future__ import annotations

from tests.repo.mutations import MUTATIONS, stale


def test_each_text_stands_in_the_code() -> None:
    """No rule's mutation is left behind when the code that keeps it moves."""
    assert MUTATIONS
    assert stale() == []
