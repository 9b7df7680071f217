"""The runner's files, parsed again by an independent reader."""

from __future__ import annotations

import errno
import io
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from dataform_action.github.commands import Console
from dataform_action.github.files import SUMMARY_LIMIT, FileCommands
from tests.support.runner import BOUNDED, Command, hostile_texts, parse_file_commands, parse_log


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
    """The runner reads each value unchanged, and no value adds another pair."""
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
    """Each heredoc has its own delimiter of 128 random bits."""
    _, files = _files(tmp_path)
    files.output({"a": "b", "c": "d"})
    lines = (tmp_path / "GITHUB_OUTPUT").read_text().splitlines()
    delimiters = {line.partition("<<")[2] for line in lines if "<<" in line}
    assert len(delimiters) == 2
    assert all(len(delimiter) >= 32 for delimiter in delimiters)


def test_no_file_has_a_secret(tmp_path: Path) -> None:
    """Outputs, state and summary are redacted like the log."""
    console, files = _files(tmp_path)
    console.mask("s3cret")
    files.output({"a": "x s3cret y"})
    files.state({"b": "s3cret"})
    files.summary("s3cret\n")
    assert _pairs(tmp_path / "GITHUB_OUTPUT") == [("a", "x *** y")]
    assert _pairs(tmp_path / "GITHUB_STATE") == [("b", "***")]
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "***\n"


def test_files_are_appended_to(tmp_path: Path) -> None:
    """What an earlier step or line wrote is kept."""
    (tmp_path / "GITHUB_STEP_SUMMARY").write_text("before\n")
    _, files = _files(tmp_path)
    files.summary("after é\n")
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text("utf-8") == "before\nafter é\n"


def test_an_output_is_written_again_only_if_it_differs(tmp_path: Path) -> None:
    """Equal values are written once, and failed writes are repeated."""
    path = tmp_path / "output"
    files = FileCommands({"GITHUB_OUTPUT": str(path)}, Console(io.StringIO()))
    path.mkdir()
    files.output({"a": "1"})
    path.rmdir()
    for values in ({"a": "1"}, {"a": "1", "b": "1"}, {"a": "2"}, {"a": "1"}, {"a": "1"}):
        files.output(values)
    found = parse_file_commands(path.read_text("utf-8"))
    assert found == [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")]


@pytest.mark.parametrize("environ", [{}, {"GITHUB_OUTPUT": ""}])
def test_files_that_are_not_named_are_skipped(environ: dict[str, str]) -> None:
    """Outside a runner, nothing is written and nothing is printed."""
    stream = io.StringIO()
    FileCommands(environ, Console(stream)).output({"a": "b"})
    assert stream.getvalue() == ""


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
    """The limit includes existing bytes, and a warning reports what is omitted."""
    path = tmp_path / "GITHUB_STEP_SUMMARY"
    path.write_bytes(b"x" * before)
    stream = io.StringIO()
    files = FileCommands({"GITHUB_STEP_SUMMARY": str(path)}, Console(stream))
    assert files.summary_room() == max(0, SUMMARY_LIMIT - before)
    files.summary("é" * size)
    assert path.stat().st_size == before + (2 * size if kept else 0)
    assert ("does not fit in the job summary" in stream.getvalue()) is not kept
    assert SUMMARY_LIMIT <= 1024 * 1024


def test_a_missing_summary_is_empty(tmp_path: Path) -> None:
    """A missing file, or one that is not named, counts as empty."""
    _, files = _files(tmp_path)
    assert files.summary_room() == SUMMARY_LIMIT
    assert FileCommands({}, Console(io.StringIO())).summary_room() == SUMMARY_LIMIT


def _warning_of(path: Path) -> str:
    """Return the warning for an output file that cannot be written."""
    stream = io.StringIO()
    FileCommands({"GITHUB_OUTPUT": str(path)}, Console(stream)).output({"a": "b"})
    [command] = parse_log(stream.getvalue())
    assert isinstance(command, Command)
    return command.message.removeprefix("Cannot write the file in GITHUB_OUTPUT: ")


@pytest.mark.parametrize("is_read", [True, False])
def test_a_pipe_is_not_a_regular_file(tmp_path: Path, is_read: bool) -> None:
    """A pipe never blocks, with or without a reader, and gets nothing."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if is_read else os.open(os.devnull, 0)
    try:
        reason = "not a regular file" if is_read else os.strerror(errno.ENXIO)
        assert _warning_of(path) == f"{reason}."
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


def test_a_result_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """If only a part fits on the disk, the file is unchanged and stays valid."""
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


def test_the_final_state_on_a_full_disk(tmp_path: Path) -> None:
    """If the last values do not fit, the post step finds none of those that this step saved."""
    path = tmp_path / "GITHUB_STATE"
    path.write_text("before=1\n")
    _, files = _files(tmp_path)
    files.state({"run_id": "77", "cancel": "true"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, limits[1]))
    try:
        files.final_state({"settled": "true"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "before=1\n"


def test_the_final_state_without_a_file(tmp_path: Path) -> None:
    """Without a file, or without an earlier state, there is nothing to remove."""
    FileCommands({}, Console(io.StringIO())).final_state({"settled": "true"})
    FileCommands({"GITHUB_STATE": str(tmp_path)}, Console(io.StringIO())).final_state({"a": "b"})
    _, files = _files(tmp_path)
    files.final_state({"settled": "true"})
    assert _pairs(tmp_path / "GITHUB_STATE") == [("settled", "true")]


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """A lost output does not end the run. The warning has the variable and the reason."""
    stream = io.StringIO()
    FileCommands({"GITHUB_OUTPUT": str(tmp_path)}, Console(stream)).output({"a": "b"})
    assert parse_log(stream.getvalue()) == [
        Command(
            "warning",
            f"Cannot write the file in GITHUB_OUTPUT: {os.strerror(21)}.",
            {"title": "Dataform: a result was not written"},
        )
    ]


def test_a_file_that_cannot_be_written_is_reported_once(tmp_path: Path) -> None:
    """Each file has at most one warning, because warnings are limited."""
    stream = io.StringIO()
    names = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
    files = FileCommands(dict.fromkeys(names, str(tmp_path)), Console(stream))
    for _ in range(3):
        files.output({"a": "b"})
        files.state({"a": "b"})
        files.summary("a")
    warnings = [line for line in parse_log(stream.getvalue()) if isinstance(line, Command)]
    assert [command.message.split()[5].rstrip(":") for command in warnings] == list(names)
