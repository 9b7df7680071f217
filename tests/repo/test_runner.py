"""The parser of logs and files that other tests use works like GitHub's runner."""

from __future__ import annotations

import pytest

from tests.support.runner import BadFileCommand, Command, parse_file_commands, parse_log


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("a\rb\r\nc\n\nd", ["a", "b", "c", "", "d"]),
        ("  ::error::x", [Command("error", "x")]),
        ("a ::error::x", ["a ::error::x"]),
        ("::nothing::x", ["::nothing::x"]),
        ("::error", ["::error"]),
        (
            "::ERROR title=a%3Ab%2C%250A,file=f,odd::50%25%0Aoff",
            [Command("error", "50%\noff", {"title": "a:b,%0A", "file": "f"})],
        ),
        ("text ##[warning a=1;b=2%3B]x%5D", [Command("warning", "x]", {"a": "1", "b": "2;"})]),
        ("##[nothing]x", ["##[nothing]x"]),
        ("##[error", ["##[error"]),
    ],
)
def test_logs_are_parsed_like_the_runner(log: str, expected: list[Command | str]) -> None:
    """Both notations of a command are recognized exactly where the runner recognizes them."""
    assert parse_log(log) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\ufeffa=b\n\nc=d<<e\n", [("a", "b"), ("c", "d<<e")]),
        ("a<<E\nb=c\n E\n\nE\n", [("a", "b=c\n E\n")]),
        ("a<<E\nE", [("a", "")]),
    ],
)
def test_file_commands_are_parsed_like_the_runner(
    text: str, expected: list[tuple[str, str]]
) -> None:
    """A pair is one line or a heredoc, whose last line break is not part of the value."""
    assert parse_file_commands(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a\n", "Invalid format 'a'"),
        ("a<<\n", "Invalid format 'a<<'"),
        ("=b\n", "No name in '=b'"),
        ("a<<E\nb\n", "Matching delimiter not found 'E'"),
        ("a<<E\nb", "EOF marker missing new line"),
    ],
)
def test_file_commands_that_fail_a_step_are_refused(text: str, problem: str) -> None:
    """A text that the runner cannot parse is an error here too."""
    with pytest.raises(BadFileCommand, match=problem):
        parse_file_commands(text)
