"""The npm packages of a project: those of the checkout, or installed once for each lock file."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataform_action.emulator.local.processes import (
    MissingProgramError,
    Processes,
    ProgramError,
)
from dataform_action.emulator.local.project.settings import take_core_version

MANIFEST = "package.json"
MODULES = "node_modules"
_LOCK = "package-lock.json"
_CORE = "@dataform/core"
_SECONDS = 300.0
_NPM = ("npm", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts")


@dataclass(frozen=True, slots=True)
class Packages:
    """Puts the packages of a project into its copy.

    ``checkout`` is the folder of the project in the checkout. ``cache`` is where installed packages
    are kept. ``given`` is a folder ``node_modules`` that serves every commit, without npm.
    """

    processes: Processes
    checkout: Path
    cache: Path
    given: Path | None = None

    def install(self, project: Path) -> None:
        """Install the packages that a copy of the project names; raise ProgramError if npm cannot.

        The Dataform CLI does not follow links out of the project, so the files are copied.
        """
        manifest = project / MANIFEST
        if (project / MODULES).exists():
            return
        if not manifest.is_file():
            version = take_core_version(project)
            if version is None:
                return
            manifest.write_text(json.dumps({"dependencies": {_CORE: version}}), "utf-8")
        source = self.given or self._find_in_checkout(project) or self._install(project)
        shutil.copytree(source, project / MODULES, symlinks=True, copy_function=_link_or_copy)

    def _find_in_checkout(self, project: Path) -> Path | None:
        """Return the packages in the checkout, if it has the same manifest and lock file."""
        modules = self.checkout / MODULES
        same = all(_read(self.checkout / name) == _read(project / name) for name in _names(project))
        return modules if same and (modules / _CORE).is_dir() else None

    def _install(self, project: Path) -> Path:
        contents = {name: (project / name).read_bytes() for name in _names(project)}
        target = self.cache / _digest(contents)
        if (target / MODULES).is_dir():
            return target / MODULES
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache, ignore_cleanup_errors=True) as folder:
            new = Path(folder) / "packages"
            new.mkdir()
            for name, content in contents.items():
                (new / name).write_bytes(content)
            self._run_npm(new, contents)
            if not (target / MODULES).is_dir():
                new.rename(target)
        return target / MODULES

    def _run_npm(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        command = [*_NPM, "ci" if _LOCK in contents else "install"]
        if not _has_core_for_development(contents[MANIFEST]):
            command.append("--omit=dev")
        try:
            finished = self.processes.run(command, folder, _SECONDS)
        except MissingProgramError as error:
            message = "npm is not installed: install Node.js 20 or newer"
            raise ProgramError(message) from error
        if finished.code != 0:
            raise ProgramError(f"npm cannot install the project's packages: {finished.error_text}")


def _names(project: Path) -> list[str]:
    return [name for name in (MANIFEST, _LOCK, ".npmrc") if (project / name).is_file()]


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _digest(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _has_core_for_development(manifest: bytes) -> bool:
    try:
        data = json.loads(manifest)
    except ValueError:
        return False
    return isinstance(data, dict) and _CORE in (data.get("devDependencies") or {})


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
