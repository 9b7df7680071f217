"""The observers of a run."""

from __future__ import annotations

import io
import resource
from pathlib import Path

from dataform_action.action.observers import settle
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands


def test_a_settled_step_on_a_full_disk(tmp_path: Path) -> None:
    """If the disk is full, the post step has nothing to do either."""
    path = tmp_path / "state"
    files = FileCommands({"GITHUB_STATE": str(path)}, Console(io.StringIO()))
    files.state({"run_id": "77", "cancel": "true"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        settle(files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == ""
