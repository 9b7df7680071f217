"""The commands with their flags, which are made of the table of inputs so that both agree."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from dataform_action.action.input_specs import INPUTS, Input
from dataform_action.version import __version__

_PLACE = ("project-id", "location", "repository", "token", "api-url")
_PATIENCE = ("poll-interval", "timeout", "outage-timeout")
_CODE = ("environment", "git-ref", "vars", "schema-suffix", "table-prefix")
#: What other commands are for, and what only a workflow has.
_NOT_RUN = ("run-id", "compile-only", "summary")
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
class Command:
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


COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="run",
            purpose="Start a run and wait for its end. Ctrl-C cancels it.",
            inputs=tuple(declared.name for declared in INPUTS if declared.name not in _NOT_RUN),
        ),
        Command(
            name="wait",
            purpose="Wait for the end of a run. Ctrl-C leaves it alone, unless --cancel-run.",
            inputs=(*_PLACE, *_PATIENCE, "cancel-run"),
            of_a_run=True,
            presets={"cancel-run": "false"},
        ),
        Command(
            name="compile",
            purpose="Compile a release configuration or a git ref, and run nothing.",
            inputs=(*_PLACE, *_PATIENCE, *_CODE),
            fixed={"compile-only": "true"},
        ),
        Command(
            name="cancel",
            purpose="Cancel a run. Dataform Web cannot.",
            inputs=_PLACE,
            of_a_run=True,
        ),
    )
}


def make_parser(
    program: str,
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of all arguments, and those of the commands by their names."""
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
    for command in COMMANDS.values():
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
    words = declared.description.replace("%", "%%")
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


def read_flags(
    command: Command,
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
