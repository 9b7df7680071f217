"""Git checkouts: find commits, and copy files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataform_action.emulator.local.processes import Processes, ProgramError
from dataform_action.emulator.local.project.checkout import Checkout, open_checkout
from tests.emulator.local.support import FILES, commit, git, make_project, write_files


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with one commit."""
    return open_checkout(make_project(tmp_path / "shop"), Processes())


def names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_branches_tags_and_commits_are_found(checkout: Checkout) -> None:
    """A branch, a remote branch, a tag and a SHA of seven digits lead to their commits."""
    first = git(checkout.root, "rev-parse", "HEAD")
    git(checkout.root, "tag", "--annotate", "v1", "--message", "v1")
    git(checkout.root, "update-ref", "refs/remotes/origin/theirs", first)
    second = commit(checkout.root, {"a": "b"})
    for name in ("v1", "theirs", first, first[:7]):
        assert checkout.resolve(name) == first
    assert checkout.resolve("main") == second


@pytest.mark.parametrize("name", ["nope", "HEAD~1", "", "--all", "main^", "0" * 40, "abc"])
def test_other_names_are_not_found(checkout: Checkout, name: str) -> None:
    """What is no branch, tag or commit is not found, even if Git has another use for it."""
    commit(checkout.root, {"a": "b"})
    assert checkout.resolve(name) is None


def test_export_does_not_touch_the_checkout(checkout: Checkout, tmp_path: Path) -> None:
    """A commit is exported as it is, while the index and the working tree keep their changes."""
    sha = git(checkout.root, "rev-parse", "HEAD")
    attributes = {".gitattributes": "definitions/** export-ignore\n"}
    second = commit(checkout.root, attributes | {"later.txt": "later"})
    write_files(checkout.root, {"staged": "1", "untracked": "1", "later.txt": "changed"})
    git(checkout.root, "add", "staged")
    before = git(checkout.root, "status", "--porcelain")
    for index, commitish, expected in (
        ("one", sha, sorted(FILES)),
        ("two", second, sorted([*FILES, ".gitattributes", "later.txt"])),
    ):
        target = tmp_path / commitish
        target.mkdir()
        assert checkout.export(commitish, "", target, tmp_path / index)
        assert names(target) == expected
    assert (tmp_path / second / "later.txt").read_text() == "later"
    assert git(checkout.root, "status", "--porcelain") == before
    assert git(checkout.root, "worktree", "list").count("\n") == 0


def test_folder_of_a_commit_is_exported(checkout: Checkout, tmp_path: Path) -> None:
    """Only the asked folder is exported, and one that is missing is reported."""
    target = tmp_path / "target"
    target.mkdir()
    assert checkout.export("main", "definitions", target, tmp_path / "index")
    assert names(target) == ["orders.sqlx"]
    assert not checkout.export("main", "nowhere", target, tmp_path / "index")


def test_export_that_fails_is_an_error(checkout: Checkout, tmp_path: Path) -> None:
    """Files that cannot be written are reported with Git's words."""
    with pytest.raises(ProgramError, match=r"git cannot copy the files of main: .*index"):
        checkout.export("main", "", tmp_path, tmp_path / "nowhere" / "index")


def test_working_tree_is_copied_without_ignored_files(checkout: Checkout, tmp_path: Path) -> None:
    """Changed and new files are copied; ignored and deleted ones are not."""
    commit(checkout.root, {".gitignore": "ignored\n", "gone": "1"})
    (checkout.root / "gone").unlink()
    write_files(checkout.root, {"new é.txt": "new", "ignored": "1"})
    write_files(checkout.root, {"definitions/orders.sqlx": "changed"})
    target = tmp_path / "target"
    assert checkout.copy_working_tree("", target)
    assert names(target) == sorted([*FILES, ".gitignore", "new é.txt"])
    assert (target / "definitions/orders.sqlx").read_text() == "changed"
    assert not checkout.copy_working_tree("nowhere", target)


def test_project_in_a_folder(checkout: Checkout, tmp_path: Path) -> None:
    """A folder in a checkout is a project, and its working tree is copied alone."""
    inner = open_checkout(checkout.root / "definitions", Processes())
    assert (inner.root, inner.folder) == (checkout.root, "definitions")
    assert inner.copy_working_tree(inner.folder, tmp_path / "target")
    assert names(tmp_path / "target") == ["orders.sqlx"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@github.com/o/r.git", "https://github.com/o/r.git"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
    ],
)
def test_url_has_no_password(checkout: Checkout, url: str, shown: str) -> None:
    """The address of the remote repository is known without its credentials."""
    assert checkout.url() == ""
    git(checkout.root, "remote", "add", "origin", url)
    assert checkout.url() == shown


def test_branch_without_a_name_is_a_commit(checkout: Checkout) -> None:
    """Without a branch, the commit stands for it."""
    assert checkout.branch() == "main"
    git(checkout.root, "checkout", "--quiet", "--detach")
    assert checkout.branch() == git(checkout.root, "rev-parse", "HEAD")


def test_variables_of_a_hook_are_ignored(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside a hook of another repository, the checkout is still the one that was asked for."""
    other = make_project(tmp_path / "other", {"a": "b"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert open_checkout(checkout.root, Processes()).root == checkout.root
    assert checkout.resolve("main") is not None


def test_folder_without_git(tmp_path: Path) -> None:
    """A folder outside of a repository, or none at all, is refused."""
    with pytest.raises(ValueError, match=r"is not in a Git repository: fatal: not a git repo"):
        open_checkout(tmp_path, Processes())
    with pytest.raises(ValueError, match="nowhere is not a folder"):
        open_checkout(tmp_path / "nowhere", Processes())


def test_files_that_git_cannot_list(checkout: Checkout, tmp_path: Path) -> None:
    """A working tree that Git cannot list is reported with Git's words."""
    (checkout.root / ".git" / "index").write_text("broken", "utf-8")
    with pytest.raises(ProgramError, match=r"git cannot list the files in .*: .*index"):
        checkout.copy_working_tree("", tmp_path / "target")
