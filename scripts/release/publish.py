"""Publish a version whose actions name their image by digest.

Usage: ``publish.py release/v1.2.3 NAME@sha256:DIGEST`` makes a commit on top of the tagged commit,
which changes one line of every action.yml. The program pushes the tag v1.2.3 for it, and moves the
tag v1. The commit depends only on the tagged commit and the digest: another run, on any machine,
makes the same commit. So a release that stopped half-way can continue.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.release.check_version import ReleaseError, version_of
from scripts.release.pin_image import is_action, rewrite

_NAME, _EMAIL = "dataform-action release", "41898282+github-actions[bot]@users.noreply.github.com"
_FULL = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


def git(root: Path, *arguments: str, stdin: str | None = None, **environ: str) -> str:
    """Run git and return its output; raise ReleaseError if it failed."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )
    if done.returncode:
        raise ReleaseError(f"git {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout


def make_commit(root: Path, release_tag: str, image: str) -> str:
    """Make the release commit in the object store and return its id; do not change the checkout.

    Raises:
        ReleaseError: git failed, or the tag has another format.
        ValueError: an action.yml cannot be rewritten.
    """
    version = version_of(release_tag)
    source = git(root, "rev-parse", f"refs/tags/{release_tag}^{{commit}}").strip()
    names = git(root, "ls-tree", "-r", "--name-only", source).splitlines()
    actions = {path: git(root, "show", f"{source}:{path}") for path in filter(is_action, names)}
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git(root, "read-tree", source, **index)
        for path, text in rewrite(actions, image).items():
            blob = git(root, "hash-object", "-w", "--stdin", stdin=text).strip()
            git(root, "update-index", "--cacheinfo", f"100644,{blob},{path}", **index)
        tree = git(root, "write-tree", **index).strip()
    when = git(root, "show", "--no-patch", "--format=%ct +0000", source).strip()
    author = {"GIT_AUTHOR_NAME": _NAME, "GIT_AUTHOR_EMAIL": _EMAIL, "GIT_AUTHOR_DATE": when}
    committer = {key.replace("AUTHOR", "COMMITTER"): value for key, value in author.items()}
    message = f"Release {version}\n\n{source} with its image:\n{image}\n"
    arguments = ["commit-tree", tree, "-p", source, "-F", "-"]
    return git(root, *arguments, stdin=message, **author, **committer).strip()


def remote_tags(root: Path, remote: str) -> dict[str, str]:
    """Return the tags of a remote and the commits that they point to."""
    found: dict[str, str] = {}
    for line in git(root, "ls-remote", "--tags", remote).splitlines():
        value, _, name = line.partition("\trefs/tags/")
        # git lists an annotated tag twice: the second line, with ^{}, has the commit.
        found[name.removesuffix("^{}")] = value
    return found


def moves_major(tag: str, tags: Mapping[str, str]) -> bool:
    """Return whether to move the major version's tag: not if a newer version is published."""
    newest = _numbers(tag)
    return all(_numbers(other) <= newest for other in tags if _numbers(other)[:1] == newest[:1])


def _numbers(tag: str) -> tuple[int, ...]:
    match = _FULL.fullmatch(tag)
    return tuple(map(int, match.groups())) if match else ()


def publish(root: Path, release_tag: str, image: str, remote: str) -> str:
    """Push the tags of the version and the major version; return the commit that they point to.

    The push is atomic: both tags or none. A published version stays unchanged.

    Raises:
        ReleaseError: the version is published with another commit, the release tag does not point
            to the checked-out commit, or git failed.
        ValueError: the image or an action.yml has another format.
    """
    version = version_of(release_tag)
    tagged, tested = (
        git(root, "rev-parse", f"{name}^{{commit}}").strip()
        for name in (f"refs/tags/{release_tag}", "HEAD")
    )
    if tagged != tested:
        raise ReleaseError(
            f"{release_tag} points to {tagged}, but the image was built from {tested}, which is "
            "checked out. A release tag is never moved: use the next number"
        )
    tag, major = f"v{version}", f"v{version.partition('.')[0]}"
    commit = make_commit(root, release_tag, image)
    tags = remote_tags(root, remote)
    if tags.get(tag, commit) != commit:
        raise ReleaseError(
            f"{tag} is published as {tags[tag]}, not as {commit}. A version is never moved: if its "
            "image was rebuilt, rerun only the failed jobs; otherwise release a new version"
        )
    references = [f"{commit}:refs/tags/{tag}"]
    options = ["--atomic"]
    if moves_major(tag, tags):
        references.append(f"+{commit}:refs/tags/{major}")
        # If somebody moved the tag in the meantime, the push is refused. The lease names a commit,
        # so the push is also refused if somebody made an annotated tag by hand.
        options.append(f"--force-with-lease=refs/tags/{major}:{tags.get(major, '')}")
    git(root, "push", *options, remote, *references)
    return commit


def main() -> int:
    """Publish and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag")
    parser.add_argument("image")
    parser.add_argument("--remote", default="origin")
    parser.add_argument("--dry-run", action="store_true", help="make the commit, but push nothing")
    options = parser.parse_args()
    try:
        if options.dry_run:
            commit = make_commit(ROOT, options.tag, options.image)
        else:
            commit = publish(ROOT, options.tag, options.image, options.remote)
    except (ReleaseError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"commit={commit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
