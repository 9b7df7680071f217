"""Build a Dataform project on this machine: ``make local``.

It runs a BigQuery server and the emulator, seeds the server, runs the action, and shows the tables.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import Emulator
from dataform_action.emulator.local.analysis import ZetaSqlAnalyzer
from dataform_action.emulator.local.project.repository import WORKSPACE, make_repository
from dataform_action.emulator.local.warehouse.execution import open_warehouse
from scripts.local.bigquery_server import QueryError, list_tables, query, running_server

PROJECT_ID = "my-project"
EXAMPLE = ROOT / "examples" / "warehouse"
SAMPLE = "SELECT country, revenue, currency FROM `my-project.marts.export_revenue` ORDER BY country"
_CLI = Path(__file__).with_name("node_modules") / ".bin" / "dataform"
_COMPILE_SECONDS = 120.0


def main(arguments: Sequence[str]) -> int:
    """Build a project; return the exit code of the action."""
    parser = argparse.ArgumentParser(prog="make local", description=__doc__)
    parser.add_argument("--project", type=Path, help="a Git checkout (default: the example)")
    parser.add_argument("--seed", type=Path, help="SQL that creates the tables to read")
    parser.add_argument("--serve", action="store_true", help="keep both servers until Ctrl-C")
    options, flags = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dataform-local-") as name:
        folder = Path(name)
        project, seed = options.project, options.seed
        if project is None:
            project, seed = _copy_example(folder / "warehouse"), seed or EXAMPLE / "seed.sql"
            flags = flags or ["--tags", "daily"]
        with running_server(folder / "bigquery") as bigquery:
            print(f"BigQuery server: {bigquery}", flush=True)
            if seed is not None:
                query(bigquery, PROJECT_ID, seed.read_text("utf-8"))
            with _make_emulator(project, bigquery) as emulator:
                print(f"Dataform emulator: {emulator.url}\n", flush=True)
                code = _run_action(emulator, flags)
                _show(bigquery, _find_projects(emulator))
                if options.project is None:
                    _show_sample(bigquery)
                if options.serve:
                    print(f"\nAPI token: {emulator.token}\nCtrl-C ends both servers.", flush=True)
                    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return code


def _make_emulator(project: Path, bigquery: str) -> Emulator:
    own = project / "node_modules" / ".bin" / "dataform"
    cli = None if own.is_file() else str(_CLI)
    repository = make_repository(project, cli, None, _COMPILE_SECONDS)
    warehouse = open_warehouse(bigquery)
    return Emulator(repositories=(repository,), warehouse=warehouse, analyzer=ZetaSqlAnalyzer())


def _copy_example(folder: Path) -> Path:
    """Copy the example, and make it a Git repository."""
    shutil.copytree(EXAMPLE, folder)
    identity = ("-c", "user.name=example", "-c", "user.email=example@example.com")
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "The example"),
    ):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


def _run_action(emulator: Emulator, flags: Sequence[str]) -> int:
    inputs = {
        "project-id": PROJECT_ID,
        "location": "europe-west1",
        "repository": "warehouse",
        "workspace": WORKSPACE,
        "api-url": emulator.url,
        "poll-interval": "1",
    }
    command = [sys.executable, "-m", "dataform_action", "run"]
    command += [f"--{name}={value}" for name, value in inputs.items()]
    environment = {**os.environ, "DATAFORM_TOKEN": emulator.token}
    return subprocess.run([*command, *flags], cwd=ROOT, env=environment, check=False).returncode


def _find_projects(emulator: Emulator) -> list[str]:
    """Return the Google Cloud projects that the run wrote to."""
    names = [name for run in emulator.invocations for name in run.actions]
    return sorted({name.partition(".")[0] for name in names})


def _show_sample(bigquery: str) -> None:
    print(f"\n{SAMPLE}")
    for row in query(bigquery, PROJECT_ID, SAMPLE):
        print("  " + "  ".join(map(str, row)))


def _show(bigquery: str, projects: Iterable[str]) -> None:
    tables = [table for project in projects for table in list_tables(bigquery, project)]
    width = max((len(name) for name, _, _ in tables), default=0)
    print("\nTables and views:")
    for name, kind, rows in tables:
        print(f"  {name:{width}}  {kind:17} {rows:9,} rows")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (OSError, QueryError, ValueError) as error:
        sys.exit(f"make local: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
