"""A Git checkout: find commits, and copy their files without touching the checkout."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from dataform_action.emulator.local.processes import Finished, Processes, ProgramError

_SECONDS = 60.0
_SHA = re.compile(r"[0-9a-f]{7,40}")
# Git's syntax for revisions, which a name cannot contain.
_SYNTAX = re.compile(r"[\s~^:?*\[\\]|\.\.|@\{")
# The variables of a Git hook would lead to another repository.
_ENVIRONMENT: Mapping[str, str | None] = MappingProxyType(
    {
        **dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout; ``root`` is its top folder, ``folder`` the path of the project inside it."""

    root: Path
    folder: str
    processes: Processes

    @property
    def project(self) -> Path:
        """The folder of the project."""
        return self.root / self.folder

    def branch(self) -> str:
        """Return the branch that is checked out, or its commit without a branch."""
        name = self._text("symbolic-ref", "--quiet", "--short", "HEAD")
        return name or self._text("rev-parse", "HEAD")

    def url(self) -> str:
        """Return the address of the remote repository, without a user name and a password."""
        url = self._text("remote", "get-url", "origin")
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname is not None:
            return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return url

    def resolve(self, commitish: str) -> str | None:
        """Return the SHA of a branch, a tag, or at least seven digits of a SHA."""
        if _SYNTAX.search(commitish) is not None:
            return None
        names = [f"refs/{kind}/{commitish}" for kind in ("heads", "tags", "remotes/origin")]
        if _SHA.fullmatch(commitish) is not None:
            names.append(commitish)
        for name in names:
            sha = self._text("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            if sha:
                return sha
        return None

    def export(self, sha: str, folder: str, destination: Path, index: Path) -> bool:
        """Copy a folder of a commit; return False if the commit has no such folder.

        ``index`` is the path of a new file outside of the destination: Git's own index stays as it
        is.
        """
        tree = f"{sha}:{folder}"
        if self._text("cat-file", "-t", tree) != "tree":
            return False
        environment = {"GIT_INDEX_FILE": str(index)}
        checkout = ("checkout-index", "--all", f"--prefix={destination}/")
        for arguments in (("read-tree", tree), checkout):
            finished = self._git(*arguments, environment=environment)
            if finished.code != 0:
                raise ProgramError(f"git cannot copy the files of {sha}: {finished.error_text}")
        return True

    def copy_working_tree(self, folder: str, destination: Path) -> bool:
        """Copy the files that Git tracks or would add; return False if there is no such folder."""
        source = self.root / folder
        if not source.is_dir():
            return False
        options = ("--cached", "--others", "--exclude-standard", "--deduplicate")
        listed = self._git("ls-files", "-z", *options, "--", ".", folder=source)
        if listed.code != 0:
            raise ProgramError(f"git cannot list the files in {source}: {listed.error_text}")
        for name in map(os.fsdecode, filter(None, listed.output.split(b"\0"))):
            path = destination / name
            if (source / name).is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, path)
        return True

    def _text(self, *arguments: str) -> str:
        finished = self._git(*arguments)
        return finished.output.decode("utf-8", "replace").strip() if finished.code == 0 else ""

    def _git(
        self,
        *arguments: str,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        return run_git(self.processes, folder or self.root, *arguments, environment=environment)


def run_git(
    processes: Processes,
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run Git in a folder; raise ProgramError if it is missing or takes too long."""
    given = {**_ENVIRONMENT, **(environment or {})}
    return processes.run(["git", *arguments], folder, _SECONDS, given)


def open_checkout(path: Path, processes: Processes) -> Checkout:
    """Open the checkout that contains a folder; raise ValueError if there is none."""
    if not path.is_dir():
        raise ValueError(f"{path} is not a folder")
    top = run_git(processes, path, "rev-parse", "--show-toplevel")
    if top.code != 0:
        raise ValueError(f"{path} is not in a Git repository: {top.error_text}")
    root = Path(os.fsdecode(top.output).rstrip("\n"))
    folder = path.resolve().relative_to(root.resolve()).as_posix()
    return Checkout(root, "" if folder == "." else folder, processes)
