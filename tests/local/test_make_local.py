"""The program behind ``make local``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.emulator.local.support import commit, git
from tests.local.conftest import ROOT

PROGRAM = ROOT / "scripts" / "local" / "run.py"


def run(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the program with a cache of its own for npm packages."""
    return subprocess.run(
        [sys.executable, str(PROGRAM), *flags],
        env={**os.environ, "XDG_CACHE_HOME": str(folder)},
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_example_is_built_and_shown(tmp_path: Path) -> None:
    """The example is compiled and built, and its tables and the rows of one are shown."""
    finished = run(tmp_path)
    assert finished.returncode == 0, finished.stderr
    lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
    assert "my-project.marts.order_events table 4 rows" in lines
    assert "my-project.staging.orders_cleaned view 4 rows" in lines
    assert lines[-2:] == ["AT 55.500 EUR", "DE 99.900 EUR"]


def test_another_checkout_with_its_seed(tmp_path: Path) -> None:
    """A checkout is built as it is, with a seed, in the project that its settings name."""
    checkout = tmp_path / "other"
    checkout.mkdir()
    git(checkout, "init", "--quiet", "--initial-branch=main")
    settings = "defaultProject: other\ndefaultDataset: d\ndefaultLocation: EU\n"
    settings += "dataformCoreVersion: 3.0.62\n"
    commit(checkout, {"workflow_settings.yaml": settings})
    source = "SELECT * FROM `other.raw.t`"
    (checkout / "definitions").mkdir()
    (checkout / "definitions" / "t.sqlx").write_text(f'config {{ type: "table" }} {source}')
    (tmp_path / "seed.sql").write_text(
        "CREATE SCHEMA `other.raw`; CREATE TABLE `other.raw.t` AS SELECT 1 AS id"
    )
    flags = ["--project", str(checkout), "--seed", str(tmp_path / "seed.sql")]
    finished = run(tmp_path, *flags)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
    assert "other.d.t table 1 rows" in lines


def test_folder_that_is_no_checkout(tmp_path: Path) -> None:
    """A folder without Git is reported in one line."""
    finished = run(tmp_path, "--project", str(tmp_path))
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"make local: {tmp_path} is not in a Git repository")
