"""The programs and the project of these tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local.bigquery_server import query, running_server
from tests.emulator.local.support import commit, git

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "scripts" / "local" / "node_modules"


@pytest.fixture(scope="session")
def cli() -> Path:
    """The real Dataform CLI."""
    program = NODE_MODULES / ".bin" / "dataform"
    assert program.exists(), "these tests need the Dataform CLI: make local-tests"
    return program


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Dataform core alone, so that copying it is fast."""
    folder = tmp_path_factory.mktemp("modules")
    shutil.copytree(NODE_MODULES / "@dataform" / "core", folder / "@dataform" / "core")
    return folder


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Git repository with the project of the examples."""
    folder = tmp_path_factory.mktemp("project") / "warehouse"
    shutil.copytree(ROOT / "examples" / "warehouse", folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {})
    return folder


@pytest.fixture(scope="session")
def bigquery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a BigQuery server with the tables that the project of the examples reads."""
    with running_server(tmp_path_factory.mktemp("bigquery")) as url:
        seed(url)
        yield url


def seed(url: str) -> None:
    """Make the tables of the seed."""
    query(url, "my-project", (ROOT / "examples" / "warehouse" / "seed.sql").read_text("utf-8"))
