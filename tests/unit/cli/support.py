"""Helpers for the tests of the command line: run a command in this process."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from dataform_action.cli.main import main
from dataform_action.emulator import Emulator
from dataform_action.report.outcome import ExitCode
from tests.support.fakes import FakeClock

NOTHING: Mapping[str, str] = {}
COMMANDS = ("run", "wait", "compile", "cancel")


@dataclass(frozen=True)
class Ended:
    """The outcome of a command."""

    exit_code: int
    lines: list[str]
    errors: str


def play(
    *arguments: str, environ: Mapping[str, str] = NOTHING, clock: FakeClock | None = None
) -> Ended:
    """Run a command in this process, with only this environment."""
    stream, errors = io.StringIO(), io.StringIO()
    exit_code = main(arguments, environ, stream, errors, clock=clock or FakeClock())
    return Ended(exit_code, stream.getvalue().splitlines(), errors.getvalue())


def web(emulator: Emulator, **more: str) -> dict[str, str]:
    """Return the environment of a user of the emulator's project."""
    place = {"DATAFORM_PROJECT_ID": "1234", "DATAFORM_API_URL": emulator.url}
    return {**place, "DATAFORM_TOKEN": emulator.token, **more}


def google(emulator: Emulator, **more: str) -> dict[str, str]:
    place = {"DATAFORM_LOCATION": "europe-west1", "DATAFORM_REPOSITORY": "warehouse"}
    return {**web(emulator), **place, "DATAFORM_PROJECT_ID": "my-project", **more}


def refused(
    capsys: pytest.CaptureFixture[str], *arguments: str, environ: Mapping[str, str] = NOTHING
) -> str:
    """Return the error for arguments with which no command starts."""
    with pytest.raises(SystemExit) as caught:
        play(*arguments, environ=environ)
    assert caught.value.code == ExitCode.BAD_INPUT
    return capsys.readouterr().err
