"""The self-test of CI, run by act: the same workflow, its emulator included."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from scripts import build_image
from tests.steps import ROOT

_ACT = Path(sys.executable).parent / "act"
_WORKFLOW = ".github/workflows/self-test.yml"


def test_self_test(tmp_path: Path) -> None:
    """Every step of the workflow does what its assertions say, on this machine."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=_left_out)
    base = build_image.choose_base()
    Path(checkout, "Dockerfile").write_text(build_image.dockerfile_on(base), "utf-8")
    cache = tmp_path / "cache"
    command = [str(_ACT), "workflow_dispatch", "--workflows", _WORKFLOW, "--pull=false"]
    # Steps run on this machine. The files for outputs lie in act's cache, which act does not mount.
    command += ["--matrix", "runner:ubuntu-24.04", "--platform", "ubuntu-24.04=-self-hosted"]
    command += ["--container-options", f"-v {cache}:{cache}"]
    done = subprocess.run(
        command,
        cwd=checkout,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = yaml.safe_load((ROOT / _WORKFLOW).read_text("utf-8"))["jobs"]["self-test"]["steps"]
    named = [
        step["name"] for step in steps if "name" in step and "inputs." not in step.get("if", "")
    ]
    assert [name for name in named if f"⭐ Run Main {name}\n" not in done.stdout] == []


def _left_out(_folder: str, names: list[str]) -> set[str]:
    """Leave out what a checkout has not: the history, and what is made here."""
    made = {".git", ".venv", "build", "dist", "node_modules", "__pycache__"}
    return made & set(names) | {name for name in names if name.endswith("_cache")}
