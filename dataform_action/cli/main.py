"""The command line: make settings from flags and environment variables, and do the job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from dataform_action.action import main as action
from dataform_action.action.service_factory import (
    SERVICES,
    ServiceContext,
    choose_settings,
    connect,
)
from dataform_action.action.settings import Settings
from dataform_action.cli.flags import COMMANDS, Command, make_parser, read_flags
from dataform_action.cli.terminal import Terminal
from dataform_action.clock import Clock
from dataform_action.errors import CancelUnsupported, DataformError, InputError
from dataform_action.events import LeftRunning, RunOutcome
from dataform_action.github.files import FileCommands
from dataform_action.report.outcome import ExitCode, outcome_of
from dataform_action.runs.recovery import cancel_run

#: What to do about a missing input, if the service's text is for a workflow only.
_REMEDIES = {"token": "set DATAFORM_TOKEN or --token-file"}


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    stream: TextIO,
    errors: TextIO,
    *,
    program: str = "python -m dataform_action",
    clock: Clock | None = None,
) -> int:
    """Run a command and return its exit code; bad arguments and ``--help`` raise SystemExit."""
    parser, parsers = make_parser(program)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        # The value of a misspelled flag may be a token.
        names = [word.partition("=")[0] if word.startswith("-") else "..." for word in unknown]
        parsers.get(options.command, parser).error(f"unrecognized arguments: {' '.join(names)}")
    if options.command is None:
        parser.print_help(errors)
        return ExitCode.BAD_INPUT
    command = COMMANDS[options.command]
    if command.takes_run_id and not vars(options)["run-id"].strip():
        # For the action, a blank run-id means to start a run.
        parsers[command.name].error("RUN_ID is blank: set it to the id of a run")
    console = Terminal(stream)
    given = read_flags(command, options, environ, parsers[command.name])
    console.mask(given["token"])
    try:
        job = _job_of(command, given, environ, console, clock)
    except InputError as error:
        for name, problem in error.problems:
            errors.write(f"{_flag(command, name)} {problem}\n")
        errors.write(f"{error.hint} See: {program} {command.name} --help\n")
        return ExitCode.BAD_INPUT
    return job()


def _job_of(
    command: Command,
    given: Mapping[str, str],
    environ: Mapping[str, str],
    console: Terminal,
    clock: Clock | None,
) -> Callable[[], int]:
    """Return a function that does the job of a command, and returns the exit code.

    Raises:
        InputError: the inputs are not valid.
    """
    # Without the runner, there are no files for outputs, state and summary.
    files = FileCommands({}, console)
    if command.name == "plan":
        from dataform_action.action.plan.job import run_plan
        from dataform_action.action.plan.settings import parse_plan_settings

        plan_settings = parse_plan_settings(given)
        _require_commits(given)
        return lambda: run_plan(
            lambda: plan_settings, environ, console, files, runner={}, clock=clock
        )
    settings = choose_settings(given, SERVICES, _REMEDIES)
    if command.name == "cancel":
        return lambda: _cancel(settings, environ, console)
    return lambda: action.run_job(lambda: settings, environ, console, files, clock=clock)


def _require_commits(given: Mapping[str, str]) -> None:
    """Refuse a plan without commits: there is no event that names them."""
    text = "is missing: set it to a commit, a branch or a tag"
    problems = [(name, text) for name in ("head", "base") if not given[name].strip()]
    if problems:
        raise InputError(problems)


def _flag(command: Command, name: str) -> str:
    """Return the name of an input at a terminal."""
    match name:
        case "token":
            return "The token"
        case "run-id":
            return "RUN_ID"
        case _:
            return command.name if name in command.fixed else f"--{name}"


def _cancel(settings: Settings, environ: Mapping[str, str], console: Terminal) -> int:
    """Request the cancellation of a run, and return the exit code."""
    try:
        context = ServiceContext(environ=environ, on_token=console.mask)
        service = connect(settings, context, SERVICES)
        run = service.describe(settings.run_id or "")
    except DataformError as error:
        return _fail(error, console)
    cancellation = cancel_run(service, run, pause=lambda: None, attempts=1)
    if isinstance(cancellation, LeftRunning):
        assert cancellation.error is not None  # noqa: S101
        return _fail(cancellation.error, console)
    console.line(str(cancellation))
    return ExitCode.SUCCESS


def _fail(error: DataformError, console: Terminal) -> int:
    outcome = outcome_of(RunOutcome(error=error))
    console.error(f"{outcome.message}\n{outcome.hint}", outcome.title)
    # The service does not support this.
    unsupported = isinstance(error, CancelUnsupported)
    return ExitCode.REFUSED if unsupported else outcome.exit_code
