"""The self-test of CI with its emulator, run by act."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.act.conftest import Act, build_here
from tests.support.steps import ROOT

_WORKFLOW = ".github/workflows/self-test.yml"


def test_self_test(tmp_path: Path, act: Act) -> None:
    """All steps of the workflow and their assertions succeed on this machine."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=_ignore)
    build_here(checkout)
    options = ["--workflows", _WORKFLOW, "--matrix", "runner:ubuntu-24.04"]
    done = act(checkout, *options, "--platform", "ubuntu-24.04=-self-hosted")
    assert done.returncode == 0, done.stdout + done.stderr
    steps = yaml.safe_load((ROOT / _WORKFLOW).read_text("utf-8"))["jobs"]["self-test"]["steps"]
    named = [
        step["name"] for step in steps if "name" in step and "inputs." not in step.get("if", "")
    ]
    assert [name for name in named if f"⭐ Run Main {name}\n" not in done.stdout] == []


def _ignore(_folder: str, names: list[str]) -> set[str]:
    """Ignore the history and generated files, which a checkout does not have."""
    generated = {".git", ".venv", "build", "dist", "node_modules", "__pycache__"}
    return generated & set(names) | {name for name in names if name.endswith("_cache")}
