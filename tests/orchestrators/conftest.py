"""A home for Airflow, which must exist before the import of Airflow, and helpers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator

_ROOT = Path(__file__).resolve().parents[2]
_HOME = Path(tempfile.mkdtemp(prefix="airflow-"))
_DAGS = _HOME / "dags"

os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(_DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    # A secret for this home, which its processes share.
    "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
    # The triggerer imports a trigger by the name of its file.
    "PYTHONPATH": os.pathsep.join(
        filter(None, (str(_DAGS), str(_ROOT), os.environ.get("PYTHONPATH", "")))
    ),
}
_DAGS.mkdir()
shutil.copy(_ROOT / "examples" / "airflow_dag.py", _DAGS)
for path in (Path(__file__).parent / "dags").glob("*.py"):
    shutil.copy(path, _DAGS)
sys.path.insert(0, str(_DAGS))


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
            "conn_type": "generic",
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
