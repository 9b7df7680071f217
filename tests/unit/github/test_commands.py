"""The runner's protocol, read back by a reader that knows nothing of the writer."""

from __future__ import annotations

import errno
import io
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, strategies as st

from dataform_action.github.commands import MESSAGE_LIMIT, Console, plain
from dataform_action.github.files import SUMMARY_LIMIT, FileCommands
from dataform_action.text import cut
from tests.support.runner import (
    BOUNDED,
    Command,
    hostile_texts,
    parse_file_commands,
    parse_log,
    read_lines,
)


def written(write: Callable[[Console], object]) -> str:
    """Return what a console puts into its stream."""
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
    """Whatever a service says, the runner takes it for one line of text."""
    line = plain(text)
    assert len(line.splitlines()) <= 1
    assert "::" not in line
    assert "##[" not in line
    assert not set(line) & set("\x00\x1b\x7f\x85\u2028\u2029\u202e\ufeff\ud800\udcff")
    assert all(shown == line for shown in parse_log(f"{line}\n"))


@pytest.mark.parametrize("text", ["", "Run 77: https://a/#/1?b=%20&c", "100 %", "é ✅ : # [x]"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Only what means something to the runner is changed."""
    assert plain(text) == text


@BOUNDED
@given(hostile_texts() | st.text("ab ", max_size=60), st.integers(1, 50))
@example("a", 1)
@example("ab", 1)
def test_a_cut_text_keeps_to_its_limit(text: str, limit: int) -> None:
    """What is cut is at most as long as asked, says so, and is the beginning of the text."""
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
def test_a_text_is_cut_between_words(text: str, limit: int, expected: str) -> None:
    """A cut is between words, unless half of the text would be lost that way."""
    assert cut(text, limit) == expected


def _secrets() -> st.SearchStrategy[str]:
    # A secret with an asterisk could be completed by the asterisks that replace it.
    return hostile_texts().map(lambda text: text.replace("*", "")).filter(lambda s: len(s) >= 4)


@st.composite
def _texts_with(draw: st.DrawFn, secret: str) -> str:
    quoted = quote(secret, safe="", errors="replace")
    spoiled = (secret.replace(a, b) for a, b in (("\n", "\x0b"), (" ", "\x00"), (" ", "\t")))
    piece = st.sampled_from([secret, quoted, secret[:-1], secret[1:], *spoiled]) | hostile_texts()
    return "".join(draw(st.lists(piece, max_size=6)))


@BOUNDED
@given(st.data(), _secrets())
def test_no_secret_passes_the_console(data: st.DataObject, secret: str) -> None:
    """No line after the mask shows the secret, in any form, and none is a command but ours."""
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
    """A secret is hidden plain, quoted, trimmed and by lines, unless it is none (too short)."""

    def write(console: Console) -> None:
        console.mask(secret)
        console.line(text)

    assert read_lines(written(write))[-1] == shown


def test_a_blank_is_not_masked() -> None:
    """The runner would warn of a blank mask, so that none is asked for."""
    assert written(lambda console: console.mask(" \n")) == ""


def test_secrets_lie_in_no_file(tmp_path: Path) -> None:
    """Outputs, state and summary are redacted like the log."""
    console, files = _files(tmp_path)
    console.mask("s3cret")
    files.output({"a": "x s3cret y"})
    files.state({"b": "s3cret"})
    files.summary("s3cret\n")
    assert _pairs(tmp_path / "GITHUB_OUTPUT") == [("a", "x *** y")]
    assert _pairs(tmp_path / "GITHUB_STATE") == [("b", "***")]
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "***\n"


@pytest.mark.parametrize("name", ["error", "warning"])
def test_annotations_keep_lines_and_marks(name: str) -> None:
    """The message reaches the annotation with its lines, and the title with its punctuation."""

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
def test_errors_stand_on_files(place: dict[str, Any], properties: dict[str, str]) -> None:
    """The runner reads file, line and column as given, and no file adds a property or command."""
    [command] = parse_log(written(lambda console: console.error("Message", "Title", **place)))
    assert command == Command("error", "Message", {**properties, "title": "Title"})


@BOUNDED
@given(hostile_texts())
@example("a,title=b")
@example("##[error]x")
def test_no_file_becomes_anything_else(file: str) -> None:
    """Whatever a service takes for a file, the annotation has its own title, line and message."""
    output = written(lambda console: console.error("Message", "Title", file=file, line=7))
    [command] = parse_log(output)
    assert isinstance(command, Command)
    assert (command.name, command.message) == ("error", "Message")
    expected = {"file": plain(file), "line": "7", "title": "Title"} if file else {"title": "Title"}
    assert command.properties == expected


@pytest.mark.parametrize("file", ["dir/s3cret/+ x", "dir/s3cret%2F%2B%20x", "dir/s3cret/+\x00x"])
def test_no_secret_passes_in_a_file(file: str) -> None:
    """The runner masks no property, so that a secret is replaced here, however it is spoiled."""

    def write(console: Console) -> None:
        console.mask("s3cret/+ x")
        console.error("Message", "Title", file=file)

    command = parse_log(written(write))[1]
    assert isinstance(command, Command)
    assert command.properties["file"] == "dir/***"


def test_an_annotation_fits_into_the_runners_limit() -> None:
    """An overlong message is cut here, visibly, rather than by the runner."""
    [command] = parse_log(written(lambda console: console.error("word " * 1000, "T")))
    assert isinstance(command, Command)
    assert MESSAGE_LIMIT - 5 <= len(command.message) <= MESSAGE_LIMIT == 4096
    assert command.message.endswith("word…")


@BOUNDED
@given(hostile_texts(), st.text(min_size=4).filter(str.strip))
def test_a_debug_line_is_one_command(text: str, secret: str) -> None:
    """Whatever is told for the runner's debug mode is one line without a secret."""
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


def test_a_debug_line_says_what_it_is_told() -> None:
    """Ordinary words stay as they are, percent signs among them."""
    assert written(lambda console: console.debug("GET 100% done")) == "::debug::GET 100%25 done\n"


def test_a_group_folds_its_lines() -> None:
    """A group is opened and closed around its lines; one without a title is a blank line."""

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
    """A lost or narrow stream raises nothing."""
    Console(kind()).line("✅")


def test_a_closed_log_does_not_end_the_run() -> None:
    """A stream that was closed raises nothing."""
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


def _files(folder: Path) -> tuple[Console, FileCommands]:
    console = Console(io.StringIO())
    names = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
    return console, FileCommands({name: str(folder / name) for name in names}, console)


def _pairs(path: Path) -> list[tuple[str, str]]:
    return parse_file_commands(path.read_bytes().decode())


@BOUNDED
@given(st.lists(hostile_texts() | st.just("x\nend-0\n"), min_size=1, max_size=4))
def test_every_value_comes_through_a_file_command(
    tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    """The runner reads from the file what was given, and no value adds a pair of its own."""
    folder = tmp_path_factory.mktemp("files")
    _, files = _files(folder)
    given_values = {f"name-{number}": value for number, value in enumerate(values)}
    for name, value in given_values.items():
        files.output({name: value})
    files.state(given_values)
    expected = [
        (name, value.encode("utf-8", "replace").decode()) for name, value in given_values.items()
    ]
    assert _pairs(folder / "GITHUB_OUTPUT") == expected
    assert _pairs(folder / "GITHUB_STATE") == expected


def test_delimiters_cannot_be_guessed(tmp_path: Path) -> None:
    """Each heredoc has a delimiter of its own, of 128 random bits."""
    _, files = _files(tmp_path)
    files.output({"a": "b", "c": "d"})
    lines = (tmp_path / "GITHUB_OUTPUT").read_text().splitlines()
    delimiters = {line.partition("<<")[2] for line in lines if "<<" in line}
    assert len(delimiters) == 2
    assert all(len(delimiter) >= 32 for delimiter in delimiters)


def test_files_are_added_to(tmp_path: Path) -> None:
    """What an earlier step or line wrote stays."""
    (tmp_path / "GITHUB_STEP_SUMMARY").write_text("before\n")
    _, files = _files(tmp_path)
    files.summary("after é\n")
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text("utf-8") == "before\nafter é\n"


@pytest.mark.parametrize(
    ("before", "size", "kept"),
    [
        (0, SUMMARY_LIMIT // 2, True),
        (0, SUMMARY_LIMIT // 2 + 1, False),
        (SUMMARY_LIMIT - 2, 1, True),
        (SUMMARY_LIMIT - 1, 1, False),
        (SUMMARY_LIMIT + 1, 0, True),
    ],
)
def test_a_summary_that_the_runner_would_drop_is_not_written(
    tmp_path: Path, before: int, size: int, kept: bool
) -> None:
    """The limit counts the bytes that are there already, and a warning says what is lost."""
    path = tmp_path / "GITHUB_STEP_SUMMARY"
    path.write_bytes(b"x" * before)
    stream = io.StringIO()
    files = FileCommands({"GITHUB_STEP_SUMMARY": str(path)}, Console(stream))
    assert files.summary_room() == max(0, SUMMARY_LIMIT - before)
    files.summary("é" * size)
    assert path.stat().st_size == before + (2 * size if kept else 0)
    assert ("The job summary has no room" in stream.getvalue()) is not kept
    assert SUMMARY_LIMIT <= 1024 * 1024


def test_a_summary_that_is_not_there_has_all_the_room(tmp_path: Path) -> None:
    """A file that is missing, or not named, is as good as an empty one."""
    _, files = _files(tmp_path)
    assert files.summary_room() == SUMMARY_LIMIT
    assert FileCommands({}, Console(io.StringIO())).summary_room() == SUMMARY_LIMIT


def test_the_runner_keeps_ten_warnings() -> None:
    """The tenth says that the others are lines, and lines they are."""
    stream = io.StringIO()
    console = Console(stream)
    for number in range(1, 13):
        console.warning(f"w{number}", "Title")
    *first, tenth, eleventh, twelfth = parse_log(stream.getvalue())
    assert [command.message for command in first if isinstance(command, Command)] == [
        *(f"w{number}" for number in range(1, 10)),
    ]
    assert isinstance(tenth, Command)
    assert tenth.message == "w10\nFurther warnings, if any, are lines of the log."
    assert [eleventh, twelfth] == ["Warning: w11", "Warning: w12"]


@pytest.mark.parametrize("environ", [{}, {"GITHUB_OUTPUT": ""}])
def test_files_that_are_not_named_are_skipped(environ: dict[str, str]) -> None:
    """Outside a runner nothing is written, and nothing is said of it."""
    stream = io.StringIO()
    FileCommands(environ, Console(stream)).output({"a": "b"})
    assert stream.getvalue() == ""


def _warning_of(path: Path) -> str:
    """Return what is said when an output goes to a path where it cannot be written."""
    stream = io.StringIO()
    FileCommands({"GITHUB_OUTPUT": str(path)}, Console(stream)).output({"a": "b"})
    [command] = parse_log(stream.getvalue())
    assert isinstance(command, Command)
    return command.message.removeprefix("The file that GITHUB_OUTPUT names cannot be written: ")


@pytest.mark.parametrize("is_read", [True, False])
def test_a_pipe_is_no_file(tmp_path: Path, is_read: bool) -> None:
    """A pipe holds nothing up, whether somebody reads it or not, and gets nothing."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if is_read else os.open(os.devnull, 0)
    try:
        words = "it is no plain file" if is_read else os.strerror(errno.ENXIO)
        assert _warning_of(path) == f"{words}."
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


def test_a_result_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """When there is room only for a part, the file is as it was before: the runner can read it."""
    path = tmp_path / "output"
    path.write_text("before=1\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
    try:
        warning = _warning_of(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert warning == f"{os.strerror(errno.ENOSPC)}."
    assert path.read_text() == "before=1\n"


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """A lost output does not end the run; the warning names the variable and the reason."""
    stream = io.StringIO()
    FileCommands({"GITHUB_OUTPUT": str(tmp_path)}, Console(stream)).output({"a": "b"})
    assert parse_log(stream.getvalue()) == [
        Command(
            "warning",
            f"The file that GITHUB_OUTPUT names cannot be written: {os.strerror(21)}.",
            {"title": "Dataform: a result is lost"},
        )
    ]


def test_a_file_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    """However often a step writes, each file that is lost takes one of its few warnings."""
    stream = io.StringIO()
    names = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
    files = FileCommands(dict.fromkeys(names, str(tmp_path)), Console(stream))
    for _ in range(3):
        files.output({"a": "b"})
        files.state({"a": "b"})
        files.summary("a")
    warnings = [line for line in parse_log(stream.getvalue()) if isinstance(line, Command)]
    assert [command.message.split()[3] for command in warnings] == list(names)


def test_an_output_is_written_again_only_if_it_differs(tmp_path: Path) -> None:
    """A value that is known twice stands once; another one counts; a lost one is tried again."""
    path = tmp_path / "output"
    files = FileCommands({"GITHUB_OUTPUT": str(path)}, Console(io.StringIO()))
    path.mkdir()
    files.output({"a": "1"})
    path.rmdir()
    for values in ({"a": "1"}, {"a": "1", "b": "1"}, {"a": "2"}, {"a": "1"}, {"a": "1"}):
        files.output(values)
    found = parse_file_commands(path.read_text("utf-8"))
    assert found == [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")]
