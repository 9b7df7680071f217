"""The command line: flags and environment become the settings of a job, and the job runs.

The flags and their help are made of the table of inputs, so that the two cannot differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO

from dataform_action.action import main as action
from dataform_action.action.input_specs import INPUTS, Input
from dataform_action.action.service_factory import SERVICES, Surroundings, connect
from dataform_action.action.settings import Settings, parse_settings
from dataform_action.cli.terminal import Terminal
from dataform_action.clock import Clock
from dataform_action.errors import CancelUnsupported, DataformError, InputError
from dataform_action.events import LeftRunning, RunOutcome
from dataform_action.github.files import FileCommands
from dataform_action.report.outcome import ExitCode, outcome_of
from dataform_action.runs.recovery import cancel_run
from dataform_action.version import __version__

_PLACE = ("project-id", "location", "repository", "token", "api-url")
_PATIENCE = ("poll-interval", "timeout", "outage-timeout")
_CODE = ("environment", "git-ref", "vars", "schema-suffix", "table-prefix")
_RUN = (
    *("schedule", "tags", "actions", "include-dependencies", "include-dependents"),
    *("full-refresh", "service-account", "promote", "wait", "cancel-run"),
)
#: What to do about a missing input here, where the service would speak of a workflow.
_REMEDIES = {"token": "set DATAFORM_TOKEN, or give --token-file"}
_LONGEST_TOKEN = 100_000
_EPILOG = """\
Each flag may be given in the environment instead, as --project-id in DATAFORM_PROJECT_ID; a flag
goes before it. The token comes from DATAFORM_TOKEN or a file, never from a flag: the arguments of
a process are seen by everyone on its machine. Without a token, Google Cloud Dataform takes
Application Default Credentials.

Exit codes: 0 success, 1 the run failed or the project does not compile, 2 bad input, 3 refused
by the API, 4 no usable answer, 5 timeout, 130 Ctrl-C, 70 a defect of this program.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A command: which inputs are its flags, and which it sets by itself.

    ``presets`` are inputs whose default differs from the action's.
    """

    name: str
    purpose: str
    inputs: tuple[str, ...]
    of_a_run: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)
    presets: Mapping[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> Iterator[Input]:
        """Yield the inputs that are flags, in the order of the table."""
        return (declared for declared in INPUTS if declared.name in self.inputs)


_COMMANDS = {
    command.name: command
    for command in (
        _Command(
            name="run",
            purpose="Start a run and wait for its end. Ctrl-C cancels it.",
            inputs=(*_PLACE, *_PATIENCE, *_CODE, *_RUN),
        ),
        _Command(
            name="wait",
            purpose="Wait for the end of a run. Ctrl-C leaves it alone, unless --cancel-run.",
            inputs=(*_PLACE, *_PATIENCE, "cancel-run"),
            of_a_run=True,
            presets={"cancel-run": "false"},
        ),
        _Command(
            name="compile",
            purpose="Compile a release configuration or a git ref, and run nothing.",
            inputs=(*_PLACE, *_PATIENCE, *_CODE),
            fixed={"compile-only": "true"},
        ),
        _Command(
            name="cancel",
            purpose="Cancel a run. Dataform Web cannot.",
            inputs=_PLACE,
            of_a_run=True,
        ),
    )
}


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
    parser, parsers = _make_parser(program)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        # What stands behind a misspelled flag may be a token.
        names = [word.partition("=")[0] if word.startswith("-") else "..." for word in unknown]
        parsers.get(options.command, parser).error(f"unrecognized arguments: {' '.join(names)}")
    if options.command is None:
        parser.print_help(errors)
        return ExitCode.BAD_INPUT
    command = _COMMANDS[options.command]
    if command.of_a_run and not vars(options)["run-id"].strip():
        # For the action, no run-id means to start a run.
        parsers[command.name].error("RUN_ID is blank: give the id of a run")
    console = Terminal(stream)
    given = _given(command, options, environ, parsers[command.name])
    console.mask(given["token"])
    specs = [spec for spec, _ in SERVICES]
    try:
        settings = parse_settings(given, specs, remedies=_REMEDIES)
    except InputError as error:
        for name, problem in error.problems:
            errors.write(f"{_flag(command, name)} {problem}\n")
        errors.write(f"{error.hint} See: {program} {command.name} --help\n")
        return ExitCode.BAD_INPUT
    if command.name == "cancel":
        return _cancel(settings, environ, console)
    # What the runner would read is for a step alone: no file is written for it.
    files = FileCommands({}, console)
    return action.run_job(lambda: settings, environ, console, files, clock=clock)


def _make_parser(
    program: str,
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Start Dataform runs, wait for them, and say what happened.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    _refuse_token(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    parsers = {}
    for command in _COMMANDS.values():
        made = parsers[command.name] = commands.add_parser(
            command.name,
            help=command.purpose,
            description=command.purpose,
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command.of_a_run:
            made.add_argument("run-id", metavar="RUN_ID", help="the run, as in its link")
        for declared in command.flags:
            _add_flag(made, declared, command.presets.get(declared.name, declared.default))
    return parser, parsers


def _add_flag(parser: argparse.ArgumentParser, declared: Input, default: str) -> None:
    """Add the flag of an input. Only what was given is set, so that the environment can be."""
    words = declared.description.replace("%", "%%").replace("the step", "the command")
    words += f" (default: {default})" if default else ""
    flag = f"--{declared.name}"
    if declared.name == "token":
        parser.add_argument("--token-file", metavar="FILE", help=f"A file that holds: {words}")
        _refuse_token(parser)
    elif declared.is_boolean:
        parser.add_argument(
            flag, dest=declared.name, action=argparse.BooleanOptionalAction, help=words
        )
    elif declared.several:
        words += " The flag may be given several times."
        parser.add_argument(flag, dest=declared.name, action="append", metavar="TEXT", help=words)
    else:
        metavar = declared.name.upper().replace("-", "_")
        parser.add_argument(flag, dest=declared.name, metavar=metavar, help=words)


def _refuse_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--token", nargs="?", action=_RefuseToken, help=argparse.SUPPRESS)


class _RefuseToken(argparse.Action):
    """Refuse a token among the arguments, without repeating it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.error(
            "--token would show the token to everyone on this machine: "
            "set DATAFORM_TOKEN, or give --token-file"
        )


def _given(
    command: _Command,
    options: argparse.Namespace,
    environ: Mapping[str, str],
    parser: argparse.ArgumentParser,
) -> dict[str, str]:
    """Return the inputs that were given, by their names; flags override the environment."""
    given = dict.fromkeys((declared.name for declared in INPUTS), "") | {**command.presets}
    for declared in command.flags:
        value = environ.get(f"DATAFORM_{declared.name.upper().replace('-', '_')}", "")
        if value.strip():
            given[declared.name] = value
    given |= {
        name: _as_text(value)
        for name, value in vars(options).items()
        if name in given and value is not None
    }
    if options.token_file is not None:
        given["token"] = _read_token(options.token_file, parser)
    return given | {"summary": "false", **command.fixed}


def _as_text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "\n".join(map(str, value))
        case _:
            return str(value)


def _read_token(file: str, parser: argparse.ArgumentParser) -> str:
    try:
        with Path(file).open(encoding="utf-8") as stream:
            token = stream.read(_LONGEST_TOKEN).strip()
    except (OSError, UnicodeError) as error:
        words = getattr(error, "strerror", None) or "it is no text"
        parser.error(f"--token-file {file} cannot be read: {words}")
    if not token:
        parser.error(f"--token-file {file} holds no token")
    return token


def _flag(command: _Command, name: str) -> str:
    """Return what a person at a terminal calls an input."""
    match name:
        case "token":
            return "The token"
        case "run-id":
            return "RUN_ID"
        case _:
            return command.name if name in command.fixed else f"--{name}"


def _cancel(settings: Settings, environ: Mapping[str, str], console: Terminal) -> int:
    """Request that a run is cancelled, and return the exit code."""
    try:
        surroundings = Surroundings(environ=environ, on_token=console.mask)
        service = connect(settings, surroundings, SERVICES)
        run = service.describe(settings.run_id or "")
    except DataformError as error:
        return _fail(error, console)
    cancellation = cancel_run(service, run, pause=lambda: None, attempts=1)
    if isinstance(cancellation, LeftRunning):
        assert cancellation.error is not None  # noqa: S101
        return _fail(cancellation.error, console)
    run = cancellation.run
    known = f" It is over: {run.status}." if run.state.ended else ""
    console.line(f"Asked the service to cancel run {run.id}.{known} {run.log_url}")
    return ExitCode.SUCCESS


def _fail(error: DataformError, console: Terminal) -> int:
    outcome = outcome_of(RunOutcome(error=error))
    console.error(f"{outcome.message}\n{outcome.hint}", outcome.title)
    # The service was asked for what it does not offer.
    unsupported = isinstance(error, CancelUnsupported)
    return ExitCode.REFUSED if unsupported else outcome.exit_code
