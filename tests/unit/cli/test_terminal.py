"""The log at a terminal."""

from __future__ import annotations

import io

from dataform_action.cli.terminal import Terminal


def test_text_cannot_move_the_cursor() -> None:
    """Control characters become spaces, and other text is unchanged."""
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.mask("s3cret")
    terminal.group("A\x1b[2J", ["::b:: s3cret"])
    terminal.error("one\ntwo\x07", "Title", file="a.sqlx", line=3)
    terminal.warning("three\r", "Title")
    lines = ["A [2J:", "  ::b:: ***", "Error: a.sqlx:3: one", "two ", "Warning: three"]
    assert stream.getvalue().splitlines() == lines
