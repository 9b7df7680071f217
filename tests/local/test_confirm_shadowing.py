"""The example that confirms what the check of a plan relies on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dataform_action.emulator import Emulator
from dataform_action.emulator.bigquery.queries import DryRun
from dataform_action.emulator.local.analysis import ZetaSqlAnalyzer
from tests.local.conftest import ROOT

PUBLIC = "bigquery-public-data.samples.shakespeare"
FIELDS = [{"name": "word", "type": "STRING"}, {"name": "word_count", "type": "INTEGER"}]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    tables = {PUBLIC: {"schema": {"fields": FIELDS}}}
    with Emulator(analyzer=ZetaSqlAnalyzer(), tables=tables) as emulator:
        yield emulator


def run(emulator: Emulator, token: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "examples/confirm_shadowing.py", "my-project", "--api-url", emulator.url],
        env={**os.environ, "DATAFORM_TOKEN": token or emulator.token, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_real_analyzer_behaves_as_expected(emulator: Emulator) -> None:
    """Every claim holds, and the last line says so."""
    finished = run(emulator)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = finished.stdout.splitlines()
    assert len(lines) == 18
    assert all(line.startswith("yes  ") for line in lines[:-2])
    assert lines[-1] == "BigQuery behaves as the check of a plan expects."


def test_another_behavior_is_reported(emulator: Emulator) -> None:
    """A claim that does not hold is printed with the response and the query."""
    emulator.prepare_dry_run("|>", DryRun(error="Syntax error at [2:3]"))
    finished = run(emulator)
    assert finished.returncode == 1
    assert "NO   Pipe syntax works" in finished.stdout
    assert "BigQuery says: invalid: Syntax error (line 2)" in finished.stdout
    assert "1 of these differ" in finished.stdout


def test_without_permission(emulator: Emulator) -> None:
    """If BigQuery refuses all queries, the program says what to do."""
    error = "Access Denied: Project my-project: User does not have bigquery.jobs.create permission"
    emulator.prepare_dry_run("SELECT", DryRun(error=error, reason="accessDenied"))
    finished = run(emulator)
    assert finished.returncode == 3
    assert "roles/bigquery.jobUser on project my-project" in finished.stderr
