"""What the tests of the command line share: a command that is run in this process."""

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
    """What a command left behind."""

    exit_code: int
    lines: list[str]
    errors: str


def play(
    *arguments: str, environ: Mapping[str, str] = NOTHING, clock: FakeClock | None = None
) -> Ended:
    """Run a command in this process, with no more of an environment than is given."""
    stream, errors = io.StringIO(), io.StringIO()
    exit_code = main(arguments, environ, stream, errors, clock=clock or FakeClock())
    return Ended(exit_code, stream.getvalue().splitlines(), errors.getvalue())


def web(emulator: Emulator, **more: str) -> dict[str, str]:
    """Return the environment of somebody who works with the emulator's project."""
    place = {"DATAFORM_PROJECT_ID": "1234", "DATAFORM_API_URL": emulator.url}
    return {**place, "DATAFORM_TOKEN": emulator.token, **more}


def google(emulator: Emulator, **more: str) -> dict[str, str]:
    place = {"DATAFORM_LOCATION": "europe-west1", "DATAFORM_REPOSITORY": "warehouse"}
    return {**web(emulator), **place, "DATAFORM_PROJECT_ID": "my-project", **more}


def refused(
    capsys: pytest.CaptureFixture[str], *arguments: str, environ: Mapping[str, str] = NOTHING
) -> str:
    """Return what is said of arguments that no command can start with."""
    with pytest.raises(SystemExit) as caught:
        play(*arguments, environ=environ)
    assert caught.value.code == ExitCode.BAD_INPUT
    return capsys.readouterr().err
