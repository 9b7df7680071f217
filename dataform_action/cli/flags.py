"""The commands and their flags, which are generated from the table of inputs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from dataform_action.action.input_specs import INPUTS, Input
from dataform_action.action.plan.inputs import PLAN_INPUTS
from dataform_action.version import __version__

_SERVICE = ("project-id", "location", "repository", "token", "api-url")
_COSTS = ("costs", "price-per-tib", "bigquery-url")
_POLLING = ("poll-interval", "timeout", "outage-timeout", "parallel-runs")
_COMPILATION = (
    *("environment", "git-ref", "workspace", "project-path"),
    *("vars", "schema-suffix", "table-prefix", "compile-overrides"),
)
#: The inputs of other commands, and those of workflows only.
_NOT_RUN = ("run-id", "compile-only", "summary")
_NOT_PLAN = ("comment", "github-token", "summary")
_LONGEST_TOKEN = 100_000
_EPILOG = """\
Each flag can also be set as an environment variable: --project-id as DATAFORM_PROJECT_ID. Flags
override environment variables. The token comes from DATAFORM_TOKEN or a file, not from a flag,
because everyone on a machine can see the arguments of its processes. Without a token, Google Cloud
Dataform uses Application Default Credentials.

Exit codes: 0 success, 1 the run failed, the project does not compile, its SQL is invalid or scans
more than --max-bytes, 2 bad input, 3 refused by the API, 4 no usable response, 5 timeout, 130
Ctrl-C, 70 internal error.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command and its inputs.

    ``table`` is that of its job. ``inputs`` are flags, and ``fixed`` are set by the command.
    ``presets`` are defaults that differ from those of the action.
    """

    name: str
    purpose: str
    inputs: tuple[str, ...]
    table: tuple[Input, ...] = INPUTS
    takes_run_id: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)
    presets: Mapping[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> Iterator[Input]:
        """Yield the inputs that are flags, in the order of the table of inputs."""
        return (declared for declared in self.table if declared.name in self.inputs)


COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="run",
            purpose="Start a run and wait until it ends. Ctrl-C cancels the run.",
            inputs=tuple(declared.name for declared in INPUTS if declared.name not in _NOT_RUN),
        ),
        Command(
            name="wait",
            purpose="Wait until a run ends. Ctrl-C leaves it running, unless --cancel-run is set.",
            inputs=(*_SERVICE, *_POLLING, "cancel-run", *_COSTS, "history"),
            takes_run_id=True,
            presets={"cancel-run": "false"},
        ),
        Command(
            name="compile",
            purpose="Compile a release configuration, a Git ref or a workspace. Nothing is run.",
            inputs=(*_SERVICE, *_POLLING, *_COMPILATION, "promote"),
            fixed={"compile-only": "true"},
        ),
        Command(
            name="plan",
            purpose=(
                "Show what one commit changes in the warehouse, compared with another. Nothing is "
                "run: BigQuery checks the SQL with dry runs."
            ),
            inputs=tuple(
                declared.name for declared in PLAN_INPUTS if declared.name not in _NOT_PLAN
            ),
            table=PLAN_INPUTS,
            fixed={"comment": "false", "github-token": ""},
        ),
        Command(
            name="cancel",
            purpose="Cancel a run. Not supported by Dataform Web.",
            inputs=_SERVICE,
            takes_run_id=True,
        ),
    )
}


def make_parser(
    program: str,
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of all arguments, and the parsers of the commands by name."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Start Dataform runs, wait for them, and report their outcome.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    _refuse_token(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    parsers = {}
    for command in COMMANDS.values():
        command_parser = parsers[command.name] = commands.add_parser(
            command.name,
            help=command.purpose,
            description=command.purpose,
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command.takes_run_id:
            command_parser.add_argument("run-id", metavar="RUN_ID", help="The id of the run.")
        for declared in command.flags:
            default = command.presets.get(declared.name, declared.fallback)
            _add_flag(command_parser, declared, default)
    return parser, parsers


def _add_flag(parser: argparse.ArgumentParser, declared: Input, default: str) -> None:
    """Add the flag of an input. It has no default, so that the environment can set the input."""
    text = declared.description.replace("%", "%%")
    text += f" (default: {default})" if default else ""
    flag = f"--{declared.name}"
    if declared.name == "token":
        parser.add_argument("--token-file", metavar="FILE", help=f"A file with the token. {text}")
        _refuse_token(parser)
    elif declared.is_boolean:
        parser.add_argument(
            flag, dest=declared.name, action=argparse.BooleanOptionalAction, help=text
        )
    elif declared.several:
        text += " The flag can be repeated."
        parser.add_argument(flag, dest=declared.name, action="append", metavar="TEXT", help=text)
    else:
        metavar = declared.name.upper().replace("-", "_")
        parser.add_argument(flag, dest=declared.name, metavar=metavar, help=text)


def _refuse_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--token", nargs="?", action=_RefuseToken, help=argparse.SUPPRESS)


class _RefuseToken(argparse.Action):
    """Refuse a token as an argument, without repeating it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.error(
            "--token would show the token to everyone on this machine: "
            "set DATAFORM_TOKEN or --token-file"
        )


def read_flags(
    command: Command,
    options: argparse.Namespace,
    environ: Mapping[str, str],
    parser: argparse.ArgumentParser,
) -> dict[str, str]:
    """Return the values of all inputs by name; flags override environment variables."""
    values = dict.fromkeys((declared.name for declared in command.table), "") | {**command.presets}
    for declared in command.flags:
        value = environ.get(f"DATAFORM_{declared.name.upper().replace('-', '_')}", "")
        if value.strip():
            values[declared.name] = value
    values |= {
        name: _as_text(value)
        for name, value in vars(options).items()
        if name in values and value is not None
    }
    if options.token_file is not None:
        values["token"] = _read_token(options.token_file, parser)
    return values | {"summary": "false", **command.fixed}


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
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        parser.error(f"--token-file {file} cannot be read: {reason}")
    if not token:
        parser.error(f"--token-file {file} is empty")
    return token
