"""The command line: what each command does, prints and returns."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dataform_action import __version__
from dataform_action.emulator import Emulator
from dataform_action.report.outcome import ExitCode
from tests.support.fakes import FakeClock
from tests.unit.cli.support import COMMANDS, NOTHING, Ended, google, play, refused, web

ROOT = Path(__file__).resolve().parents[3]


def test_a_run_reads_well(emulator: Emulator, clock: FakeClock) -> None:
    """The log of a good run has sentences, and no commands for the runner."""
    ended = play("run", "--schedule", "nightly", clock=clock, environ=web(emulator))
    run = emulator.runs[0]
    assert ended == Ended(
        ExitCode.SUCCESS,
        [
            "Dataform Web: starting a run of schedule nightly (project 1234)",
            "Settings:",
            f"  API: {emulator.url}",
            "  Longest wait between two polls: 10s",
            "  Timeout for the run: 6h",
            "  Timeout for an outage of the API: 10m",
            "  Cancel the run when the step is cancelled or times out: true",
            f"Run {run.id}: {emulator.url}/#/1234/run/{run.id}",
            "Status RUNNING after 0s",
            "Status SUCCESSFUL after 2s",
            f"Run {run.id} succeeded after 2s.",
        ],
        "",
    )


def test_a_failed_run_says_why(emulator: Emulator) -> None:
    """The log has the reasons with their files, in the format of compilers."""
    ended = play("run", "--schedule", "failure", environ=google(emulator))
    assert ended.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert any(re.match(r"Error: definitions/\S+\.sqlx: my-project\.", s) for s in ended.lines)
    assert any(re.match(r"Error: Run \S+ failed after ", line) for line in ended.lines)
    assert not [line for line in ended.lines if "::" in line]


def test_compile_runs_nothing(emulator: Emulator) -> None:
    """Nothing is run, and compile errors end the command with 1."""
    good = play("compile", "--git-ref", "main", environ=google(emulator))
    assert (good.exit_code, good.lines[-1].split(". ")[1:]) == (
        ExitCode.SUCCESS,
        ["Nothing was run (compile-only: true)."],
    )
    bad = play("compile", "--git-ref", "broken", environ=google(emulator))
    assert bad.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert any(line.startswith("Error: definitions/marts/margin.js:12:37: ") for line in bad.lines)
    assert not emulator.invocations


def test_wait_for_an_existing_run(emulator: Emulator) -> None:
    """A run that was started without waiting can be waited for by its id."""
    started = play("run", "--schedule", "nightly", "--no-wait", environ=web(emulator))
    run = emulator.runs[0]
    assert (
        started.lines[-1]
        == f"Run {run.id} was started. The step does not wait for it (wait: false)."
    )
    waited = play("wait", run.id, environ=web(emulator))
    assert waited.lines[-1] == f"Run {run.id} succeeded after 2s."
    assert len(emulator.runs) == 1


def test_cancel(emulator: Emulator) -> None:
    """A run on Google Cloud is cancelled; Dataform Web does not support it."""
    started = play("run", "--schedule", "endless", "--no-wait", environ=google(emulator))
    run_id = started.lines[-1].split()[1]
    cancelled = play("cancel", run_id, environ=google(emulator))
    assert cancelled.exit_code == ExitCode.SUCCESS
    assert cancelled.lines[0].startswith(f"Requested cancellation of run {run_id}: https://")
    waited = play("wait", run_id, environ=google(emulator))
    assert waited.lines[-2].startswith(f"Error: Run {run_id} was cancelled in Dataform")
    unsupported = play("cancel", "77", environ=web(emulator))
    assert unsupported.exit_code == ExitCode.REFUSED
    assert unsupported.lines[0].startswith(
        "Error: The API of Dataform Web cannot cancel runs, so run 77"
    )


def test_the_exit_codes_are_the_steps(emulator: Emulator) -> None:
    """A command has the exit codes of a step."""
    environ = web(emulator)
    assert play("run", "--schedule", "missing", environ=environ).exit_code == ExitCode.REFUSED
    late = play("run", "--schedule", "endless", "--timeout", "60", environ=environ)
    assert late.exit_code == ExitCode.TIMEOUT
    emulator.close()
    silent = play("run", "--outage-timeout", "60", environ=environ)
    assert silent.exit_code == ExitCode.NO_ANSWER
    assert "Warning: No usable response from the API" in "\n".join(silent.lines)
    assert play("cancel", "77", environ=google(emulator)).exit_code == ExitCode.NO_ANSWER


@pytest.mark.parametrize("command", ["wait", "cancel"])
@pytest.mark.parametrize("run_id", ["", " \n"])
def test_a_blank_run_id_is_refused(
    emulator: Emulator, command: str, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unset variable of a shell starts no run."""
    text = refused(capsys, command, run_id, environ=web(emulator))
    assert text.endswith("RUN_ID is blank: set it to the id of a run\n")
    assert emulator.requests == []


def test_other_environments_are_not_read(emulator: Emulator, tmp_path: Path) -> None:
    """The inputs and files of a surrounding step are ignored."""
    output = tmp_path / "output"
    others = {"INPUT_SCHEDULE": "failure", "DATAFORM_RUN_ID": "1", "GITHUB_OUTPUT": str(output)}
    ended = play("run", environ=web(emulator, **others))
    assert ended.exit_code == ExitCode.SUCCESS
    assert emulator.runs[0].schedule is None
    assert not output.exists()


def test_every_problem_has_its_flag() -> None:
    """Invalid inputs end with 2 before anything is sent, with the names of the flags."""
    ended = play("run", "--timeout", "soon", "--api-url", "https://dataform.example.com")
    assert ended == Ended(
        ExitCode.BAD_INPUT,
        [],
        "--project-id is missing: set it to your Google Cloud project, or to the number of a "
        "Dataform Web project\n"
        "The token is missing: set DATAFORM_TOKEN or --token-file\n"
        "--timeout 'soon' is not a duration between 1 second and 35 days: "
        "use a form like 30, 30s, 2m or 1h\n"
        "Nothing was sent. See: python -m dataform_action run --help\n",
    )
    environ = {"DATAFORM_TOKEN": "t", "DATAFORM_API_URL": "https://dataform.example.com"}
    compiled = play("compile", "--project-id", "1234", environ=environ)
    assert compiled.errors.startswith("compile is for Google Cloud Dataform: ")
    waited = play(
        "wait", "a/b", "--project-id", "1234", environ={**environ, "DATAFORM_TOKEN": "t o"}
    )
    assert waited.errors.startswith("The token contains whitespace")
    assert "\nRUN_ID 'a/b' may contain only letters" in waited.errors


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("run", "--tokn", "s3cret"), "--tokn ..."),
        (("run", "--tokn=s3cret"), "--tokn"),
        (("run", "s3cret"), "..."),
        (("--tokn=s3cret",), "--tokn"),
    ],
)
def test_unknown_arguments_are_not_repeated(
    arguments: tuple[str, ...], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token after a misspelled flag is not printed."""
    text = refused(capsys, *arguments)
    assert text.endswith(f": error: unrecognized arguments: {shown}\n")
    assert "s3cret" not in text


def test_the_token_is_never_printed(emulator: Emulator) -> None:
    """A service that repeats the token does not get it printed."""
    secret = "abcdef123456"
    for command in (("run", "--schedule", secret), ("wait", secret), ("cancel", secret)):
        ended = play(*command, environ=web(emulator, DATAFORM_TOKEN=secret))
        assert ended.exit_code in (ExitCode.REFUSED, ExitCode.RUN_UNSUCCESSFUL)
        assert secret not in "\n".join(ended.lines)


def test_without_a_command_there_is_help() -> None:
    """Without a command, the help is printed and the exit code is not 0."""
    ended = play()
    assert ended.exit_code == ExitCode.BAD_INPUT
    assert all(f"    {command} " in ended.errors for command in COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is the package's."""
    with pytest.raises(SystemExit):
        play("--version")
    assert capsys.readouterr().out == f"{__version__}\n"


def start(*arguments: str, environ: Mapping[str, str] = NOTHING) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "dataform_action", *arguments],
        env={**inherited, **environ},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def read_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.parametrize(
    ("command", "cancelled"), [("run", True), ("wait", False), ("wait --cancel-run", True)]
)
def test_ctrl_c(emulator: Emulator, command: str, cancelled: bool) -> None:
    """Ctrl-C cancels a run that the command started, but not one that it watches."""
    environ = google(emulator)
    name, *flags = command.split()
    if name == "run":
        arguments = ["run", "--schedule", "endless"]
    else:
        lines = play("run", "--schedule", "endless", "--no-wait", environ=environ).lines
        arguments = ["wait", lines[-1].split()[1], *flags]
    with start(*arguments, environ=environ) as process:
        read_until(process, "Status RUNNING")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert ("Requested cancellation of run" in output) is cancelled
    assert ("left running: cancellation is disabled" in output) is not cancelled


def test_the_process_ends_with_the_exit_code(emulator: Emulator) -> None:
    """The process returns the exit code and prints no traceback."""
    environ = web(emulator, DATAFORM_TOKEN="old", PYTHONIOENCODING="ascii")
    with start("run", "--schedule", "nächtlich", environ=environ) as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode == ExitCode.REFUSED
    assert output.startswith("Dataform Web: starting a run of schedule n?chtlich (project 1234)\n")
    assert "Traceback" not in output
    with start() as process:
        output, _ = process.communicate(timeout=30)
    assert (process.returncode, output.partition("\n")[0]) == (
        ExitCode.BAD_INPUT,
        "usage: python -m dataform_action [-h] [--version] COMMAND ...",
    )


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("run >&-", ExitCode.BAD_INPUT),
        ("run 2>&-", ExitCode.BAD_INPUT),
        ("run --nothing >&- 2>&-", ExitCode.BAD_INPUT),
        ("run --help >&-", ExitCode.SUCCESS),
        ("run --help | :", ExitCode.SUCCESS),
    ],
)
def test_output_without_a_reader_is_not_an_error(command: str, exit_code: ExitCode) -> None:
    """A closed output does not change the exit code, and prints no traceback."""
    script = f'"{sys.executable}" -m dataform_action {command}\nexit ${{PIPESTATUS[0]}}'
    ended = subprocess.run(
        ["/bin/bash", "-c", script], cwd=ROOT, env={}, capture_output=True, timeout=30, check=False
    )
    assert ended.returncode == exit_code
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr
