"""Releases: versions are checked, commits are reproducible, and tags are never moved."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from dataform_action.version import __version__
from scripts.release.check_version import ReleaseError, check, read_changelog
from scripts.release.pin_image import read_actions, rewrite
from scripts.release.prepare import prepare
from scripts.release.publish import git, make_commit, publish, remote_tags

_ROOT = Path(__file__).resolve().parents[2]
_IMAGE = f"ghcr.io/owner/dataform-action@sha256:{'ab' * 32}"
_OTHER = f"ghcr.io/owner/dataform-action@sha256:{'cd' * 32}"
#: The actions of this repository, and one in a folder.
_ACTIONS = {
    **read_actions(_ROOT),
    "another/action.yml": "name: Another\nruns:\n  using: docker\n  image: ../Dockerfile\n",
}
_CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.3] - 2026-01-02
### Fixed
- What was broken.

## [1.2.2] - 2026-01-01
- Older.

[1.2.3]: https://example.com/compare
"""


def _make_tree(root: Path, version: str = "1.2.3", changelog: str = _CHANGELOG) -> Path:
    """Write the files that contain the version."""
    (root / "dataform_action").mkdir(parents=True)
    (root / "dataform_action/version.py").write_text(f'__version__ = "{version}"\n', "utf-8")
    (root / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n', "utf-8")
    (root / "CHANGELOG.md").write_text(changelog, "utf-8")
    return root


def test_the_changelog_is_up_to_date() -> None:
    """It begins with the unreleased changes, then the version of the package."""
    sections = read_changelog((_ROOT / "CHANGELOG.md").read_text("utf-8"))
    assert [section.name for section in sections[:2]] == ["Unreleased", __version__]
    assert sections[1].text


def test_a_release_has_its_version_and_notes(tmp_path: Path) -> None:
    """The notes are the version's section, without the heading and the links at the end."""
    root = _make_tree(tmp_path)
    assert check(root, "release/v1.2.3") == ("1.2.3", "### Fixed\n- What was broken.")
    assert read_changelog(_CHANGELOG)[-1].text == "- Older."


@pytest.mark.parametrize("tag", ["v1.2.3", "release/1.2.3", "release/v1.2", "release/v01.2.3", ""])
def test_a_tag_with_another_format_is_refused(tmp_path: Path, tag: str) -> None:
    """A version has three numbers without leading zeros."""
    with pytest.raises(ReleaseError, match=re.escape("name it like release/v1.2.3")):
        check(_make_tree(tmp_path), tag)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("## [Unreleased]\n", "## [Unreleased]\n- New.\n", "has entries under Unreleased"),
        ("### Fixed\n- What was broken.\n", "", "has no entries for 1.2.3"),
        ("2026-01-02", "2026-02-30", "has the date 2026-02-30 for 1.2.3"),
        (" - 2026-01-02", "", "has the date None for 1.2.3"),
        ("[1.2.3] -", "[1.3.0] -", "begins with Unreleased, 1.3.0"),
        ("## [Unreleased]\n", "", "begins with 1.2.3, 1.2.2"),
    ],
)
def test_a_changelog_that_is_not_ready_is_refused(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """The version needs entries and a date, and there must be no unreleased entries."""
    root = _make_tree(tmp_path, changelog=_CHANGELOG.replace(old, new, 1))
    with pytest.raises(ReleaseError, match=re.escape(f"CHANGELOG.md {problem}")):
        check(root, "release/v1.2.3")


def test_every_file_with_another_version_is_reported(tmp_path: Path) -> None:
    """All problems are reported at once."""
    with pytest.raises(ReleaseError) as caught:
        check(_make_tree(tmp_path, version="1.2.2"), "release/v1.2.3")
    assert "pyproject.toml has the version 1.2.2" in str(caught.value)
    assert "dataform_action/version.py has the version 1.2.2" in str(caught.value)


def test_a_prepared_version_passes_the_check(tmp_path: Path) -> None:
    """The unreleased entries become the version's section, below an empty one."""
    changelog = _CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n- New.\n")
    root = _make_tree(tmp_path, changelog=changelog)
    prepare(root, "1.3.0", "2026-03-04")
    assert check(root, "release/v1.3.0") == ("1.3.0", "- New.")


def test_there_must_be_something_to_release(tmp_path: Path) -> None:
    """An empty section cannot become a version, and no file changes."""
    root = _make_tree(tmp_path)
    with pytest.raises(ReleaseError, match="nothing to release"):
        prepare(root, "1.3.0", "2026-03-04")
    assert check(root, "release/v1.2.3")


def test_the_projects_own_files_can_be_prepared(tmp_path: Path) -> None:
    """Each of the three files contains the version once."""
    for name in ("pyproject.toml", "dataform_action/version.py", "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(_ROOT / name, tmp_path / name)
    changelog = tmp_path / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    changelog.write_text(text.replace("[Unreleased]\n", "[Unreleased]\n- New.\n", 1), "utf-8")
    prepare(tmp_path, "999.0.0", "2026-03-04")
    assert check(tmp_path, "release/v999.0.0")[1].startswith("- New.")


def test_only_the_image_of_each_action_changes() -> None:
    """The line with the Dockerfile now names the image by digest; all other lines stay."""
    rewritten = rewrite(_ACTIONS, _IMAGE)
    assert rewritten.keys() == _ACTIONS.keys() > {"action.yml"}
    for path, text in _ACTIONS.items():
        pairs = zip(text.splitlines(), rewritten[path].splitlines(), strict=True)
        dockerfile = "../" * path.count("/") + "Dockerfile"
        changed = [pair for pair in pairs if pair[0] != pair[1]]
        assert changed == [(f"  image: {dockerfile}", f"  image: docker://{_IMAGE}")]


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/owner/name:1.2.3",
        "ghcr.io/owner/name@sha256:abc",
        _IMAGE.upper(),
        f"docker://{_IMAGE}",
        f"{_IMAGE}\n  args: [evil]",
    ],
)
def test_an_image_without_a_digest_is_refused(image: str) -> None:
    """A tag could be moved, and action.yml must contain only an image."""
    with pytest.raises(ValueError, match="is not an image by digest"):
        rewrite(_ACTIONS, image)


def test_a_rewritten_action_is_not_rewritten_again() -> None:
    """Only the actions of main name the Dockerfile."""
    with pytest.raises(ValueError, match=r"^action\.yml does not have exactly one line"):
        rewrite({**_ACTIONS, "action.yml": rewrite(_ACTIONS, _IMAGE)["action.yml"]}, _OTHER)


@pytest.mark.parametrize(
    "line", ["  image: Dockerfile", "  image: ../Dockerfile-2", "", "  image: docker://alpine"]
)
def test_an_action_with_another_image_is_refused(line: str) -> None:
    """Every action of a release has the same image, which the Dockerfile at the top describes."""
    other = _ACTIONS["another/action.yml"].replace("  image: ../Dockerfile", line)
    with pytest.raises(ValueError, match=r"^another/action\.yml does not have .*\.\./Dockerfile"):
        rewrite({**_ACTIONS, "another/action.yml": other}, _IMAGE)


def test_a_repository_without_an_action_is_refused() -> None:
    """There is always an action at the top."""
    with pytest.raises(ValueError, match=r"no action\.yml at the top"):
        rewrite({"another/action.yml": _ACTIONS["another/action.yml"]}, _IMAGE)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a repository with two actions; both have the tag release/v1.2.3."""
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "somebody@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    origin, root = tmp_path / "origin.git", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--bare", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(root))
    for name, text in {**_ACTIONS, "other": "stays", "a/b/action.yml": "stays"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "Prepare 1.2.3")
    _tag(root, "1.2.3")
    return root


def _tag(root: Path, version: str) -> None:
    git(root, "tag", "--annotate", f"release/v{version}", "--message", version)
    git(root, "push", "--quiet", "origin", f"release/v{version}")


def test_a_version_is_one_commit_on_the_tagged_one(clone: Path) -> None:
    """It changes one line of each action; the tags of the version and major version point to it."""
    commit = publish(clone, "release/v1.2.3", _IMAGE, "origin")
    tags = remote_tags(clone, "origin")
    assert tags["v1.2.3"] == tags["v1"] == commit
    assert git(clone, "rev-parse", f"{commit}^").strip() == tags["release/v1.2.3"]
    changes = git(clone, "diff", "--numstat", f"{commit}^", commit).splitlines()
    assert changes == [f"1\t1\t{path}" for path in sorted(_ACTIONS)]
    for path, text in rewrite(_ACTIONS, _IMAGE).items():
        assert git(clone, "show", f"{commit}:{path}") == text
    assert git(clone, "status", "--porcelain") == ""


def test_the_commit_is_reproducible(clone: Path) -> None:
    """It depends only on the source and the digest, not on the machine or the person."""
    commit = publish(clone, "release/v1.2.3", _IMAGE, "origin")
    again = clone.parent / "again"
    git(clone.parent, "clone", "--quiet", str(clone.parent / "origin.git"), str(again))
    assert make_commit(again, "release/v1.2.3", _IMAGE) == commit
    assert make_commit(again, "release/v1.2.3", _OTHER) != commit


def test_a_version_is_never_moved(clone: Path) -> None:
    """Another image for a published version is refused, and both tags stay."""
    publish(clone, "release/v1.2.3", _IMAGE, "origin")
    before = remote_tags(clone, "origin")
    with pytest.raises(ReleaseError, match="A version is never moved"):
        publish(clone, "release/v1.2.3", _OTHER, "origin")
    assert remote_tags(clone, "origin") == before


def test_a_release_tag_that_was_moved_publishes_nothing(clone: Path) -> None:
    """The image is from the checked-out commit, so the tag must point to that commit."""
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "Untested")
    git(clone, "tag", "--force", "release/v1.2.3")
    git(clone, "checkout", "--quiet", "HEAD^")
    with pytest.raises(ReleaseError, match="A release tag is never moved"):
        publish(clone, "release/v1.2.3", _IMAGE, "origin")
    assert remote_tags(clone, "origin").keys() == {"release/v1.2.3"}


def test_the_major_version_moves_only_forward(clone: Path) -> None:
    """It moves to 1.10.0, and stays there for an older version or another major version."""
    for version in ("1.9.0", "1.10.0", "1.9.1", "2.0.0"):
        git(clone, "commit", "--quiet", "--allow-empty", "--message", version)
        _tag(clone, version)
        publish(clone, f"release/v{version}", _IMAGE, "origin")
    tags = remote_tags(clone, "origin")
    assert tags["v1"] == tags["v1.10.0"] != tags["v1.9.1"]
    assert tags["v2"] == tags["v2.0.0"]


def test_a_release_that_stopped_before_its_tags_can_continue(clone: Path) -> None:
    """If the push is refused, neither tag exists; the next attempt sets both."""
    hook = clone.parent / "origin.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    with pytest.raises(ReleaseError, match="git push"):
        publish(clone, "release/v1.2.3", _IMAGE, "origin")
    assert remote_tags(clone, "origin").keys() == {"release/v1.2.3"}
    hook.unlink()
    commit = publish(clone, "release/v1.2.3", _IMAGE, "origin")
    assert remote_tags(clone, "origin")["v1"] == commit


def test_either_both_tags_are_pushed_or_none(clone: Path) -> None:
    """If the repository refuses the major version's tag, the version is not published either."""
    hook = clone.parent / "origin.git/hooks/update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/tags/v1 ]\n', "utf-8")
    hook.chmod(0o755)
    with pytest.raises(ReleaseError, match="git push"):
        publish(clone, "release/v1.2.3", _IMAGE, "origin")
    assert remote_tags(clone, "origin").keys() == {"release/v1.2.3"}
