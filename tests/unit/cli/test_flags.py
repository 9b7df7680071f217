"""The flags of the inputs: the environment, the token, and the help."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataform_action.action.input_specs import INPUTS
from dataform_action.emulator import Emulator
from dataform_action.report.outcome import ExitCode
from tests.unit.cli.support import COMMANDS, play, refused, web


def test_flags_override_environment_variables(emulator: Emulator) -> None:
    """A flag overrides an environment variable, also with an empty value."""
    environ = web(emulator, DATAFORM_SCHEDULE="failure", DATAFORM_ENVIRONMENT="staging")
    ended = play("run", "--schedule", "nightly", "--environment", "", environ=environ)
    assert ended.exit_code == ExitCode.SUCCESS
    assert emulator.runs[0].schedule == "nightly"
    assert emulator.runs[0].environment is None
    play("run", "--tags", "a,b", "--tags", "c", environ=web(emulator, DATAFORM_WAIT="false"))
    assert emulator.runs[1].tags == ("a", "b", "c")
    assert not [request for request in emulator.requests[-1:] if request.method == "GET"]


def test_a_token_may_come_from_a_file(emulator: Emulator, tmp_path: Path) -> None:
    """The token of a file overrides the environment, and its line break is removed."""
    file = tmp_path / "token"
    file.write_text(f"{emulator.token}\n", "utf-8")
    ended = play("run", "--token-file", str(file), environ=web(emulator, DATAFORM_TOKEN="old"))
    assert ended.exit_code == ExitCode.SUCCESS


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff", "cannot be read: it is not UTF-8 text"),
        (b" \n", "is empty"),
    ],
)
def test_a_file_without_a_token_is_refused(
    content: bytes | None, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an invalid file, the command does not use other credentials."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    assert text in refused(
        capsys, "run", "--token-file", str(file), environ={"DATAFORM_TOKEN": "t"}
    )


@pytest.mark.parametrize("arguments", [("--token", "s3cret"), ("--token=s3cret",), ("--token",)])
@pytest.mark.parametrize("before", [("run",), ()])
def test_a_token_among_the_arguments_is_refused(
    before: tuple[str, ...], arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """The token is neither used nor repeated, and the error says what to do."""
    text = refused(capsys, *before, *arguments)
    assert "set DATAFORM_TOKEN or --token-file" in text
    assert "s3cret" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_the_rules(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of each command explains the environment, the token and the exit codes."""
    with pytest.raises(SystemExit) as caught:
        play(command, "--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "DATAFORM_PROJECT_ID" in text
    assert "--token-file" in text
    assert "Exit codes:" in text


def test_help_lists_every_input(capsys: pytest.CaptureFixture[str]) -> None:
    """Every input is in the help of a command, with its default."""
    helps = ""
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            play(command, "--help")
        helps += " ".join(capsys.readouterr().out.split())
    for declared in INPUTS:
        names = {"token": "--token-file", "run-id": "RUN_ID", "compile-only": " compile "}
        # A terminal has no job summary.
        if declared.name != "summary":
            assert names.get(declared.name, f"--{declared.name} ") in helps.replace(",", " ")
    assert helps.count("(default: 6h)") == 3
    assert (helps.count("(default: false)"), helps.count("(default: true)")) == (5, 4)
