"""Files in the workspace: what a hostile checkout cannot do with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataform_action.github.workspace import write_in_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def _write(workspace: Path, path: str, text: str = "new") -> None:
    write_in_workspace({"GITHUB_WORKSPACE": str(workspace)}, path, [text])


def test_a_new_file_in_new_folders(workspace: Path) -> None:
    """Missing folders are created, and nothing else is left there."""
    _write(workspace, "out/plans/plan.json", "täxt")
    assert (workspace / "out/plans/plan.json").read_text("utf-8") == "täxt"
    assert [path.name for path in (workspace / "out/plans").iterdir()] == ["plan.json"]


def test_an_old_file_is_replaced(workspace: Path) -> None:
    """A second write replaces the first."""
    _write(workspace, "plan.json", "old and longer")
    _write(workspace, "plan.json")
    assert (workspace / "plan.json").read_text("utf-8") == "new"


def test_without_a_runner_the_working_directory_counts(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal, the path is relative to the working directory."""
    monkeypatch.chdir(workspace)
    write_in_workspace({}, "plan.json", ["n", "ew"])
    assert (workspace / "plan.json").read_text("utf-8") == "new"


def test_a_link_at_the_path_is_replaced(workspace: Path, tmp_path: Path) -> None:
    """The target of a symbolic link in the checkout does not change."""
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    (workspace / "plan.json").symlink_to(victim)
    _write(workspace, "plan.json")
    assert victim.read_text("utf-8") == "precious"
    assert not (workspace / "plan.json").is_symlink()


def test_a_linked_folder_is_refused(workspace: Path, tmp_path: Path) -> None:
    """A symbolic link to a folder outside is not followed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (workspace / "out").symlink_to(outside)
    with pytest.raises(OSError, match="out"):
        _write(workspace, "out/plan.json")
    assert not list(outside.iterdir())


@pytest.mark.parametrize("path", ["folder", "file/plan.json"])
def test_a_path_that_cannot_be_a_file(workspace: Path, path: str) -> None:
    """A folder at the path, or a file instead of a folder, is an error; nothing is left."""
    (workspace / "folder").mkdir()
    (workspace / "file").write_text("old", "utf-8")
    with pytest.raises(OSError, match=path.partition("/")[0]):
        _write(workspace, path)
    assert sorted(entry.name for entry in workspace.iterdir()) == ["file", "folder"]


def test_a_named_pipe_does_not_block(workspace: Path) -> None:
    """A pipe without a reader is replaced like any other file."""
    os.mkfifo(workspace / "plan.json")
    _write(workspace, "plan.json")
    assert (workspace / "plan.json").read_text("utf-8") == "new"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_of_the_workspace_gets_the_file(workspace: Path) -> None:
    """On a self-hosted runner, the next checkout must be able to delete it."""
    os.chown(workspace, 1234, 1235)
    (workspace / "old").mkdir()
    _write(workspace, "new/plan.json")
    _write(workspace, "old/plan.json")
    owners = {
        path: ((workspace / path).stat().st_uid, (workspace / path).stat().st_gid)
        for path in ("new", "new/plan.json", "old", "old/plan.json")
    }
    mine = (os.geteuid(), os.getegid())
    assert owners == {
        "new": (1234, 1235),
        "new/plan.json": (1234, 1235),
        "old": mine,
        "old/plan.json": (1234, 1235),
    }
