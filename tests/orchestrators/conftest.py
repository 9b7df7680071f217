"""A home for Airflow, which must exist before the import of Airflow, and helpers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator

_ROOT = Path(__file__).resolve().parents[2]
_HOME = Path(tempfile.mkdtemp(prefix="airflow-"))
_DAGS = _HOME / "dags"
_METADATA = _HOME / "metadata"

os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(_DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    # A secret for this home, which its processes share.
    "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
    "PYTHONPATH": os.pathsep.join(
        filter(None, (str(_METADATA), str(_ROOT), os.environ.get("PYTHONPATH", "")))
    ),
}
_DAGS.mkdir()
shutil.copy(_ROOT / "examples" / "airflow_dag.py", _DAGS)
for path in (Path(__file__).parent / "dags").glob("*.py"):
    shutil.copy(path, _DAGS)


def _write_metadata() -> None:
    """Write the metadata of the installed package, by which Airflow finds the provider."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    folder = _METADATA / f"dataform_action-{project['version']}.dist-info"
    folder.mkdir(parents=True)
    facts = {"Metadata-Version": "2.4", "Name": project["name"], "Version": project["version"]}
    lines = [f"{name}: {value}" for name, value in facts.items()]
    (folder / "METADATA").write_text("\n".join(lines) + "\n", "utf-8")
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


_write_metadata()
sys.path[:0] = [str(_DAGS), str(_METADATA)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tested versions; with -q, pytest prints no header."""
    names = ("apache-airflow", "apache-airflow-task-sdk", "luigi")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    terminalreporter.write_line(f"Python {sys.version.split()[0]}, {versions}")


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """Create the metadata database."""
    migration = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert migration.returncode == 0, migration.stdout + migration.stderr
    return _HOME


@pytest.fixture
def connections(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in connection_variables(emulator).items():
        monkeypatch.setenv(name, value)


def connection_variables(emulator: Emulator) -> dict[str, str]:
    """Return the variables that define Airflow's connections to the emulator."""
    connection = json.dumps(
        {
            "conn_type": "dataform",
            "password": emulator.token,
            "extra": {"api_url": emulator.url},
        }
    )
    return {f"AIRFLOW_CONN_DATAFORM_{name}": connection for name in ("WEB", "GOOGLE")}


def operations(emulator: Emulator) -> list[str]:
    """Return the kinds of POST requests that the emulator received."""
    found = []
    for request in emulator.requests:
        path = request.path
        if request.method != "POST":
            continue
        if path.endswith(":cancel"):
            found.append("cancel")
        elif "/compilationResults" in path:
            found.append("compile")
        else:
            assert path.endswith(("/run", "/workflowInvocations"))
            found.append("create")
    return found


@pytest.fixture(scope="module")
def slow_emulator() -> Iterator[Emulator]:
    """An emulator for all tests of a module that share an Airflow."""
    with Emulator(advance="poll") as emulator:
        yield emulator
