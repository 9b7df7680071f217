"""The runner's commands, parsed again by an independent reader."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, strategies as st

from dataform_action.github.commands import MESSAGE_LIMIT, Console, plain
from tests.support.runner import BOUNDED, Command, hostile_texts, parse_log, read_lines


def written(write: Callable[[Console], object]) -> str:
    """Return what a console writes to its stream."""
    stream = io.StringIO()
    write(Console(stream))
    return stream.getvalue()


@BOUNDED
@given(hostile_texts())
@example(":::")
@example("::\x00:")
@example("#\x00#[")
@example("###[[")
def test_no_text_becomes_a_command_or_a_second_line(text: str) -> None:
    """The runner takes any text for one line of text."""
    line = plain(text)
    assert len(line.splitlines()) <= 1
    assert "::" not in line
    assert "##[" not in line
    assert not set(line) & set("\x00\x1b\x7f\x85\u2028\u2029\u202e\ufeff\ud800\udcff")
    assert all(shown == line for shown in parse_log(f"{line}\n"))


@pytest.mark.parametrize("text", ["", "Run 77: https://a/#/1?b=%20&c", "100 %", "é ✅ : # [x]"])
def test_ordinary_text_is_unchanged(text: str) -> None:
    """Only text that has a meaning for the runner is changed."""
    assert plain(text) == text


def _secrets() -> st.SearchStrategy[str]:
    # The asterisks that replace a secret could complete a secret with an asterisk.
    return hostile_texts().map(lambda text: text.replace("*", "")).filter(lambda s: len(s) >= 4)


@st.composite
def _texts_with(draw: st.DrawFn, secret: str) -> str:
    encoded = quote(secret, safe="", errors="replace")
    altered = (secret.replace(a, b) for a, b in (("\n", "\x0b"), (" ", "\x00"), (" ", "\t")))
    piece = st.sampled_from([secret, encoded, secret[:-1], secret[1:], *altered]) | hostile_texts()
    return "".join(draw(st.lists(piece, max_size=6)))


@BOUNDED
@given(st.data(), _secrets())
def test_no_secret_passes_the_console(data: st.DataObject, secret: str) -> None:
    """After the mask, no line contains the secret in any form, or another command."""
    assume(secret.strip())
    text = data.draw(_texts_with(secret))

    def write(console: Console) -> None:
        console.mask(secret)
        console.line(text)
        console.error(text, "Title")
        console.warning(text, "Title")
        console.group(text, [text])

    mask, *rest = parse_log(written(write))
    assert isinstance(mask, Command)
    assert (mask.name, mask.message) == ("add-mask", secret)
    names = [line.name if isinstance(line, Command) else "" for line in rest]
    assert names == ["", "error", "warning", "group", "", "endgroup"]
    for line in rest:
        shown = line.message if isinstance(line, Command) else line
        assert secret not in shown
        assert quote(secret, safe="", errors="replace") not in shown
        assert not isinstance(line, Command) or line.properties in ({}, {"title": "Title"})


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("s3cret/+", "x s3cret/+ y s3cret%2F%2B z", "x *** y *** z"),
        ("s3cret/+", r"x s3cret\/+ y s3cret%2f%2b z s3cret&#x2F;&plus;", "x *** y *** z ***"),
        ("s3cret/+", "x czNjcmV0Lys= y", "x ***s= y"),
        ("s3cret\n", "x s3cret y", "x *** y"),
        ("one1\r\ntwo2", "x two2 y one1", "x *** y ***"),
        ("word\nwordy", "x wordy", "x ***"),
        ("abc", "abc", "abc"),
        ("1234", "1234", "***"),
        (" ", "a b", "a b"),
        ("", "text", "text"),
        ("ab cd", "ab\x00cd", "***"),
        ("pass\udcff", "pass\udcff pass", "*** pass"),
    ],
)
def test_secrets_are_replaced(secret: str, text: str, shown: str) -> None:
    """A secret is hidden plain, encoded, trimmed and by line, unless it is too short."""

    def write(console: Console) -> None:
        console.mask(secret)
        console.line(text)

    assert read_lines(written(write))[-1] == shown


def test_a_blank_is_not_masked() -> None:
    """The runner would warn about a blank mask."""
    assert written(lambda console: console.mask(" \n")) == ""


@pytest.mark.parametrize("name", ["error", "warning"])
def test_annotations_keep_lines_and_punctuation(name: str) -> None:
    """The message keeps its lines, and the title its punctuation."""

    def write(console: Console) -> None:
        getattr(console, name)("50 % off:\r\n::x::, a", "Title: 1, 2 %0A\r\n")

    assert parse_log(written(write)) == [
        Command(name, "50 % off:\n:\u200b:x:\u200b:, a", {"title": "Title: 1, 2 %0A\r\n"})
    ]


@pytest.mark.parametrize(
    ("place", "properties"),
    [
        (
            {"file": "definitions/a.js", "line": 12, "column": 37},
            {"file": "definitions/a.js", "line": "12", "col": "37"},
        ),
        ({"file": "definitions/a.sqlx"}, {"file": "definitions/a.sqlx"}),
        ({"file": "a", "line": 0}, {"file": "a", "line": "0"}),
        ({"file": "", "line": 12, "column": 37}, {}),
        ({}, {}),
        (
            {"file": "a,line=1::error::100% b:c\r\n::d"},
            {"file": "a,line=1:\u200b:error:\u200b:100% b:c  :\u200b:d"},
        ),
    ],
)
def test_errors_have_files(place: dict[str, Any], properties: dict[str, str]) -> None:
    """The runner reads file, line and column, and a file adds no property or command."""
    [command] = parse_log(written(lambda console: console.error("Message", "Title", **place)))
    assert command == Command("error", "Message", {**properties, "title": "Title"})


@BOUNDED
@given(hostile_texts())
@example("a,title=b")
@example("##[error]x")
def test_no_file_changes_the_annotation(file: str) -> None:
    """With any file, the annotation has its own title, line and message."""
    output = written(lambda console: console.error("Message", "Title", file=file, line=7))
    [command] = parse_log(output)
    assert isinstance(command, Command)
    assert (command.name, command.message) == ("error", "Message")
    expected = {"file": plain(file), "line": "7", "title": "Title"} if file else {"title": "Title"}
    assert command.properties == expected


@pytest.mark.parametrize("file", ["dir/s3cret/+ x", "dir/s3cret%2F%2B%20x", "dir/s3cret/+\x00x"])
def test_no_secret_passes_in_a_file(file: str) -> None:
    """The runner masks no property, so secrets in it are replaced here."""

    def write(console: Console) -> None:
        console.mask("s3cret/+ x")
        console.error("Message", "Title", file=file)

    command = parse_log(written(write))[1]
    assert isinstance(command, Command)
    assert command.properties["file"] == "dir/***"


def test_an_annotation_is_within_the_runners_limit() -> None:
    """A message that is too long is cut here, with a visible mark."""
    [command] = parse_log(written(lambda console: console.error("word " * 1000, "T")))
    assert isinstance(command, Command)
    assert MESSAGE_LIMIT - 5 <= len(command.message) <= MESSAGE_LIMIT == 4096
    assert command.message.endswith("word…")


@BOUNDED
@given(hostile_texts(), st.text(min_size=4).filter(str.strip))
def test_a_debug_line_is_one_command(text: str, secret: str) -> None:
    """Any debug text is one line without a secret."""
    stream = io.StringIO()
    console = Console(stream)
    console.mask(secret)
    masked = stream.getvalue()
    console.debug(f"{text}{secret}{text}")
    log = stream.getvalue().removeprefix(masked)
    (command,) = parse_log(log)
    assert isinstance(command, Command)
    assert (command.name, command.properties) == ("debug", {})
    assert "\n" not in command.message
    assert secret not in command.message


def test_a_debug_line_keeps_ordinary_text() -> None:
    """Ordinary text is unchanged, including percent signs."""
    assert written(lambda console: console.debug("GET 100% done")) == "::debug::GET 100%25 done\n"


def test_a_group_folds_its_lines() -> None:
    """A group is opened and closed around its lines; an empty line is a blank line."""

    def write(console: Console) -> None:
        console.group("Settings\n", ["a", "::error::b"])
        console.line()

    assert written(write) == "::group::Settings \na\n:\u200b:error:\u200b:b\n::endgroup::\n\n"


class _Gone(io.StringIO):
    """A stream whose reader has left."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


class _Ascii(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "ascii")


@pytest.mark.parametrize("kind", [_Gone, _Ascii])
def test_a_log_that_cannot_be_written_does_not_end_the_run(kind: Callable[[], io.StringIO]) -> None:
    """A closed or limited stream raises nothing."""
    Console(kind()).line("✅")


def test_a_closed_log_does_not_end_the_run() -> None:
    """A closed stream raises nothing."""
    stream = io.StringIO()
    stream.close()
    Console(stream).line("text")


class _Flushes(io.StringIO):
    flushed = ""

    def flush(self) -> None:
        self.flushed = self.getvalue()


def test_every_line_is_flushed() -> None:
    """A kill right after a line leaves the line in the log."""
    stream = _Flushes()
    Console(stream).line("text")
    assert stream.flushed == "text\n"


def test_the_runner_keeps_ten_warnings() -> None:
    """The tenth warning announces that the others are lines in the log."""
    stream = io.StringIO()
    console = Console(stream)
    for number in range(1, 13):
        console.warning(f"w{number}", "Title")
    *first, tenth, eleventh, twelfth = parse_log(stream.getvalue())
    assert [command.message for command in first if isinstance(command, Command)] == [
        *(f"w{number}" for number in range(1, 10)),
    ]
    assert isinstance(tenth, Command)
    assert tenth.message == "w10\nFurther warnings, if any, are in the log only."
    assert [eleventh, twelfth] == ["Warning: w11", "Warning: w12"]
