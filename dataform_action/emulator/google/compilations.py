"""Compilation results: create, store and render them."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dataform_action.emulator.clock import Clock
from dataform_action.emulator.definitions import Commit, Compiled, Repository
from dataform_action.emulator.google.errors import ApiError, render_status
from dataform_action.emulator.google.parameters import RepositoryName
from dataform_action.emulator.google.protobuf_json import present, render_timestamp
from dataform_action.emulator.graph.compiled_graph import (
    CompilationError,
    CompiledGraph,
    compile_graph,
    load_graph,
    read_graph,
)

COLLECTION = "compilationResults"
WORKSPACES = "workspaces"
_SHORTEST_SHA = 7
_TYPE = "type.googleapis.com/google.cloud.dataform.v1"


@dataclass(frozen=True, slots=True)
class CompilationResult:
    """A compilation result; ``source`` is the field of the request that names what to compile."""

    name: str
    source: Mapping[str, str]
    sha: str
    graph: CompiledGraph
    created: float

    def render(self) -> dict[str, object]:
        """Render the CompilationResult, with the effective settings."""
        return {
            "name": self.name,
            **self.source,
            **present(
                codeCompilationConfig=self.graph.config or None,
                resolvedGitCommitSha=self.sha,
                dataformCoreVersion=self.graph.core_version,
                compilationErrors=[_render_error(error) for error in self.graph.errors],
                createTime=render_timestamp(self.created),
            ),
        }


@dataclass(slots=True)
class CompilationOperation:
    """A long-running compilation: the outcome, and how many GETs still find it running."""

    name: str
    outcome: CompilationResult | ApiError
    polls_left: int

    def render(self) -> dict[str, object]:
        """Render the Operation."""
        metadata = {"@type": f"{_TYPE}.CreateCompilationResultMetadata"}
        head: dict[str, object] = {"name": self.name, "metadata": metadata}
        if self.polls_left > 0:
            return head
        if isinstance(self.outcome, ApiError):
            return head | {"done": True, "error": render_status(self.outcome)}
        response = {"@type": f"{_TYPE}.CompilationResult", **self.outcome.render()}
        return head | {"done": True, "response": response}


class CompilationStore:
    """Compiles a repository, and stores the results."""

    def __init__(self, repository: Repository, name: RepositoryName, clock: Clock) -> None:
        """Load all graphs; raise ValueError or OSError if one cannot be loaded."""
        self._repository = repository
        self._name = name
        self._clock = clock
        self._results: dict[str, CompilationResult] = {}
        self._lock = threading.Lock()
        own = load_graph(repository.graph)
        self._graphs = {
            commit.sha: own if commit.graph is None else load_graph(commit.graph)
            for commit in repository.refs.values()
        }
        self._workspaces = {
            workspace: own if graph is None else load_graph(graph)
            for workspace, graph in repository.workspaces.items()
        }

    @property
    def results(self) -> Sequence[CompilationResult]:
        """All results in order of creation."""
        return list(self._results.values())

    def compile(
        self, commitish: str, source: Mapping[str, str], config: Mapping[str, Any]
    ) -> CompilationResult:
        """Compile a commit; raise ApiError if it is unknown or has no project in that folder."""
        if self._repository.compiler is not None:
            compiled = self._repository.compiler.compile_commit(commitish, config)
            return self._store_compiled(compiled, source, config)
        commit = self._find_commit(commitish)
        graph = self._apply(self._graphs[commit.sha], config)
        return self._store(graph, commit.sha, source)

    def compile_workspace(self, name: object, config: Mapping[str, Any]) -> CompilationResult:
        """Compile a workspace, which has no commit; raise ApiError as ``compile``."""
        identifier = self._name.parse_id(name, WORKSPACES)
        if identifier not in self._workspaces:
            raise self._name.not_found(WORKSPACES, identifier)
        source = {"workspace": self._name.name(WORKSPACES, identifier)}
        if self._repository.compiler is not None:
            compiled = self._repository.compiler.compile_workspace(config)
            return self._store_compiled(compiled, source, config)
        return self._store(self._apply(self._workspaces[identifier], config), "", source)

    def _apply(self, graph: Mapping[str, Any], config: Mapping[str, Any]) -> CompiledGraph:
        folder = _folder(config)
        if folder != self._repository.project_folder.strip("/"):
            raise ApiError("NOT_FOUND", "Can't find package.json")
        return compile_graph(graph, config, folder)

    def _store_compiled(
        self, compiled: Compiled, source: Mapping[str, str], config: Mapping[str, Any]
    ) -> CompilationResult:
        graph = read_graph(compiled.graph, config, _folder(config))
        return self._store(graph, compiled.sha, source)

    def _store(
        self, graph: CompiledGraph, sha: str, source: Mapping[str, str]
    ) -> CompilationResult:
        with self._lock:
            number = len(self._results)
            identifier = str(uuid5(NAMESPACE_URL, f"{self._name}/{COLLECTION}/{number}"))
            result = CompilationResult(
                name=self._name.name(COLLECTION, identifier),
                source=source,
                sha=sha,
                graph=graph,
                created=self._clock.now(),
            )
            self._results[identifier] = result
            return result

    def backdate(self, result: CompilationResult, created: float, sha: str) -> CompilationResult:
        """Change when a result was created, and its commit unless ``sha`` is empty."""
        identifier = self._name.parse_id(result.name, COLLECTION)
        past = replace(result, created=created, sha=sha or result.sha)
        self._results[identifier] = past
        return past

    def find(self, identifier: str) -> CompilationResult:
        """Return a result; raise ApiError if it does not exist."""
        result = self._results.get(identifier)
        if result is None:
            raise self._name.not_found(COLLECTION, identifier)
        return result

    def resolve(self, name: object) -> CompilationResult:
        """Return the result with a resource name; raise ApiError if it does not exist."""
        return self.find(self._name.parse_id(name, COLLECTION))

    def _find_commit(self, commitish: str) -> Commit:
        refs = self._repository.refs
        if commitish in refs:
            return refs[commitish]
        found = [commit for commit in refs.values() if commit.sha.startswith(commitish)]
        if len(commitish) < _SHORTEST_SHA or not found:
            # The response of the service is not documented.
            message = f"Git commitish '{commitish}' does not exist in the repository"
            raise ApiError("INVALID_ARGUMENT", message)
        return found[0]


def _folder(config: Mapping[str, Any]) -> str:
    return str((config.get("pipelineConfig") or {}).get("path", "")).strip("/")


def _render_error(error: CompilationError) -> dict[str, object]:
    return present(
        message=error.message,
        stack=error.stack,
        path=error.path,
        actionTarget=None if error.target is None else error.target.render(),
    )
