"""A page with room for so many bytes: what it takes, and how it says what it left out."""

from __future__ import annotations

from dataform_action.report.markdown import Page


def test_after_a_row_that_does_not_fit_there_is_none() -> None:
    """A short row behind a long one is counted as well: a gap would not be seen."""
    page = Page(2000)
    page.fold("All", "rows", ("| a |", "|---|"), ["| 1 |", f"| {'x' * 2000} |", "| 3 |"], most=9)
    text = page.render()
    assert "| 1 |" in text
    assert "| 3 |" not in text
    assert "And 2 more rows, which are not shown here." in text


def test_what_is_left_out_is_named_inside_the_limit() -> None:
    """However full a page is, each block is there or named, and the bytes are not too many."""
    for size in range(1, 2010):
        page = Page(2000)
        page.add("the first", ["x" * size])
        page.add("the second", ["y" * 100])
        text = page.render()
        assert ("x" * size in text) is not ("the first" in text)
        assert ("y" * 100 in text) is not ("the second" in text)
        assert len(text.encode()) <= 2000
