"""The observers of a run."""

from __future__ import annotations

import io
import re
import resource
from contextlib import nullcontext
from pathlib import Path

from dataform_action.action.observers import StateObserver, settle
from dataform_action.events import Created, RerunPrepared
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.model import Compilation, Rerun
from tests.support.fakes import make_run
from tests.unit.action.support import MINIMUM


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


def read_state(path: Path) -> dict[str, str]:
    """Return the last value of each name in a file of the runner."""
    return dict(re.findall(r"^(\w+)<<(?:\S+)\n(.*)\n", path.read_text("utf-8"), re.MULTILINE))


def test_the_state_of_another_attempt(tmp_path: Path) -> None:
    """The run before is forgotten, and the newest known runs fit into an environment variable."""
    path = tmp_path / "state"
    files = FileCommands({"GITHUB_STATE": str(path)}, Console(io.StringIO()))
    observer = StateObserver(files, MINIMUM)
    observer(Created(make_run(run_id="1000")))
    known = frozenset(f"{number}-{'x' * 195}" for number in range(1000, 3000))
    rerun = Rerun(make_run("FAILED", "1000"), (), known)
    observer(RerunPrepared(rerun, Compilation(name="c/1"), 2, 2))
    with observer.creating(nullcontext):
        state = read_state(path)
    assert (state["run_id"], state["creating"], state["compilation_result"]) == ("", "true", "c/1")
    assert state["known_runs"].startswith("2500-")
    assert state["known_runs"].count(",") == 499
    assert len(state["known_runs"]) < 128 * 1024
