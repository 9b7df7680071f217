"""The command line: ``python -m dataform_action.emulator``."""

import argparse
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast, get_args

from dataform_action.emulator.bigquery.catalog import load_tables
from dataform_action.emulator.bigquery.queries import Analyzer
from dataform_action.emulator.clock import Advance
from dataform_action.emulator.definitions import Repository
from dataform_action.emulator.emulator import DEFAULT_TOKEN, Emulator
from dataform_action.emulator.google.invocation_spec import Warehouse
from dataform_action.emulator.graph.compiled_graph import load_graph
from dataform_action.emulator.graph.sample_repository import make_warehouse

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"a port must be a number from 0 to 65535, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"seconds must be a number of at least 0, not {text!r}")
    return seconds


def _graph(text: str) -> Mapping[str, Any]:
    try:
        return load_graph(Path(text))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error}") from error


def _tables(text: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        return load_tables(Path(text))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error}") from error


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dataform_action.emulator",
        description="Emulate Dataform's APIs until Ctrl-C.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on; 0.0.0.0 means all addresses of this machine, so that "
        "containers reach it (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=_port, default=8080, help="0 selects a free port (default: %(default)s)"
    )
    parser.add_argument(
        "--token", help="the token that both APIs accept (default: an example, which is printed)"
    )
    parser.add_argument(
        "--advance",
        choices=get_args(Advance),
        default="clock",
        help="how runs advance: with time, or one step for each poll (default: %(default)s)",
    )
    parser.add_argument(
        "--run-seconds",
        type=_seconds,
        default=8.0,
        help="how long a run takes with --advance clock (default: %(default)g)",
    )
    parser.add_argument(
        "--graph",
        type=_graph,
        metavar="FILE",
        help="the output of `dataform compile --json`, served as the repository warehouse of "
        "my-project in europe-west1 (default: a sample)",
    )
    _add_project_options(parser)
    _add_bigquery_options(parser)
    parser.add_argument("--verbose", action="store_true", help="print a line for each request")
    return parser


def _add_project_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a project of your own, compiled by the Dataform CLI")
    group.add_argument(
        "--project-dir",
        type=Path,
        metavar="PATH",
        help="a Git checkout; its commits and its working tree (the workspace dev) are compiled",
    )
    group.add_argument(
        "--dataform-cli",
        metavar="PROGRAM",
        help="the Dataform CLI (default: the one in the project's node_modules, or on PATH)",
    )
    group.add_argument(
        "--node-modules",
        type=Path,
        metavar="PATH",
        help="use these npm packages for every commit (default: those that each commit names)",
    )
    group.add_argument(
        "--compile-seconds",
        type=_seconds,
        default=30.0,
        help="how long a compilation may take (default: %(default)g, as on Google Cloud)",
    )


def _add_bigquery_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("BigQuery")
    group.add_argument(
        "--bigquery",
        metavar="URL",
        help="run the compiled SQL in this BigQuery server, such as http://127.0.0.1:9050 "
        "(default: runs are simulated)",
    )
    group.add_argument(
        "--analyze",
        action="store_true",
        help="check the SQL of dry runs with BigQuery's own analyzer: pip install zetasql",
    )
    group.add_argument(
        "--tables",
        type=_tables,
        metavar="FILE",
        default={},
        help='the tables that dry runs read, in JSON: {"project.dataset.table": {"schema": {}}}',
    )


def _make_repositories(options: argparse.Namespace) -> tuple[Repository, ...] | None:
    if options.graph is not None:
        return (make_warehouse(options.graph),)
    if options.project_dir is None:
        return None
    # Most uses of the emulator do not need this room.
    from dataform_action.emulator.local.project.repository import make_repository  # noqa: PLC0415

    repository = make_repository(
        options.project_dir, options.dataform_cli, options.node_modules, options.compile_seconds
    )
    return (repository,)


def _make_warehouse(url: str | None) -> Warehouse | None:
    if url is None:
        return None
    from dataform_action.emulator.local.warehouse.execution import open_warehouse  # noqa: PLC0415

    return open_warehouse(url)


def _make_analyzer() -> Analyzer:
    from dataform_action.emulator.local.analysis import ZetaSqlAnalyzer  # noqa: PLC0415

    return ZetaSqlAnalyzer()


def _wait_for_signal() -> None:
    signal.sigwait(_STOP_SIGNALS)


def _print(line: str) -> None:
    print(line, flush=True)


def _make_emulator(options: argparse.Namespace) -> Emulator:
    return Emulator(
        host=options.host,
        port=options.port,
        token=DEFAULT_TOKEN if options.token is None else options.token,
        advance=cast(Advance, options.advance),
        run_seconds=options.run_seconds,
        repositories=_make_repositories(options),
        warehouse=_make_warehouse(options.bigquery),
        analyzer=_make_analyzer() if options.analyze else None,
        tables=options.tables,
        log=_print if options.verbose else None,
    )


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM end the start as SIGINT does, so that no program is left running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(
    arguments: Sequence[str] | None = None, wait: Callable[[], object] = _wait_for_signal
) -> int:
    """Serve until ``wait`` returns; return the exit code.

    Until then, SIGINT and SIGTERM are blocked in all threads: only ``wait`` receives them.
    """
    options = _make_parser().parse_args(arguments)
    try:
        with _stoppable():
            emulator = _make_emulator(options)
    except ValueError as error:
        print(f"The emulator cannot start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    held = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        return _serve(emulator, options, wait)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _serve(emulator: Emulator, options: argparse.Namespace, wait: Callable[[], object]) -> int:
    try:
        with emulator:
            _print(f"Dataform emulator: {emulator.url}")
            if emulator.is_everywhere:
                port = emulator.url.rpartition(":")[2]
                _print(
                    f"It listens on all addresses of this machine, port {port}. A container "
                    f"reaches it at Docker's bridge address, such as http://172.17.0.1:{port}"
                )
            if options.token is None:
                _print(f"API token: {emulator.token}")
            wait()
    except OSError as error:
        where = f"{options.host} port {options.port}"
        print(f"The emulator cannot listen on {where}: {error.strerror}", file=sys.stderr)
        return 1
    return 0
