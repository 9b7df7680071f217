"""Compiles a Git checkout on request, with the limits of Google Cloud Dataform."""

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from dataform_action.emulator.definitions import Compiled
from dataform_action.emulator.google.errors import ApiError
from dataform_action.emulator.graph.compiled_graph import list_entries
from dataform_action.emulator.graph.targets import parse_target
from dataform_action.emulator.local.processes import ProgramError
from dataform_action.emulator.local.project.checkout import Checkout
from dataform_action.emulator.local.project.dataform_cli import DataformCli
from dataform_action.emulator.local.project.packages import MANIFEST, Packages
from dataform_action.emulator.local.project.settings import (
    DATAFORM_JSON,
    WORKFLOW_SETTINGS,
    SettingsError,
    find_ignored,
    make_flags,
    write_settings,
)

ACTION_LIMIT = 5_000
DEPENDENCY_LIMIT = 50


@dataclass(slots=True)
class CheckoutCompiler:
    """Compiles commits and the working tree; it keeps the results of commits."""

    checkout: Checkout
    cli: DataformCli
    packages: Packages
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _results: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def compile_commit(self, commitish: str, config: Mapping[str, Any]) -> Compiled:
        """Compile a branch, a tag or a commit; raise ApiError if it cannot be compiled."""
        folder = _parse_folder(config)
        with self._lock, _reported():
            sha = self.checkout.resolve(commitish)
            if sha is None:
                message = f"Git commitish '{commitish}' does not exist in the repository"
                raise ApiError("INVALID_ARGUMENT", message)
            key = json.dumps([sha, config], sort_keys=True)
            if key not in self._results:
                copy = partial(self.checkout.export, sha, folder)
                self._results[key] = self._compile(copy, config)
            return Compiled(sha, self._results[key])

    def compile_workspace(self, config: Mapping[str, Any]) -> Compiled:
        """Compile the working tree as it is now; raise ApiError if it cannot be compiled."""
        copy = partial(self.checkout.copy_working_tree, _parse_folder(config))
        with self._lock, _reported():
            return Compiled("", self._compile(lambda project, _: copy(project), config))

    def close(self) -> None:
        """Stop what is running."""
        self.cli.processes.close()

    def _compile(
        self, copy: Callable[[Path, Path], bool], config: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="dataform-", ignore_cleanup_errors=True) as name:
            home = Path(name).resolve()
            project = home / "project"
            project.mkdir()
            settings = (WORKFLOW_SETTINGS, DATAFORM_JSON, MANIFEST)
            if not copy(project, home / "index") or not any(
                (project / file).is_file() for file in settings
            ):
                raise ApiError("NOT_FOUND", "Can't find package.json")
            return self._compile_copy(project, config)

    def _compile_copy(self, project: Path, config: Mapping[str, Any]) -> Mapping[str, Any]:
        flags = make_flags(config)
        write_settings(project, config)
        self.packages.install(project)
        graph = self.cli.compile(project, flags)
        if "projectConfig" in graph:
            ignored = find_ignored(config, graph["projectConfig"])
            if ignored:
                raise SettingsError(f"The Dataform CLI did not use {', '.join(ignored)}")
        _check_limits(graph)
        return graph


@contextmanager
def _reported() -> Iterator[None]:
    """Report problems as the API does; the responses of the service are not documented."""
    try:
        yield
    except (ProgramError, SettingsError, OSError, ValueError) as error:
        raise ApiError("FAILED_PRECONDITION", str(error)) from error


def _parse_folder(config: Mapping[str, Any]) -> str:
    path = PurePosixPath(str((config.get("pipelineConfig") or {}).get("path", "")).strip("/"))
    if ".." in path.parts:
        raise ApiError("INVALID_ARGUMENT", f"pipeline_config.path is not in the repository: {path}")
    return "" if str(path) == "." else str(path)


def _check_limits(graph: Mapping[str, Any]) -> None:
    actions = [entry for kind, entry in list_entries(graph) if kind != "declaration"]
    if len(actions) > ACTION_LIMIT:
        raise ValueError(f"The project has {len(actions):,} actions; the limit is {ACTION_LIMIT:,}")
    for entry in actions:
        count = len(entry.get("dependencyTargets") or ())
        if count > DEPENDENCY_LIMIT:
            name = parse_target(entry["target"])
            limit = f"the limit is {DEPENDENCY_LIMIT}"
            raise ValueError(f"{name} has {count} dependencies; {limit}")
