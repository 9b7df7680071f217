"""What the tests with act share: an engine, and act in a checkout that can be built here.

https://github.com/nektos/act
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import build_image, engine

_ACT = Path(sys.executable).parent / "act"
#: What act calls the image of ``uses: ./``.
_IMAGE = "act-dockeraction:latest"


def pytest_sessionstart() -> None:
    """Stop everything at once where docker is missing."""
    try:
        engine.check()
    except engine.EngineError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run act in a checkout, on a base that can be had here; the image that it builds is removed.

    Steps run on this machine, containers beside it.
    """
    cache = tmp_path / "cache"

    def play(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
        base = build_image.choose_base()
        Path(checkout, "Dockerfile").write_text(build_image.dockerfile_on(base), "utf-8")
        # The files for outputs lie in act's cache, which act does not mount.
        command = [str(_ACT), "workflow_dispatch", "--pull=false", *options]
        command += ["--container-options", f"-v {cache}:{cache}"]
        return subprocess.run(
            command,
            cwd=checkout,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_CONFIG_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    yield play
    with contextlib.suppress(engine.EngineError):
        engine.docker("rmi", _IMAGE)
