"""The command line: flags and environment become the action's inputs, and the action runs.

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
from dataform_action.action.inputs import parse, variable_names
from dataform_action.action.service_factory import connect
from dataform_action.cli.terminal import Terminal
from dataform_action.clock import Clock
from dataform_action.errors import CancelUnsupported, DataformError, InputError
from dataform_action.events import RunOutcome
from dataform_action.report.outcome import ExitCode, outcome_of
from dataform_action.version import __version__

_PLACE = ("project-id", "location", "repository", "token", "api-url")
_PATIENCE = ("poll-interval", "timeout", "outage-timeout")
_CODE = ("environment", "git-ref", "vars", "schema-suffix", "table-prefix")
_RUN = (
    *("schedule", "tags", "actions", "include-dependencies", "include-dependents"),
    *("full-refresh", "service-account", "promote", "wait", "cancel-run"),
)
#: What the runner gives a step, and a person at a terminal has no use for.
_OF_THE_RUNNER = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
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
    step = _as_step(command, options, environ, parsers[command.name])
    try:
        parse(step)
    except InputError as error:
        for name, problem in error.problems:
            errors.write(f"{_explain(command, name, problem)}\n")
        errors.write(f"{error.hint} See: {program} {command.name} --help\n")
        return ExitCode.BAD_INPUT
    if command.name == "cancel":
        return _cancel(step, Terminal(stream))
    return action.main(step, stream, clock, Terminal)


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


def _as_step(
    command: _Command,
    options: argparse.Namespace,
    environ: Mapping[str, str],
    parser: argparse.ArgumentParser,
) -> dict[str, str]:
    """Return the environment of a step with the same inputs."""
    given = {**command.presets}
    for declared in command.flags:
        value = environ.get(f"DATAFORM_{declared.name.upper().replace('-', '_')}", "")
        if value.strip():
            given[declared.name] = value
    given |= {name: _as_text(value) for name, value in vars(options).items() if value is not None}
    if options.token_file is not None:
        given["token"] = _read_token(options.token_file, parser)
    given |= {"summary": "false", **command.fixed}
    step = {
        name: value
        for name, value in environ.items()
        if not name.startswith("INPUT_") and name not in _OF_THE_RUNNER
    }
    return step | {
        variable_names(declared.name)[0]: given.get(declared.name, "") for declared in INPUTS
    }


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


def _explain(command: _Command, name: str, problem: str) -> str:
    """Return the words for a problem of an input, as this command knows the input."""
    if name == "token":
        # The action's own words are about the secrets of a workflow.
        missing = problem.startswith("is missing")
        remedy = "is missing: set DATAFORM_TOKEN, or give --token-file"
        return f"The token {remedy if missing else problem}"
    if name == "run-id":
        return f"RUN_ID {problem}"
    return f"{command.name if name in command.fixed else f'--{name}'} {problem}"


def _cancel(step: Mapping[str, str], console: Terminal) -> int:
    """Ask the service to cancel a run, and return the exit code."""
    inputs = parse(step)
    console.mask(inputs.token)
    try:
        service, _ = connect(inputs, step, console.mask)
        run = service.cancel(service.describe(inputs.run_id or ""))
    except DataformError as error:
        outcome = outcome_of(RunOutcome(error=error))
        console.error(f"{outcome.message}\n{outcome.hint}", outcome.title)
        # The service is asked for what it does not offer.
        unsupported = isinstance(error, CancelUnsupported)
        return ExitCode.REFUSED if unsupported else outcome.exit_code
    known = f" It is over: {run.status}." if run.state.ended else ""
    console.line(f"Asked the service to cancel run {run.id}.{known} {run.log_url}")
    return ExitCode.SUCCESS
