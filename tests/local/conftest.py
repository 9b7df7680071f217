"""The programs and the project of these tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

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
